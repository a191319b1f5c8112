"""PoseFacts: what every pose of a motion is like, as numbers and as bins of a table."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.motion import Motion
from marey.predicates.body import CLOCK, Body
from marey.predicates.pose_quantities import pose_quantities
from marey.predicates.pose_table import POSE_FACT_INDEX, POSE_FACTS
from marey.predicates.posture import posture_codes

_FIRST_EDGE = np.cumsum([0, *(len(fact.edges) for fact in POSE_FACTS[:-1])])
"""Of each fact, among the edges of all facts in one row."""
_EDGES = np.array([edge for fact in POSE_FACTS for edge in fact.edges], np.float32)
_FACT_OF_EDGE = np.repeat(np.arange(len(POSE_FACTS)), [len(fact.edges) for fact in POSE_FACTS])
_HYSTERESIS = np.array([fact.hysteresis for fact in POSE_FACTS], np.float32)[_FACT_OF_EDGE]
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
    postures: Int[Tensor, " frames"]
    """What carries the body: index into `POSTURES`."""
    has_head: bool = True
    """Without one, facts of the head, and of pairs with it, are none: they are not to be told."""

    @classmethod
    def of(cls, motion: Motion) -> "PoseFacts":
        """Measure a motion. Raises InvalidInputError where a role of its skeleton is missing."""
        body = Body.of(motion)
        quantities = pose_quantities(body)
        columns = [quantities[fact.name] for fact in POSE_FACTS]
        values = torch.from_numpy(np.stack(columns, axis=1, dtype=np.float32))
        nearest = np.rint(np.arange(motion.num_frames) * (CLOCK / motion.fps)).astype(int)
        carried = posture_codes(body)[nearest.clip(max=body.ticks - 1)]
        return cls(
            values=values,
            codes=binned(values),
            postures=torch.from_numpy(carried),
            has_head=body.has_head,
        )

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
            postures=self.postures,
            has_head=self.has_head,
        )


def binned(values: Float[Tensor, "frames facts"]) -> Int[Tensor, "frames facts"]:
    """Bins of values over time: an edge counts as passed once it is by the fact's hysteresis.

    Until a value has left the band about an edge for the first time, the first frame decides.
    """
    against_edges = values.numpy()[:, _FACT_OF_EDGE]
    above = against_edges > _UPPER
    decided = above | (against_edges < _LOWER)
    above[0] = against_edges[0] > _EDGES
    decided[0] = True
    # The latest decision so far is the largest key; its last bit is what was decided.
    keys = (2 * np.arange(len(values), dtype=np.int32)[:, None] + above) * decided
    latest = np.maximum.accumulate(keys, axis=0) & 1
    return torch.from_numpy(np.add.reduceat(latest, _FIRST_EDGE, axis=1, dtype=np.int64))
