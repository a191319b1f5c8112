"""How smooth a motion is, and how far it goes."""

from jaxtyping import Float
from torch import Tensor

from marey.metrics.summary import Summary


def jerk(joint_positions: Float[Tensor, "frames joints 3"], fps: float) -> Summary:
    """Summarise the length of the third derivative of joint positions, metres per second cubed.

    Third differences times ``fps³``, over all joints and the frames that have three after them;
    a clip of fewer than four frames has none. Compare at one frame rate only: noise grows with
    the cube of it.
    """
    return Summary.of(joint_positions.diff(n=3, dim=0).norm(dim=-1) * fps**3)


def path_length(path: Float[Tensor, "frames axes"]) -> float:
    """Length of the line through all points, in the unit of ``path``; 0 for a single point."""
    return float(path.double().diff(dim=0).norm(dim=-1).sum())
