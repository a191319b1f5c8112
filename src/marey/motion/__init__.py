"""Motions, one or many."""

from marey.motion.batch import MotionBatch
from marey.motion.contacts import BODY22_LIMITS, KIMODO_LIMITS, ContactLimits, foot_contacts
from marey.motion.keyframe_reduction import KeyframeReduction, reduce_keyframes
from marey.motion.looping import Loop, make_loop, repeat_loop
from marey.motion.motion import Motion, concatenate
from marey.motion.path_smoothing import smooth_path
from marey.motion.retarget import RetargetReport, RetargetResult, retarget
from marey.motion.robot_motion import RobotMotion
from marey.motion.root_motion import (
    RootMotion,
    SplitMotion,
    join_root_motion,
    split_root_motion,
)

__all__ = [
    "BODY22_LIMITS",
    "KIMODO_LIMITS",
    "ContactLimits",
    "KeyframeReduction",
    "Loop",
    "Motion",
    "MotionBatch",
    "RetargetReport",
    "RetargetResult",
    "RobotMotion",
    "RootMotion",
    "SplitMotion",
    "concatenate",
    "foot_contacts",
    "join_root_motion",
    "make_loop",
    "reduce_keyframes",
    "repeat_loop",
    "retarget",
    "smooth_path",
    "split_root_motion",
]
