"""Validation: what cannot be met is an error, what is unlikely a warning, the rest is fine."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.constraints import (
    Clip,
    Constraint,
    FacePoint,
    Finding,
    FootContact,
    FullBodyKeyframe,
    HoldJoint,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootPath,
    RootWaypoint,
    Times,
    check_constraints,
    constraints_from_motion,
    require_valid,
)
from marey.constraints.reach import reach_of
from marey.errors import InvalidInputError
from marey.io import read_bvh
from marey.motion import Motion
from marey.skeleton import BODY22


def waypoint(frame: int, x: float, z: float, **given: float) -> RootWaypoint:
    return RootWaypoint(
        times=Times(frames=(frame,)), points=torch.tensor([[x, z]], dtype=torch.float32), **given
    )


def wrist(frame: int, *place: float, joint: str = "left_wrist") -> JointTarget:
    return JointTarget(joint=joint, times=Times(frames=(frame,)), positions=torch.tensor([place]))


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


# --- what is fine --------------------------------------------------------------------------------


def test_hips_may_hang_on_joints_of_their_own(shared_data: Path) -> None:
    """As on the CMU BVH rig, whose two hips have equal offsets from their buttocks."""
    motion = read_bvh(shared_data / "bvh_cmu/02_01.bvh").crop(10, 40)
    clip = Clip(skeleton=motion.skeleton, fps=motion.fps, frames=motion.num_frames)
    constraints = constraints_from_motion(motion, ["full_body", "heading"], every=7)
    assert not [each for each in check_constraints(constraints, clip) if each.severity == "error"]


def test_a_motion_can_meet_what_it_does(motion: Motion, clip: Clip) -> None:
    kinds = ["full_body", "joint", "root_waypoint", "heading", "pelvis_height"]
    constraints = constraints_from_motion(motion, kinds, every=7)
    assert check_constraints(constraints, clip) == ()
    assert require_valid(constraints, clip) == ()


def test_nothing_is_fine(clip: Clip) -> None:
    assert check_constraints([], clip) == ()


def test_pins_that_agree_within_both_tolerances_are_fine(clip: Clip) -> None:
    near = [waypoint(3, 1.0, 1.0), waypoint(3, 1.008, 1.0)]
    assert check_constraints(near, clip) == ()
    assert len(check_constraints([near[0], waypoint(3, 1.012, 1.0)], clip)) == 1
    wide = waypoint(3, 1.2, 1.0, tolerance=0.3)
    assert check_constraints([near[0], wide], clip) == ()


# --- contradictions ------------------------------------------------------------------------------


def test_a_contradiction_is_named_with_both_constraints(clip: Clip) -> None:
    finding = only(
        check_constraints([wrist(1, 0.0, 1, 0), wrist(9, 0.0, 1, 0), wrist(9, 0.0, 1.1, 0)], clip)
    )
    assert (finding.severity, finding.constraint) == ("error", 2)
    assert (
        "contradicts constraints[1] (JointTarget): both pin the position of left_wrist in frame 9 "
        "(0.45 s), 10.0 cm apart, where their tolerances allow 1.0 cm."
    ) in finding.message
    assert (finding.kind, finding.frame, finding.other) == ("contradiction", 9, 1)


def test_contradictions_in_many_frames_and_joints_are_one_finding(motion: Motion) -> None:
    """Two bodies in one place: one finding for the pair, not one for each joint and frame."""
    keys = FullBodyKeyframe.from_motion(motion, [3, 9])
    aside = replace(keys, positions=keys.positions + 0.02, root_path=None)
    assert only(check_constraints([keys, aside], Clip.of(motion))).constraint == 1


def test_the_pins_of_many_constraints_are_all_compared(clip: Clip) -> None:
    many = [waypoint(3, 1.0, 1.0) for _ in range(12)] + [waypoint(3, 2.0, 1.0)]
    findings = check_constraints(many, clip)
    assert {finding.constraint for finding in findings} == {12}
    assert len(findings) == 12


def test_a_contact_on_and_off_at_once_is_an_error(clip: Clip) -> None:
    on = FootContact(foot="left_foot", interval=Interval(start=3, end=9))
    off = FootContact(foot="left_toe", interval=Interval(start=8), contact=False)
    finding = only(check_constraints([on, off], clip))
    assert finding.severity == "error"
    assert (
        "pin the contact of left_foot in frame 8 (0.40 s), one on, the other off" in finding.message
    )
    assert check_constraints([on, replace(off, interval=Interval(start=9))], clip) == ()


def test_headings_are_compared_around_the_circle(clip: Clip) -> None:
    def facing(angle: float) -> RootHeading:
        return RootHeading(times=Times(frames=(4,)), angles=torch.tensor([angle]))

    assert check_constraints([facing(3.14), facing(-3.14)], clip) == ()
    finding = only(check_constraints([facing(0.0), facing(3.0)], clip))
    assert "the heading in frame 4 (0.20 s), 171.9° apart, where their tolerances allow 2.0°" in (
        finding.message
    )


@pytest.mark.parametrize("rotations", [True, False])
def test_height_and_heading_may_not_contradict_a_keyframe(motion: Motion, rotations: bool) -> None:
    clip = Clip.of(motion)
    keys = FullBodyKeyframe.from_motion(motion, [9], rotations=rotations)
    height = PelvisHeight.from_motion(motion, [9])
    heading = RootHeading.from_motion(motion, [9])
    assert check_constraints([keys, height, heading], clip) == ()
    high = replace(height, heights=height.heights + 0.1)
    assert "the root height in frame 9" in only(check_constraints([keys, high], clip)).message
    turned = replace(heading, angles=heading.angles + 0.5)
    assert "the heading in frame 9" in only(check_constraints([turned, keys], clip)).message


def test_a_held_joint_may_not_be_pinned_elsewhere(clip: Clip) -> None:
    hold = HoldJoint(joint="left_wrist", interval=Interval(start=1, end=20))
    findings = check_constraints([hold, wrist(5, 0.0, 1, 0), wrist(15, 0.5, 1, 0)], clip)
    assert "contradicts constraints[0]" in only(findings).message


# --- reach ---------------------------------------------------------------------------------------


def test_reach_is_what_poses_reach() -> None:
    """No pose of many brings two joints closer or further apart; some come near to the bounds."""
    from marey import rotations
    from marey.skeleton import global_rotations, joint_positions

    generator = torch.Generator().manual_seed(1)
    local = rotations.rotation_vector_to_matrix(
        2 * torch.randn(3000, BODY22.num_joints, 3, generator=generator)
    )
    places = joint_positions(torch.zeros(3000, 3), global_rotations(local, BODY22), BODY22)
    distance = (places[:, :, None] - places[:, None]).norm(dim=-1)
    reach = reach_of(BODY22)
    assert bool((distance <= reach.most + 1e-5).all())
    assert bool((distance >= reach.least - 1e-5).all())
    knee, ankle, hip = (BODY22.index(f"left_{name}") for name in ("knee", "ankle", "hip"))
    assert float(distance[:, hip, ankle].amax()) > 0.99 * float(reach.most[hip, ankle])
    assert float(reach.least[knee, ankle]) == float(reach.most[knee, ankle])


def test_the_hips_have_one_distance_from_each_other() -> None:
    left, right = BODY22.index("left_hip"), BODY22.index("right_hip")
    reach = reach_of(BODY22)
    assert float(reach.most[left, right]) == pytest.approx(2 * 0.08778)
    assert float(reach.least[left, right]) == pytest.approx(2 * 0.08778)


def test_a_limb_longer_than_it_is_is_an_error(clip: Clip) -> None:
    far = [wrist(3, 0.0, 1.4, 0, joint="left_shoulder"), wrist(3, 0.6, 1.4, 0)]
    finding = only(check_constraints(far, clip))
    assert (finding.severity, finding.constraint) == ("warning", 1)
    assert (
        "in frame 3 (0.15 s) left_wrist is pinned 60.0 cm from left_shoulder, and the bones hold "
        "it at most 51.9 cm away."
    ) in finding.message
    within = [far[0], wrist(3, 0.5, 1.4, 0)]
    assert check_constraints(within, clip) == ()
    in_other_frames = [far[0], wrist(4, 0.6, 1.4, 0)]
    assert check_constraints(in_other_frames, clip) == ()


def test_a_limb_shorter_than_it_can_be_is_a_warning(clip: Clip) -> None:
    near = [wrist(3, 0.0, 1, 0, joint="left_knee"), wrist(3, 0.0, 0.8, 0, joint="left_ankle")]
    assert "at least 45.4 cm away" in only(check_constraints(near, clip)).message


def test_a_keyframe_of_another_body_is_a_warning(motion: Motion) -> None:
    clip = Clip.of(motion)
    keys = FullBodyKeyframe.from_motion(motion, [3, 9], rotations=False)
    giant = replace(keys, positions=keys.positions * 1.2, root_path=None)
    finding = only(check_constraints([giant], clip))
    assert finding.severity == "warning"
    assert "more)" in finding.message


def test_a_joint_out_of_reach_of_the_root_path_is_a_warning(clip: Clip) -> None:
    pins = [waypoint(3, 0.0, 0.0), wrist(3, 0.0, 1.0, 2.0)]
    finding = only(check_constraints(pins, clip))
    assert "in frame 3 (0.15 s) left_wrist is pinned 2.00 m from the root path" in finding.message
    assert check_constraints([pins[0], wrist(3, 0.0, 1.0, 0.9)], clip) == ()


def test_the_pelvis_stays_within_its_sway_of_the_path(clip: Clip) -> None:
    """6 cm of sway and 5 mm of tolerance on either side."""
    near, far = (wrist(3, 0.0, 0.9, away, joint="pelvis") for away in (0.069, 0.075))
    assert check_constraints([waypoint(3, 0.0, 0.0), near], clip) == ()
    assert only(check_constraints([waypoint(3, 0.0, 0.0), far], clip)).severity == "warning"


# --- warnings ------------------------------------------------------------------------------------


def test_haste_is_a_warning_with_its_speed(clip: Clip) -> None:
    pins = [waypoint(0, 0.0, 0.0), waypoint(10, 0.0, 6.01), waypoint(40, 0.0, 6.0)]
    finding = only(check_constraints(pins, clip))
    assert (finding.severity, finding.constraint) == ("warning", 1)
    assert finding.message.startswith(
        "moves the body 6.00 m over the ground within 0.50 s (frames 0 to 10): 12.0 m/s, and "
        "10.0 m/s is the limit."
    )
    assert (finding.kind, finding.frame, finding.other) == ("speed", 10, 0)
    assert check_constraints(pins, clip, max_speed=13) == ()
    assert len(check_constraints(pins, clip, max_speed=2.0)) == 1


def test_haste_is_found_between_path_and_pelvis(clip: Clip) -> None:
    pins = [waypoint(0, 0.0, 0.0), wrist(10, 0.0, 0.9, 6.0, joint="pelvis")]
    assert "m over the ground within 0.50 s" in only(check_constraints(pins, clip)).message


@pytest.mark.parametrize("fps", [20.0, 120.0, 1000.0])
def test_haste_of_pins_in_every_frame_is_found_at_any_rate(fps: float) -> None:
    """The sway of a pelvis is more than a sprinter's way from frame to frame at 120 fps."""
    clip = Clip(skeleton=BODY22, fps=fps, frames=round(2 * fps))
    frames = tuple(range(clip.frames))
    seconds = torch.arange(clip.frames) / fps

    def pelvis(speed: float) -> JointTarget:
        places = torch.stack((0 * seconds, 0 * seconds + 0.9, speed * seconds), dim=1)
        return JointTarget(joint="pelvis", times=Times(frames=frames), positions=places)

    assert only(check_constraints([pelvis(13.0)], clip)).kind == "speed"
    assert check_constraints([pelvis(9.0)], clip) == ()


