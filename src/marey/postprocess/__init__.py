"""What is done to a motion after it was generated."""

from marey.postprocess.joint_limits import JointLimit
from marey.postprocess.refine import refine
from marey.postprocess.smoothing import smooth_rotations

__all__ = ["JointLimit", "refine", "smooth_rotations"]
