"""Conduct: how a body behaves over a window, beyond the facts."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from marey.predicates.locomotion import displacement, hand_travel, path_length, top_speed
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
    top_speed: Float[Tensor, "*batch"]
    """Mean speed of the hips over their fastest 0.8 s, m/s."""
    higher_hand: Float[Tensor, "*batch"]
    """Least height of the head over the higher hand, metres."""
    lower_hand: Float[Tensor, "*batch"]
    """Least height of the head over the lower hand, metres."""
    hand_travel: Float[Tensor, "*batch"]
    """Diagonal of the larger box in which a hand moves, metres."""

    @classmethod
    def of(cls, trace: BodyTrace) -> "Conduct":
        """Measure a trace or its windows."""
        away = (trace.heading - trace.heading[..., :1]).abs().amax(-1)
        below = trace.head[..., None, 1] - trace.hands[..., 1]
        return cls(
            path=path_length(trace),
            forward=displacement(trace)[..., 0],
            turn=away.rad2deg(),
            lowest_hips=trace.hips[..., 1].amin(-1) / REFERENCE_LEG,
            top_speed=top_speed(trace),
            higher_hand=below.amin(-1).amin(-1),
            lower_hand=below.amax(-1).amin(-1),
            hand_travel=hand_travel(trace),
        )
