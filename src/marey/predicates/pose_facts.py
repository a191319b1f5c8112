"""PoseFacts: what every pose of a motion is like, as numbers and as bins of a table."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.motion import Motion
from marey.predicates.pose_quantities import pose_quantities
from marey.predicates.pose_table import POSE_FACT_INDEX, POSE_FACTS

_MOST_EDGES = max(len(fact.edges) for fact in POSE_FACTS)
_HYSTERESIS = torch.tensor([fact.hysteresis for fact in POSE_FACTS])[:, None]
_EDGES = torch.tensor(
    [fact.edges + (float("inf"),) * (_MOST_EDGES - len(fact.edges)) for fact in POSE_FACTS]
)
_LOWER, _UPPER = _EDGES - _HYSTERESIS, _EDGES + _HYSTERESIS
_MIRRORED = torch.tensor([POSE_FACT_INDEX[fact.mirrored] for fact in POSE_FACTS])
_REVERSED = torch.tensor([fact.reversed for fact in POSE_FACTS])
_TOP_BIN = torch.tensor([len(fact.bins) - 1 for fact in POSE_FACTS])


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseFacts:
    """The facts of `POSE_FACTS`, frame by frame; a column per fact, in that order."""

    values: Float[Tensor, "frames facts"]
    """Degrees and metres at leg length ``REFERENCE_LEG``."""
    codes: Int[Tensor, "frames facts"]
    """Index of the bin. It changes only where a value passes an edge by the fact's hysteresis."""

    @classmethod
    def of(cls, motion: Motion) -> "PoseFacts":
        """Measure a motion. Raises InvalidInputError where a role of its skeleton is missing."""
        quantities = pose_quantities(motion)
        values = torch.stack([quantities[fact.name] for fact in POSE_FACTS], dim=1)
        return cls(values=values, codes=binned(values))

    @property
    def num_frames(self) -> int:
        return len(self.values)

    def value(self, fact: str) -> Float[Tensor, " frames"]:
        """The curve of one fact, by its name."""
        return self.values[:, POSE_FACT_INDEX[fact]]

    def code(self, fact: str) -> Int[Tensor, " frames"]:
        """The bins of one fact, by its name."""
        return self.codes[:, POSE_FACT_INDEX[fact]]

    def mirrored(self) -> "PoseFacts":
        """The facts of the mirrored motion."""
        values, codes = self.values[:, _MIRRORED], self.codes[:, _MIRRORED]
        return PoseFacts(
            values=torch.where(_REVERSED, -values, values),
            codes=torch.where(_REVERSED, _TOP_BIN - codes, codes),
        )


def binned(values: Float[Tensor, "frames facts"]) -> Int[Tensor, "frames facts"]:
    """Bins of values over time: an edge counts as passed once it is by the fact's hysteresis.

    Until a value has left the band about an edge for the first time, the first frame decides.
    """
    above = values[..., None] > _UPPER
    decided = above | (values[..., None] < _LOWER)
    above[0] = values[0, :, None] > _EDGES
    decided[0] = True
    # The latest decision so far is the largest key; its last bit is what was decided.
    frames = torch.arange(len(values), dtype=torch.int32)[:, None, None]
    keys = torch.where(decided, 2 * frames + above, -1)
    return (keys.cummax(0).values & 1).sum(-1)
