"""What is done to a motion after it was generated."""

from marey.postprocess.smoothing import smooth_rotations

__all__ = ["smooth_rotations"]
