"""Opinions: what people answered on the page of a study, and mean opinion scores with intervals."""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.errors import FileFormatError, InvalidInputError
from marey.evaluation.study import QUESTIONS, VERSION
from marey.metrics import Estimate, percentile_interval

DRAWS = 2000
"""Bootstrap draws behind an interval."""


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """One person's ratings of one clip."""

    model: str
    file: str
    ratings: Mapping[str, int]
    """1 to 5 by question; unanswered ones are left out."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one person answered."""

    study: str
    """Hash of the study's clips."""
    rater: str
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True, kw_only=True)
class OpinionScore:
    """The mean opinion score of one model on one question."""

    model: str
    question: str
    score: Estimate
    """Mean rating from 1 to 5; nan where nobody answered."""
    clips: int
    raters: int
    ratings: int


def read_answers(path: str | Path) -> Answers:
    """Read the JSON that a study's page saved.

    Raises FileFormatError that names a file which is damaged or something else, and
    InvalidInputError for answers without a name.
    """
    path = Path(path)
    try:
        found = _answers(json.loads(path.read_text(encoding="utf-8-sig")))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FileFormatError(
            path,
            "answers",
            expected="the JSON that the page of a study saves",
            got=f"{type(error).__name__}: {error}",
            fix="Save it again on the page, which keeps the answers, or leave the file out.",
        ) from error
    if not found.rater:
        raise InvalidInputError(f"{path}: expected the name of the rater, got none. Fill it in.")
    return found


def opinion_scores(answers: Sequence[Answers], *, seed: int = 0) -> tuple[OpinionScore, ...]:
    """Return mean opinion scores by model and question, with 95 % intervals.

    Clips and raters are both drawn again with replacement [Efron1979]: the interval covers other
    clips rated by other people; with one of either it says nothing of that one. Raises
    InvalidInputError for answers to different studies, or twice those of one person.
    """
    _check_together(answers)
    models = dict.fromkeys(o.model for each in answers for o in each.opinions)
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        _score(model, question, _table(answers, model, question), generator)
        for model in sorted(models)
        for question in QUESTIONS
    )


def _check_together(answers: Sequence[Answers]) -> None:
    if not answers:
        raise InvalidInputError("expected the answers of at least one person, got none.")
    if len(studies := sorted({each.study for each in answers})) > 1:
        raise InvalidInputError(
            f"expected answers to one study, got {' and '.join(studies)}. Read them apart."
        )
    raters = [each.rater for each in answers]
    if twice := sorted({name for name in raters if raters.count(name) > 1}):
        raise InvalidInputError(
            f"expected one file a person, got several of {', '.join(twice)}. Keep the last one, or "
            "tell namesakes apart."
        )


def _table(answers: Iterable[Answers], model: str, question: str) -> Float[Tensor, "raters clips"]:
    """Return ratings by rater and clip, nan where there is none."""
    rated = [
        {o.file: float(o.ratings[question]) for o in each.opinions
         if o.model == model and question in o.ratings}
        for each in answers
    ]  # fmt: skip
    files = sorted({file for own in rated for file in own})
    rows = [[own.get(file, math.nan) for file in files] for own in rated if own]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(files))


def _score(
    model: str, question: str, table: Float[Tensor, "raters clips"], generator: torch.Generator
) -> OpinionScore:
    raters, clips = table.shape
    known = ~table.isnan()
    value = float(table[known].mean()) if raters else math.nan
    score = Estimate(value=value, low=math.nan, high=math.nan)
    if raters:
        across = _times_drawn(raters, generator)
        along = _times_drawn(clips, generator)
        weights = torch.einsum("dr,dc->drc", across, along) * known
        total = weights.sum((1, 2))
        means = (weights * table.nan_to_num()).sum((1, 2)) / total
        # Where raters saw different clips, a draw may hold none that was rated by those drawn.
        score = percentile_interval(value, means[total > 0])
    return OpinionScore(
        model=model,
        question=question,
        score=score,
        clips=clips,
        raters=raters,
        ratings=int(known.sum()),
    )


def _times_drawn(count: int, generator: torch.Generator) -> Int[Tensor, "draws count"]:
    drawn = torch.randint(count, (DRAWS, count), generator=generator)
    return torch.zeros(DRAWS, count, dtype=torch.int64).scatter_add(
        1, drawn, torch.ones_like(drawn)
    )


def _answers(content: Mapping[str, Any]) -> Answers:
    if content["version"] != VERSION:
        raise ValueError(f"version {content['version']!r} instead of {VERSION}")
    key = json.loads(base64.b64decode(content["key"], validate=True))
    if len(key) != len(content["answers"]):
        raise ValueError(f"{len(content['answers'])} answers to {len(key)} clips")
    opinions = [
        Opinion(model=str(model), file=str(file), ratings=_ratings(given))
        for (model, file), given in zip(key, content["answers"], strict=True)
    ]
    return Answers(
        study=str(content["study"]), rater=content["rater"].strip(), opinions=tuple(opinions)
    )


def _ratings(given: Mapping[str, Any]) -> dict[str, int]:
    if unknown := set(given) ^ set(QUESTIONS):
        raise ValueError(f"questions {sorted(unknown)} missing or unknown")
    for question, rating in given.items():
        if rating is not None and (type(rating) is not int or not 1 <= rating <= 5):
            raise ValueError(f"{question} {rating!r} is no whole number from 1 to 5")
    return {question: rating for question, rating in given.items() if rating is not None}
