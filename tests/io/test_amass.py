"""AMASS files: there and back, every layout, rest joints from the user's files, what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io.amass import at_rate, read_amass, write_amass
from marey.io.body_model import BodyModel, read_body_model, read_body_models
from marey.motion import Motion
from marey.skeleton import BODY22, SOMA30
from marey.skeleton.kinematics import joint_positions
from marey.skeleton.library.body22 import TOE_HEIGHT

PELVIS = torch.tensor([0.01, -0.3, 0.02])
SHAPED = replace(
    BODY22,
    name="smpl22",
    rest_offsets=torch.cat((PELVIS[None], 1.1 * BODY22.rest_offsets[1:])),
    end_sites=(),
)


def moving(frames: int = 24, fps: float = 120.0) -> Motion:
    """A body that bends, turns and travels."""
    time = torch.linspace(0, 1, frames)
    axes = 0.6 * torch.randn(22, 3, generator=torch.Generator().manual_seed(1))
    local = rotations.rotation_vector_to_matrix((5 * time).sin()[:, None, None] * axes)
    root = torch.stack((time, 0.9 + 0.1 * (6 * time).sin(), 2 * time), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=fps, skeleton=SHAPED)


def smplh(motion: Motion, width: int = 156) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file, written without marey: Z up, facing away from +Y."""
    # World x, y, z of marey become x, −z, y: the plain quarter turn about x.
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    local = motion.local_rotations.double().numpy().copy()
    local[:, 0] = turn @ local[:, 0]
    vectors = rotations.matrix_to_rotation_vector(torch.from_numpy(local)).flatten(1).numpy()
    poses = np.zeros((motion.num_frames, width))
    poses[:, :66] = vectors
    if width > 66:
        poses[:, 66:] = 0.3
    return {
        "poses": poses,
        "trans": motion.root_positions.double().numpy() @ turn.T - PELVIS.double().numpy(),
        "betas": np.linspace(-1, 1, 16),
        "gender": np.array("female"),
        "mocap_framerate": np.array(motion.fps),
        "dmpls": np.zeros((motion.num_frames, 8)),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "motion.npz"


def same(one: Motion, other: Motion) -> None:
    torch.testing.assert_close(one.joint_positions, other.joint_positions, atol=2e-6, rtol=0)
    assert (
        float(rotations.geodesic_distance(one.local_rotations, other.local_rotations).max()) < 1e-5
    )
    assert one.fps == other.fps


def test_what_is_written_is_read(file: Path) -> None:
    motion = moving().with_metadata(gender="female", betas=[0.5, -1.0])
    write_amass(motion, file)
    back = read_amass(file)
    same(back, motion)
    torch.testing.assert_close(back.skeleton.rest_offsets, SHAPED.rest_offsets, atol=1e-6, rtol=0)
    assert back.metadata["rest"] == "the file's own rest joints"
    assert (back.metadata["gender"], back.metadata["betas"]) == ("female", [0.5, -1.0])
    with np.load(file) as arrays:
        assert arrays["poses"].shape == (24, 165)
        assert not arrays["pose_hand"].any()
        assert float(arrays["mocap_frame_rate"]) == 120.0


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_every_layout_is_read_with_the_rest_offsets_given(file: Path, width: int) -> None:
    motion = moving()
    np.savez(file, **smplh(motion, width))
    # The file's axes say nothing of a heading: marey's reading faces the other way.
    half = motion.rotate(np.pi)
    same(read_amass(file, rest=SHAPED), half)


def test_poses_in_parts_are_read_and_y_may_be_up(file: Path) -> None:
    motion = moving()
    arrays = smplh(motion)
    poses = arrays.pop("poses")
    np.savez(file, root_orient=poses[:, :3], pose_body=poses[:, 3:66], **arrays)
    same(read_amass(file, rest=SHAPED), motion.rotate(np.pi))
    upright = read_amass(file, rest=SHAPED, up="Y")
    assert float(upright.root_positions[-1, 2]) == pytest.approx(
        float(motion.root_positions[-1, 1]), abs=1e-5
    )


def test_without_rest_joints_the_body_is_body22_on_the_floor(file: Path) -> None:
    np.savez(file, **smplh(moving()))
    motion = read_amass(file)
    assert motion.skeleton == BODY22
    assert motion.metadata["rest"].startswith("body22: the file holds no rest joints")
    assert float(motion.joint_positions[..., 1].min()) == pytest.approx(0.02, abs=1e-6)
    assert motion.metadata["gender"] == "female"


# --- rates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "note", "frames"),
    [
        (120.0, "every 6th frame of 120 fps", 10),
        (59.99, "every 3th frame of 59.99 fps", 20),
        (50.0, "interpolated from 50 fps", 24),
        (20.0, None, 60),
    ],
)
def test_rates_are_divided_or_interpolated(rate: float, note: str | None, frames: int) -> None:
    motion = at_rate(moving(60, rate), 20.0)
    assert (motion.fps, motion.num_frames, motion.metadata.get("rate")) == (20.0, frames, note)