def test_a_joint_may_not_be_thrown(clip: Clip) -> None:
    pins = [wrist(4, 0.3, 0.4, 0), wrist(5, 0.3, 1.8, 0), wrist(9, 0.3, 0.4, 0)]
    finding = only(check_constraints(pins, clip))
    assert (finding.kind, finding.constraint, finding.other) == ("speed", 1, 0)
    assert "moves left_wrist 1.39 m within 0.05 s (frames 4 to 5): 27.8 m/s, and 25.0" in (
        finding.message
    )
    assert check_constraints([pins[0], pins[2]], clip) == ()


def test_limbs_reach_ahead_of_a_body_that_hurries(clip: Clip) -> None:
    """12 m/s of the wrist are 10 m/s of the body, less what the arm reaches at either end."""
    assert check_constraints([wrist(0, 0.0, 1, 0), wrist(20, 0.0, 1, 12.0)], clip) == ()
    finding = only(check_constraints([wrist(0, 0.0, 1, 0), wrist(20, 0.0, 1, 14.0)], clip))
    assert "moves the body 11." in finding.message
    assert "over the ground within 1.00 s" in finding.message


def test_a_turn_about_at_once_is_a_warning(clip: Clip) -> None:
    def facing(frame: int, angle: float) -> RootHeading:
        return RootHeading(times=Times(frames=(frame,)), angles=torch.tensor([angle]))

    finding = only(check_constraints([facing(3, 3.0), facing(5, 0.0)], clip))
    assert (finding.kind, finding.constraint) == ("speed", 1)
    assert "turns the body by 169.9° within 0.10 s" in finding.message
    assert check_constraints([facing(3, 3.0), facing(9, 0.0)], clip) == ()
    assert check_constraints([facing(3, 3.1), facing(4, -3.1)], clip) == ()


