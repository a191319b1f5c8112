"""Laws of post-processing, on walks of real people and on a figure that glides and waves."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.constraints import (
    Constraint,
    FacePoint,
    FootContact,
    FullBodyKeyframe,
    Goal,
    HoldJoint,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootWaypoint,
    Times,
    goals_on,
)
from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.metrics import foot_skate_from_contacts, goal_errors, jerk
from marey.motion import BODY22_LIMITS, Motion, foot_contacts, smooth_path
from marey.postprocess import refine
from marey.skeleton import BODY22


def gliding(frames: int = 60, speed: float = 0.5) -> Motion:
    """A figure that bends its knees and waves while it slides forward on feet said to stand."""
    time = torch.arange(frames) / 20
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    bend = 0.3 + 0.2 * torch.sin(2 * time)
    for side in ("left", "right"):
        for joint, factor in (("hip", -1.0), ("knee", 2.0), ("ankle", -1.0)):
            local[:, BODY22.index(f"{side}_{joint}")] = rotations.axis_rotation("X", factor * bend)
    local[:, BODY22.index("left_shoulder")] = rotations.axis_rotation(
        "Z", 0.8 * torch.sin(3 * time)
    )
    motion = Motion(
        root_positions=torch.stack((0 * time, 0 * time, speed * time), dim=-1),
        local_rotations=local,
        fps=20.0,
        skeleton=BODY22,
        contacts=torch.ones(frames, 4, dtype=torch.bool),
    )
    lowest = motion.joint_positions[..., 1].amin(1)
    lift = torch.stack((0 * lowest, -lowest, 0 * lowest), dim=-1)
    return replace(motion, root_positions=motion.root_positions + lift)


CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "hand": (
        JointTarget(
            joint="left_wrist",
            times=Times(frames=(20, 40)),
            positions=torch.tensor([[0.4, 1.3, 0.5], [0.5, 0.9, 1.0]]),
        ),
    ),
    "head turned": (
        JointTarget(
            joint="head",
            times=Times(frames=(30,)),
            rotations=rotations.axis_rotation("Y", torch.tensor([0.6])),
        ),
    ),
    "waypoints": (
        RootWaypoint(times=Times(frames=(15, 50)), points=torch.tensor([[0.2, 0.3], [-0.5, 1.2]])),
    ),
    "heading": (RootHeading(times=Times(seconds=(1.5,)), angles=torch.tensor([0.9])),),
    "height": (PelvisHeight(times=Times(frames=(30,)), heights=torch.tensor([0.6])),),
    "hold": (HoldJoint(joint="right_wrist", interval=Interval(start=10, end=30)),),
    "face": (FacePoint(point=torch.tensor([4.0, 1.0]), interval=Interval(start=20, end=40)),),
    "foot off": (
        FootContact(foot="left_foot", interval=Interval(start=20, end=30), contact=False),
    ),
}
CONSTRAINTS["all at once"] = tuple(
    each for name in ("hand", "head turned", "waypoints", "height") for each in CONSTRAINTS[name]
)


def worst(motion: Motion, goals: tuple[Goal, ...]) -> float:
    """Largest error of all goals, in tolerances."""
    return max(float((goal_errors(motion, g) / max(g.tolerance, 1e-3)).max()) for g in goals)


def skate(motion: Motion) -> float:
    assert motion.contacts is not None
    return foot_skate_from_contacts(
        motion.joint_positions, motion.contacts, motion.skeleton, motion.fps
    ).mean


def furthest(a: Motion, b: Motion) -> float:
    return float((a.joint_positions - b.joint_positions).norm(dim=-1).max())


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_goals_are_met_once_and_for_all(name: str) -> None:
    motion = gliding()
    goals = goals_on(CONSTRAINTS[name], motion)
    assert worst(motion, goals) > 1
    (fixed,) = refine([motion], [goals])
    assert worst(fixed, goals) <= 1
    (again,) = refine([fixed], [goals])
    assert furthest(fixed, again) < 1e-3
    assert skate(fixed) < 0.02


def test_a_keyframe_taken_from_another_motion_is_met() -> None:
    motion, other = gliding(), gliding(speed=0.8)
    goals = goals_on((FullBodyKeyframe.from_motion(other, [10, 45]),), motion)
    (fixed,) = refine([motion], [goals])
    assert worst(fixed, goals) <= 1


def test_planted_feet_do_not_move() -> None:
    motion = gliding()
    assert skate(motion) > 0.3
    (fixed,) = refine([motion])
    assert skate(fixed) < 1e-3
    (again,) = refine([fixed])
    assert furthest(fixed, again) < 1e-3


def test_nothing_stays_under_the_floor() -> None:
    sunk = gliding().translate(torch.tensor([0.0, -0.06, 0.0]))
    (fixed,) = refine([sunk])
    assert float(fixed.joint_positions[..., 1].min()) > -2e-3


def test_a_pin_under_the_floor_is_met_without_a_leap() -> None:
    motion = gliding()
    toe = BODY22.index("left_foot")
    place = motion.joint_positions[[30], toe] - torch.tensor([0.0, 0.04, 0.0])
    sunk = JointTarget(joint="left_foot", times=Times(frames=(30,)), positions=place)
    goals = goals_on((sunk,), motion)
    assert float(goals[0].target[0, 1]) < -0.02
    (fixed,) = refine([motion], [goals])
    assert worst(fixed, goals) <= 1
    path = fixed.joint_positions[:, toe]
    assert float(path.diff(dim=0)[:, 1].abs().max()) < 0.03
    assert float(path[[15, 45], 1].min()) > -2e-3
    (again,) = refine([fixed], [goals])
    assert furthest(fixed, again) < 1e-3


def test_a_motion_does_not_depend_on_its_batch() -> None:
    motions = [gliding(60), gliding(31, speed=0.9), gliding(45, speed=0.2)]
    goals = [goals_on(CONSTRAINTS[name], motions[0]) for name in ("hand", "waypoints")]
    motions, goals = motions[:2], [goals[0], ()]
    together = refine(motions, goals)
    for motion, own, found in zip(motions, goals, together, strict=True):
        assert furthest(refine([motion], [own])[0], found) < 1e-4


def test_moving_and_turning_the_world_moves_and_turns_the_result() -> None:
    motion, angle, offset = gliding(), 0.7, torch.tensor([3.0, 0.0, -2.0])
    turn = rotations.yaw_matrix(torch.tensor(angle))
    (plain,) = refine([motion], [goals_on(CONSTRAINTS["hand"], motion)])
    (hand,) = CONSTRAINTS["hand"]
    assert isinstance(hand, JointTarget)
    assert hand.positions is not None
    moved_hand = replace(hand, positions=hand.positions @ turn.T + offset)
    moved = motion.rotate(angle).translate(offset)
    (found,) = refine([moved], [goals_on((moved_hand,), moved)])
    assert furthest(plain.rotate(angle).translate(offset), found) < 1e-3


def test_what_is_out_of_reach_is_met_as_far_as_the_arm_goes() -> None:
    motion = gliding(speed=0.0)
    far = (
        JointTarget(
            joint="left_wrist", times=Times(frames=(30,)), positions=torch.tensor([[0.0, 4.0, 0.0]])
        ),
    )
    (fixed,) = refine([motion], [goals_on(far, motion)])
    assert fixed.joint_positions.isfinite().all()
    rise = fixed.joint_positions[30, BODY22.index("left_wrist"), 1]
    assert float(rise) > 1.6  # an arm's length above the shoulders


def test_contradictions_stay_finite() -> None:
    motion = gliding()
    pins = tuple(
        JointTarget(
            joint="head", times=Times(frames=(30,)), positions=torch.tensor([[x, 1.5, 0.5]])
        )
        for x in (-2.0, 2.0)
    )
    (fixed,) = refine([motion], [goals_on(pins, motion)])
    assert fixed.joint_positions.isfinite().all()


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_shortest_clips(frames: int) -> None:
    (fixed,) = refine([gliding(frames)])
    assert fixed.num_frames == frames


def test_skeletons_without_feet_are_left_on_their_feet() -> None:
    motion = gliding()
    bare = replace(BODY22, roles=replace(BODY22.roles, left_toe="", right_toe=""))
    (fixed,) = refine([replace(motion, skeleton=bare)])
    assert furthest(replace(fixed, skeleton=BODY22), motion) < 1e-6


def test_as_many_lists_of_goals_as_motions() -> None:
    with pytest.raises(InvalidInputError, match="for each of the 1 motions, got 2"):
        refine([gliding()], [(), ()])


# --- real motions --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walks(shared_data: Path) -> list[Motion]:
    pack = CmuPack.open(shared_data / "cmu")
    return [pack.motion(clip).resample(20.0) for clip in ("07_01", "08_02")]


def foot_turns(before: Motion, after: Motion) -> torch.Tensor:
    """Angle of every foot between two motions, radians."""
    feet = BODY22.foot_indices
    soles = [
        m.joint_positions[:, feet[1::2]] - m.joint_positions[:, feet[::2]] for m in (before, after)
    ]
    return torch.acos(torch.cosine_similarity(*soles, dim=-1).clamp(-1, 1))


@pytest.mark.parametrize("factor", [0.4, 2.0])
def test_feet_that_glide_do_not_turn_in_the_air(walks: list[Motion], factor: float) -> None:
    """Heel and toe leave the ground one after the other, each some way from where it was."""
    stretch = torch.tensor([factor, 1.0, factor])
    gliding = [
        replace(
            motion,
            root_positions=stretch * motion.root_positions,
            contacts=foot_contacts(
                motion.joint_positions, BODY22, motion.fps, limits=BODY22_LIMITS
            ),
        )
        for motion in walks
    ]
    for motion, refined in zip(gliding, refine(gliding, contact_limits=BODY22_LIMITS), strict=True):
        assert foot_turns(motion, refined).max() < 0.25


def test_feet_follow_a_body_that_spins_on_the_spot() -> None:
    motion = gliding(speed=0.0)
    angles = torch.linspace(0, 2.5, motion.num_frames)
    local = motion.local_rotations.clone()
    local[:, 0] = rotations.yaw_matrix(angles) @ local[:, 0]
    spinning = replace(motion, local_rotations=local)
    (refined,) = refine([spinning], contact_limits=BODY22_LIMITS)
    assert foot_turns(spinning, refined).max() < 1.2
    assert refined.contacts is not None
    assert 0.3 < refined.contacts.float().mean() < 1


def test_a_real_walk_is_hardly_changed(walks: list[Motion]) -> None:
    """Its feet are locked and its jerk stays below one and a half times what it was."""
    for motion, fixed in zip(walks, refine(walks, contact_limits=BODY22_LIMITS), strict=True):
        assert float((fixed.joint_positions - motion.joint_positions).norm(dim=-1).mean()) < 0.05
        assert skate(fixed) < 0.02
        before, after = (jerk(m.joint_positions, m.fps).mean for m in (motion, fixed))
        assert after < 1.5 * before


def test_another_path_for_a_real_walk(walks: list[Motion]) -> None:
    for motion in walks:
        path = smooth_path(motion.root_positions[:, [0, 2]])
        last = motion.num_frames - 1
        aside = RootWaypoint(
            times=Times(frames=(last // 2, last)),
            points=path[[last // 2, last]] + torch.tensor([0.3, 0.1]),
        )
        goals = goals_on((aside,), motion)
        (fixed,) = refine([motion], [goals], contact_limits=BODY22_LIMITS)
        assert worst(fixed, goals) <= 1
        assert skate(fixed) < 0.02
        turned = float(rotations.wrap_angle(fixed.heading - motion.heading).abs().max())
        assert turned < math.radians(5)
