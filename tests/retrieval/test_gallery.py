"""Galleries: one window a clip, and the same one whatever else there is."""

from marey.data.records import WindowRecord
from marey.retrieval import gallery_windows


def window(clip: str, start: int) -> WindowRecord:
    return WindowRecord(clip_id=clip, start=start, end=start + 10, split="test", texts=())


WINDOWS = [window(f"clip{clip:02}", start) for clip in range(30) for start in range(0, 50, 10)]


def test_every_clip_is_there_once() -> None:
    found = gallery_windows(WINDOWS)
    assert [each.clip_id for each in found] == sorted({each.clip_id for each in WINDOWS})
    assert set(found) <= set(WINDOWS)
    assert len({each.start for each in found}) == 5  # not always the first


def test_the_draw_does_not_depend_on_order_or_other_clips() -> None:
    found = gallery_windows(WINDOWS)
    assert gallery_windows(reversed(WINDOWS)) == found
    assert gallery_windows(WINDOWS[:50]) == found[:10]
    assert gallery_windows(WINDOWS, seed=1) != found
