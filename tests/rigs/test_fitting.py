"""Motions on rigs: alike on alike bodies, feet planted, hands together, whatever the bones."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.io import read_bvh
from marey.io.bvh_names import read_names
from marey.io.cmu_pack import CmuPack
from marey.metrics import foot_skate_from_contacts
from marey.motion import BODY22_LIMITS, Motion, foot_contacts, retarget
from marey.rigs import RigResult, match_rig, put_on_rig, standing_pose
from marey.rigs.bodies import Body
from marey.skeleton import BODY22, SOMA30, Roles, Skeleton, global_rotations

NAMINGS = ("mixamo", "unreal", "rigify", "vrm", "smpl", "soma", "daz", "cmu", "metarig")


def wander(generator: torch.Generator, frames: int = 12) -> Motion:
    vectors = torch.randn(frames, 22, 3, generator=generator) * 0.3
    root = torch.randn(frames, 3, generator=generator) * 0.1 + torch.tensor([0, 0.95, 0])
    return Motion(
        root_positions=root,
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=20.0,
        skeleton=BODY22,
        contacts=torch.rand(frames, 4, generator=generator) > 0.5,
        metadata={"text": "a person wanders"},
    )


def body_of(motion: Motion) -> Body:
    return Body(
        skeleton=motion.skeleton, root=motion.root_positions, turned=motion.global_rotations
    )


def numbered(skeleton: Skeleton) -> Skeleton:
    """The same body under names that say nothing."""
    new = {name: f"j{i}" for i, name in enumerate(skeleton.joint_names)}
    roles = Roles(**{role: new[name] for role, name in vars(skeleton.roles).items() if name})
    return replace(skeleton, name="numbered", joint_names=tuple(new.values()), roles=roles)


@pytest.fixture(scope="module")
def clips(shared_data: Path) -> dict[str, Motion]:
    """A walk, the clapping of a dance, and someone on all fours."""
    pack = CmuPack.open(shared_data / "cmu")
    spans = {"walk": ("02_01", 0, 68), "clap": ("18_15", 90, 150), "crawl": ("107_08", 40, 140)}
    return {name: pack.motion(clip).crop(a, b) for name, (clip, a, b) in spans.items()}


def test_a_body_of_the_same_build_moves_alike(generator: torch.Generator) -> None:
    motion = wander(generator)
    done = put_on_rig(motion, numbered(BODY22))
    torch.testing.assert_close(
        done.motion.joint_positions, motion.joint_positions, atol=2e-3, rtol=0
    )
    assert (done.motion.fps, done.motion.metadata) == (motion.fps, motion.metadata)
    assert torch.equal(done.motion.contacts, motion.contacts)


@pytest.mark.parametrize("scale", [0.6, 1.3])
def test_a_body_of_another_size_moves_alike(scale: float, clips: dict[str, Motion]) -> None:
    giant = replace(
        numbered(BODY22),
        rest_offsets=BODY22.rest_offsets * scale,
        end_sites=tuple(
            (j, (scale * x, scale * y, scale * z)) for j, (x, y, z) in BODY22.end_sites
        ),
    )
    for motion in clips.values():
        done = put_on_rig(motion, giant)
        assert done.report.retargeting.scale == pytest.approx(scale)
        torch.testing.assert_close(
            done.motion.joint_positions, motion.joint_positions * scale, atol=6e-3, rtol=0
        )


@pytest.mark.parametrize("naming", NAMINGS)
def test_feet_step_where_the_sources_do(
    naming: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    motion = clips["walk"]
    done = put_on_rig(motion, rig_models.rig(naming))
    report = done.report
    scale = report.retargeting.scale
    toes = body_of(motion).feet()[:, 1::2] * scale
    own = body_of(done.motion).feet()[:, 1::2]
    torch.testing.assert_close(own[..., [0, 2]], toes[..., [0, 2]], atol=2e-3, rtol=0)
    assert report.feet_missed == 0
    assert report.sunk_after is not None
    assert report.sunk_before is not None
    assert report.sunk_after < scale * report.sunk_before + 0.002
    assert report.skate_after is not None
    assert report.skate_before is not None
    assert report.skate_after < max(1.0, scale) * report.skate_before + 0.01
    assert done.motion.skeleton.joint_names == rig_models.rig(naming).joint_names


@pytest.mark.parametrize(("drop", "lift"), [(0.0, -0.01), (0.02, 0.01), (0.5, 0.01467)])
def test_soles_of_any_thickness_stand_on_the_ground(
    drop: float, lift: float, clips: dict[str, Motion]
) -> None:
    """body22's toe joints are 1 cm above its soles; deeper than 3 % of the leg is no sole."""
    feet = BODY22.indices(("left_foot", "right_foot"))
    other = replace(numbered(BODY22), end_sites=tuple((j, (0.0, -drop, 0.07)) for j in feet))
    done = put_on_rig(clips["walk"], other)
    raised = done.motion.joint_positions[:, feet, 1] - clips["walk"].joint_positions[:, feet, 1]
    torch.testing.assert_close(raised, torch.full_like(raised, lift), atol=1e-3, rtol=0)


