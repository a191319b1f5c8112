"""MP4 files (H.264) from images, with PyAV: the ``video`` extra."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from marey.errors import InvalidInputError, MissingExtraError
from marey.io.atomic import atomic_path


def write_mp4(
    images: Iterable[UInt8[np.ndarray, "rows columns 3"]],
    path: str | Path,
    *,
    fps: float,
    force: bool = False,
) -> None:
    """Write images of one size as an H.264 video that common players show (yuv420p).

    That format needs even sizes: an odd last row or column is doubled. Raises MissingExtraError
    without PyAV, InvalidInputError for no image or where ``path`` may not be written.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("Writing MP4 video", extra="video") from error

    with (
        atomic_path(path, force=force) as temporary,
        av.open(temporary, "w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        stream = None
        for image in images:
            even = np.pad(image, ((0, len(image) % 2), (0, image.shape[1] % 2), (0, 0)), "edge")
            if stream is None:
                stream = container.add_stream(
                    "libx264",
                    rate=Fraction(fps).limit_denominator(1001),
                    width=even.shape[1],
                    height=even.shape[0],
                    pix_fmt="yuv420p",
                    options={"crf": "20", "preset": "veryfast"},
                )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        if stream is None:
            raise InvalidInputError("A video needs at least one image, got none.")
        container.mux(stream.encode())
