"""What motions do: facts, events, pose facts and statements, measured on the joints."""

from marey.predicates.claim import Claim
from marey.predicates.conduct import Conduct
from marey.predicates.event import ACTIONS, ActionKind, Event
from marey.predicates.facts import FACTS, MEASURES, MIRRORED_FACT, Finding, find, find_all
from marey.predicates.find_events import find_events
from marey.predicates.locomotion import RUN_SPEED, top_speed
from marey.predicates.pose_facts import PoseFacts
from marey.predicates.pose_table import POSE_FACTS, PoseFact
from marey.predicates.posture import POSTURES
from marey.predicates.statements import claims, claims_about, holds
from marey.predicates.trace import BodyTrace, Measure

__all__ = [
    "ACTIONS",
    "FACTS",
    "MEASURES",
    "MIRRORED_FACT",
    "POSE_FACTS",
    "POSTURES",
    "RUN_SPEED",
    "ActionKind",
    "BodyTrace",
    "Claim",
    "Conduct",
    "Event",
    "Finding",
    "Measure",
    "PoseFact",
    "PoseFacts",
    "claims",
    "claims_about",
    "find",
    "find_all",
    "find_events",
    "holds",
    "top_speed",
]
