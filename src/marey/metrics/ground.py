"""How far the body sinks into the ground."""

from jaxtyping import Float
from torch import Tensor

from marey.metrics.summary import Summary


def ground_penetration(
    joint_positions: Float[Tensor, "*batch frames joints 3"], *, ground: float = 0.0
) -> Summary:
    """Summarise over frames how deep the lowest joint lies below the ground, metres.

    A frame with no joint below counts as depth 0. Joints lie inside the body: soles and fingers
    may sink in by some centimetres before a joint does.
    """
    depth = (ground - joint_positions[..., 1]).clamp(min=0)
    return Summary.of(depth.amax(dim=-1))
