"""Skeletons, their parts and their kinematics."""

from marey.skeleton.kinematics import (
    global_rotations,
    heading_angle,
    joint_positions,
    local_rotations,
)
from marey.skeleton.library import BODY22, G1, G1_34, HUMANML3D22, KIT21, SOMA30, SOMA77
from marey.skeleton.parts import CONNECTED_PAIRS, MIRRORED_PART, PART_PAIRS, PARTS, SLOTS
from marey.skeleton.robot import Robot
from marey.skeleton.skeleton import Roles, Skeleton

__all__ = [
    "BODY22",
    "CONNECTED_PAIRS",
    "G1",
    "G1_34",
    "HUMANML3D22",
    "KIT21",
    "MIRRORED_PART",
    "PARTS",
    "PART_PAIRS",
    "SLOTS",
    "SOMA30",
    "SOMA77",
    "Robot",
    "Roles",
    "Skeleton",
    "global_rotations",
    "heading_angle",
    "joint_positions",
    "local_rotations",
]
