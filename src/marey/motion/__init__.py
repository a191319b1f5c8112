"""Motions, one or many."""

from marey.motion.batch import MotionBatch
from marey.motion.contacts import BODY22_LIMITS, KIMODO_LIMITS, ContactLimits, foot_contacts
from marey.motion.motion import Motion, concatenate
from marey.motion.path_smoothing import smooth_path
from marey.motion.retarget import RetargetReport, RetargetResult, retarget

__all__ = [
    "BODY22_LIMITS",
    "KIMODO_LIMITS",
    "ContactLimits",
    "Motion",
    "MotionBatch",
    "RetargetReport",
    "RetargetResult",
    "concatenate",
    "foot_contacts",
    "retarget",
    "smooth_path",
]
