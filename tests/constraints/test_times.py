"""Times and intervals: frames or seconds, rounded to the nearest frame, never outside."""

import pytest

from marey.constraints import Clip, Interval, Times
from marey.errors import InvalidInputError
from marey.skeleton import BODY22


@pytest.fixture
def clip() -> Clip:
    return Clip(skeleton=BODY22, fps=20.0, frames=60)


def test_seconds_mean_the_nearest_frame_and_keep_their_order(clip: Clip) -> None:
    assert Times(seconds=(1.0, 0.524, 0.526, 0)).frame_numbers(clip).tolist() == [20, 10, 11, 0]


def test_the_end_of_the_clip_means_its_last_frame(clip: Clip) -> None:
    assert clip.frame_of(clip.seconds) == 59
    with pytest.raises(InvalidInputError, match=r"time in \[0, 3\] s, got 3\.1 s"):
        clip.frame_of(3.1)


@pytest.mark.parametrize("frames", [30, 7, 1])
@pytest.mark.parametrize("fps", [20, 30.0, 12.5])
def test_every_time_inside_has_a_frame_and_every_frame_its_own_time(fps: float, frames: int):
    clip = Clip(skeleton=BODY22, fps=fps, frames=frames)
    assert [clip.frame_of(frame / fps) for frame in range(frames)] == list(range(frames))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected frames or seconds, got neither"),
        ({"frames": (1,), "seconds": (1.0,)}, "got both"),
        ({"frames": ()}, "frames: expected at least one time"),
        ({"frames": (3, 1, 3)}, "expected distinct times, got 3 twice"),
        ({"frames": (-1,)}, r"frames\[0\]: expected a frame number"),
        ({"seconds": (0.5, float("nan"))}, r"seconds\[1\]: expected seconds"),
        ({"seconds": (10**400,)}, r"seconds\[0\]: expected seconds"),
        ({"seconds": (True,)}, r"seconds\[0\]: expected seconds"),
    ],
)
def test_unusable_times_are_refused(given: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Times(**given)


def test_frames_outside_of_the_clip_are_refused(clip: Clip) -> None:
    with pytest.raises(InvalidInputError, match=r"frame in \[0, 59\], got 60: the clip has 60"):
        Times(frames=(3, 60)).frame_numbers(clip)


def test_two_times_in_one_frame_are_refused(clip: Clip) -> None:
    with pytest.raises(InvalidInputError, match=r"1 and 1\.01 both fall in frame 20 at 20 fps"):
        Times(seconds=(1.0, 1.01)).frame_numbers(clip)


def test_an_interval_includes_its_start_and_not_its_end(clip: Clip) -> None:
    assert Interval(start=3, end=6).frame_numbers(clip).tolist() == [3, 4, 5]
    assert Interval().span(clip) == (0, 60)
    assert Interval(start=0.5, end=3.0, unit="seconds").span(clip) == (10, 60)
    assert Interval(start=2.9, unit="seconds").span(clip) == (58, 60)


@pytest.mark.parametrize("interval", [Interval(start=60), Interval(end=61), Interval(start=80)])
def test_an_interval_outside_of_the_clip_is_refused(clip: Clip, interval: Interval) -> None:
    with pytest.raises(InvalidInputError, match="inside of the clip's 60 frames"):
        interval.span(clip)


def test_an_interval_shorter_than_a_frame_is_refused(clip: Clip) -> None:
    with pytest.raises(InvalidInputError, match=r"at least one frame, got 1 to 1\.01 seconds"):
        Interval(start=1.0, end=1.01, unit="seconds").span(clip)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": 5, "end": 5}, r"end: expected more than start \(5\)"),
        ({"start": 1.5}, "start: expected a frame number"),
        ({"end": float("inf"), "unit": "seconds"}, "end: expected seconds"),
    ],
)
def test_unusable_intervals_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Interval(**given)


@pytest.mark.parametrize(("fps", "frames"), [(0, 5), (float("inf"), 5), (20, 0)])
def test_unusable_clips_are_refused(fps: float, frames: int) -> None:
    with pytest.raises(InvalidInputError, match=r"fps|at least one frame"):
        Clip(skeleton=BODY22, fps=fps, frames=frames)
