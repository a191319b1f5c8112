"""Reasoning: from a sentence about the whole body to sentences about its parts."""

from marey.reasoning.bank import CaptionBank, bundled_bank
from marey.reasoning.building import build_bank
from marey.reasoning.clauses import Phase, phases
from marey.reasoning.language_model import LanguageModelReasoner
from marey.reasoning.nearest import NearestReasoner, Neighbour
from marey.reasoning.part_claims import part_claims
from marey.reasoning.reasoner import Reasoner
from marey.reasoning.templates import TemplateReasoner
from marey.reasoning.written import WrittenReasoner

__all__ = [
    "CaptionBank",
    "LanguageModelReasoner",
    "NearestReasoner",
    "Neighbour",
    "Phase",
    "Reasoner",
    "TemplateReasoner",
    "WrittenReasoner",
    "build_bank",
    "bundled_bank",
    "part_claims",
    "phases",
]
