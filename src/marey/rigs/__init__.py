"""Rigs: skeletons of any naming, which joint of the canonical body each of their joints follows."""

from marey.rigs.map_file import load_rig_map, save_rig_map
from marey.rigs.matching import match_rig
from marey.rigs.naming import Naming, naming, namings, save_naming, user_folder
from marey.rigs.rig_map import RigEntry, RigMap

__all__ = [
    "Naming",
    "RigEntry",
    "RigMap",
    "load_rig_map",
    "match_rig",
    "naming",
    "namings",
    "save_naming",
    "save_rig_map",
    "user_folder",
]
