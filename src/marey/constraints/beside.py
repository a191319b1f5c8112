"""Beside: what the other constraints of a request pin, one target for each frame of a quantity."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.constraints.goal import Goal, GoalKind, over_ground

Keys = tuple[Int[Tensor, " keys"], Float[Tensor, "keys *value"]]
"""Ascending frames and their targets."""


class Beside:
    """Goals by quantity; each quantity is gathered once, however many constraints ask for it."""

    def __init__(self, goals: Sequence[Goal] = ()) -> None:
        self._goals = goals
        self._gathered: dict[object, Keys | None] = {}

    def earliest(self, kind: GoalKind, joint: int) -> Keys | None:
        """Return the pins of a quantity, the first goal's where several pin a frame."""
        return self._gather((kind, joint), lambda: _merged(self._of((kind, joint)), last=False))

    def ground(self) -> Keys | None:
        """Return where root path or pelvis are pinned, x and z; the last goal counts."""
        return self._gather("ground", lambda: _merged(self._ground(), last=True))

    def _of(self, quantity: tuple[GoalKind, int]) -> list[tuple[Tensor, Tensor]]:
        return [(goal.frames, goal.target) for goal in self._goals if goal.quantity == quantity]

    def _ground(self) -> list[tuple[Tensor, Tensor]]:
        return [(goal.frames, goal.target[:, [0, -1]]) for goal in over_ground(self._goals)]

    def _gather(self, key: object, merge: Callable[[], Keys | None]) -> Keys | None:
        if key not in self._gathered:
            self._gathered[key] = merge()
        return self._gathered[key]


NOTHING = Beside()


def _merged(pins: Sequence[tuple[Tensor, Tensor]], *, last: bool) -> Keys | None:
    """Sort pins by frame and keep the first or the last of each frame; None without pins."""
    if not pins:
        return None
    frames, targets = torch.cat([f for f, _ in pins]), torch.cat([t for _, t in pins])
    order = torch.argsort(frames, stable=True)
    frames, targets = frames[order], targets[order]
    changes = frames.diff() != 0
    end = torch.ones(1, dtype=torch.bool)
    keep = torch.cat((changes, end) if last else (end, changes))
    return frames[keep], targets[keep]
