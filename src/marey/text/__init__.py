"""Text: what the user says, and what a model sees of it."""

from marey.skeleton.parts import SLOTS
from marey.text.cache import CachedEncoder
from marey.text.condition import TextCondition, collate_conditions, condition_from_scripts
from marey.text.encoder import TextEncoder, TextStates
from marey.text.minilm import MiniLMEncoder
from marey.text.mirror import mirror_text
from marey.text.script import Statement, TextScript
from marey.text.timeline import load_timeline

__all__ = [
    "SLOTS",
    "CachedEncoder",
    "MiniLMEncoder",
    "Statement",
    "TextCondition",
    "TextEncoder",
    "TextScript",
    "TextStates",
    "collate_conditions",
    "condition_from_scripts",
    "load_timeline",
    "mirror_text",
]
