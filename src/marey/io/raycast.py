"""Ray casting of round cones: an exact, shaded, antialiased body without GPU or display.

A round cone is the hull of two spheres. With its axis ``n`` from the first centre, ``s`` =
(first radius − second radius) / length and ``h`` a point's position along the axis, the lateral
surface solves a quadratic equation in the ray's parameter; a point of it touches the sphere whose
centre lies at ``(h − first radius · s) / (1 − s²)`` along the axis, which gives its normal.
Coordinates are the camera's: x right, y up, z away; a ray is ``(column, row, 1) · depth``.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from marey.io.camera import Camera

Array = np.ndarray

SAMPLES = 2
"""Rays per pixel along each axis."""
_LIGHT = np.array((-0.50, 0.70, -0.51), dtype=np.float32)
_MIN_DEPTH = 0.05


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A drawn body: the part of the image that it covers."""

    left: int
    top: int
    color: Float[Array, "rows columns 3"]
    """0–255, multiplied by the coverage."""
    coverage: Float[Array, "rows columns"]


@dataclass(frozen=True, kw_only=True)
class _Cones:
    start: Float[Array, "cones 3"]
    axis: Float[Array, "cones 3"]
    length: Float[Array, " cones"]
    radius: Float[Array, " cones"]
    """Radius at the start."""
    slope: Float[Array, " cones"]
    """Radius lost per metre of axis; one with no lateral surface has 1 or more."""


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Rays of a part of the image, with the nearest hit of each."""

    columns: Float[Array, " columns"]
    rows: Float[Array, " rows"]
    square: Float[Array, "rows columns"]
    """Squared length of the ray at depth 1."""
    depth: Float[Array, "rows columns"]
    owner: Int[Array, "rows columns"]
    """The cone that was hit; -1 for none."""


def draw_cones(
    ends: Float[Array, "cones 2 3"],
    radii: Float[Array, "cones 2"],
    colors: Float[Array, "cones 3"],
    camera: Camera,
) -> Layer | None:
    """Draw cones, given in camera coordinates; None if they lie outside the image."""
    boxes = _boxes(ends, radii, camera)
    low = boxes[..., :2].reshape(-1, 2).min(0) // SAMPLES * SAMPLES
    high = -(-boxes[..., 2:].reshape(-1, 2).max(0) // SAMPLES) * SAMPLES
    if (high <= low).any():
        return None
    boxes = boxes - np.concatenate((low, low))
    window = _window(low, high, camera)
    cones = _cones(ends, radii)
    for cone, (first, second) in enumerate(boxes):
        _cast_sphere(window, cone, ends[cone, 0], float(radii[cone, 0]), first)
        _cast_sphere(window, cone, ends[cone, 1], float(radii[cone, 1]), second)
        both = np.concatenate((np.minimum(first, second)[:2], np.maximum(first, second)[2:]))
        _cast_side(window, cone, cones, both)
    return _resolve(window, cones, colors, low // SAMPLES)


def _cones(ends: Float[Array, "cones 2 3"], radii: Float[Array, "cones 2"]) -> _Cones:
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.linalg.norm(along, axis=-1), 1e-6)
    return _Cones(
        start=ends[:, 0],
        axis=along / length[:, None],
        length=length,
        radius=radii[:, 0],
        slope=(radii[:, 0] - radii[:, 1]) / length,
    )


def _boxes(
    ends: Float[Array, "cones 2 3"], radii: Float[Array, "cones 2"], camera: Camera
) -> Int[Array, "cones 2 4"]:
    """Left, top, right and bottom sample around the sphere at each end, inside the image."""
    focal, size = SAMPLES * camera.focal, SAMPLES * np.array(camera.size)
    depth = np.maximum(ends[..., 2], _MIN_DEPTH)
    centre = ends[..., :2] * (focal / depth)[..., None] * (1, -1) + size / 2
    reach = 1.1 * focal * radii / np.maximum(depth - radii, _MIN_DEPTH) + 1
    corners = (centre - reach[..., None], centre + reach[..., None] + 1)
    return np.concatenate([np.clip(c, 0, size).astype(int) for c in corners], axis=-1)


def _window(low: Int[Array, "2"], high: Int[Array, "2"], camera: Camera) -> _Window:
    focal, size = SAMPLES * camera.focal, SAMPLES * np.array(camera.size)
    columns = (np.arange(low[0], high[0]) + 0.5 - size[0] / 2) / focal
    rows = (size[1] / 2 - np.arange(low[1], high[1]) - 0.5) / focal
    square = (rows**2)[:, None] + columns**2 + 1
    return _Window(
        columns=columns.astype(np.float32),
        rows=rows.astype(np.float32),
        square=square.astype(np.float32),
        depth=np.full(square.shape, np.inf, dtype=np.float32),
        owner=np.full(square.shape, -1, dtype=np.int16),
    )


def _along(window: _Window, part: tuple[slice, slice], vector: Float[Array, "3"]) -> Array:
    """Product of every ray with a vector."""
    x, y, z = vector
    return (window.rows[part[0]] * y + z)[:, None] + window.columns[part[1]] * x


def _keep(window: _Window, part: tuple[slice, slice], cone: int, depth: Array) -> None:
    nearer = depth < window.depth[part]
    np.copyto(window.depth[part], depth, where=nearer)
    np.copyto(window.owner[part], cone, where=nearer)


def _cast_sphere(
    window: _Window, cone: int, centre: Float[Array, "3"], radius: float, box: Int[Array, "4"]
) -> None:
    part = (slice(box[1], box[3]), slice(box[0], box[2]))
    along = _along(window, part, centre)
    square = window.square[part]
    root = along**2 - square * (centre @ centre - radius**2)
    depth = (along - np.sqrt(np.maximum(root, 0))) / square
    _keep(window, part, cone, np.where(root > 0, depth, np.inf))


def _cast_side(window: _Window, cone: int, cones: _Cones, box: Int[Array, "4"]) -> None:
    start, axis = cones.start[cone], cones.axis[cone]
    radius, slope = cones.radius[cone], cones.slope[cone]
    cosine = 1 - slope**2  # squared
    if cosine < 1e-4:
        return
    part = (slice(box[1], box[3]), slice(box[0], box[2]))
    turn = _along(window, part, axis)
    offset = start @ axis
    shift = offset + radius * slope
    a = cosine * window.square[part] - turn**2
    b = cosine * _along(window, part, start) - turn * shift
    c = cosine * (start @ start) - offset**2 - 2 * radius * slope * offset - radius**2
    root = b**2 - a * c
    hit = (root > 0) & (a > 1e-7)
    depth = (b - np.sqrt(np.maximum(root, 0))) / np.where(hit, a, 1)
    centre = depth * turn - shift
    hit &= (centre > 0) & (centre < cones.length[cone] * cosine)
    _keep(window, part, cone, np.where(hit, depth, np.inf))


def _resolve(
    window: _Window, cones: _Cones, colors: Float[Array, "cones 3"], corner: Int[Array, "2"]
) -> Layer:
    """Shade the rays that hit and average the samples of each pixel."""
    shape = window.owner.shape
    hits = np.flatnonzero(window.owner >= 0)
    rows, columns = np.divmod(hits, shape[1])
    owner = window.owner.ravel()[hits]
    ray = np.stack((window.columns[columns], window.rows[rows], np.ones(len(hits), "f4")))
    normal = _normals(ray * window.depth.ravel()[hits], cones, owner)
    view = -ray / np.sqrt(window.square.ravel()[hits])
    samples = np.zeros((4, shape[0] * shape[1]), dtype=np.float32)
    samples[:3, hits] = _shade(normal, view, colors.T[:, owner])
    samples[3, hits] = 1
    samples = samples.reshape(4, *shape)
    steps = [(i, j) for i in range(SAMPLES) for j in range(SAMPLES)]
    pixels = np.sum([samples[:, i::SAMPLES, j::SAMPLES] for i, j in steps], axis=0) / SAMPLES**2
    color = np.ascontiguousarray(pixels[:3].transpose(1, 2, 0))
    return Layer(left=int(corner[0]), top=int(corner[1]), color=color, coverage=pixels[3])


def _normals(
    point: Float[Array, "3 hits"], cones: _Cones, owner: Int[Array, " hits"]
) -> Float[Array, "3 hits"]:
    axis, slope, radius = cones.axis.T[:, owner], cones.slope[owner], cones.radius[owner]
    length = cones.length[owner]
    from_start = point - cones.start.T[:, owner]
    height = _dot(from_start, axis)
    centre = np.clip((height - radius * slope) / np.maximum(1 - slope**2, 1e-4), 0, length)
    # Where one sphere holds the other there is no side: the greater sphere was hit.
    centre = np.where(slope >= 1, 0, np.where(slope <= -1, length, centre))
    normal = from_start - axis * centre
    return normal / np.sqrt(_dot(normal, normal) + 1e-12)


def _shade(
    normal: Float[Array, "3 hits"], view: Float[Array, "3 hits"], color: Float[Array, "3 hits"]
) -> Float[Array, "3 hits"]:
    """Soft key light, sky light from above, darker contours and a small highlight."""
    light = _LIGHT[:, None]
    key = np.clip(0.5 + 0.5 * _dot(normal, light), 0, 1)
    sky = 0.5 + 0.5 * normal[1]
    contour = 0.66 + 0.34 * np.clip(2.2 * _dot(normal, view), 0, 1)
    half = light + view
    shine = np.clip(_dot(normal, half), 0, None) ** 2 / _dot(half, half)
    bright = contour * (0.34 + key * (0.43 + 0.19 * key) + 0.16 * sky)
    return np.clip(color * bright + 30 * shine**8, 0, 255)


def _dot(first: Float[Array, "3 #hits"], second: Float[Array, "3 #hits"]) -> Float[Array, " hits"]:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]
