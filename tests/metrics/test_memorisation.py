"""The nearest clip against a plain search, and against clips that hold the sample."""

import math

import pytest
import torch
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.metrics import NearestClip, facing_poses, nearest_clips
from marey.skeleton import BODY22, Skeleton


def clips(*lengths: int, generator: torch.Generator) -> list[Tensor]:
    """Motions without sense: the rest pose with every joint moved at random."""
    return [torch.randn(n, BODY22.num_joints, 3, generator=generator) for n in lengths]


def turned(positions: Tensor, generator: torch.Generator) -> Tensor:
    """Each frame turned about the vertical and moved over the ground by itself."""
    angles = 2 * math.pi * torch.rand(len(positions), generator=generator)
    moves = torch.randn(len(positions), 1, 3, generator=generator) * torch.tensor([1.0, 0.0, 1.0])
    return positions @ rotations.yaw_matrix(angles).transpose(1, 2) + moves


def plain_search(sample: Tensor, training: list[Tensor], overlap: float) -> NearestClip:
    """Every clip at every place, one by one."""
    own = facing_poses(sample, BODY22)
    found = []
    for index, clip in enumerate(training):
        other = facing_poses(clip, BODY22)
        for offset in range(1 - len(own), len(other)):
            start, end = max(0, -offset), min(len(own), len(other) - offset)
            if end - start < overlap * min(len(own), len(other)):
                continue
            apart = own[start:end] - other[start + offset : end + offset]
            distance = float(apart.norm(dim=-1).mean())
            found.append(
                NearestClip(clip=index, distance=distance, offset=offset, frames=end - start)
            )
    return min(found, key=lambda place: place.distance)


@pytest.mark.parametrize("overlap", [0.1, 0.75, 1.0])
def test_search_finds_what_a_plain_search_finds(overlap: float, generator: torch.Generator) -> None:
    training = clips(7, 1, 12, 5, 9, 20, generator=generator)
    samples = clips(6, 1, 10, 25, generator=generator)
    for sample, found in zip(
        samples, nearest_clips(samples, training, BODY22, overlap=overlap), strict=True
    ):
        expected = plain_search(sample, training, overlap)
        assert (found.clip, found.offset) == (expected.clip, expected.offset)
        assert found.frames == expected.frames
        assert found.distance == pytest.approx(expected.distance, abs=1e-5)


def test_more_clips_than_fit_at_once_are_all_searched(generator: torch.Generator) -> None:
    training = clips(*[100] * 60, generator=generator)
    sample = training[37][20:70]
    (found,) = nearest_clips([sample], training, BODY22)
    assert found == NearestClip(clip=37, distance=0.0, offset=20, frames=50)


def test_a_sample_is_found_wherever_its_body_stands_and_faces(generator: torch.Generator) -> None:
    training = clips(30, 40, generator=generator)
    (found,) = nearest_clips([turned(training[1][5:25], generator)], training, BODY22)
    assert (found.clip, found.offset, found.frames) == (1, 5, 20)
    assert found.distance == pytest.approx(0, abs=1e-5)
    lifted = training[1][5:25] + torch.tensor([0.0, 0.1, 0.0])
    (found,) = nearest_clips([lifted], training, BODY22)
    assert found.distance == pytest.approx(0.1, abs=1e-5)


def test_a_sample_may_begin_before_and_end_after_a_clip(generator: torch.Generator) -> None:
    whole = clips(40, generator=generator)
    training = [whole[0][8:], *clips(40, generator=generator)]
    assert nearest_clips([whole[0][:32]], training, BODY22)[0] == NearestClip(
        clip=0, distance=0.0, offset=-8, frames=24
    )
    short = [whole[0][10:20]]
    assert nearest_clips(whole, short, BODY22)[0].offset == -10


def test_skeletons_without_parts_are_searched_too(generator: torch.Generator) -> None:
    bare = Skeleton(
        name="bare",
        joint_names=BODY22.joint_names,
        parents=BODY22.parents,
        rest_offsets=BODY22.rest_offsets,
        roles=BODY22.roles,
    )
    training, samples = clips(9, 12, generator=generator), clips(6, generator=generator)
    assert nearest_clips(samples, training, bare) == nearest_clips(samples, training, BODY22)


def test_nothing_to_search_is_refused(generator: torch.Generator) -> None:
    some = clips(5, generator=generator)
    with pytest.raises(InvalidInputError, match="0 clips"):
        nearest_clips(some, [], BODY22)
    with pytest.raises(InvalidInputError, match="overlap of 0"):
        nearest_clips(some, some, BODY22, overlap=0.0)