def test_a_rate_that_is_not_stated_can_be_given(file: Path) -> None:
    arrays = smplh(moving())
    del arrays["mocap_framerate"]
    np.savez(file, **arrays)
    with pytest.raises(FileFormatError, match="source_fps"):
        read_amass(file)
    assert read_amass(file, source_fps=100.0, fps=20.0).fps == 20.0


# --- rest joints ---------------------------------------------------------------------------------


def rest_file(path: Path, size: float = 1.0) -> Path:
    """Write SHAPED's joints, larger or smaller, as a table."""
    eye = torch.eye(3).expand(22, 3, 3)
    rows = joint_positions(SHAPED.rest_offsets[0], eye, SHAPED).double().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, rest_joints=size * rows)
    return path


def test_rest_joints_come_from_a_file_of_the_gender(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "models"
    female = rest_file(folder / "female" / "model.npz")
    rest_file(folder / "male" / "model.npz", 1.2)
    np.savez(file, **smplh(moving()))
    same(read_amass(file, rest=folder), read_amass(file, rest=SHAPED))
    same(read_amass(file, rest=female), read_amass(file, rest=SHAPED))
    models = read_body_models(folder)
    np.savez(file, **smplh(moving()) | {"gender": np.array(b"male")})
    male = read_amass(file, rest=models)
    same(male, read_amass(file, rest=models["male"]))
    torch.testing.assert_close(male.skeleton.rest_offsets, 1.2 * SHAPED.rest_offsets)
    np.savez(file, **smplh(moving()) | {"gender": np.array("neutral")})
    with pytest.raises(FileFormatError, match="gender: expected female or male, got 'neutral'"):
        read_amass(file, rest=folder)


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"poses": np.zeros((24, 63))}, "66, 72, 156 or 165"),
        ({"poses": np.zeros((20, 156))}, "trans: expected 20 frames"),
        ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, "1 to 200,000 frames"),
        (
            {"poses": np.zeros((200_001, 66), "f4"), "trans": np.zeros((200_001, 3))},
            "200,000 frames, got 200001",
        ),
        ({"poses": np.full((24, 156), np.nan)}, "poses, row 0: expected finite"),
        ({"poses": np.zeros((24, 156), dtype="U3")}, "poses"),
        ({"trans": np.zeros((24, 2))}, r"trans: expected float32 or float64 \[…, 3\]"),
        ({"mocap_framerate": np.array(0.0)}, "frames per second"),
        ({"betas": np.zeros((2, 2))}, "betas"),
        ({"gender": np.array([{}], dtype=object)}, "unpickled"),
    ],
)
def test_damaged_arrays_are_named(
    file: Path, change: dict[str, np.ndarray], complaint: str
) -> None:
    np.savez(file, **smplh(moving()) | change)
    with pytest.raises(FileFormatError, match=complaint):
        read_amass(file)


def test_a_file_that_unpacks_out_of_proportion_is_refused(file: Path) -> None:
    frames = 60_000  # 75 MiB of zeros in 0.1 MiB
    arrays = smplh(moving()) | {"poses": np.zeros((frames, 156)), "trans": np.zeros((frames, 3))}
    np.savez_compressed(file, **arrays)
    with pytest.raises(FileFormatError, match="at most 64 MiB"):
        read_amass(file)


def test_long_captures_and_long_rests_are_read(file: Path, generator: torch.Generator) -> None:
    frames = 60_000  # more than 8 minutes at 120 fps
    arrays = smplh(moving()) | {"trans": np.zeros((frames, 3))}
    moved = 0.1 * torch.randn(frames, 66, generator=generator).numpy().astype(np.float64)
    hands = np.zeros((frames, 90))
    np.savez_compressed(file, **arrays | {"poses": np.concatenate((moved, hands), axis=1)})
    motion = read_amass(file)
    assert motion.num_frames == frames
    lowest = float(motion.joint_positions[..., 1].min())
    assert lowest == pytest.approx(TOE_HEIGHT, abs=1e-5)
    still = Motion(
        root_positions=torch.zeros(40_000, 3),
        local_rotations=torch.eye(3).repeat(40_000, 22, 1, 1),
        fps=120.0,
        skeleton=BODY22,
    )
    write_amass(still, file, force=True)
    assert read_amass(file).num_frames == 40_000


def test_a_file_of_shapes_is_no_motion(file: Path) -> None:
    np.savez(file, betas=np.zeros(16), gender=np.array("male"))
    with pytest.raises(FileFormatError, match=r"shape\.npz"):
        read_amass(file)


def test_arguments_that_do_not_fit_are_refused(file: Path) -> None:
    with pytest.raises(InvalidInputError, match="retarget"):
        write_amass(
            Motion(
                root_positions=torch.zeros(2, 3),
                local_rotations=torch.eye(3).expand(2, 30, 3, 3),
                fps=30.0,
                skeleton=SOMA30,
            ),
            file,
        )
    with pytest.raises(InvalidInputError, match="betas"):
        write_amass(moving().with_metadata(betas="tall"), file)
    write_amass(moving(), file)
    with pytest.raises(InvalidInputError, match="exists"):
        write_amass(moving(), file)
    with pytest.raises(InvalidInputError, match="body22's joints"):
        read_amass(file, rest=SOMA30)
    assert isinstance(read_body_model(file), BodyModel)