def test_what_no_jump_brings_a_joint_to_is_a_warning(clip: Clip) -> None:
    finding = only(check_constraints([wrist(3, 0.3, 3.2, 0.8)], clip))
    assert (finding.severity, finding.kind, finding.frame) == ("warning", "height", 3)
    assert "pins left_wrist 3.20 m above the ground in frame 3" in finding.message
    assert check_constraints([wrist(3, 0.3, 2.2, 0.8)], clip) == ()
    high = PelvisHeight(times=Times(frames=(3, 5)), heights=torch.tensor([0.9, 2.0]))
    assert "pins pelvis 2.00 m above" in only(check_constraints([high], clip)).message


def test_what_lies_below_the_ground_is_a_warning(clip: Clip) -> None:
    deep = wrist(3, 0.3, -0.2, 0.8)
    finding = only(check_constraints([deep], clip))
    assert "pins left_wrist 20.0 cm below the ground in frame 3" in finding.message
    assert check_constraints([wrist(3, 0.3, -0.03, 0.8)], clip) == ()
    assert check_constraints([replace(deep, tolerance=0.2)], clip) == ()


def test_a_contact_in_the_air_is_a_warning(clip: Clip) -> None:
    contact = FootContact(foot="right_heel", interval=Interval(start=2, end=8))
    kick = wrist(5, 0.0, 0.5, 0, joint="right_ankle")
    finding = only(check_constraints([contact, kick], clip))
    assert (finding.severity, finding.constraint) == ("warning", 0)
    assert "keeps right_ankle on the ground in frame 5 (0.25 s), where constraints[1] " in (
        finding.message
    )
    assert "pins it 50.0 cm above." in finding.message
    assert check_constraints([replace(contact, contact=False), kick], clip) == ()
    assert check_constraints([contact, wrist(5, 0.0, 0.1, 0, joint="right_ankle")], clip) == ()


