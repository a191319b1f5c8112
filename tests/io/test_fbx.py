"""FBX files: the records of the file, then what three.js and Blender show of it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.bvh import read_bvh
from marey.io.fbx import bone_names, fbx_bytes, write_fbx
from marey.io.fbx_binary import Record, decode
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA77, Skeleton

HAND = Skeleton(  # no twins, a bone without length, a tip, names that need cleaning
    name="hand",
    joint_names=("wrist", "first finger", "first_finger", "ring::link", "nail"),
    parents=(-1, 0, 1, 1, 2),
    rest_offsets=torch.tensor(
        [[0.0, 9.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.04], [0.0] * 3, [0.0, 0.02, 0.03]]
    ),
    end_sites=((4, (0.0, 0.01, 0.0)), (4, (0.0, 0.0, 0.01))),
)


def objects(motion: Motion, kind: str, **options: Any) -> list[Record]:
    return decode(Path("x"), fbx_bytes(motion, **options)).first("Objects").all(kind)


def test_file_ends_as_programs_expect(wander: Callable[[Skeleton, int], Motion]) -> None:
    for frames in range(1, 9):
        content = fbx_bytes(wander(HAND, frames))
        assert content.startswith(b"Kaydara FBX Binary  \x00\x1a\x00\xe8\x1c\x00\x00")
        assert len(content) % 16 == (4 + 120 + 16) % 16  # what precedes the version is aligned
        assert content[-16:].hex() == "f85a8c6adef5d97eece90ce3758f290b"


def test_every_link_joins_objects_of_the_file(wander: Callable[[Skeleton, int], Motion]) -> None:
    file = decode(Path("x"), fbx_bytes(wander(BODY22, 3)))
    made = {record.values[0]: record.name for record in file.first("Objects").children}
    links = [record.values for record in file.first("Connections").children]
    loose = {identifier for identifier, kind in made.items() if kind == "Pose"}
    assert {end for link in links for end in link[1:3]} == {0, *made} - loose
    stated = file.first("Definitions").first("Count").values[0]
    assert stated == len(made) + 1


def test_angles_never_jump(wander: Callable[[Skeleton, int], Motion]) -> None:
    for curve in objects(wander(BODY22, 120), "AnimationCurve"):
        values = curve.first("KeyValueFloat").values[0].unpack()
        assert abs(values[1:] - values[:-1]).max() < 90


def test_names_are_cleaned_and_differ() -> None:
    assert bone_names(HAND) == [
        *("wrist", "first_finger", "first_finger2", "ring_:link", "nail"),
        *("nail_end", "nail_end2"),
    ]


@pytest.mark.parametrize("fps", [20.0, 24.0, 29.97, 30.0, 30000 / 1001, 120.0])
def test_times_of_keys_are_frame_over_fps(
    fps: float, wander: Callable[[Skeleton, int], Motion]
) -> None:
    still = wander(HAND, 7)
    motion = Motion(
        root_positions=still.root_positions,
        local_rotations=still.local_rotations,
        fps=fps,
        skeleton=HAND,
    )
    for curve in objects(motion, "AnimationCurve"):
        times = curve.first("KeyTime").values[0].unpack() / 46_186_158_000
        assert times.tolist() == pytest.approx([frame / fps for frame in range(7)], abs=1e-10)


def test_same_motion_gives_the_same_bytes(wander: Callable[[Skeleton, int], Motion]) -> None:
    motion = wander(BODY22, 20)
    assert fbx_bytes(motion) == fbx_bytes(motion)


def test_existing_file_is_kept_unless_forced(
    wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    motion, path = wander(HAND, 2), tmp_path / "walk.fbx"
    path.write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match=r"walk\.fbx"):
        write_fbx(motion, path)
    assert path.read_bytes() == b"mine"
    write_fbx(motion, path, force=True)
    assert path.read_bytes() == fbx_bytes(motion)


def test_other_units_are_refused(wander: Callable[[Skeleton, int], Motion]) -> None:
    with pytest.raises(InvalidInputError, match="cm, m"):
        fbx_bytes(wander(HAND, 1), unit="inch")


# --- other programs ----------------------------------------------------------------------------


def largest_error(seen: dict[str, Any], motion: Motion) -> float:
    """Distance in metres of a program's bones from the joints, over all frames."""
    order = [seen["names"].index(name) for name in bone_names(motion.skeleton)]
    assert len(order) == len(seen["names"])
    places = torch.tensor(seen["positions"])[:, order[: motion.skeleton.num_joints]]
    return float((places - motion.joint_positions).norm(dim=-1).max())


@pytest.fixture(params=["walk", "robot", "soma", "hand"])
def motion(
    request: pytest.FixtureRequest, wander: Callable[[Skeleton, int], Motion], repository: Path
) -> Motion:
    """A captured walk where the data are there, and motions that turn far on other skeletons."""
    if request.param == "walk":
        return read_bvh(request.getfixturevalue("shared_data") / "bvh_cmu/02_01.bvh")
    return wander({"robot": G1_34, "soma": SOMA77, "hand": HAND}[request.param], 91)


@pytest.mark.parametrize("unit", ["cm", "m"])
def test_three_js_shows_the_joints_within_a_tenth_of_a_millimetre(
    motion: Motion, unit: Literal["cm", "m"], three: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "motion.fbx"
    write_fbx(motion, path, unit=unit)
    seen = three(path, [frame / motion.fps for frame in range(motion.num_frames)])
    assert seen["complaints"] == []
    # The loader takes ":" out of names, for its own property paths need it.
    assert largest_error(seen | {"names": blank_colons(seen, motion)}, motion) < 1e-4
    assert seen["bodyError"] < 1e-4  # the skin follows the joints
    assert seen["painted"] > 0.0003  # something is drawn: a hand is 30 pixels long
    last = (motion.num_frames - 1) / motion.fps
    assert math.isclose(seen["duration"], last, abs_tol=1e-5)


def blank_colons(seen: dict[str, Any], motion: Motion) -> list[str]:
    known = {name.replace(":", ""): name for name in bone_names(motion.skeleton)}
    return [known.get(name, str(name)) for name in seen["names"]]


@pytest.mark.parametrize("unit", ["cm", "m"])
def test_blender_shows_the_joints_within_a_tenth_of_a_millimetre(
    motion: Motion, unit: Literal["cm", "m"], blender: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "motion.fbx"
    write_fbx(motion, path, unit=unit)
    seen = blender(path, motion.num_frames, motion.fps)
    assert largest_error(seen, motion) < 1e-4
    assert seen["fps"] == pytest.approx(motion.fps)
    assert len(seen["meshes"]) == 1
