"""HumanML3D's and KIT-ML's files: the reference's clips, there and back, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io.humanml3d import read_humanml3d, write_humanml3d
from marey.motion import Motion, retarget
from marey.skeleton import BODY22, KIT21, SOMA30, Skeleton
from marey.skeleton.kinematics import joint_positions

CLIPS = ("walk", "jump", "dance", "turn")


def moving(skeleton: Skeleton = BODY22, *, fps: float = 20.0, frames: int = 30) -> Motion:
    """A body that turns while its limbs swing."""
    time = torch.linspace(0, 1, frames)
    axes = 0.4 * torch.randn(skeleton.num_joints, 3, generator=torch.Generator().manual_seed(4))
    local = rotations.rotation_vector_to_matrix((6 * time).sin()[:, None, None] * axes)
    local[:, 0] = rotations.yaw_matrix(2 * time) @ local[:, 0]
    root = torch.stack((2 + time, 1 + 0.1 * (9 * time).sin(), -time), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=fps, skeleton=skeleton)


@pytest.fixture(scope="module")
def fixture(shared_data: Path) -> dict[str, np.ndarray]:
    with np.load(shared_data / "humanml3d_fixture" / "fixture.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("kind", ["positions", "recovered", "features"])
def test_the_references_clips_are_read(
    fixture: dict[str, np.ndarray], tmp_path: Path, clip: str, kind: str
) -> None:
    file = tmp_path / "clip.npy"
    np.save(file, fixture[f"{clip}_{kind}"])
    motion = read_humanml3d(file)
    joints = fixture[f"{clip}_recovered" if kind == "features" else f"{clip}_{kind}"]
    assert float((motion.joint_positions - torch.from_numpy(joints)).norm(dim=-1).max()) < 1e-4
    assert motion.fps == 20.0
    assert motion.skeleton.joint_names == BODY22.joint_names
    assert motion.metadata["rotations"] == "estimated from joint positions"
    if kind == "features":
        assert motion.contacts is not None
        assert torch.equal(
            motion.contacts.float(), torch.from_numpy(fixture[f"{clip}_features"][:, 259:])
        )
    on_body = retarget(motion, BODY22).motion
    assert bool(on_body.joint_positions.isfinite().all())


@pytest.mark.parametrize("clip", CLIPS)
def test_the_references_files_are_written(
    fixture: dict[str, np.ndarray], tmp_path: Path, clip: str
) -> None:
    np.save(tmp_path / "raw.npy", fixture[f"{clip}_positions"])
    motion = read_humanml3d(tmp_path / "raw.npy")
    write_humanml3d(motion, tmp_path / "vecs.npy")
    write_humanml3d(motion, tmp_path / "joints.npy", content="joints")
    vecs, joints = np.load(tmp_path / "vecs.npy"), np.load(tmp_path / "joints.npy")
    assert vecs.dtype == joints.dtype == np.float32
    assert np.abs(vecs - fixture[f"{clip}_features"]).max() < 5e-5
    assert np.abs(joints - fixture[f"{clip}_recovered"]).max() < 1e-5


@pytest.mark.parametrize("content", ["features", "joints"])
@pytest.mark.parametrize(("skeleton", "fps"), [(BODY22, 20.0), (KIT21, 12.5)])
def test_what_is_written_is_read(
    tmp_path: Path, skeleton: Skeleton, fps: float, content: str
) -> None:
    motion = moving(skeleton, fps=fps)
    write_humanml3d(motion, tmp_path / "a.npy", content=content, uniform=False)
    back = read_humanml3d(tmp_path / "a.npy")
    assert (back.fps, back.num_frames) == (fps, motion.num_frames - 1)
    own, other = motion.joint_positions[:-1], back.joint_positions
    spans = (own[:, :, None] - own[:, None]).norm(dim=-1)
    torch.testing.assert_close(
        (other[:, :, None] - other[:, None]).norm(dim=-1), spans, atol=2e-4, rtol=0
    )
    write_humanml3d(back, tmp_path / "b.npy", content="joints", uniform=False)
    array = np.load(tmp_path / "b.npy")
    scale = 1000 if skeleton is KIT21 else 1
    torch.testing.assert_close(
        torch.from_numpy(array) / scale, back.joint_positions[:-1], atol=3e-4, rtol=0
    )
    assert abs(float(array[..., 1].min())) < 0.05 * scale


def test_the_bodys_own_rest_pose_can_be_given(tmp_path: Path) -> None:
    bent = BODY22.rest_offsets.clone()
    bent[BODY22.index("spine3")] = torch.tensor([0.0, 0.05, 0.04])
    build = replace(BODY22, rest_offsets=bent)
    motion = moving(build)
    write_humanml3d(motion, tmp_path / "a.npy", content="joints", uniform=False)
    joints = joint_positions(torch.zeros(3), torch.eye(3).expand(22, 3, 3), build)
    np.save(tmp_path / "rest.npy", joints.numpy())
    bends = [
        float(matrix_angle(read_humanml3d(tmp_path / "a.npy", rest=rest)).abs().mean())
        for rest in (None, build, tmp_path / "rest.npy")
    ]
    own = float(matrix_angle(motion).abs().mean())
    assert bends[1] == pytest.approx(bends[2], abs=1e-4)
    assert abs(bends[1] - own) < abs(bends[0] - own) / 2
    with pytest.raises(InvalidInputError, match="joints of 'humanml3d22'"):
        read_humanml3d(tmp_path / "a.npy", rest=KIT21)


def matrix_angle(motion: Motion) -> torch.Tensor:
    """By how much the chest is bent against the spine below it."""
    spine = motion.global_rotations[:, BODY22.index("spine2")]
    return rotations.geodesic_distance(spine, motion.global_rotations[:, BODY22.index("spine3")])


def test_another_frame_rate_can_be_stated(tmp_path: Path) -> None:
    write_humanml3d(moving(), tmp_path / "a.npy")
    assert read_humanml3d(tmp_path / "a.npy", fps=30.0).fps == 30.0


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.zeros((4, 24, 3)), r"\[frames, 22, 3\].*\[4, 24, 3\]"),
        (np.zeros((4, 263), dtype=np.int64), "floats, got int64"),
        (np.zeros((0, 263)), "at least one frame"),
        (np.full((4, 22, 3), np.nan), "frame 0: expected finite"),
        (np.zeros((4, 22, 3)), "a length"),
        (np.array([{}], dtype=object), "unpickled"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: np.ndarray, complaint: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=array.dtype == object)
    with pytest.raises(FileFormatError, match=complaint):
        read_humanml3d(tmp_path / "a.npy")


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    write_humanml3d(moving(), tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-5])
    with pytest.raises(FileFormatError, match="bytes"):
        read_humanml3d(tmp_path / "b.npy")
    (tmp_path / "c.npy").write_text("nothing")
    with pytest.raises(FileFormatError, match=r"an \.npy array"):
        read_humanml3d(tmp_path / "c.npy")


def test_motions_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    with pytest.raises(InvalidInputError, match=r"resample\(20\)"):
        write_humanml3d(moving(fps=30.0), file)
    with pytest.raises(InvalidInputError, match="retarget"):
        write_humanml3d(moving(SOMA30), file)
    with pytest.raises(InvalidInputError, match="2 frames"):
        write_humanml3d(moving().crop(0, 1), file)
    write_humanml3d(moving(), file)
    with pytest.raises(InvalidInputError, match="exists"):
        write_humanml3d(moving(), file)
    tall = replace(BODY22, rest_offsets=2 * BODY22.rest_offsets)
    write_humanml3d(moving(tall), file, force=True)
    np.testing.assert_array_less(np.load(file)[:, 3], 2.0)


@pytest.mark.parametrize("fps", [0.0, -3.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_not_blamed_on_the_file(tmp_path: Path, fps: float) -> None:
    write_humanml3d(moving(), tmp_path / "clip.npy")
    with pytest.raises(InvalidInputError, match="fps: expected frames per second") as told:
        read_humanml3d(tmp_path / "clip.npy", fps=fps)
    assert not isinstance(told.value, FileFormatError)