def test_tips_that_go_on_along_the_bone_say_nothing_of_soles(clips: dict[str, Motion]) -> None:
    feet = BODY22.indices(("left_foot", "right_foot"))
    bones = [tuple((0.5 * BODY22.rest_offsets[j]).tolist()) for j in feet]
    made_up = replace(numbered(BODY22), end_sites=tuple(zip(feet, bones, strict=True)))
    none = replace(made_up, end_sites=())
    assert body_of(put_on_rig(clips["walk"], none).motion).thickness is None
    for rig in (made_up, none):
        done = put_on_rig(clips["walk"], rig).motion
        torch.testing.assert_close(
            done.joint_positions, clips["walk"].joint_positions, atol=2e-3, rtol=0
        )


@pytest.mark.parametrize(("height", "raised"), [(0.02, 0.0), (0.004, 0.006), (-0.05, 0.01)])
def test_a_source_of_unknown_soles_is_raised_as_far_as_the_target_would_sink(
    height: float, raised: float, clips: dict[str, Motion]
) -> None:
    """Its toe joints get down to ``height``; the target's are 1 cm above its soles."""
    walk = replace(clips["walk"], skeleton=replace(BODY22, end_sites=()))
    lowest = float(body_of(walk).sole_height().min())
    source = walk.translate(torch.tensor([0.0, height - lowest, 0.0]))
    done = put_on_rig(source, numbered(BODY22)).motion
    assert float(body_of(done).sole_height().min()) == pytest.approx(height + raised, abs=1e-3)


