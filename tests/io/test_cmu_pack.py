import json
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.rotations import (
    geodesic_distance,
    matrix_to_quaternion,
    matrix_to_rotation_vector,
    rotation_vector_to_matrix,
)
from marey.skeleton import BODY22

TURNING = [1, 2, 3, 4, 5, 6, 7, 8, *range(12, 22)]


def write_pack(folder: Path, *, frames: int = 40, **changes: np.ndarray) -> torch.Tensor:
    """Write a pack of one clip, encoded here anew; return its local rotations."""
    generator = torch.Generator().manual_seed(1)
    axis = torch.randn(22, 3, generator=generator)
    vectors = axis * torch.linspace(0, 1, frames)[:, None, None]
    vectors[:, 0] *= 4  # turns of more than π: the quaternion changes its sign on the way
    vectors[:, [0, 9, 10, 11]] *= torch.tensor([1.0, 0.0, 0.0, 0.0])[:, None]
    local = rotation_vector_to_matrix(vectors)
    quaternion = (matrix_to_quaternion(local[:, 0]) * 16384).round().numpy().astype(np.int16)
    turns = (vectors[:, TURNING] * 1e4).round().numpy().astype(np.int64).astype(np.int16)
    arrays = {
        "clip": np.array(["01_01"]),
        "start": np.array([0]),
        "length": np.array([frames]),
        "fps": np.array([24], dtype=np.int16),
        "root_first": np.array([[-50_000, 9_000, 400_000]], dtype=np.int32),
        "root_delta": np.full((3, frames), 250, dtype=np.int16) * (np.arange(frames) > 0),
        "pelvis_quat_delta": np.diff(quaternion.T, axis=-1, prepend=np.int16(0)),
        "rotvec_delta": np.diff(np.moveaxis(turns, 0, -1), axis=-1, prepend=np.int16(0)),
        "rotvec_joint": np.array(TURNING, dtype=np.int16),
        "joint_name": np.array(BODY22.joint_names),
        "parent": np.array(BODY22.parents, dtype=np.int16),
        "rest_offset": BODY22.rest_offsets.numpy(),
    }
    np.savez_compressed(folder / "motions.npz", **(arrays | changes))
    clip = {"clip": "01_01", "fps": 24, "frames": frames, "split": "train"}
    (folder / "clips.jsonl").write_text(json.dumps(clip) + "\n")
    segment = {"clip": "01_01", "start": 0, "end": 1, "split": "train", "captions": ["walks"]}
    (folder / "segments.jsonl").write_text(json.dumps(segment) + "\n")
    return local


def test_a_clip_is_decoded_through_wraps_and_sign_changes(tmp_path: Path) -> None:
    local = write_pack(tmp_path)
    motion = CmuPack.open(tmp_path).motion("01_01")
    assert motion.fps == 24
    assert motion.metadata["clip"] == "01_01"
    assert float(geodesic_distance(motion.local_rotations, local).max()) < 3e-4
    expected = torch.tensor([-5.0, 0.9, 40.0]) + 0.025 * torch.arange(40)[:, None]
    torch.testing.assert_close(motion.root_positions, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joint_name": np.array(BODY22.joint_names)[::-1]}, "joints of body22"),
        ({"rest_offset": BODY22.rest_offsets.numpy() + 0.01}, "rest_offset"),
        ({"length": np.array([39])}, "clip 01_01"),
        ({"start": np.array([7])}, "clip 01_01"),
        ({"fps": np.array([12])}, "24.0 fps"),
        ({"clip": np.array(["09_09"])}, "clip 01_01"),
        ({"root_delta": np.zeros((2, 40), dtype=np.int16)}, "root_delta"),
        ({"rotvec_joint": np.arange(18)}, "rotvec_joint"),
    ],
)
def test_a_damaged_archive_is_named(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    write_pack(tmp_path, **change)
    with pytest.raises(FileFormatError, match=message) as error:
        CmuPack.open(tmp_path).motion("01_01")
    assert "motions.npz" in str(error.value)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    write_pack(tmp_path)
    file = tmp_path / "motions.npz"
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(FileFormatError, match="Copy the pack again"):
        CmuPack.open(tmp_path).motion("01_01")


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("clips.jsonl", "{", "clips.jsonl: line 2: expected one JSON object"),
        ("clips.jsonl", '{"clip": "01_02"}', "line 2.*fps"),
        ("clips.jsonl", '{"clip":"01_01","fps":24,"frames":2,"split":"val"}', "01_01 once more"),
        ("clips.jsonl", '{"clip":"01_02","fps":24,"frames":2,"split":"dev"}', "'dev'"),
        ("segments.jsonl", "[]", "line 2"),
        (
            "segments.jsonl",
            '{"clip":"01_01","start":0,"end":1,"split":"test","captions":[]}',
            "its clip's split 'train'",
        ),
        (
            "segments.jsonl",
            '{"clip":"01_01","start":1,"end":1,"split":"train","captions":[]}',
            "start < end",
        ),
        (
            "segments.jsonl",
            '{"clip":"77_01","start":0,"end":1,"split":"train","captions":[]}',
            "'77_01'",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, name: str, line: str, message: str) -> None:
    write_pack(tmp_path)
    with (tmp_path / name).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(FileFormatError, match=message):
        CmuPack.open(tmp_path)


def test_missing_files_and_clips_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"motions\.npz"):
        CmuPack.open(tmp_path)
    write_pack(tmp_path)
    with pytest.raises(InvalidInputError, match="no clip '99_99'"):
        CmuPack.open(tmp_path).motion("99_99")


@pytest.fixture(scope="module")
def pack(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")


def test_the_real_pack_has_the_clips_that_it_claims(pack: CmuPack) -> None:
    splits = [clip.split for clip in pack.clips]
    counts = {split: splits.count(split) for split in set(splits)}
    assert counts == {"train": 1545, "val": 91, "test": 147, "test_repetition": 116}
    assert len(pack.segments) == 4202
    assert sum(clip.fps == 12 for clip in pack.clips) == 394


def test_real_clips_move_like_bodies(pack: CmuPack) -> None:
    for name in ("02_01", "35_01", "141_19", "103_02"):
        clip, motion = pack.clip(name), pack.motion(name)
        assert motion.num_frames == clip.frames
        steps = motion.joint_positions.diff(dim=0).norm(dim=-1)
        calm = torch.tensor([f not in clip.flips for f in range(1, clip.frames)])
        assert float(steps[calm].max()) * clip.fps < 15  # metres per second
        assert 0.2 < float(motion.joint_positions[..., 1].amax(1).median()) < 2.2


def test_a_walk_reads_as_one(pack: CmuPack) -> None:
    motion = pack.motion("35_01")
    ground = motion.joint_positions[..., [7, 8, 10, 11], 1].amin()
    assert abs(float(ground)) < 0.1
    assert float((motion.root_positions[-1] - motion.root_positions[0]).norm()) > 2
    facing = torch.stack((motion.heading.sin(), motion.heading.cos()), dim=-1)
    steps = motion.root_positions[:, [0, 2]].diff(dim=0)
    assert float((steps * facing[1:]).sum(-1).mean()) > 0.02
    rigid = motion.local_rotations[:, [9, 10, 11]]
    assert float(matrix_to_rotation_vector(rigid).abs().max()) == 0
