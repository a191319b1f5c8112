"""Is a fact true in this motion? Fifteen plain facts, measured on the joints."""

from marey.predicates.conduct import Conduct
from marey.predicates.facts import FACTS, MEASURES, MIRRORED_FACT, Finding, find, find_all
from marey.predicates.measure import Measure
from marey.predicates.trace import BodyTrace

__all__ = [
    "FACTS",
    "MEASURES",
    "MIRRORED_FACT",
    "BodyTrace",
    "Conduct",
    "Finding",
    "Measure",
    "find",
    "find_all",
]
