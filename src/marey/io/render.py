"""The preview renderer: a solid body on a metre grid, drawn with numpy and Pillow alone.

The left side is blue, the right side orange. The camera keeps its direction and follows the
body; the root's path on the ground is dark behind the body and light ahead of it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from marey.errors import InvalidInputError
from marey.io.animation import counted, write_animation
from marey.io.atomic import atomic_path
from marey.io.camera import Camera, View, follow
from marey.io.caption import caption_strip
from marey.io.figure import CENTRE, LEFT, RIGHT, Figure, figure_for
from marey.io.ground import Ground
from marey.io.raycast import draw_cones
from marey.io.video import write_mp4
from marey.motion import Motion

Progress = Callable[[int, int], None]
"""Called with the number of frames drawn and the number of all frames."""

PREVIEW_SUFFIXES = (".png", ".webp", ".gif", ".mp4")
"""Files that ``render_file`` writes; .png is a contact sheet."""
PREVIEW_FPS = 20.0
"""Frame rate of animated previews, or the motion's own where that is lower."""

_COLORS = {CENTRE: (214, 216, 222), LEFT: (66, 133, 214), RIGHT: (236, 126, 62)}
_SIZE_RANGE = (16, 4096)  # pixels
_MAX_FPS = 240
_GAP = 4  # pixels between the poses of a contact sheet


@dataclass(frozen=True, kw_only=True)
class _Scene:
    figure: Figure
    ends: Float[np.ndarray, "frames cones 2 3"]
    camera: Camera
    ground: Ground
    path: Float[np.ndarray, "frames 3"]

    @classmethod
    def from_motion(
        cls, motion: Motion, *, size: tuple[int, int], view: View, still: bool = False
    ) -> "_Scene":
        check_choices(size, view)
        figure = figure_for(motion.skeleton)
        ends = figure.pose(motion)
        camera = follow(motion, ends, figure, size=size, view=view, still=still)
        path = motion.root_positions.numpy() * np.array((1, 0, 1), dtype=np.float32)
        ground = Ground.from_camera(camera)
        return cls(figure=figure, ends=ends, camera=camera, ground=ground, path=path)

    def draw(self, frame: int) -> UInt8[np.ndarray, "rows columns 3"]:
        """Return the image of one frame."""
        ends, radii = self.ends[frame], self.figure.radii
        image = self.ground.draw(frame, ends, radii, self.path)
        colors = np.array([_COLORS[side] for side in self.figure.sides.tolist()], dtype=np.float32)
        layer = draw_cones(self.camera.to_camera(ends, frame), radii, colors, self.camera)
        if layer is not None:
            rows, columns = layer.coverage.shape
            part = image[layer.top : layer.top + rows, layer.left : layer.left + columns]
            part *= 1 - layer.coverage[..., None]
            part += layer.color
        return np.rint(image).astype(np.uint8)


def render_frames(
    motion: Motion,
    *,
    size: tuple[int, int] = (400, 400),
    fps: float | None = None,
    view: View = "three-quarter",
    caption: str | None = None,
) -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
    """Draw a motion frame by frame, at ``fps`` or the motion's own rate.

    ``size`` is width and height in pixels; a caption adds a strip below. Raises
    InvalidInputError for a size, rate or view that cannot be drawn.
    """
    shown = motion if fps is None else _resampled(motion, fps)
    scene = _Scene.from_motion(shown, size=size, view=view)
    strip = None if caption is None else np.asarray(caption_strip(caption, size[0]))
    return _draw_all(scene, strip)


def _draw_all(
    scene: _Scene, strip: UInt8[np.ndarray, "rows columns 3"] | None
) -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
    for frame in range(len(scene.path)):
        image = scene.draw(frame)
        yield image if strip is None else np.concatenate((image, strip))


