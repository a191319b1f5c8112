"""World-space facts that a generated motion is asked to meet."""

from marey.constraints.clip import Clip
from marey.constraints.compile import compile_goals, facts_from_goals, goals_on
from marey.constraints.constraint import Constraint
from marey.constraints.contact import FootContact
from marey.constraints.extract import between, constraints_from_motion
from marey.constraints.facts import WorldFacts
from marey.constraints.files import (
    constraints_from_json,
    constraints_to_json,
    constraints_to_text,
    load_constraints,
)
from marey.constraints.finding import Finding, FindingKind
from marey.constraints.goal import DEFAULT_TOLERANCE, Goal, GoalKind, target_distance
from marey.constraints.joint import HoldJoint, JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.root import FacePoint, PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.schema import json_schema
from marey.constraints.times import Interval, Times
from marey.constraints.validation import check_constraints, require_valid

__all__ = [
    "DEFAULT_TOLERANCE",
    "Clip",
    "Constraint",
    "FacePoint",
    "Finding",
    "FindingKind",
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
    "between",
    "check_constraints",
    "compile_goals",
    "constraints_from_json",
    "constraints_from_motion",
    "constraints_to_json",
    "constraints_to_text",
    "facts_from_goals",
    "goals_on",
    "json_schema",
    "load_constraints",
    "require_valid",
    "target_distance",
]
