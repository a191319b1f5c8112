"""Measuring a model: does a generated motion do what the text says?"""

from marey.evaluation.opinions import (
    Answers,
    Opinion,
    OpinionScore,
    opinion_scores,
    read_answers,
)
from marey.evaluation.phrases import (
    PHRASES,
    Phrase,
    PhraseRow,
    phrase,
    score_captioned,
    score_phrases,
    total_rows,
)
from marey.evaluation.study import Study, StudyClip, read_prompts

__all__ = [
    "PHRASES",
    "Answers",
    "Opinion",
    "OpinionScore",
    "Phrase",
    "PhraseRow",
    "Study",
    "StudyClip",
    "opinion_scores",
    "phrase",
    "read_answers",
    "read_prompts",
    "score_captioned",
    "score_phrases",
    "total_rows",
]
