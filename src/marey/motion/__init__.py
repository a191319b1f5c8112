"""Motions, one or many."""

from marey.motion.batch import MotionBatch
from marey.motion.motion import Motion, concatenate
from marey.motion.retarget import RetargetReport, RetargetResult, retarget

__all__ = [
    "Motion",
    "MotionBatch",
    "RetargetReport",
    "RetargetResult",
    "concatenate",
    "retarget",
]
