"""Texts for the parts of real motions, from geometry and from language models."""

from marey.annotation.annotation import ANSWER_SCHEMA, GEOMETRY, Annotation
from marey.annotation.contradictions import (
    Contradiction,
    contradictions,
    without_contradictions,
)
from marey.annotation.prompt import PROMPT_VERSION, Message, first_question, follow_up

__all__ = [
    "ANSWER_SCHEMA",
    "GEOMETRY",
    "PROMPT_VERSION",
    "Annotation",
    "Contradiction",
    "Message",
    "contradictions",
    "first_question",
    "follow_up",
    "without_contradictions",
]
