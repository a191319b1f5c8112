"""Batches: padding, masks, and the way back."""

from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion import Motion, MotionBatch
from marey.skeleton import BODY22


def random_motion(frames: int, generator: torch.Generator, fps: float = 20.0) -> Motion:
    return Motion(
        root_positions=torch.randn(frames, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(
            torch.randn(frames, 22, 3, generator=generator)
        ),
        fps=fps,
        skeleton=BODY22,
    )


@pytest.fixture
def motions(generator: torch.Generator) -> list[Motion]:
    return [random_motion(frames, generator) for frames in (3, 7, 1)]


def test_motions_come_back_as_they_went_in(motions: list[Motion]) -> None:
    batch = MotionBatch.from_motions(motions)
    assert batch.lengths == [3, 7, 1]
    for before, after in zip(motions, batch.to_motions(), strict=True):
        assert torch.equal(before.root_positions, after.root_positions)
        assert torch.equal(before.local_rotations, after.local_rotations)
        assert (after.fps, after.skeleton) == (20.0, BODY22)


def test_padding_repeats_the_last_frame_and_is_masked(motions: list[Motion]) -> None:
    batch = MotionBatch.from_motions(motions)
    assert batch.mask.tolist() == [[True] * n + [False] * (7 - n) for n in (3, 7, 1)]
    assert torch.equal(batch.root_positions[0, 3:], motions[0].root_positions[-1].expand(4, 3))
    last = motions[2].local_rotations[0].expand(6, 22, 3, 3)
    assert torch.equal(batch.local_rotations[2, 1:], last)


def test_joints_are_those_of_each_motion(motions: list[Motion]) -> None:
    places = MotionBatch.from_motions(motions).joint_positions()
    for row, motion in zip(places, motions, strict=True):
        torch.testing.assert_close(row[: motion.num_frames], motion.joint_positions)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one motion"):
        MotionBatch.from_motions([])


def test_motions_must_share_skeleton_and_rate(
    motions: list[Motion], generator: torch.Generator
) -> None:
    tall = replace(BODY22, rest_offsets=BODY22.rest_offsets * 1.1)
    for other in (random_motion(4, generator, fps=30.0), replace(motions[0], skeleton=tall)):
        with pytest.raises(InvalidInputError, match="share skeleton and frame rate"):
            MotionBatch.from_motions([*motions, other])
