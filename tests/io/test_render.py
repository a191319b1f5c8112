"""The preview renderer: exact geometry, a camera that keeps the body in sight, valid files."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marey.errors import InvalidInputError
from marey.io import read_bvh
from marey.io.camera import Camera, follow
from marey.io.figure import CENTRE, LEFT, RIGHT, figure_for
from marey.io.raycast import draw_cones
from marey.io.render import check_choices, contact_sheet, contact_sheets, render_file, render_frames
from marey.motion import Motion
from marey.skeleton import BODY22, Skeleton

SIZE = (96, 120)


def walk(frames: int = 12, fps: float = 20.0, speed: float = 1.2) -> Motion:
    """A body in T-pose that glides forward with a little bounce."""
    time = torch.arange(frames) / fps
    root = torch.stack((torch.zeros(frames), 0.88 + 0.02 * (9 * time).sin(), speed * time), -1)
    turns = torch.eye(3).repeat(frames, 22, 1, 1)
    return Motion(root_positions=root, local_rotations=turns, fps=fps, skeleton=BODY22)


def stick(**changes: object) -> Skeleton:
    """Three bones without roles, mirror map or end sites."""
    offsets = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.3, 0.2, 0.0], [-0.3, 0.2, 0.0]])
    skeleton = Skeleton(
        name="stick",
        joint_names=("hub", "top", "l", "r"),
        parents=(-1, 0, 1, 1),
        rest_offsets=offsets,
    )
    return replace(skeleton, **changes)


def still(skeleton: Skeleton) -> Motion:
    return Motion(
        root_positions=torch.tensor([[0.0, 0.1, 0.0]]),
        local_rotations=torch.eye(3).repeat(1, skeleton.num_joints, 1, 1),
        fps=20.0,
        skeleton=skeleton,
    )


def camera(size: tuple[int, int] = (200, 200)) -> Camera:
    """Looks along its own z axis from 4 m."""
    return Camera(
        axes=np.eye(3, dtype=np.float32),
        targets=np.zeros((1, 3), dtype=np.float32),
        distance=4.0,
        size=size,
    )


def drawn_area(ends: list, radii: list) -> float:
    """Square pixels that one white cone in camera coordinates covers."""
    layer = draw_cones(
        np.array([ends], dtype=np.float32),
        np.array([radii], dtype=np.float32),
        np.full((1, 3), 255, dtype=np.float32),
        camera(),
    )
    assert layer is not None
    return float(layer.coverage.sum())


def test_a_sphere_covers_the_disc_that_it_must() -> None:
    radius, depth = 0.5, 4.0
    half_angle = math.asin(radius / depth)
    expected = math.pi * (camera().focal * math.tan(half_angle)) ** 2
    assert drawn_area([(0, 0, depth)] * 2, [radius, radius]) == pytest.approx(expected, rel=0.01)


def test_a_capsule_is_two_half_discs_and_a_rectangle() -> None:
    radius, depth, length = 0.3, 20.0, 3.0  # far away: nearly parallel rays
    scale = camera().focal / depth
    expected = (math.pi * radius**2 + 2 * radius * length) * scale**2
    area = drawn_area([(-1.5, 0, depth), (1.5, 0, depth)], [radius, radius])
    assert area == pytest.approx(expected, rel=0.03)


def test_a_cone_covers_the_hull_of_its_two_discs() -> None:
    depth, length, big, small = 20.0, 1.0, 0.4, 0.1
    turn = math.asin((big - small) / length)
    side = length * math.cos(turn)
    area = (math.pi / 2 + turn) * big**2 + (math.pi / 2 - turn) * small**2 + (big + small) * side
    got = drawn_area([(-0.5, 0, depth), (0.5, 0, depth)], [big, small])
    assert got == pytest.approx(area * (camera().focal / depth) ** 2, rel=0.03)


def test_a_sphere_that_holds_the_other_is_all_that_is_seen() -> None:
    alone = drawn_area([(0, 0, 4)] * 2, [0.5, 0.5])
    assert drawn_area([(0, 0, 4), (0.1, 0, 4)], [0.5, 0.2]) == pytest.approx(alone, rel=1e-3)


def test_the_nearer_body_hides_the_other() -> None:
    ends = np.array([[(0, 0, 5)] * 2, [(0, 0, 4)] * 2], dtype=np.float32)
    red_behind_green = np.array([(255, 0, 0), (0, 255, 0)], dtype=np.float32)
    layer = draw_cones(ends, np.full((2, 2), 0.3, dtype=np.float32), red_behind_green, camera())
    assert layer is not None
    row, column = layer.coverage.shape
    red, green, _ = layer.color[row // 2, column // 2]
    assert green > 100 > 60 > red


def test_nothing_is_drawn_outside_the_image() -> None:
    ends = np.array([[(50, 0, 4)] * 2], dtype=np.float32)
    white = np.full((1, 3), 255, dtype=np.float32)
    assert draw_cones(ends, np.full((1, 2), 0.1, dtype=np.float32), white, camera()) is None


@pytest.mark.parametrize("view", ["three-quarter", "front", "side"])
@pytest.mark.parametrize("size", [(96, 120), (200, 90), (60, 200)])
def test_every_part_of_the_body_stays_in_the_image(view: str, size: tuple[int, int]) -> None:
    motion = walk(frames=40, speed=3.0)
    figure = figure_for(motion.skeleton)
    ends = figure.pose(motion)
    seen = follow(motion, ends, figure, size=size, view=view)
    for frame in range(motion.num_frames):
        pixels = seen.project(ends[frame], frame)
        assert (pixels > 0).all()
        assert (pixels < size).all()


def test_the_camera_follows_a_steady_walk_exactly() -> None:
    motion = walk(frames=60)
    figure = figure_for(motion.skeleton)
    targets = follow(motion, figure.pose(motion), figure, size=SIZE).targets
    steps = np.diff(targets[:, 2])
    assert steps == pytest.approx(1.2 / 20, abs=1e-3)
    assert np.abs(np.diff(steps)).max() < 1e-4  # no jitter


def test_the_side_view_sees_a_walk_from_left_to_right() -> None:
    motion = walk(frames=30)
    figure = figure_for(motion.skeleton)
    seen = follow(motion, figure.pose(motion), figure, size=SIZE, view="side")
    assert seen.axes[0] == pytest.approx((0, 0, 1), abs=1e-5)
    assert seen.axes @ seen.axes.T == pytest.approx(np.eye(3), abs=1e-5)


def test_the_view_turns_with_the_body() -> None:
    frames = [next(iter(render_frames(m, size=SIZE))) for m in (walk(), walk().rotate(math.pi / 2))]
    difference = np.abs(frames[0].astype(int) - frames[1].astype(int))
    assert difference.mean() < 1.0  # a quarter turn leaves the grid where it was


def test_sides_of_the_body_have_their_colours() -> None:
    figure = figure_for(BODY22)
    image = next(iter(render_frames(walk(), size=(200, 200), view="front"))).astype(int)
    blue = np.nonzero(image[..., 2] - image[..., 0] > 60)[1]
    orange = np.nonzero(image[..., 0] - image[..., 2] > 60)[1]
    assert set(figure.sides.tolist()) == {CENTRE, LEFT, RIGHT}
    assert len(blue) > 200
    assert blue.mean() > 110  # seen from the front, its left is on the image's right
    assert len(orange) > 200
    assert orange.mean() < 90


def test_the_body_throws_a_shadow_on_a_light_ground() -> None:
    image = next(iter(render_frames(walk(), size=(200, 200))))
    assert image[0].mean() > 240
    spread = image.max(-1).astype(int) - image.min(-1)
    shadow = (spread < 12) & (image.mean(-1) < 175)
    assert shadow[150:].sum() > 50


def test_any_skeleton_can_be_drawn() -> None:
    figure = figure_for(stick())
    assert sorted(figure.sides.tolist()) == [CENTRE, LEFT, RIGHT]
    assert figure_for(stick(mirror=(0, 1, 3, 2))).sides.tolist() == [CENTRE, LEFT, RIGHT]
    single = Skeleton(
        name="dot", joint_names=("dot",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    for skeleton in (stick(), stick(end_sites=((1, (0.0, 0.1, 0.0)),)), single):
        image = next(iter(render_frames(still(skeleton), size=SIZE)))
        assert image.shape == (120, 96, 3)
        assert image.std() > 3


def test_a_captured_walk_of_a_foreign_rig_stays_in_sight(shared_data: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu" / "02_01.bvh").resample(10.0)
    figure = figure_for(motion.skeleton)
    ends = figure.pose(motion)
    seen = follow(motion, ends, figure, size=SIZE)
    for frame in range(motion.num_frames):
        pixels = seen.project(ends[frame], frame)
        assert (pixels > 0).all()
        assert (pixels < SIZE).all()
    for image in render_frames(motion.crop(10, 13), size=SIZE):
        blueness = image[..., 2].astype(int) - image[..., 0]
        assert (blueness > 60).sum() > 100
        assert (blueness < -60).sum() > 100


def test_frames_are_images_of_the_wanted_size_and_number() -> None:
    frames = list(render_frames(walk(frames=21), size=SIZE, fps=10.0))
    assert len(frames) == 11
    assert {(f.shape, f.dtype) for f in frames} == {((120, 96, 3), np.dtype("uint8"))}


def test_a_caption_adds_a_strip_of_even_height() -> None:
    plain = next(iter(render_frames(walk(), size=SIZE)))
    image = next(iter(render_frames(walk(), size=SIZE, caption="a person glides forward")))
    strip = image[120:]
    assert np.array_equal(image[:120], plain)
    assert len(strip) % 2 == 0
    assert strip.min() < 120


def test_rendering_is_repeatable() -> None:
    first, second = (np.stack(list(render_frames(walk(3), size=SIZE))) for _ in range(2))
    assert np.array_equal(first, second)


def test_contact_sheets_have_a_row_per_motion_and_a_pose_per_time() -> None:
    single = contact_sheet(walk(), count=4, size=(40, 60))
    assert single.width == 4 * 40 + 3 * 4
    assert contact_sheet(walk(frames=2), count=4, size=(40, 60)).width == 2 * 40 + 4
    both = contact_sheets([("one", walk()), ("two", walk())], count=4, size=(40, 60))
    assert both.width == single.width
    assert both.height > 2 * single.height


@pytest.mark.parametrize(("name", "kind"), [("a.webp", "WEBP"), ("a.gif", "GIF"), ("a.png", "PNG")])
def test_files_are_valid_and_animations_last_as_long_as_the_motion(
    name: str, kind: str, tmp_path: Path
) -> None:
    motion = walk(frames=13, fps=24.0)
    calls: list[tuple[int, int]] = []
    render_file(
        motion, tmp_path / name, size=SIZE, progress=lambda done, total: calls.append((done, total))
    )
    with Image.open(tmp_path / name) as image:
        assert image.format == kind
        if kind != "PNG":
            assert image.size == SIZE
            assert image.info["loop"] == 0
            total = 0
            for frame in range(image.n_frames):
                image.seek(frame)
                image.load()
                total += image.info["duration"]
            assert total == pytest.approx(11 * 1000 / 20, abs=10)
            assert calls[-1] == (11, 11)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_existing_files_are_kept_without_force(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match="force"):
        render_file(walk(2), path, size=SIZE)
    assert path.read_bytes() == b"mine"
    render_file(walk(2), path, size=SIZE, force=True)
    assert path.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (8, 100)}, "size"),
        ({"size": (100, 100_000)}, "size"),
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": 1e9}, "fps"),
    ],
)
def test_impossible_wishes_are_refused_before_any_frame(options: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        render_frames(walk(), **options)


def test_an_unknown_view_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="three-quarter"):
        check_choices(SIZE, "top")


def test_impossible_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"\.webp"):
        render_file(walk(), tmp_path / "a.jpg")
    with pytest.raises(InvalidInputError, match="frame rate"):
        render_file(walk(), tmp_path / "a.png", fps=10.0)
    with pytest.raises(InvalidInputError, match="mp4"):
        render_file(walk(frames=3000), tmp_path / "a.webp")
    with pytest.raises(InvalidInputError, match="count"):
        contact_sheet(walk(), count=0)
    with pytest.raises(InvalidInputError, match="at least one"):
        contact_sheets([])
    assert list(tmp_path.iterdir()) == []
