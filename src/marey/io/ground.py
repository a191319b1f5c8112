"""The ground of the preview renderer: metre grid, soft shadow and the trail of the root."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from marey.io.camera import Camera

Array = np.ndarray

_SKY = np.array((250, 250, 251), dtype=np.float32)
_FLOOR = np.array((231, 234, 239), dtype=np.float32)
_TRAIL, _TRAIL_AHEAD = (92, 107, 132), (190, 197, 208)
_LINE_WIDTH = 0.016  # metres
_LINE_DARKNESS = 0.17
_SHADOW_DARKNESS = 0.42
_SHADOW_BLOCK = 4  # pixels per shadow sample: the shadow is soft
_SHADOW_LIGHT = (-0.20, 1.0, -0.14)  # from the ground to the light: right, up, away
_FADE = (3.5, 9.0)  # metres from the target at which floor and grid start and end to fade


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What does not change while the camera moves: where each pixel's ray meets the ground.

    A pixel sees the ground at ``camera x, z + camera height × reach``.
    """

    camera: Camera
    reach: Float[Array, "2 rows columns"]
    footprint: Float[Array, "2 rows columns"]
    """Ground covered by a pixel along x and z, per metre of camera height."""
    fade: Float[Array, "rows columns"]
    """1 near the target, 0 far away and above the horizon."""
    floor: Float[Array, "rows columns 3"]
    """Colour without grid and shadow, 0–255."""

    @classmethod
    def from_camera(cls, camera: Camera) -> "Ground":
        """Prepare the ground for a camera."""
        width, height = camera.size
        reach = _reach(camera, np.arange(width) + 0.5, np.arange(height) + 0.5)
        steps = [sum(np.abs(step) for step in np.gradient(axis)) for axis in reach]
        back = camera.distance * camera.axes[2]
        away = np.hypot(*(reach * max(-back[1], 0.1) - back[[0, 2], None, None]))
        fade = np.clip((_FADE[1] - away) / (_FADE[1] - _FADE[0]), 0, 1)
        fade = fade * fade * (3 - 2 * fade)
        return cls(
            camera=camera,
            reach=reach,
            footprint=np.maximum(np.stack(steps), 1e-6),
            fade=fade,
            floor=_SKY + (_FLOOR - _SKY) * fade[..., None],
        )

    def draw(
        self,
        frame: int,
        ends: Float[Array, "cones 2 3"],
        radii: Float[Array, "cones 2"],
        path: Float[Array, "frames 3"],
    ) -> Float[Array, "rows columns 3"]:
        """Return the image of the ground, 0–255, under a body that stands where ``ends`` are."""
        light = 1 - _LINE_DARKNESS * self._lines(frame) * self.fade
        self._darken(light, frame, ends, radii)
        image = self.floor * light[..., None]
        return _draw_trail(image, path, frame, self.camera)

    def _lines(self, frame: int) -> Float[Array, "rows columns"]:
        """Share of each pixel that is covered by a line, exact for a box-shaped pixel."""
        x, height, z = self.camera.position(frame)
        covered = []
        for reach, footprint, origin in zip(self.reach, self.footprint, (x, z), strict=True):
            place = origin + height * reach
            distance = np.abs(place - np.rint(place))
            pixel = abs(height) * footprint
            inner = np.minimum(distance + pixel / 2, _LINE_WIDTH / 2)
            outer = np.maximum(distance - pixel / 2, -_LINE_WIDTH / 2)
            covered.append(np.clip((inner - outer) / pixel, 0, 1))
        return np.maximum(*covered)

    def _darken(
        self,
        light: Float[Array, "rows columns"],
        frame: int,
        ends: Float[Array, "cones 2 3"],
        radii: Float[Array, "cones 2"],
    ) -> None:
        """Multiply the body's shadow into ``light``, where it falls."""
        right, _, away = self.camera.axes
        flat = np.array((away[0], 0.0, away[2])) / np.hypot(away[0], away[2])
        to_light = _SHADOW_LIGHT[0] * right + _SHADOW_LIGHT[2] * flat + (0, _SHADOW_LIGHT[1], 0)
        heights = np.maximum(ends[..., 1], 0)
        feet = (ends - to_light / to_light[1] * ends[..., 1:2])[..., [0, 2]]
        soft = _softness(heights)
        box = self._shadow_box(frame, feet, radii + soft)
        if box is None:
            return
        left, top, right_edge, bottom = box
        block = _SHADOW_BLOCK
        columns = left + block * (np.arange(-(-(right_edge - left) // block)) + 0.5)
        rows = top + block * (np.arange(-(-(bottom - top) // block)) + 0.5)
        x, height, z = self.camera.position(frame)
        origin = np.array((x, z), dtype=np.float32)[:, None, None]
        points = origin + height * _reach(self.camera, columns, rows)
        shade = _shade(points.reshape(2, -1), feet.astype(np.float32), radii, heights)
        small = Image.fromarray(shade.reshape(len(rows), len(columns)))
        full = small.resize((block * len(columns), block * len(rows)), Image.Resampling.BICUBIC)
        part = light[top:bottom, left:right_edge]
        part *= 1 - _SHADOW_DARKNESS * np.asarray(full)[: bottom - top, : right_edge - left]

    def _shadow_box(
        self, frame: int, feet: Float[Array, "cones 2 2"], reach: Float[Array, "cones 2"]
    ) -> tuple[int, int, int, int] | None:
        """Pixels around the shadow: left, top, right, bottom; None outside the image."""
        width, height = self.camera.size
        corners = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
        spots = (feet[:, :, None] + reach[:, :, None, None] * corners).reshape(-1, 2)
        ground = np.insert(spots, 1, 0.0, axis=1)
        if (self.camera.to_camera(ground, frame)[:, 2] < 0.1 * self.camera.distance).any():
            return 0, 0, width, height
        pixels = self.camera.project(ground, frame)
        left, top = np.clip(np.floor(pixels.min(0)), 0, (width, height)).astype(int).tolist()
        right, bottom = np.clip(np.ceil(pixels.max(0)), 0, (width, height)).astype(int).tolist()
        return (left, top, right, bottom) if right > left and bottom > top else None


def _reach(
    camera: Camera, columns: Float[Array, " columns"], rows: Float[Array, " rows"]
) -> Float[Array, "2 rows columns"]:
    """Ground x and z per metre of camera height that rays through pixels meet."""
    x = (columns - camera.size[0] / 2) / camera.focal
    y = (camera.size[1] / 2 - rows) / camera.focal
    right, up, away = camera.axes
    rays = y[:, None, None] * up + x[:, None] * right + away
    fall = np.maximum(-rays[..., 1], 1e-3)  # rays above the horizon meet it very far away
    return (rays[..., [0, 2]] / fall[..., None]).transpose(2, 0, 1).astype(np.float32)


def _softness(height: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Half width of the shadow's edge below a part at some height, metres."""
    return 0.02 + 0.22 * height


def _shade(
    points: Float[Array, "2 points"],
    feet: Float[Array, "cones 2 2"],
    radii: Float[Array, "cones 2"],
    heights: Float[Array, "cones 2"],
) -> Float[Array, " points"]:
    """Share of the light that the cones take from ground points."""
    start, along = feet[:, 0], feet[:, 1] - feet[:, 0]
    x, z = points[:, None] - start.T[..., None]
    square = np.maximum((along**2).sum(-1), 1e-8)[:, None]
    part = np.clip((x * along[:, :1] + z * along[:, 1:]) / square, 0, 1)
    distance = np.hypot(x - part * along[:, :1], z - part * along[:, 1:])
    radius = radii[:, :1] + part * (radii[:, 1:] - radii[:, :1])
    soft = _softness(heights[:, :1] + part * (heights[:, 1:] - heights[:, :1]))
    edge = np.clip((radius + soft - distance) / (2 * soft), 0, 1)
    dense = np.minimum(1, radius / (0.55 * soft + 0.01)) * edge * edge * (3 - 2 * edge)
    return (1 - np.prod(1 - 0.85 * dense, axis=0)).astype(np.float32)


def _draw_trail(
    image: Float[Array, "rows columns 3"],
    path: Float[Array, "frames 3"],
    frame: int,
    camera: Camera,
) -> Float[Array, "rows columns 3"]:
    """Draw the path behind the body dark and the path ahead of it light."""
    seen = camera.to_camera(path, frame)[:, 2] > 0.2 * camera.distance
    pixels = camera.project(np.where(seen[:, None], path, camera.targets[frame]), frame)
    past = np.arange(len(path)) <= frame
    for part, color in ((seen & ~past, _TRAIL_AHEAD), (seen & past, _TRAIL)):
        mask = _line_mask(pixels, part, camera.size)
        if (box := mask.getbbox()) is not None:
            left, top, right, bottom = box
            weight = np.asarray(mask, dtype=np.float32)[top:bottom, left:right, None] / 255
            drawn = image[top:bottom, left:right]
            drawn += (np.array(color, dtype=np.float32) - drawn) * weight
    return image


def _line_mask(pixels: Float[Array, "frames 2"], part: Array, size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", (2 * size[0], 2 * size[1]))
    draw = ImageDraw.Draw(mask)
    indices = np.nonzero(part)[0]
    for run in np.split(indices, np.nonzero(np.diff(indices) > 1)[0] + 1):
        if len(run) > 1:
            points = [(float(x), float(y)) for x, y in 2 * pixels[run]]
            draw.line(points, fill=255, width=max(2, round(size[1] / 80)), joint="curve")
    return mask.reduce(2)
