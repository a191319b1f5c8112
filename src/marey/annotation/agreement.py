"""Agreement: how far two people judge the same statements alike, beyond chance [Cohen1960]."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marey.annotation.judgement import Judgement, Judgements
from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.skeleton.parts import PARTS

OVERALL = "overall"


def cohens_kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return Cohen's kappa of two people's yes and no about the same things.

    1 is full agreement, 0 what chance gives. nan where it says nothing: without things to judge,
    or where both gave one and the same answer throughout.
    Raises InvalidInputError for lists of different lengths.
    """
    if len(first) != len(second):
        raise InvalidInputError(
            f"expected as many judgements of both, got {len(first)} and {len(second)}."
        )
    count = len(first)
    if count == 0:
        return math.nan
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    yes_first, yes_second = sum(first) / count, sum(second) / count
    chance = yes_first * yes_second + (1 - yes_first) * (1 - yes_second)
    return math.nan if chance == 1 else (observed - chance) / (1 - chance)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How two people judged the statements about one part, or about all."""

    statements: int
    """Statements that both have marked."""
    right: tuple[float, float]
    """Share that each of the two found right."""
    same: float
    """Share judged alike."""
    kappa: float
    """nan where it says nothing; see `cohens_kappa`."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[bool, bool]]) -> "Agreement":
        """Return the agreement over pairs of judgements."""
        first, second = [a for a, _ in pairs], [b for _, b in pairs]
        count = len(pairs) or math.nan
        return cls(
            statements=len(pairs),
            right=(sum(first) / count, sum(second) / count),
            same=sum(a == b for a, b in pairs) / count,
            kappa=cohens_kappa(first, second),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary, with null for what says nothing."""
        shares = {"right": list(self.right), "same": self.same, "kappa": self.kappa}
        return {"statements": self.statements, **{k: _plain(v) for k, v in shares.items()}}


def agreement(first: Judgements, second: Judgements) -> dict[str, Agreement]:
    """Return agreement by part and `OVERALL`; what either has not marked is left out.

    Raises InvalidInputError for judgements of different forms, or twice those of one person.
    """
    if first.form != second.form:
        raise InvalidInputError(
            f"expected judgements of the same form, got {first.form} and {second.form}."
        )
    if first.judge == second.judge:
        raise InvalidInputError(f"expected two people, got {first.judge!r} twice.")
    others = {(each.window_id, each.part): each for each in second.marks}
    pairs = [
        (mark.part, _both(mark, others.get((mark.window_id, mark.part)))) for mark in first.marks
    ]
    marked = [(part, pair) for part, pair in pairs if pair is not None]
    by_part = {part: Agreement.of([p for own, p in marked if own == part]) for part in PARTS}
    return {**by_part, OVERALL: Agreement.of([pair for _, pair in marked])}


def log_agreement(
    path: str | Path, first: Judgements, second: Judgements, found: dict[str, Agreement]
) -> bool:
    """Add an entry to a log of agreement by prompt version, unless it holds just that one.

    The log is JSON, a list of objects. Returns whether an entry was added. Raises FileFormatError
    for a file that is no such log.
    """
    path = Path(path)
    entry = {
        "author": first.author,
        "prompt": first.prompt,
        "form": first.form,
        "judges": sorted((first.judge, second.judge)),
        "agreement": {name: each.to_json() for name, each in found.items()},
    }
    entries = _entries(path)
    if entry in entries:
        return False
    with atomic_path(path, force=True) as temporary:
        temporary.write_text(json.dumps([*entries, entry], indent=1) + "\n", encoding="utf-8")
    return True


def _entries(path: Path) -> list[Any]:
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _no_log(path, str(error)) from error
    if not isinstance(entries, list):
        raise _no_log(path, type(entries).__name__)
    return entries


def _no_log(path: Path, got: str) -> FileFormatError:
    return FileFormatError(
        path, "log", expected="a JSON list", got=got, fix="Choose another file with --log."
    )


def _both(first: Judgement, second: Judgement | None) -> tuple[bool, bool] | None:
    if second is None or first.is_right is None or second.is_right is None:
        return None
    return first.is_right, second.is_right


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if math.isnan(value) else round(value, 6)
