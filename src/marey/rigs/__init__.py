"""Rigs: skeletons of any naming, and motions on them with feet and hands where they belong."""

from marey.rigs.chosen_map import chosen_map
from marey.rigs.doubts import doubts
from marey.rigs.fitting import FitReport, RigResult, put_on_rig
from marey.rigs.map_file import load_rig_map, save_rig_map
from marey.rigs.matching import match_rig
from marey.rigs.naming import Naming, damaged_namings, naming, namings, save_naming, user_folder
from marey.rigs.rig_map import RigEntry, RigMap
from marey.rigs.standing import standing_pose, upright

__all__ = [
    "FitReport",
    "Naming",
    "RigEntry",
    "RigMap",
    "RigResult",
    "chosen_map",
    "damaged_namings",
    "doubts",
    "load_rig_map",
    "match_rig",
    "naming",
    "namings",
    "put_on_rig",
    "save_naming",
    "save_rig_map",
    "standing_pose",
    "upright",
    "user_folder",
]
