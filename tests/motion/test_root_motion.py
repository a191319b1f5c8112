"""Root motion: split and join are inverse; the track carries the way and nothing else."""

from dataclasses import replace
from math import pi
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.bvh import read_bvh
from marey.motion import Motion
from marey.motion.root_motion import RootMotion, join_root_motion, split_root_motion
from marey.skeleton import BODY22, Skeleton


def wander(generator: torch.Generator, frames: int = 60) -> Motion:
    """Random poses that turn round more than once while they go somewhere."""
    turns = 0.2 * torch.randn(frames, 22, 3, generator=generator)
    local = rotations.rotation_vector_to_matrix(turns)
    local[:, 0] = rotations.yaw_matrix(torch.linspace(0, 9, frames)) @ local[:, 0]
    path = 0.05 * torch.randn(frames, 3, generator=generator).cumsum(0)
    return Motion(
        root_positions=path + torch.tensor([3.0, 1.0, -2.0]),
        local_rotations=local,
        fps=30.0,
        skeleton=BODY22,
    )


@pytest.mark.parametrize("turns", [True, False])
@pytest.mark.parametrize("margin", [0.0, 0.06, 1.0])
def test_joining_undoes_splitting(turns: bool, margin: float, generator: torch.Generator) -> None:
    motion = wander(generator)
    split = split_root_motion(motion, path_margin=margin, heading_margin=margin, turns=turns)
    again = join_root_motion(split.root, split.in_place)
    assert torch.allclose(again.root_positions, motion.root_positions, atol=2e-6)
    assert torch.allclose(again.local_rotations, motion.local_rotations, atol=1e-6)
    assert torch.equal(again.local_rotations[:, 1:], motion.local_rotations[:, 1:])


def test_track_stays_near_pelvis_and_hips(generator: torch.Generator) -> None:
    motion = wander(generator)
    root = split_root_motion(motion).root
    apart = (root.positions - motion.root_positions[:, [0, 2]]).norm(dim=-1)
    assert float(apart.max()) < 0.06 + 1e-5
    turned = rotations.wrap_angle(root.headings - motion.heading).abs()
    assert float(turned.max()) < 0.2 + 1e-4
    assert float(root.headings[-1] - root.headings[0]) > 2 * pi  # turns are counted on


def test_with_no_margin_the_pelvis_stays_over_the_origin_and_faces_forward(
    generator: torch.Generator,
) -> None:
    motion = wander(generator)
    in_place = split_root_motion(motion, path_margin=0.0, heading_margin=0.0).in_place
    assert float(in_place.root_positions[:, [0, 2]].abs().max()) < 1e-6
    assert float(in_place.heading.abs().max()) < 1e-4
    assert torch.allclose(in_place.root_positions[:, 1], motion.root_positions[:, 1])


def test_in_place_does_not_depend_on_where_and_which_way(generator: torch.Generator) -> None:
    motion = wander(generator)
    moved = motion.rotate(1.1).translate(torch.tensor([5.0, 0.0, -7.0]))
    one, other = split_root_motion(motion).in_place, split_root_motion(moved).in_place
    assert torch.allclose(one.joint_positions, other.joint_positions, atol=1e-4)


def test_without_turns_the_motion_keeps_its_direction(generator: torch.Generator) -> None:
    motion = wander(generator)
    split = split_root_motion(motion, turns=False)
    assert not split.root.headings.any()
    assert torch.equal(split.in_place.local_rotations, motion.local_rotations)


def test_a_captured_walk_keeps_its_sway_in_place(shared_data: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu/07_01.bvh").crop(1, 300)
    split = split_root_motion(motion)
    path = split.root.positions
    assert float((path[-1] - path[0]).norm()) > 1.0
    left = split.in_place.root_positions[:, [0, 2]]
    assert 0.005 < float(left.norm(dim=-1).max()) < 0.06 + 1e-5


def test_lengths_must_agree(generator: torch.Generator) -> None:
    motion = wander(generator)
    root = split_root_motion(motion).root
    short = RootMotion(positions=root.positions[1:], headings=root.headings[1:])
    with pytest.raises(InvalidInputError, match=r"60 frames .* got 59 and 59"):
        join_root_motion(short, motion)


def test_a_body_without_hips_can_only_keep_its_turns(generator: torch.Generator) -> None:
    names = tuple(f"j{i}" for i in range(22))
    bare = Skeleton(
        name="bare",
        joint_names=names,
        parents=BODY22.parents,
        rest_offsets=BODY22.rest_offsets,
    )
    motion = replace(wander(generator), skeleton=bare)
    with pytest.raises(InvalidInputError, match="right_hip"):
        split_root_motion(motion)
    assert split_root_motion(motion, turns=False).in_place.num_frames == 60


def test_json_holds_the_track(generator: torch.Generator) -> None:
    motion = wander(generator)
    root = split_root_motion(motion).root
    content = root.to_json(fps=motion.fps)
    assert content["fps"] == 30
    assert torch.equal(torch.tensor(content["positions"]), root.positions)
    assert torch.equal(torch.tensor(content["headings"]), root.headings)
