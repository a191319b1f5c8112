"""Segments: the stretches of a motion that are drawn one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from marey.errors import InvalidInputError
from marey.text import Statement, TextScript

OVERLAP_SECONDS = 0.25
"""How much of what comes before and after a segment is shown to the model."""

_Timed = tuple[Statement, int, int]  # with its first frame and the one after its last


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One text over frames ``first`` to before ``end``."""

    number: int
    script: TextScript
    first: int
    end: int


def overlap_frames(fps: float, *, grid: int = 1) -> int:
    """Return how many frames of its neighbours a segment is shown.

    They fill whole tokens of a network that reads ``grid`` frames at a time: in a token that is
    known in part, it tends to jump.
    """
    return max(1 if grid > 1 else 2, round(OVERLAP_SECONDS * fps / grid)) * grid


def segments_of(
    script: TextScript, *, frames: int, fps: float, longest: int
) -> tuple[Segment, ...]:
    """Cut a clip where what is said changes, and further so that each piece can be drawn.

    What has no span holds throughout. ``longest`` is the most frames that a model draws. Raises
    InvalidInputError for two sentences about the same at once, or one that outlasts the clip.
    """
    always = [each for each in script.statements if each.span is None]
    timed = _timed(script, fps)
    _require_order(timed, frames, fps)
    edges = sorted({0, frames, *(edge for _, first, end in timed for edge in (first, end))})
    pieces: list[tuple[TextScript, int, int]] = []
    for start, stop in pairwise(edges):
        said = [replace(s, start=None, end=None) for s, a, b in timed if a <= start and stop <= b]
        pieces += _cut(TextScript((*said, *always)), start, stop, longest=longest)
    return tuple(
        Segment(number=number, script=own, first=first, end=end)
        for number, (own, first, end) in enumerate(pieces)
    )


def _timed(script: TextScript, fps: float) -> list[_Timed]:
    """Statements with a span, in frames, by their beginning."""
    found = [
        (each, round(each.span[0] * fps), round(each.span[1] * fps))
        for each in script.statements
        if each.span is not None
    ]
    return sorted(found, key=lambda row: row[1])


def _require_order(timed: Sequence[_Timed], frames: int, fps: float) -> None:
    reached: dict[str, tuple[str, int]] = {}
    for each, first, end in timed:
        if first == end:
            raise InvalidInputError(
                f"script: {each.text!r} is shorter than a frame; give it more time."
            )
        if end > frames:
            raise InvalidInputError(
                f"script: {each.text!r} ends at {end / fps:g} s, after the motion, which lasts "
                f"{frames / fps:g} s. Make the motion longer."
            )
        other, last = reached.get(each.slot, ("", 0))
        if first < last:
            raise InvalidInputError(
                f"script: {each.text!r} begins at {first / fps:g} s, before {other!r} ends at "
                f"{last / fps:g} s; let sentences about the same ({each.slot}) follow one another."
            )
        reached[each.slot] = each.text, end


def _cut(
    script: TextScript, first: int, end: int, *, longest: int
) -> list[tuple[TextScript, int, int]]:
    """Cut a stretch into equal pieces of at most ``longest`` frames."""
    count = -(-(end - first) // longest)
    edges = [first + round(k * (end - first) / count) for k in range(count + 1)]
    return [(script, a, b) for a, b in pairwise(edges)]
