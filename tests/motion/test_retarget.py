"""Retargeting: rest poses, sizes, chains of other lengths, and the CMU clips on their own rig."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.bvh import read_bvh
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion, retarget
from marey.skeleton import BODY22, G1_34, Roles, Skeleton, global_rotations, joint_positions

ROLES = vars(BODY22.roles)


def wander(generator: torch.Generator, skeleton: Skeleton = BODY22, *, frames: int = 12) -> Motion:
    vectors = torch.randn(frames, skeleton.num_joints, 3, generator=generator) * 0.4
    return Motion(
        root_positions=torch.randn(frames, 3, generator=generator) * 0.2
        + torch.tensor([0, 1.0, 0]),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=20.0,
        skeleton=skeleton,
        contacts=torch.rand(frames, 4, generator=generator) > 0.5,
        metadata={"text": "a person wanders"},
    )


def standing(skeleton: Skeleton) -> Motion:
    """One frame of the rest pose with the root at half a metre."""
    return Motion(
        root_positions=torch.tensor([[0.0, 0.5, 0.0]]),
        local_rotations=torch.eye(3).repeat(1, skeleton.num_joints, 1, 1),
        fps=20.0,
        skeleton=skeleton,
    )


def renamed(skeleton: Skeleton) -> Skeleton:
    """The same body under names that say nothing."""
    new = {name: f"j{i}" for i, name in enumerate(skeleton.joint_names)}
    roles = Roles(**{role: new[name] for role, name in vars(skeleton.roles).items() if name})
    return replace(skeleton, name="renamed", joint_names=tuple(new.values()), roles=roles)


def reposed(skeleton: Skeleton, turns: dict[str, torch.Tensor]) -> Skeleton:
    """The same body, the given joints turned in its rest pose."""
    local = torch.eye(3).repeat(skeleton.num_joints, 1, 1)
    for joint, turn in turns.items():
        local[skeleton.index(joint)] = turn
    turned = global_rotations(local, skeleton)
    rest = joint_positions(torch.zeros(3), turned, skeleton)
    offsets = rest.clone()
    offsets[1:] -= rest[list(skeleton.parents[1:])]
    tips = tuple((j, tuple((turned[j] @ torch.tensor(t)).tolist())) for j, t in skeleton.end_sites)
    return replace(skeleton, name="reposed", rest_offsets=offsets, end_sites=tips)


def inserted(skeleton: Skeleton, joint: str, *, share: float = 0.5) -> Skeleton:
    """The same body with one more joint on the bone that leads to ``joint``."""
    at = skeleton.index(joint)
    shift = [i + (i >= at) for i in range(skeleton.num_joints)]
    parents = [-1 if p < 0 else shift[p] for p in skeleton.parents]
    offsets = skeleton.rest_offsets.tolist()
    whole = skeleton.rest_offsets[at]
    parents[at] = at
    offsets[at] = (whole * (1 - share)).tolist()
    return Skeleton(
        name="inserted",
        joint_names=(*skeleton.joint_names[:at], "extra", *skeleton.joint_names[at:]),
        parents=(*parents[:at], shift[skeleton.parents[at]], *parents[at:]),
        rest_offsets=torch.tensor([*offsets[:at], (whole * share).tolist(), *offsets[at:]]),
        roles=skeleton.roles,
        end_sites=tuple((shift[j], tip) for j, tip in skeleton.end_sites),
    )


def directions(motion: Motion, joints: list[int]) -> torch.Tensor:
    """Unit vectors along the bones that lead to the joints."""
    places = motion.joint_positions
    parents = [motion.skeleton.parents[j] for j in joints]
    return torch.nn.functional.normalize(places[:, joints] - places[:, parents], dim=-1)


def test_own_skeleton_changes_nothing(generator: torch.Generator) -> None:
    motion = wander(generator)
    done = retarget(motion, BODY22)
    assert torch.equal(done.motion.joint_positions, motion.joint_positions)
    assert (done.report.unmapped, done.report.unused, done.report.scale) == ((), (), 1.0)


def test_roles_find_the_joints_whatever_their_names(generator: torch.Generator) -> None:
    motion = wander(generator)
    done = retarget(motion, renamed(BODY22))
    torch.testing.assert_close(done.motion.joint_positions, motion.joint_positions)
    expected = {f"j{i}": name for i, name in enumerate(BODY22.joint_names)}
    assert done.report.joint_map == expected
    assert (done.motion.fps, done.motion.metadata) == (motion.fps, motion.metadata)
    assert torch.equal(done.motion.contacts, motion.contacts)


@pytest.mark.parametrize("scale", [0.6, 1.3])
def test_path_scales_with_the_legs(scale: float, generator: torch.Generator) -> None:
    motion = wander(generator)
    giant = replace(renamed(BODY22), rest_offsets=BODY22.rest_offsets * scale)
    done = retarget(motion, giant)
    assert done.report.scale == pytest.approx(scale, abs=1e-6)
    torch.testing.assert_close(done.motion.joint_positions, motion.joint_positions * scale)


def test_a_pose_and_t_pose_move_alike(generator: torch.Generator) -> None:
    down = {
        side: rotations.axis_rotation("Z", torch.tensor(sign * 0.8))
        for side, sign in (("left", -1), ("right", 1))
    }
    a_pose = reposed(BODY22, {f"{side}_shoulder": turn for side, turn in down.items()})
    lowered = retarget(standing(BODY22), a_pose).motion
    torch.testing.assert_close(lowered.joint_positions, standing(BODY22).joint_positions)
    motion = wander(generator)
    done = retarget(motion, a_pose)
    torch.testing.assert_close(
        done.motion.joint_positions, motion.joint_positions, atol=2e-6, rtol=0
    )
    back = retarget(done.motion, BODY22).motion
    torch.testing.assert_close(back.local_rotations, motion.local_rotations, atol=1e-5, rtol=0)


def test_spread_legs_and_bent_elbows_of_a_rest_pose_are_undone(generator: torch.Generator) -> None:
    odd = reposed(
        BODY22,
        {
            "left_hip": rotations.axis_rotation("Z", torch.tensor(0.3)),
            "left_ankle": rotations.axis_rotation("Z", torch.tensor(-0.3)),
            "right_hip": rotations.axis_rotation("Z", torch.tensor(-0.2)),
            "right_ankle": rotations.axis_rotation("Z", torch.tensor(0.2)),
            "right_elbow": rotations.axis_rotation("Y", torch.tensor(0.5)),
        },
    )
    motion = wander(generator)
    done = retarget(motion, odd).motion
    torch.testing.assert_close(done.joint_positions, motion.joint_positions, atol=5e-6, rtol=0)


def test_limbs_point_as_before_on_other_proportions(generator: torch.Generator) -> None:
    stretch = torch.rand(22, 1, generator=generator) + 0.5
    other = replace(renamed(BODY22), rest_offsets=BODY22.rest_offsets * stretch)
    motion = wander(generator)
    limbs = [
        j
        for side in ("left", "right")
        for j in BODY22.indices(
            tuple(f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "knee", "ankle"))
        )
    ]
    done = retarget(motion, other).motion
    torch.testing.assert_close(
        directions(done, limbs), directions(motion, limbs), atol=1e-5, rtol=0
    )


def test_flat_feet_stay_on_the_ground_under_higher_ankles() -> None:
    offsets = BODY22.rest_offsets.clone() * 1.2
    feet = BODY22.indices(("left_foot", "right_foot"))
    offsets[feet] = torch.tensor([[0.0, -0.09, 0.12], [0.0, -0.09, 0.12]])
    source = standing(BODY22)
    grounded = source.translate(torch.tensor([0, -float(source.joint_positions[0, :, 1].min()), 0]))
    done = retarget(grounded, replace(renamed(BODY22), rest_offsets=offsets)).motion
    torch.testing.assert_close(done.joint_positions[0, feet, 1], torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(done.local_rotations[:, feet], torch.eye(3).expand(1, 2, 3, 3))


def test_surplus_joints_of_the_target_keep_their_rest_pose(generator: torch.Generator) -> None:
    motion = wander(generator)
    for joint in ("spine3", "left_knee", "right_elbow", "head", "left_wrist", "right_ankle"):
        longer = inserted(renamed(BODY22), f"j{BODY22.index(joint)}", share=0.4)
        done = retarget(motion, longer)
        assert done.report.unmapped == ("extra",)
        kept = [i for i, name in enumerate(longer.joint_names) if name != "extra"]
        torch.testing.assert_close(
            done.motion.joint_positions[:, kept], motion.joint_positions, atol=2e-6, rtol=0
        )


def test_longer_spine_of_the_source_is_folded_into_the_shorter(generator: torch.Generator) -> None:
    longer = inserted(renamed(BODY22), f"j{BODY22.index('spine3')}")
    motion = wander(generator, longer)
    done = retarget(motion, BODY22)
    assert done.report.unused == ()
    assert done.report.joint_map["spine2"] == "extra"
    for joint, followed in done.report.joint_map.items():
        torch.testing.assert_close(
            done.motion.global_rotations[:, BODY22.index(joint)],
            motion.global_rotations[:, longer.index(followed)],
        )


@pytest.mark.parametrize("joint", ["left_knee", "right_ankle", "left_elbow", "right_wrist"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_two_hinges_at_one_place_are_one_joint(
    joint: str, share: float, generator: torch.Generator
) -> None:
    hinged = inserted(renamed(BODY22), f"j{BODY22.index(joint)}", share=share)
    motion = wander(generator, hinged)
    done = retarget(motion, BODY22)
    kept = [i for i, name in enumerate(hinged.joint_names) if name != "extra"]
    expected = motion.joint_positions[:, kept]
    torch.testing.assert_close(done.motion.joint_positions, expected, atol=5e-6, rtol=0)
    assert done.report.unused == ()
    back = retarget(done.motion, hinged).motion
    torch.testing.assert_close(back.joint_positions[:, kept], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("joint", ["left_knee", "right_ankle", "left_elbow", "right_wrist"])
def test_a_twist_along_a_bone_is_kept(joint: str, generator: torch.Generator) -> None:
    twisted = inserted(renamed(BODY22), f"j{BODY22.index(joint)}")
    motion = wander(generator, twisted)
    extra = twisted.index("extra")
    axis = torch.nn.functional.normalize(twisted.rest_offsets[extra], dim=0)
    local = motion.local_rotations.clone()
    turns = torch.linspace(-1, 1, motion.num_frames)[:, None] * axis
    local[:, extra] = rotations.rotation_vector_to_matrix(turns)
    motion = replace(motion, local_rotations=local)
    done = retarget(motion, BODY22).motion
    kept = [i for i, name in enumerate(twisted.joint_names) if name != "extra"]
    expected = motion.joint_positions[:, kept]
    torch.testing.assert_close(done.joint_positions, expected, atol=5e-6, rtol=0)
    above = BODY22.parents[BODY22.index(joint)]
    turned = motion.global_rotations[:, extra]
    torch.testing.assert_close(done.global_rotations[:, above], turned, atol=5e-6, rtol=0)


def test_bent_legs_of_other_proportions_keep_their_feet_on_the_ground() -> None:
    offsets = BODY22.rest_offsets.clone()
    offsets[BODY22.indices(("left_knee", "right_knee"))] *= 1.3
    offsets[BODY22.indices(("left_ankle", "right_ankle"))] *= 0.8
    squat = standing(BODY22).local_rotations.clone()
    for joint, angle in (("hip", -1.4), ("knee", 2.0), ("ankle", -0.6)):
        turn = rotations.axis_rotation("X", torch.tensor(angle))
        squat[:, BODY22.indices((f"left_{joint}", f"right_{joint}"))] = turn
    source = replace(standing(BODY22), local_rotations=squat)
    done = retarget(source, replace(renamed(BODY22), rest_offsets=offsets))
    toes = BODY22.indices(("left_foot", "right_foot"))
    expected = source.joint_positions[0, toes, 1] * done.report.scale
    torch.testing.assert_close(done.motion.joint_positions[0, toes, 1], expected, atol=2e-3, rtol=0)


def test_a_joint_above_the_pelvis_stays_where_it_is(generator: torch.Generator) -> None:
    armature = Skeleton(
        name="armature",
        joint_names=("Armature", *(f"b{i}" for i in range(22))),
        parents=(-1, *(p + 1 for p in BODY22.parents)),
        rest_offsets=torch.cat((torch.zeros(1, 3), BODY22.rest_offsets)),
        roles=Roles(**{role: f"b{BODY22.index(name)}" for role, name in ROLES.items()}),
    )
    motion = wander(generator)
    done = retarget(motion, armature)
    assert done.report.unmapped == ("Armature",)
    assert torch.equal(done.motion.local_rotations[:, 0], torch.eye(3).expand(12, 3, 3))
    torch.testing.assert_close(done.motion.joint_positions[:, 1:], motion.joint_positions)


def test_a_rest_pose_that_faces_elsewhere_is_turned(generator: torch.Generator) -> None:
    aside = rotations.axis_rotation("Y", torch.tensor(torch.pi / 2))
    other = replace(renamed(BODY22), rest_offsets=BODY22.rest_offsets @ aside.T, end_sites=())
    motion = wander(generator)
    done = retarget(motion, other).motion
    torch.testing.assert_close(done.joint_positions, motion.joint_positions, atol=2e-6, rtol=0)


def test_the_callers_map_decides(generator: torch.Generator) -> None:
    nameless = replace(renamed(BODY22), roles=Roles())
    mapping = {f"j{i}": name for i, name in enumerate(BODY22.joint_names) if name != "head"}
    motion = wander(generator)
    done = retarget(motion, nameless, joint_map=mapping)
    assert done.report.unmapped == (f"j{BODY22.index('head')}",)
    assert done.report.unused == ("head",)
    torch.testing.assert_close(done.motion.joint_positions, motion.joint_positions)


def test_the_callers_map_needs_no_roles_even_for_hinges(generator: torch.Generator) -> None:
    motion = wander(generator, G1_34)
    wanted = retarget(motion, BODY22)
    nameless = replace(BODY22, roles=Roles())
    done = retarget(motion, nameless, joint_map=wanted.report.joint_map)
    assert done.report == wanted.report
    torch.testing.assert_close(done.motion.joint_positions, wanted.motion.joint_positions)


def test_skeletons_that_share_nothing_are_refused(generator: torch.Generator) -> None:
    nameless = replace(renamed(BODY22), roles=Roles())
    with pytest.raises(InvalidInputError, match=r"No joint of 'renamed'.*pass joint_map="):
        retarget(wander(generator), nameless)


@pytest.mark.parametrize("mapping", [{"tail": "head"}, {"head": "tail"}])
def test_unknown_names_in_the_map_are_refused(
    mapping: dict[str, str], generator: torch.Generator
) -> None:
    with pytest.raises(InvalidInputError, match="no joint 'tail'"):
        retarget(wander(generator), BODY22, joint_map=mapping)


# --- the CMU clips on the skeleton that they were published on ---------------------------------


@pytest.fixture(scope="module")
def daz(shared_data: Path) -> Motion:
    return read_bvh(shared_data / "bvh_cmu" / "02_01.bvh")


@pytest.fixture(scope="module")
def clip(shared_data: Path) -> Motion:
    return CmuPack.open(shared_data / "cmu").motion("02_01")


def test_round_trip_over_the_published_rig_is_exact(daz: Motion, clip: Motion) -> None:
    there = retarget(clip, daz.skeleton)
    assert there.report.joint_map["chest"] == "spine3"
    assert {"lButtock", "leftEye", "rPinky2"} <= set(there.report.unmapped)
    back = retarget(there.motion, BODY22)
    error = (back.motion.joint_positions - clip.joint_positions).norm(dim=-1)
    assert float(error.max()) < 2e-5


def test_published_file_on_body22_is_the_clip_of_the_pack(daz: Motion, clip: Motion) -> None:
    # The pack starts at 1/24 s (the file's first frame is a T-pose) and at another place.
    ours = retarget(daz, BODY22).motion.resample(24.0).crop(1, 1 + clip.num_frames)
    apart = ours.joint_positions - clip.joint_positions
    error = (apart - apart[:, :1].mean(0)).norm(dim=-1)
    # 2.4 mm: the file's head sits beside the neck, body22's above it. The rest is the packing.
    assert float(error[:, BODY22.index("head")].max()) < 3e-3
    others = [j for j in range(22) if j != BODY22.index("head")]
    assert float(error[:, others].max()) < 1.5e-3
    assert float(error.mean()) < 5e-4
