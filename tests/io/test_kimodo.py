"""Kimodo's NPZ files: the bundled examples, round trips on every skeleton, and faults by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io.kimodo import read_kimodo, write_kimodo
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77, Skeleton

OWN_BODY = replace(BODY22, name="own", rest_offsets=1.1 * BODY22.rest_offsets)
SEVEN = {
    "posed_joints": ("<f4", (3,)),
    "global_rot_mats": ("<f4", (3, 3)),
    "local_rot_mats": ("<f4", (3, 3)),
    "foot_contacts": ("|b1", ()),
    "smooth_root_pos": ("<f4", ()),
    "root_positions": ("<f4", ()),
    "global_root_heading": ("<f4", ()),
}


def wander(skeleton: Skeleton, generator: torch.Generator, frames: int = 12) -> Motion:
    shape = (frames, skeleton.num_joints, 3)
    turns = 0.4 * torch.randn(shape, generator=generator)
    return Motion(
        root_positions=torch.randn(frames, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(turns),
        fps=30.0,
        skeleton=skeleton,
        contacts=torch.rand(frames, 4, generator=generator) < 0.5,
    )


@pytest.fixture
def arrays(generator: torch.Generator, tmp_path: Path) -> dict[str, np.ndarray]:
    write_kimodo(wander(SOMA30, generator), tmp_path / "valid.npz", with_fingers=False)
    return dict(np.load(tmp_path / "valid.npz"))


def saved(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path


def test_bundled_examples_are_read_and_written_back(shared_data: Path, tmp_path: Path) -> None:
    files = sorted(shared_data.glob("kimodo_examples/*/*/motion.npz"))
    assert len(files) == 8
    for file in files:
        motion = read_kimodo(file)
        assert motion.skeleton == (G1_34 if "g1" in str(file) else SOMA30)
        target = tmp_path / f"{file.parent.name}.npz"
        write_kimodo(motion, target, with_fingers=False, force=True)
        again = read_kimodo(target)
        assert torch.equal(again.local_rotations, motion.local_rotations)
        assert torch.equal(again.root_positions, motion.root_positions)
        assert again.contacts is not None
        written, given = np.load(target), np.load(file)
        assert (written["foot_contacts"] == given["foot_contacts"]).all()
        for name in ("posed_joints", "global_rot_mats"):
            np.testing.assert_allclose(written[name], given[name], atol=5e-6)


@pytest.mark.parametrize("skeleton", [SOMA30, SOMA77, G1_34, OWN_BODY], ids=lambda s: s.name)
def test_what_is_written_is_read(
    skeleton: Skeleton, generator: torch.Generator, tmp_path: Path
) -> None:
    motion = wander(skeleton, generator)
    write_kimodo(motion, tmp_path / "a.npz", with_fingers=False)
    again = read_kimodo(tmp_path / "a.npz")
    assert torch.equal(again.local_rotations, motion.local_rotations)
    assert torch.equal(again.root_positions, motion.root_positions)
    assert motion.contacts is not None
    assert again.contacts is not None
    assert torch.equal(again.contacts, motion.contacts)
    offsets = again.skeleton.rest_offsets[1:]
    assert torch.allclose(offsets, skeleton.rest_offsets[1:], atol=1e-6)  # also those of OWN_BODY
    assert again.skeleton.joint_names == skeleton.joint_names


def test_all_seven_arrays_have_kimodos_types(generator: torch.Generator, tmp_path: Path) -> None:
    write_kimodo(replace(wander(SOMA30, generator), contacts=None), tmp_path / "a.npz")
    arrays = np.load(tmp_path / "a.npz")
    assert {name: arrays[name].dtype.str for name in arrays.files} == {
        name: kind for name, (kind, _) in SEVEN.items()
    }
    for name, (_, tail) in SEVEN.items():
        assert arrays[name].shape[0] == 12
        if tail:
            assert arrays[name].shape == (12, 77, *tail)
    assert arrays["foot_contacts"].shape == (12, 4)
    np.testing.assert_allclose(np.linalg.norm(arrays["global_root_heading"], axis=-1), 1, atol=1e-6)
    np.testing.assert_array_equal(arrays["smooth_root_pos"][:, 1], arrays["root_positions"][:, 1])


def test_heading_and_smooth_path_are_the_motions(
    generator: torch.Generator, tmp_path: Path
) -> None:
    motion = wander(SOMA77, generator)
    write_kimodo(motion, tmp_path / "a.npz")
    arrays = np.load(tmp_path / "a.npz")
    angle = np.arctan2(arrays["global_root_heading"][:, 1], arrays["global_root_heading"][:, 0])
    np.testing.assert_allclose(angle, motion.heading, atol=1e-5)
    np.testing.assert_allclose(arrays["smooth_root_pos"][:, [0, 2]], motion.root_path, atol=1e-5)


@pytest.mark.parametrize(
    "kept",
    [
        ("posed_joints", "global_rot_mats"),
        ("posed_joints", "local_rot_mats"),
        ("root_positions", "local_rot_mats"),
        ("root_positions", "global_rot_mats"),
    ],
)
def test_some_of_the_arrays_are_enough(
    kept: tuple[str, str], arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    motion = read_kimodo(saved(tmp_path / "some.npz", {name: arrays[name] for name in kept}))
    np.testing.assert_allclose(motion.joint_positions, arrays["posed_joints"], atol=1e-5)
    np.testing.assert_allclose(motion.global_rotations, arrays["global_rot_mats"], atol=1e-5)
    assert motion.contacts is None


def test_the_demos_other_names_are_understood(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    renamed = {
        "joints_pos": arrays["posed_joints"],
        "joints_rot": arrays["global_rot_mats"],
    }
    motion = read_kimodo(saved(tmp_path / "demo.npz", renamed), fps=24.0)
    np.testing.assert_allclose(motion.joint_positions, arrays["posed_joints"], atol=1e-5)
    assert motion.fps == 24


def test_of_six_contacts_heel_and_toe_are_kept(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    four = arrays["foot_contacts"]
    six = four[:, [0, 1, 1, 2, 3, 3]]
    motion = read_kimodo(saved(tmp_path / "six.npz", {**arrays, "foot_contacts": six}))
    np.testing.assert_array_equal(motion.contacts, four)


def test_motions_of_other_bodies_and_rates_are_refused(
    generator: torch.Generator, tmp_path: Path
) -> None:
    stick = Skeleton(
        name="stick", joint_names=("a",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    with pytest.raises(InvalidInputError, match=r"stick.*retarget"):
        write_kimodo(wander(stick, generator), tmp_path / "a.npz")
    slow = replace(wander(SOMA30, generator), fps=20.0)
    with pytest.raises(InvalidInputError, match=r"20.*resample\(30\)"):
        write_kimodo(slow, tmp_path / "a.npz")
    write_kimodo(slow, tmp_path / "a.npz", fps=20.0)
    assert read_kimodo(tmp_path / "a.npz", fps=20.0).fps == 20
    with pytest.raises(InvalidInputError, match="exists"):
        write_kimodo(slow, tmp_path / "a.npz", fps=20.0)


def faulty(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    changed = {key: value.copy() for key, value in arrays.items()}
    if name == "no rotations":
        return {"posed_joints": arrays["posed_joints"]}
    if name == "no place":
        return {"local_rot_mats": arrays["local_rot_mats"]}
    if name == "other joints":
        return {**arrays, "global_rot_mats": arrays["global_rot_mats"][:, :20]}
    if name == "other frames":
        return {**arrays, "posed_joints": arrays["posed_joints"][:-1]}
    if name == "whole numbers":
        return {**arrays, "posed_joints": arrays["posed_joints"].astype(np.int64)}
    if name == "not finite":
        changed["root_positions"][3] = np.nan
    elif name == "no rotation":
        changed["local_rot_mats"][2, 5] *= 2
    elif name == "stretched":
        changed["posed_joints"][4, 20] += 0.1
    return changed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no rotations", "global_rot_mats: expected this array or local_rot_mats"),
        ("no place", "posed_joints: expected this array or root_positions"),
        ("other joints", r"one of 30 \(soma30\)"),
        ("other frames", r"posed_joints: expected shape \(12, 30, 3\)"),
        ("whole numbers", "posed_joints: expected floating-point numbers, got int64"),
        ("not finite", "root_positions, frame 3: expected finite numbers"),
        ("no rotation", "local_rot_mats, frame 2, joint 5: expected a rotation"),
        ("stretched", "posed_joints, frame 4, RightHandThumbEnd: .* off by"),
    ],
)
def test_faults_are_named(
    name: str, message: str, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_kimodo(saved(tmp_path / "bad.npz", faulty(name, arrays)))


def test_arrays_of_different_motions_are_refused(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    turned = {**arrays, "global_rot_mats": arrays["global_rot_mats"][::-1]}
    del turned["posed_joints"]
    with pytest.raises(FileFormatError, match=r"global_rot_mats, frame \d+: expected those of lo"):
        read_kimodo(saved(tmp_path / "turned.npz", turned))
    moved = {**arrays, "root_positions": arrays["root_positions"] + np.float32(5)}
    with pytest.raises(FileFormatError, match="root_positions, frame 0: expected those of posed"):
        read_kimodo(saved(tmp_path / "moved.npz", moved))


def test_arrays_out_of_proportion_to_their_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    still = np.broadcast_to(np.eye(3, dtype=np.float32), (30_000, 77, 3, 3))
    np.savez_compressed(path, local_rot_mats=still, root_positions=np.zeros((30_000, 3)))
    assert path.stat().st_size < 2**19
    with pytest.raises(FileFormatError, match="arrays of at most"):
        read_kimodo(path)


def test_bones_of_smplx_take_positions(tmp_path: Path, generator: torch.Generator) -> None:
    motion = wander(OWN_BODY, generator)
    turned = {
        "root_positions": motion.root_positions.numpy(),
        "local_rot_mats": motion.local_rotations.numpy(),
    }
    with pytest.raises(FileFormatError, match="bones of SMPL-X"):
        read_kimodo(saved(tmp_path / "bad.npz", turned))
