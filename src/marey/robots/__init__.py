"""Motions that a robot can make: hinges, limits, feet, playback."""

from marey.robots.checks import HingeLimits, RobotCheck, check_motion, read_hinge_limits
from marey.robots.export import Exported, ExportOptions, export_all, export_motion, to_robot
from marey.robots.playback import play, play_frames
from marey.robots.projection import Projected, ProjectionReport, project_motion
from marey.robots.retarget import RobotRetargeted, RobotRetargetReport, retarget_to_robot

__all__ = [
    "ExportOptions",
    "Exported",
    "HingeLimits",
    "Projected",
    "ProjectionReport",
    "RobotCheck",
    "RobotRetargetReport",
    "RobotRetargeted",
    "check_motion",
    "export_all",
    "export_motion",
    "play",
    "play_frames",
    "project_motion",
    "read_hinge_limits",
    "retarget_to_robot",
    "to_robot",
]
