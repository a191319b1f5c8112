"""FootContact: which parts of the feet are on the ground, and when they are not."""

from dataclasses import dataclass
from typing import Literal, final

import torch

from marey.constraints.beside import NOTHING, Beside
from marey.constraints.clip import Clip
from marey.constraints.constraint import Constraint
from marey.constraints.goal import Goal
from marey.constraints.times import Interval
from marey.errors import InvalidInputError

Foot = Literal["left_heel", "left_toe", "right_heel", "right_toe", "left_foot", "right_foot"]

FOOT_CHANNELS: dict[Foot, tuple[int, ...]] = {
    "left_heel": (0,),
    "left_toe": (1,),
    "right_heel": (2,),
    "right_toe": (3,),
    "left_foot": (0, 1),
    "right_foot": (2, 3),
}
"""Contact channels of a foot or of a part of it."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FootContact(Constraint):
    """A foot or a part of it stands on the ground throughout an interval, or is off it.

    Contact is on or off: there is no tolerance.
    """

    foot: Foot
    interval: Interval
    contact: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.foot not in FOOT_CHANNELS:
            raise InvalidInputError(
                f"foot: expected one of {', '.join(FOOT_CHANNELS)}, got {self.foot!r:.60}."
            )
        if self.tolerance is not None:
            raise InvalidInputError(
                "tolerance: expected none, a contact is on or off. Leave it out."
            )

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return one goal for each contact channel; InvalidInputError if there are no feet."""
        _ = clip.skeleton.foot_indices
        frames = self.interval.frame_numbers(clip)
        target = torch.full((len(frames),), float(self.contact))
        return tuple(
            self.goal("contact", frames, target, source=source, joint=channel)
            for channel in FOOT_CHANNELS[self.foot]
        )
