"""Measuring a model: does a generated motion do what the text says?"""

from marey.evaluation.phrases import (
    PHRASES,
    Phrase,
    PhraseRow,
    phrase,
    score_captioned,
    score_phrases,
    total_rows,
)

__all__ = [
    "PHRASES",
    "Phrase",
    "PhraseRow",
    "phrase",
    "score_captioned",
    "score_phrases",
    "total_rows",
]