def test_a_keyframe_that_leaves_joints_out_is_a_warning(motion: Motion) -> None:
    keys = FullBodyKeyframe.from_motion(motion, [3], rotations=False)
    part = replace(keys, joint_names=keys.joint_names[:20], positions=keys.positions[:, :20])
    finding = only(check_constraints([part], Clip.of(motion)))
    assert finding.severity == "warning"
    assert "leaves 2 joints of the skeleton free: left_wrist, right_wrist" in finding.message


def test_a_point_to_face_on_the_way_is_a_warning(clip: Clip) -> None:
    path = RootPath(points=torch.tensor([[0.0, 0], [0, 4]]), times=Times(frames=(0, 40)))
    face = FacePoint(point=torch.tensor([0.0, 2.0]), interval=Interval())
    found = {each.kind: each for each in check_constraints([face, path], clip)}
    assert found.keys() == {"facing", "speed"}  # past the point, the body must turn about at once
    finding = found["facing"]
    assert (finding.severity, finding.constraint) == ("warning", 0)
    assert "no direction in frame 20 (1.00 s)" in finding.message


# --- errors of a constraint by itself, and all of them together ----------------------------------


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (waypoint(60, 0.0, 0.0), "expected a frame in [0, 59], got 60"),
        (wrist(1, 0.0, 0.0, 0.0, joint="tail"), "has no joint 'tail'"),
        (FootContact(foot="left_toe", interval=Interval(end=99)), "inside of the clip's 60 frames"),
        (HoldJoint(joint="wing", interval=Interval()), "has no joint 'wing'"),
    ],
)
def test_what_does_not_fit_the_clip_is_an_error(
    clip: Clip, constraint: Constraint, message: str
) -> None:
    finding = only(check_constraints([waypoint(3, 0.0, 0.0), constraint], clip))
    assert (finding.severity, finding.constraint) == ("error", 1)
    assert message in finding.message