@pytest.mark.parametrize("naming", ["mixamo", "unreal", "cmu"])
def test_the_skate_of_the_report_is_that_of_the_metrics(
    naming: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    walk = clips["walk"]
    contacts = foot_contacts(walk.joint_positions, BODY22, walk.fps, limits=BODY22_LIMITS)
    done = put_on_rig(replace(walk, contacts=contacts), rig_models.rig(naming))
    for motion, skate in (
        (walk, done.report.skate_before),
        (done.motion, done.report.skate_after),
    ):
        expected = foot_skate_from_contacts(
            motion.joint_positions, contacts, motion.skeleton, motion.fps
        )
        assert skate == pytest.approx(expected.mean, abs=1e-5)
    assert put_on_rig(walk, rig_models.rig(naming)).report == done.report


@pytest.mark.parametrize("naming", ["mixamo", "daz"])
def test_limbs_keep_the_heading_of_feet_and_hands(
    naming: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    rig = rig_models.rig(naming)
    done = put_on_rig(clips["crawl"], rig).motion
    plain = put_on_rig(clips["crawl"], rig, feet=False, hands=False).motion
    roles = done.skeleton.roles
    ends = done.skeleton.indices((roles.left_heel, roles.right_heel, roles.left_hand))
    torch.testing.assert_close(
        done.global_rotations[:, ends], plain.global_rotations[:, ends], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("naming", ["mixamo", "unreal", "daz"])
def test_hands_that_meet_meet_on_the_rig(
    naming: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    motion, rig = clips["clap"], rig_models.rig(naming)

    def apart(body: Body) -> torch.Tensor:
        left, right = (body.limbs[f"{side}_arm"].end for side in ("left", "right"))
        return (body.places[:, left] - body.places[:, right]).norm(dim=-1)

    source = body_of(motion)
    done = put_on_rig(motion, rig)
    own = body_of(done.motion)
    ratio = own.limbs["left_arm"].length / source.limbs["left_arm"].length
    meeting = apart(source) < 0.06
    assert int(meeting.sum()) > 5
    torch.testing.assert_close(
        apart(own)[meeting], ratio * apart(source)[meeting], atol=0.015, rtol=0
    )
    loose = put_on_rig(motion, rig, hands=False)
    error = (apart(body_of(loose.motion)) - ratio * apart(source))[meeting].abs().max()
    assert float(error) > 0.015


def test_hands_on_the_ground_stay_there(rig_models: ModuleType, clips: dict[str, Motion]) -> None:
    motion = clips["crawl"]
    done = put_on_rig(motion, rig_models.rig("mixamo"))
    loose = put_on_rig(motion, rig_models.rig("mixamo"), hands=False)
    source = body_of(motion)
    scale = done.report.retargeting.scale
    there = source.places[:, source.limbs["left_arm"].end]
    low = there[:, 1] < 0.08
    assert int(low.sum()) > 5
    errors = []
    for each in (done, loose):
        own = body_of(each.motion)
        here = own.places[:, own.limbs["left_arm"].end]
        errors.append(float((here - scale * there)[low].norm(dim=-1).mean()))
    assert errors[0] < 0.02
    assert errors[1] > 3 * errors[0]


@pytest.mark.parametrize("naming", ["mixamo", "unreal"])
def test_hands_that_swing_freely_are_left_alone(
    naming: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    done = put_on_rig(clips["walk"], rig_models.rig(naming)).motion
    loose = put_on_rig(clips["walk"], rig_models.rig(naming), hands=False).motion
    torch.testing.assert_close(done.joint_positions, loose.joint_positions, atol=2e-3, rtol=0)


@pytest.mark.parametrize("naming", ["mixamo", "vrm"])
@pytest.mark.parametrize("clip", ["walk", "clap", "crawl"])
def test_nothing_jolts(
    naming: str, clip: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    rig = rig_models.rig(naming)

    def jolt(result: RigResult) -> float:
        names = tuple(result.rig_map.joint_map)
        places = result.motion.joint_positions[:, rig.indices(names)]
        return float(places.diff(n=2, dim=0).norm(dim=-1).max() * result.motion.fps**2)

    plain = put_on_rig(clips[clip], rig, feet=False, hands=False)
    assert jolt(put_on_rig(clips[clip], rig)) < 1.5 * jolt(plain)


def test_both_options_off_is_plain_retargeting(
    rig_models: ModuleType, generator: torch.Generator
) -> None:
    motion, rig = wander(generator), rig_models.rig("rigify")
    done = put_on_rig(motion, rig, feet=False, hands=False)
    expected = retarget(motion, rig, joint_map=match_rig(rig).joint_map).motion
    torch.testing.assert_close(done.motion.joint_positions, expected.joint_positions)
    assert done.report.foot_correction == pytest.approx(0)


@pytest.mark.parametrize("naming", ["mixamo", "unreal"])
def test_axes_of_bones_do_not_matter(
    naming: str, rig_models: ModuleType, generator: torch.Generator
) -> None:
    motion, rig = wander(generator), rig_models.rig(naming)
    stance = rotations.rotation_vector_to_matrix(
        torch.randn(rig.num_joints, 3, generator=generator)
    )
    own, rest = rig_models.turned_bones(rig, stance)
    done = put_on_rig(motion, own, rest=rest)
    expected = put_on_rig(motion, rig)
    torch.testing.assert_close(
        done.motion.joint_positions, expected.motion.joint_positions, atol=1e-4, rtol=0
    )
    turned = expected.motion.global_rotations @ global_rotations(rest, own)
    torch.testing.assert_close(done.motion.global_rotations, turned, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("naming", "axis"), [("rigify", "Y"), ("mixamo", "Y"), ("unreal", "X")])
def test_the_first_frame_shows_how_a_rig_stands(
    naming: str, axis: str, rig_models: ModuleType
) -> None:
    rig = rig_models.rig(naming)
    own, rest = rig_models.with_own_axes(rig, axis)
    still = {"root_positions": torch.zeros(2, 3), "fps": 30.0}
    odd = Motion(skeleton=own, local_rotations=rest.repeat(2, 1, 1, 1), **still)
    assert any("does not stand" in text for text in match_rig(own).warnings)
    found = standing_pose(odd)
    assert found is not None
    torch.testing.assert_close(found, rest, atol=1e-5, rtol=0)
    assert standing_pose(odd.rotate(0.6)) is not None
    torch.testing.assert_close(standing_pose(odd.rotate(0.6)), rest, atol=1e-5, rtol=0)
    plain = torch.eye(3).repeat(2, rig.num_joints, 1, 1)
    assert standing_pose(Motion(skeleton=rig, local_rotations=plain, **still)) is None
    lying = Motion(skeleton=own, local_rotations=plain, **still)
    assert standing_pose(lying) is None


@pytest.mark.parametrize(("naming", "axis"), [("mixamo", ""), ("rigify", "Y"), ("unreal", "X")])
def test_there_and_back_the_feet_are_where_they_were(
    naming: str, axis: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    walk, rig, rest = clips["walk"], rig_models.rig(naming), None
    if axis:
        rig, rest = rig_models.with_own_axes(rig, axis)
    there = put_on_rig(walk, rig, rest=rest).motion
    if rest is not None:  # as files of such rigs begin
        there = replace(
            there,
            root_positions=torch.cat((there.root_positions[:1], there.root_positions)),
            local_rotations=torch.cat((rest[None], there.local_rotations)),
        )
    back = put_on_rig(there, BODY22).motion
    places = back.joint_positions[1:] if axis else back.joint_positions
    apart = (places - walk.joint_positions).norm(dim=-1)
    feet = BODY22.indices(("left_foot", "right_foot", "left_ankle", "right_ankle"))
    assert float(apart[:, feet].max()) < 0.01
    assert float(apart.mean()) < 0.02


def test_a_rest_of_another_size_is_refused(
    rig_models: ModuleType, generator: torch.Generator
) -> None:
    with pytest.raises(InvalidInputError, match=r"rest: expected a rotation matrix for each of"):
        put_on_rig(wander(generator), rig_models.rig("smpl"), rest=torch.eye(3).repeat(3, 1, 1))


@pytest.mark.parametrize("naming", ["mixamo", "rigify"])
def test_a_rest_pose_with_z_up_is_stood_up(
    naming: str, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    rig = rig_models.rig(naming)
    z_up = rotations.axis_rotation("X", torch.tensor(torch.pi / 2))
    lying = replace(rig, rest_offsets=rig.rest_offsets @ z_up.T)
    done = put_on_rig(clips["walk"], lying).motion
    expected = put_on_rig(clips["walk"], rig).motion
    torch.testing.assert_close(done.joint_positions, expected.joint_positions, atol=1e-4, rtol=0)


def test_a_map_edited_by_hand_is_followed(
    rig_models: ModuleType, generator: torch.Generator
) -> None:
    rig = rig_models.rig("mixamo")
    edited = match_rig(rig).with_entry("mixamorig:Head", None)
    done = put_on_rig(wander(generator), rig, rig_map=edited)
    head = rig.index("mixamorig:Head")
    torch.testing.assert_close(
        done.motion.local_rotations[:, head], torch.eye(3).expand(12, 3, 3), atol=1e-5, rtol=0
    )
    assert "mixamorig:Head" in done.report.retargeting.unmapped
    with pytest.raises(InvalidInputError, match="does not have"):
        put_on_rig(wander(generator), rig_models.rig("smpl"), rig_map=edited)


def test_any_body_can_be_the_source(rig_models: ModuleType, clips: dict[str, Motion]) -> None:
    rig = rig_models.rig("vrm")
    soma = retarget(clips["walk"], SOMA30).motion
    done = put_on_rig(soma, rig)
    direct = put_on_rig(clips["walk"], rig)
    hips = rig.indices((rig.roles.left_hip, rig.roles.right_hip))
    torch.testing.assert_close(
        done.motion.joint_positions[:, hips],
        direct.motion.joint_positions[:, hips],
        atol=0.03,
        rtol=0,
    )
    assert done.report.feet_missed == 0


@pytest.mark.parametrize("toes", [True, False])
def test_a_source_may_have_no_toes(
    toes: bool, rig_models: ModuleType, clips: dict[str, Motion]
) -> None:
    named = {role: joint for role, joint in vars(BODY22.roles).items() if toes or "toe" not in role}
    source = replace(clips["walk"], skeleton=replace(BODY22, roles=Roles(**named)))
    report = put_on_rig(source, rig_models.rig("mixamo")).report
    assert (report.skate_after is not None) == toes
    assert report.feet_missed == 0


def test_any_names_and_any_tree_give_an_error_or_a_valid_motion(
    rig_models: ModuleType, generator: torch.Generator
) -> None:
    motion = wander(generator, frames=4)
    outcomes = {"motion": 0, "error": 0}
    for number in range(27):
        rig = rig_models.rig(NAMINGS[number % len(NAMINGS)])
        names, parents = list(rig.joint_names), list(rig.parents)
        count = len(names)
        for first, second in torch.randint(0, count, (12, 2), generator=generator).tolist():
            names[first], names[second] = names[second], names[first]
        for joint, parent in torch.randint(0, count, (3, 2), generator=generator).tolist():
            parents[joint] = parent % joint if joint else -1
        kept = torch.rand(count, 1, generator=generator) < 0.9
        odd = Skeleton(
            name="odd",
            joint_names=tuple(names),
            parents=tuple(parents),
            rest_offsets=rig.rest_offsets * kept,
            roles=read_names(names, parents).roles,
        )
        try:
            done = put_on_rig(motion, odd).motion
        except InvalidInputError:
            outcomes["error"] += 1
            continue
        outcomes["motion"] += 1
        local = done.local_rotations
        torch.testing.assert_close(
            local.transpose(-1, -2) @ local, torch.eye(3).expand_as(local), atol=1e-4, rtol=0
        )
    assert min(outcomes.values()) > 0


def test_the_published_rig_keeps_its_feet(shared_data: Path, clips: dict[str, Motion]) -> None:
    rig = read_bvh(shared_data / "bvh_cmu" / "07_01.bvh").skeleton
    report = put_on_rig(clips["walk"], rig).report
    assert report.retargeting.scale == pytest.approx(1, abs=1e-4)
    assert report.skate_after == pytest.approx(report.skate_before, abs=1e-3)
    assert report.feet_missed == 0


def test_a_rig_without_legs_is_posed_without_planting(
    rig_models: ModuleType, generator: torch.Generator
) -> None:
    rig = rig_models.rig("cmu")
    leg = ("LHipJoint", "RHipJoint")
    below = [
        any(rig.joint_names[j] in leg for j in _way(rig, joint)) for joint in range(rig.num_joints)
    ]
    kept = [joint for joint in range(rig.num_joints) if not below[joint]]
    bust = Skeleton(
        name="bust",
        joint_names=tuple(rig.joint_names[j] for j in kept),
        parents=tuple(kept.index(p) if p >= 0 else -1 for p in (rig.parents[j] for j in kept)),
        rest_offsets=rig.rest_offsets[kept] + torch.tensor([0.0, 0.0, 0.0]),
        end_sites=((0, (0.0, -0.2, 0.0)),),
    )
    lowered = replace(bust, rest_offsets=bust.rest_offsets.clone())
    lowered.rest_offsets[lowered.index("LeftHand")] += torch.tensor([0.0, -0.9, 0.0])
    report = put_on_rig(wander(generator), lowered).report
    assert report.skate_after is None
    assert report.foot_error is None
    assert report.feet_missed == 0


def _way(skeleton: Skeleton, joint: int) -> list[int]:
    way = [joint]
    while skeleton.parents[way[-1]] >= 0:
        way.append(skeleton.parents[way[-1]])
    return way