def contact_sheet(
    motion: Motion,
    *,
    count: int = 8,
    size: tuple[int, int] = (160, 220),
    view: View = "three-quarter",
    caption: str | None = None,
) -> Image.Image:
    """Draw ``count`` poses, evenly spaced in time, side by side with their seconds.

    ``size`` is the width and height of one pose in pixels. A motion with fewer frames shows each
    once. Raises InvalidInputError for a count, size or view that cannot be drawn.
    """
    if not 1 <= count <= 64:
        raise InvalidInputError(f"A contact sheet shows 1 to 64 poses, got count={count}.")
    check_choices(size, view)
    fine = _Scene.from_motion(motion, size=(2 * size[0], 2 * size[1]), view=view, still=True)
    frames = np.unique(np.linspace(0, motion.num_frames - 1, count).round().astype(int)).tolist()
    columns = [
        stacked(
            [
                Image.fromarray(fine.draw(frame)).reduce(2),
                caption_strip(f"{frame / motion.fps:.1f} s", size[0], small=True),
            ]
        )
        for frame in frames
    ]
    width = len(columns) * (size[0] + _GAP) - _GAP
    sheet = Image.new("RGB", (width, columns[0].height), "white")
    for i, column in enumerate(columns):
        sheet.paste(column, (i * (size[0] + _GAP), 0))
    return sheet if caption is None else stacked([caption_strip(caption, width), sheet])


def contact_sheets(
    rows: Sequence[tuple[str, Motion]],
    *,
    count: int = 8,
    size: tuple[int, int] = (120, 165),
    view: View = "three-quarter",
) -> Image.Image:
    """Draw one contact sheet per (label, motion), one below the other.

    Raises InvalidInputError if there is none, and as ``contact_sheet`` does.
    """
    if not rows:
        raise InvalidInputError("Contact sheets need at least one motion, got none.")
    return stacked(
        [
            contact_sheet(motion, count=count, size=size, view=view, caption=label)
            for label, motion in rows
        ]
    )


def render_file(
    motion: Motion,
    path: str | Path,
    *,
    force: bool = False,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    view: View = "three-quarter",
    caption: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a preview; the suffix decides: .png contact sheet, .webp or .gif animation, .mp4.

    ``size`` is that of one pose or frame in pixels. Animations loop, at ``PREVIEW_FPS`` unless
    ``fps`` says otherwise. Raises InvalidInputError for another suffix, for a file that exists
    (unless ``force``), and as ``render_frames`` does; MissingExtraError for .mp4 without PyAV.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PREVIEW_SUFFIXES:
        raise InvalidInputError(
            f"{path}: cannot draw {suffix or 'a file without suffix'!r}; expected one of "
            f"{', '.join(PREVIEW_SUFFIXES)}."
        )
    if suffix == ".png":
        # A still has no frame rate; asking for one is a mistake worth telling.
        if fps is not None:
            raise InvalidInputError(f"{path}: a contact sheet has no frame rate; leave out fps.")
        sheet = contact_sheet(motion, size=size or (160, 220), view=view, caption=caption)
        with atomic_path(path, force=force) as temporary:
            sheet.save(temporary, format="PNG", optimize=True)
        return
    rate = min(PREVIEW_FPS, motion.fps) if fps is None else fps
    shown = _resampled(motion, rate)
    images = render_frames(shown, size=size or (400, 400), view=view, caption=caption)
    images = counted(images, shown.num_frames, progress)
    if suffix == ".mp4":
        write_mp4(images, path, fps=rate, force=force)
    else:
        write_animation(images, path, frames=shown.num_frames, fps=shown.fps, force=force)


def _resampled(motion: Motion, fps: float) -> Motion:
    if not 0 < fps <= _MAX_FPS:
        raise InvalidInputError(f"fps must lie in (0, {_MAX_FPS}], got {fps}.")
    return motion.resample(fps)


def check_choices(size: tuple[int, int], view: str) -> None:
    """Raise InvalidInputError for a picture size or a view that cannot be drawn."""
    low, high = _SIZE_RANGE
    if not all(low <= n <= high for n in size):
        raise InvalidInputError(
            f"size must be a width and a height of {low} to {high} pixels, got {size}."
        )
    if view not in get_args(View):
        raise InvalidInputError(f"Unknown view {view!r}; expected {', '.join(get_args(View))}.")


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Return one image below the other, left-aligned on white."""
    page = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), "white")
    top = 0
    for image in images:
        page.paste(image, (0, top))
        top += image.height
    return page
