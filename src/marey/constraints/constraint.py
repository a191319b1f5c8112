"""Constraint: what every kind of constraint has in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.constraints.beside import NOTHING, Beside
from marey.constraints.clip import Clip
from marey.constraints.goal import DEFAULT_TOLERANCE, Goal, GoalKind, in_order
from marey.errors import InvalidInputError
from marey.motion import Motion

WORLD_SIZE = 10_000.0
"""Largest coordinate, metres: float32 still resolves a millimetre there."""
ROTATION_SLACK = 1e-3
"""How far RᵀR of a given rotation may lie from the identity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Constraint(ABC):
    """A fact in the world that a motion is asked to meet; it knows no model.

    Raises InvalidInputError, which names the field, for values that cannot be used.
    """

    weight: float | int = 1.0
    """How much it counts beside the others where not all can be met; positive."""
    tolerance: float | int | None = None
    """How far off still counts as met: metres (radians for headings); None is 5 mm or 1°."""
    label: str = ""
    """A name for reports."""

    looks_beside: ClassVar[bool] = False
    """Whether ``goals`` depends on what the other constraints pin."""

    def __post_init__(self) -> None:
        require_number("weight", self.weight, positive=True)
        if self.tolerance is not None:
            require_number("tolerance", self.tolerance)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(value, getattr(other, name)) for name, value in vars(self).items())

    def __hash__(self) -> int:
        return hash((type(self), self.weight, self.tolerance, self.label))

    @abstractmethod
    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return what it pins, as far as that is known before a motion exists.

        ``source`` is its number in the request and ``beside`` what the request's other
        constraints pin. Raises InvalidInputError where it does not fit the clip.
        """

    def goals_on(
        self, motion: Motion, source: int = 0, beside: Beside = NOTHING
    ) -> tuple[Goal, ...]:
        """Return what it asks of a motion that exists; errors as ``goals``."""
        return self.goals(Clip.of(motion), source, beside)

    def goal(
        self,
        kind: GoalKind,
        frames: Int[Tensor, " pins"],
        target: Float[Tensor, "pins *value"],
        *,
        source: int,
        joint: int = 0,
        tolerance: float | int | None = None,
    ) -> Goal:
        """Return a goal with this constraint's weight, pins sorted by frame.

        ``tolerance`` None takes the default of the kind.
        """
        frames, target = in_order(frames, target)
        return Goal(
            kind=kind,
            frames=frames,
            target=target,
            joint=joint,
            weight=float(self.weight),
            tolerance=DEFAULT_TOLERANCE[kind] if tolerance is None else float(tolerance),
            source=source,
        )

    def joint_goals(
        self,
        kind: GoalKind,
        frames: Int[Tensor, " pins"],
        targets: Float[Tensor, "pins joints *value"],
        *,
        source: int,
        joints: Sequence[int],
        tolerance: float | int | None = None,
    ) -> list[Goal]:
        """Return ``goal`` for each of some joints; all are sorted and checked at once."""
        frames, targets = in_order(frames, targets)
        first = self.goal(
            kind, frames, targets[:, 0], source=source, joint=joints[0], tolerance=tolerance
        )
        if not bool(targets.isfinite().all()):
            raise InvalidInputError(f"Goal.target of {kind} is not finite.")
        each = zip(joints, targets.unbind(1), strict=True)
        return [first.unchecked(joint=joint, target=target) for joint, target in each]

    def keep_array(self, name: str, *shape: int) -> None:
        """Make a field a float32 tensor; InvalidInputError for another shape or unusable values."""
        object.__setattr__(self, name, checked_array(name, getattr(self, name), shape))

    def keep_rotations(self, name: str, *shape: int) -> None:
        """Make a field a float32 tensor of rotation matrices; errors as ``keep_array``."""
        self.keep_array(name, *shape, 3, 3)
        matrices = getattr(self, name).double()
        gram = matrices.transpose(-1, -2) @ matrices - torch.eye(3, dtype=torch.float64)
        slack = float(gram.abs().amax())
        if slack > ROTATION_SLACK or bool((torch.linalg.det(matrices) < 0).any()):
            raise InvalidInputError(
                f"{name}: expected rotation matrices, got some that are off by {slack:.2g} or "
                "mirror."
            )


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.equal(first, second)
    return bool(first == second)


def checked_array(name: str, value: Any, shape: tuple[int, ...]) -> Float[Tensor, "*shape"]:
    """Return ``value`` as a float32 tensor.

    Raises InvalidInputError for another shape or numbers beyond WORLD_SIZE.
    """
    try:
        array = torch.as_tensor(value, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(
            f"{name}: expected numbers in an array of shape {shape}, got {value!r:.60}."
        ) from error
    if tuple(array.shape) != shape:
        raise InvalidInputError(f"{name}: expected shape {shape}, got {tuple(array.shape)}.")
    if not bool((array.abs() <= WORLD_SIZE).all()):
        raise InvalidInputError(
            f"{name}: expected finite numbers of at most {WORLD_SIZE:g}, got "
            f"{float(array[~(array.abs() <= WORLD_SIZE)][0]):g}."
        )
    return array


def require_number(name: str, value: Any, *, positive: bool = False) -> None:
    """Raise InvalidInputError unless ``value`` lies in [0, WORLD_SIZE], above 0 if ``positive``."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not 0 <= value <= WORLD_SIZE or (positive and value == 0):
        kind = "a positive number" if positive else "a number"
        raise InvalidInputError(
            f"{name}: expected {kind} from 0 to {WORLD_SIZE:g}, got {value!r:.60}."
        )


def source_frames(motion: Motion, frames: Sequence[int]) -> list[int]:
    """Return ``frames`` as a list; InvalidInputError if the motion has no such frame."""
    clip = Clip.of(motion)
    for frame in frames:
        clip.require_frame(frame)
    return list(frames)
