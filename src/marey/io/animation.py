"""Animated images (WebP, GIF) from pictures, for previews."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from marey.errors import InvalidInputError
from marey.io.atomic import atomic_path

_MAX_IMAGES = 2400  # an animated image is held in memory until it is written


def write_animation(
    images: Iterable[UInt8[np.ndarray, "rows columns 3"]],
    path: str | Path,
    *,
    frames: int,
    fps: float,
    force: bool = False,
) -> None:
    """Write ``frames`` images as a looping WebP or GIF, by the suffix.

    Frames last whole milliseconds (in GIF, hundredths of a second) that add up. Raises
    InvalidInputError for more frames than are held in memory, or where ``path`` may not be written.
    """
    path = Path(path)
    if frames > _MAX_IMAGES:
        raise InvalidInputError(
            f"{path}: an animated image holds at most {_MAX_IMAGES} frames, got {frames}. "
            "Write .mp4, crop the motion or lower fps."
        )
    gif = path.suffix.lower() == ".gif"
    tick = 10 if gif else 1
    ends = np.rint(np.arange(frames + 1) * 1000 / fps / tick) * tick
    options = {"save_all": True, "loop": 0, "duration": np.diff(ends).astype(int).tolist()}
    with atomic_path(path, force=force) as temporary:
        pictures = [Image.fromarray(image) for image in images]
        if gif:
            # One palette for all frames: colours of their own would flicker.
            palette = pictures[0].quantize(128)
            pictures = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
            options |= {"format": "GIF", "optimize": False}
        else:
            options |= {"format": "WEBP", "quality": 70, "method": 2}
        pictures[0].save(temporary, append_images=pictures[1:], **options)


def counted(
    images: Iterable[UInt8[np.ndarray, "rows columns 3"]],
    total: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
    """Pass images on and tell ``progress`` after each how many of ``total`` are done."""
    for done, image in enumerate(images, start=1):
        if progress is not None:
            progress(done, total)
        yield image
