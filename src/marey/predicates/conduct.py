"""Conduct: how a body behaves over a window, beyond the facts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey.predicates.acts import STANCE_HEIGHT, clearance
from marey.predicates.body import REFERENCE_LEG
from marey.predicates.locomotion import displacement, hand_travel, path_length, top_speed
from marey.predicates.trace import LEFT, RIGHT, BodyTrace


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
    left_hand: Float[Tensor, "*batch"]
    """Greatest height of the left hand over the head joint, metres."""
    right_hand: Float[Tensor, "*batch"]
    """The same of the right hand."""
    hand_travel: Float[Tensor, "*batch"]
    """Diagonal of the larger box in which a hand moves, metres."""
    lean: Float[Tensor, "*batch"]
    """Largest angle between the vertical and the line from hips to head, degrees."""
    grounded: Float[Tensor, "*batch"]
    """Share of the frames in which a foot is within 12 cm of the floor of the whole trace."""

    @classmethod
    def of(cls, trace: BodyTrace) -> "Conduct":
        """Measure a trace or its windows."""
        away = (trace.heading - trace.heading[..., :1]).abs().amax(-1)
        hands = (trace.hands[..., 1] - trace.head[..., None, 1]).amax(-2)
        up = trace.head - trace.hips
        lean = torch.atan2(up[..., [0, 2]].norm(dim=-1), up[..., 1])
        on_floor = clearance(trace).amin(-1) < STANCE_HEIGHT
        return cls(
            path=path_length(trace),
            forward=displacement(trace)[..., 0],
            turn=away.rad2deg(),
            lowest_hips=trace.hips[..., 1].amin(-1) / REFERENCE_LEG,
            top_speed=top_speed(trace),
            left_hand=hands[..., LEFT],
            right_hand=hands[..., RIGHT],
            hand_travel=hand_travel(trace),
            lean=lean.amax(-1).rad2deg(),
            grounded=on_floor.float().mean(-1),
        )
