"""Conduct: how a body behaves over a window, beyond the facts."""

from dataclasses import dataclass
from typing import Self

from jaxtyping import Float
from torch import Tensor

from marey.predicates.locomotion import displacement, path_length
from marey.predicates.trace import REFERENCE_LEG, BodyTrace


@dataclass(frozen=True, kw_only=True, eq=False)
class Conduct:
    """Plain quantities per window, by which clean examples are told from mixed ones."""

    path: Float[Tensor, "*batch"]
    """Length of the hips' path on the ground, metres."""
    forward: Float[Tensor, "*batch"]
    """Metres covered towards the front."""
    turn: Float[Tensor, "*batch"]
    """Largest change of heading away from that of the first frame, degrees."""
    lowest_hips: Float[Tensor, "*batch"]
    """Lowest height of the hips over the standing ankles, as a share of the straight leg."""
    hands_below_head: Float[Tensor, "*batch"]
    """Least height of the head over the higher hand, metres."""

    @classmethod
    def of(cls, trace: BodyTrace) -> Self:
        """Measure a trace or its windows."""
        away = (trace.heading - trace.heading[..., :1]).abs().amax(-1)
        below = trace.head[..., 1] - trace.hands[..., 1].amax(-1)
        return cls(
            path=path_length(trace),
            forward=displacement(trace)[..., 0],
            turn=away.rad2deg(),
            lowest_hips=trace.hips[..., 1].amin(-1) / REFERENCE_LEG,
            hands_below_head=below.amin(-1),
        )
