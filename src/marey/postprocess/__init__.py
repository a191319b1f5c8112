"""What is done to a motion after it was generated."""

from marey.postprocess.refine import refine
from marey.postprocess.smoothing import smooth_rotations

__all__ = ["refine", "smooth_rotations"]
