from itertools import pairwise

import pytest

from marey.errors import InvalidInputError
from marey.generate.segments import Segment, overlap_frames, segments_of
from marey.text import Statement, TextScript

FPS = 20.0


def cut(*statements: Statement, frames: int = 200, longest: int = 200) -> list[Segment]:
    script = TextScript(statements)
    return list(segments_of(script, frames=frames, fps=FPS, longest=longest))


def said(segment: Segment) -> list[str]:
    return [each.text for each in segment.script.statements]


def test_a_script_without_spans_is_one_segment() -> None:
    (segment,) = cut(Statement("walks"), Statement("waves", "left_arm"))
    assert (segment.number, segment.first, segment.end) == (0, 0, 200)
    assert said(segment) == ["walks", "waves"]


def test_segments_cover_the_clip_and_nothing_twice() -> None:
    segments = cut(
        Statement("walks", start=1, end=3),
        Statement("turns", start=3, end=4.5),
        Statement("sits", start=6, end=9.5),
    )
    edges = [(each.first, each.end) for each in segments]
    assert edges == [(0, 20), (20, 60), (60, 90), (90, 120), (120, 190), (190, 200)]
    assert [each.number for each in segments] == list(range(6))
    assert [said(each) for each in segments] == [[], ["walks"], ["turns"], [], ["sits"], []]
    assert all(s.span is None for each in segments for s in each.script.statements)


def test_what_has_no_span_holds_throughout() -> None:
    segments = cut(Statement("happily"), Statement("walks", start=0, end=5))
    assert [said(each) for each in segments] == [["walks", "happily"], ["happily"]]


def test_parts_may_overlap_the_whole_body() -> None:
    segments = cut(
        Statement("walks", start=0, end=10),
        Statement("waves", "left_arm", start=2, end=4),
        Statement("waves", "right_arm", start=2, end=4),
    )
    assert [(each.first, each.end) for each in segments] == [(0, 40), (40, 80), (80, 200)]
    assert said(segments[1]) == ["walks", "waves", "waves"]
    assert said(segments[2]) == ["walks"]


@pytest.mark.parametrize("frames", [201, 399, 500, 12000])
def test_long_stretches_are_cut_evenly(frames: int) -> None:
    segments = cut(Statement("walks"), frames=frames, longest=190)
    lengths = [each.end - each.first for each in segments]
    assert max(lengths) <= 190
    assert max(lengths) - min(lengths) <= 1
    assert (segments[0].first, segments[-1].end) == (0, frames)
    assert all(a.end == b.first for a, b in pairwise(segments))
    assert {said(each)[0] for each in segments} == {"walks"}


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (
            [Statement("walks", start=0, end=3), Statement("turns", start=2, end=5)],
            r"'turns' begins at 2 s, before 'walks' ends at 3 s.*\(global\)",
        ),
        ([Statement("walks", start=0, end=11)], r"'walks' ends at 11 s, after the motion.*10 s"),
        ([Statement("nods", start=1, end=1.01)], r"'nods' is shorter than a frame"),
    ],
)
def test_spans_that_are_refused(statements: list[Statement], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        cut(*statements)


@pytest.mark.parametrize("grid", [1, 2, 4, 8])
def test_the_overlap_fills_whole_tokens(grid: int) -> None:
    assert overlap_frames(FPS, grid=grid) % grid == 0
    assert overlap_frames(FPS, grid=grid) >= 2
    assert overlap_frames(1.0, grid=grid) >= 2
