"""Animated images: lengths that add up, and nothing too long to hold."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marey.errors import InvalidInputError
from marey.io.animation import write_animation


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_frames_last_as_long_as_they_should(tmp_path: Path, suffix: str) -> None:
    ramp = np.repeat(np.arange(0, 240, 8, dtype=np.uint8)[None, :, None], 3, axis=2)
    picture = np.repeat(ramp, 20, axis=0)
    images = [np.roll(picture, k, axis=1) for k in range(7)]  # all with the colours of the first
    path = tmp_path / f"ramp{suffix}"
    write_animation(iter(images), path, frames=7, fps=30.0)
    total = 0
    with Image.open(path) as read:
        assert (read.size, read.n_frames) == ((30, 20), 7)
        for frame in range(7):
            read.seek(frame)
            read.load()
            total += read.info["duration"]
    assert total == pytest.approx(1000 * 7 / 30, abs=5)


def test_too_many_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at most"):
        write_animation([], tmp_path / "long.webp", frames=100_000, fps=30.0)
    assert list(tmp_path.iterdir()) == []
