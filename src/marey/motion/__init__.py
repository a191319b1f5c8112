"""Motions, one or many."""

from marey.motion.batch import MotionBatch
from marey.motion.motion import Motion, concatenate

__all__ = ["Motion", "MotionBatch", "concatenate"]
