"""MP4: what is written can be read again; without PyAV the error says what to install."""

import sys
from pathlib import Path

import numpy as np
import pytest

from marey.errors import InvalidInputError, MissingExtraError
from marey.io.video import write_mp4

BLUE = np.full((49, 65, 3), (40, 90, 200), dtype=np.uint8)


def test_a_video_has_the_frames_rate_and_colours(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the video extra is not installed")
    path = tmp_path / "a.mp4"
    write_mp4((BLUE for _ in range(7)), path, fps=12.5)
    with av.open(path) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.pix_fmt == "yuv420p"
        assert float(stream.average_rate) == pytest.approx(12.5)
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]
    assert len(frames) == 7
    assert frames[0].shape == (50, 66, 3)  # the format needs even sizes
    assert np.abs(frames[3].astype(int) - (40, 90, 200)).max() < 12


def test_no_images_no_video(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the video extra is not installed")
    with pytest.raises(InvalidInputError, match="at least one"):
        write_mp4([], tmp_path / "a.mp4", fps=20.0)
    assert list(tmp_path.iterdir()) == []


def test_existing_videos_are_kept_without_force(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the video extra is not installed")
    path = tmp_path / "a.mp4"
    path.write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match="force"):
        write_mp4([BLUE], path, fps=20.0)
    assert path.read_bytes() == b"mine"


def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"marey\[video\]"):
        write_mp4([BLUE], tmp_path / "a.mp4", fps=20.0)
    assert list(tmp_path.iterdir()) == []
