"""Which features of a training motion are shown to the model in phase 2 [Rempe2026, §4.3].

Beyond the paper's patterns: any joint subset, positions or rotations alone, intervals, blocks at
the ends, pelvis heights, and shown values that are slightly off.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.representations import FeatureLayout, SmoothRoot
from marey.skeleton import Skeleton

MAX_KEYFRAMES = 20
TWO_PATTERNS_SHARE = 0.25
MAX_JOINTS = 4
"""Of a random joint subset."""
INTERVAL_SECONDS = (0.2, 2.0)
BLOCK_FRAMES = (2, 20)
PERTURBATION = 0.05
"""Deviation of the error of perturbed values, in normalised units."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """The mask of one sample, which a pattern draws on, and what it needs to do so."""

    shown: Bool[Tensor, "frames feats"]
    """Of real frames only."""
    layout: FeatureLayout
    skeleton: Skeleton
    fps: float
    curriculum: float
    """0 (one keyframe at most) to 1 (``MAX_KEYFRAMES``)."""
    generator: torch.Generator

    @property
    def length(self) -> int:
        """Number of real frames."""
        return len(self.shown)

    @cached_property
    def path(self) -> list[int]:
        """The channels of the root's place over the ground."""
        x, _, z = self.layout.channels("root_position")
        return [x, z]

    @cached_property
    def heading(self) -> list[int]:
        """The channels of the heading."""
        return self.layout.channels("heading")

    def show(self, frames: Sequence[int], channels: Sequence[int]) -> None:
        """Show channels in frames."""
        self.shown[torch.tensor(frames)[:, None], torch.tensor(channels)] = True

    def show_joints(self, frames: Sequence[int], joints: Sequence[int], *blocks: str) -> None:
        """Show blocks of joints, and half of the time the root's path in the same frames."""
        channels = [c for block in blocks for c in self.layout.channels(block, joints)]
        self.show(frames, channels + (self.path if self.chance() < 0.5 else []))

    def chance(self) -> float:
        """Draw a number in [0, 1)."""
        return float(torch.rand((), generator=self.generator))

    def between(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return low + int(self.chance() * (high - low + 1))

    def some(self, items: Sequence[int], count: int) -> list[int]:
        """Draw different items."""
        order = torch.randperm(len(items), generator=self.generator)[:count].tolist()
        return [items[i] for i in order]

    def keyframes(self) -> list[int]:
        """Draw frames; the largest number grows with the curriculum, and few are likelier."""
        most = 1 + self.curriculum * (min(MAX_KEYFRAMES, self.length) - 1)
        count = 1 + int(self.chance() ** 2 * most) if most > 1 else 1
        return self.some(range(self.length), count)

    def interval(self) -> range:
        """Draw frames in a row, of ``INTERVAL_SECONDS``."""
        low, high = (min(self.length, max(1, round(s * self.fps))) for s in INTERVAL_SECONDS)
        count = self.between(low, high)
        first = self.between(0, self.length - count)
        return range(first, first + count)


def full_body(canvas: Canvas) -> None:
    """Keyframes of all positions and the whole root; half of the time of all rotations, too."""
    blocks = ["root_position", "heading", "joint_positions"]
    blocks += ["rotations"] if canvas.chance() < 0.5 else []
    channels = [c for block in blocks for c in canvas.layout.channels(block)]
    canvas.show(canvas.keyframes(), channels)


def hands_and_feet(canvas: Canvas) -> None:
    """Keyframes of some hands, heels and toes: positions and rotations."""
    skeleton = canvas.skeleton
    ends = [*skeleton.foot_indices, skeleton.role("left_hand"), skeleton.role("right_hand")]
    shown = [joint for joint in ends if canvas.chance() < 0.5]
    canvas.show_joints(canvas.keyframes(), shown or ends, "joint_positions", "rotations")


def joint_subset(canvas: Canvas) -> None:
    """Keyframes of any few joints: positions, rotations or both."""
    canvas.show_joints(canvas.keyframes(), _few_joints(canvas), *_what_of_joints(canvas))


def joint_interval(canvas: Canvas) -> None:
    """Any few joints over frames in a row: positions, rotations or both."""
    canvas.show_joints(canvas.interval(), _few_joints(canvas), *_what_of_joints(canvas))


def root_keyframes(canvas: Canvas) -> None:
    """Keyframes of the root's path, its heading, or both."""
    canvas.show(canvas.keyframes(), _path_or_heading(canvas))


def dense_path(canvas: Canvas) -> None:
    """The root's path, its heading, or both: all along the clip or over frames in a row."""
    frames = range(canvas.length) if canvas.chance() < 0.5 else canvas.interval()
    canvas.show(frames, _path_or_heading(canvas))


def pelvis_height(canvas: Canvas) -> None:
    """Keyframes of the height of the root."""
    canvas.show(canvas.keyframes(), canvas.layout.channels("root_position")[1:2])


def foot_contacts(canvas: Canvas) -> None:
    """Some contacts, on or off as they are, over frames in a row."""
    contacts = canvas.layout.channels("contacts")
    canvas.show(canvas.interval(), canvas.some(contacts, canvas.between(1, len(contacts))))


def end_blocks(canvas: Canvas) -> None:
    """All features of the first frames, the last ones, or both: to go on and to go between."""
    ends = canvas.between(0, 2)
    low, high = (min(canvas.length, frames) for frames in BLOCK_FRAMES)
    first, last = canvas.between(low, high), canvas.between(low, high)
    everything = range(canvas.layout.size)
    if ends != 0:
        canvas.show(range(first), everything)
    if ends != 1:
        canvas.show(range(canvas.length - last, canvas.length), everything)


PATTERNS: dict[str, Callable[[Canvas], None]] = {
    pattern.__name__: pattern
    for pattern in (
        full_body,
        hands_and_feet,
        joint_subset,
        joint_interval,
        root_keyframes,
        dense_path,
        pelvis_height,
        foot_contacts,
        end_blocks,
    )
}
"""All patterns by name; equally likely."""


def _few_joints(canvas: Canvas) -> list[int]:
    count = canvas.between(1, min(MAX_JOINTS, canvas.skeleton.num_joints))
    return canvas.some(range(canvas.skeleton.num_joints), count)


def _what_of_joints(canvas: Canvas) -> tuple[str, ...]:
    what = (("joint_positions",), ("rotations",), ("joint_positions", "rotations"))
    return what[canvas.between(0, 2)]


def _path_or_heading(canvas: Canvas) -> list[int]:
    """The path in five of six draws, the heading in half of them: alone it says less."""
    what = canvas.between(0, 5)
    if what == 0:
        return canvas.heading
    return canvas.path + (canvas.heading if what <= 2 else [])


def sample_observed_mask(
    mask: Bool[Tensor, "batch frames"],
    representation: SmoothRoot,
    generator: torch.Generator,
    *,
    curriculum: float,
    unconstrained_share: float = 0.1,
) -> Bool[Tensor, "batch frames feats"]:
    """Draw what is shown of each sample: nothing, two patterns together, or one.

    A share of ``unconstrained_share`` sees nothing and of ``TWO_PATTERNS_SHARE`` two patterns.
    """
    layout, patterns = representation.layout, list(PATTERNS.values())
    observed = torch.zeros(*mask.shape, layout.size, dtype=torch.bool)
    for sample, length in enumerate(mask.sum(1).tolist()):
        canvas = Canvas(
            shown=observed[sample, :length],
            layout=layout,
            skeleton=representation.skeleton,
            fps=representation.fps,
            curriculum=curriculum,
            generator=generator,
        )
        chance = canvas.chance() - unconstrained_share
        for _ in range(0 if chance < 0 else 2 if chance < TWO_PATTERNS_SHARE else 1):
            patterns[canvas.between(0, len(patterns) - 1)](canvas)
    return observed.to(mask.device)


def sample_errors(
    batch: int, layout: FeatureLayout, generator: torch.Generator, *, share: float
) -> Float[Tensor, "batch 1 feats"]:
    """Draw constant errors of normalised features, 0 for all samples but a share of them.

    One error a sample, block and axis (x, y, z …), the same for all joints of a block.
    """
    erring = torch.rand(batch, 1, generator=generator) < share
    errors = [
        (PERTURBATION * torch.randn(batch, block.width, generator=generator)).repeat(
            1, max(1, len(block.joints))
        )
        for block in layout.blocks
    ]
    return (torch.cat(errors, dim=1) * erring)[:, None]
