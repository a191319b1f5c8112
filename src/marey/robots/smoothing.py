"""Smoothing: hinge angles averaged over time, and how fast they turn."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from marey.motion.robot_motion import RobotMotion

_REACH = 0.07
"""Seconds to either side over which angles are averaged."""


def smoothed(motion: RobotMotion) -> Float[Tensor, "frames hinges"]:
    """Average over the frames nearby, with the first and last repeated beyond the ends."""
    return _windows(motion.angles, motion.fps).mean(-1)


def top_speeds(motion: RobotMotion) -> Float[Tensor, "frames hinges"]:
    """Return the highest speed of each hinge in the frames nearby, radians per second."""
    steps = motion.angles.diff(dim=0).abs() * motion.fps
    return _windows(pad(steps, (0, 0, 0, 1)), motion.fps).amax(-1)


def _windows(
    values: Float[Tensor, "frames hinges"], fps: float
) -> Float[Tensor, "frames hinges window"]:
    reach = max(1, round(_REACH * fps))
    padded = pad(values.T[None], (reach, reach), mode="replicate")[0].T
    return padded.unfold(0, 2 * reach + 1, 1)
