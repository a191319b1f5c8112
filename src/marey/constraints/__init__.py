"""World-space facts that a generated motion is asked to meet."""

from marey.constraints.clip import Clip
from marey.constraints.compile import compile_goals, facts_from_goals, goals_on
from marey.constraints.constraint import Constraint
from marey.constraints.contact import FootContact
from marey.constraints.facts import WorldFacts
from marey.constraints.goal import DEFAULT_TOLERANCE, Goal, GoalKind, target_distance
from marey.constraints.joint import HoldJoint, JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.root import FacePoint, PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import Interval, Times

__all__ = [
    "DEFAULT_TOLERANCE",
    "Clip",
    "Constraint",
    "FacePoint",
    "FootContact",
    "FullBodyKeyframe",
    "Goal",
    "GoalKind",
    "HoldJoint",
    "Interval",
    "JointTarget",
    "PelvisHeight",
    "RootHeading",
    "RootPath",
    "RootWaypoint",
    "Times",
    "WorldFacts",
    "compile_goals",
    "facts_from_goals",
    "goals_on",
    "target_distance",
]
