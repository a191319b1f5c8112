"""Measure: what a fact's test finds in every window of a trace."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

LEFT, RIGHT = 0, 1
"""Index of a side in the curves of a trace."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measure:
    """Verdict, measured quantity and frames of evidence, per window."""

    holds: Bool[Tensor, "*batch"]
    value: Float[Tensor, "*batch"]
    """The quantity that decides first; further conditions are told by the test's docstring."""
    threshold: float
    unit: str
    evidence: Bool[Tensor, "*batch frames"]
    """Frames in which the fact is seen."""