def test_all_errors_are_raised_together(clip: Clip) -> None:
    late = replace(waypoint(70, 0.0, 0.0), label="late")
    with pytest.raises(InvalidInputError) as caught:
        require_valid([late, wrist(1, 0.0, 0.0, 0.0, joint="tail"), waypoint(3, 0.0, 0.0)], clip)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "constraints[0] (RootWaypoint 'late')",
        "constraints[1] (JointTarget)",
    ]


def test_warnings_are_returned_and_not_raised(clip: Clip) -> None:
    hasty = [waypoint(0, 0.0, 0.0), waypoint(1, 0.0, 5.0)]
    assert only(require_valid(hasty, clip)).severity == "warning"


def test_findings_are_json_and_back(clip: Clip) -> None:
    late = replace(waypoint(70, 0.0, 0.0), label="late")
    findings = check_constraints([late, waypoint(0, 0.0, 0.0), waypoint(1, 0.0, 5.0)], clip)
    assert {each.severity for each in findings} == {"error", "warning"}
    for each in findings:
        assert Finding.from_json(json.loads(json.dumps(each.to_json()))) == each
    assert str(findings[0]).startswith("constraints[0] (RootWaypoint 'late'): expected a frame")
    assert [findings[1].concerns(number) for number in range(4)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": "fatal"}, "finding.severity: expected one of error, warning, got 'fatal'"),
        ({"kind": "taste"}, "finding.kind: expected one of unusable"),
        ({"message": None}, "finding.message: expected a string, got None"),
        ({"constraint": None}, "finding.constraint: expected a number from 0, got None"),
        ({"frame": True}, "finding.frame: expected a number from 0, got True"),
        ({"more": 1}, "finding: expected an object with fields severity, kind"),
    ],
)
def test_json_that_is_no_finding_is_refused(clip: Clip, change: dict, message: str) -> None:
    (finding,) = check_constraints([waypoint(70, 0.0, 0.0)], clip)
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        Finding.from_json(finding.to_json() | change)


def test_of_many_errors_the_first_are_listed(clip: Clip) -> None:
    with pytest.raises(InvalidInputError, match="and 10 more errors"):
        require_valid([waypoint(99, 0.0, 0.0)] * 30, clip)
