import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion, concatenate
from marey.predicates import Event, find_events
from marey.predicates.event import order
from marey.skeleton import Roles

FPS = 20.0
Builder = Callable[..., Motion]


def clock(seconds: float) -> Tensor:
    return torch.arange(round(seconds * FPS)) / FPS


def standing(time: Tensor) -> Tensor:
    return torch.tensor([0.0, 0.85, 0.0]).repeat(len(time), 1)


def ramp(time: Tensor, start: float, end: float) -> Tensor:
    """0 until ``start``, 1 from ``end`` on."""
    return ((time - start) / (end - start)).clamp(0, 1)


def degrees(values: Tensor) -> Tensor:
    return values * math.pi / 180


def said(events: tuple[Event, ...], slot: str) -> list[tuple[str, str]]:
    """Movements of a slot: action and direction, in order."""
    return [(e.action, e.direction) for e in events if e.slot == slot and e.moves]


def only(events: tuple[Event, ...], slot: str, action: str) -> Event:
    """The one event of that kind."""
    found = [e for e in events if (e.slot, e.action) == (slot, action)]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("walks_forward", {("walks", "forward")}),
        ("walks_backward", {("walks", "backward")}),
        ("sidesteps_left", {("sidesteps", "left")}),
        ("sidesteps_right", {("sidesteps", "right")}),
        ("runs", {("runs", "forward")}),
        ("jumps", {("jumps", "up")}),
        ("sits_down", {("sits", "")}),
        ("squats", {("squats", ""), ("rises", "")}),
        ("raises_left_hand", set()),
        ("kicks_right", set()),
        ("stands_still", set()),
    ],
)
def test_the_whole_body_does_what_it_was_built_to_do(
    act: str, expected: set[tuple[str, str]], acts: dict[str, Motion]
) -> None:
    assert set(said(find_events(acts[act]), "global")) == expected


def test_a_walk_has_its_distance_and_its_steps(acts: dict[str, Motion]) -> None:
    events = find_events(acts["walks_forward"])
    walk = only(events, "global", "walks")
    assert walk.extent == pytest.approx(1.2 * 3.95, rel=0.05)
    assert walk.count is not None
    assert 7 <= walk.count <= 9
    assert {d for a, d in said(events, "left_leg") if a == "steps"} == {"forward"}
    assert only(events, "left_leg+right_leg", "alternates")


def test_two_steps_are_one_of_each_foot(acts: dict[str, Motion]) -> None:
    events = find_events(acts["walks_forward"].crop(0, 21))
    steps = [e for e in events if e.action == "steps"]
    assert [(e.slot, e.direction) for e in steps] == [
        ("right_leg", "forward"),
        ("left_leg", "forward"),
    ]


def test_a_quarter_turn_on_moving_feet_has_its_angle_and_its_time(
    acts: dict[str, Motion],
) -> None:
    turn = only(find_events(acts["turns_left"]), "global", "turns")
    assert turn.direction == "left"
    assert turn.extent == pytest.approx(90, abs=3)
    assert turn.start == pytest.approx(1.2, abs=0.2)
    assert turn.end == pytest.approx(2.8, abs=0.2)


def test_hips_that_turn_over_planted_feet_are_a_twist(build: Builder) -> None:
    time = clock(3.0)
    yaw = degrees(70 * (ramp(time, 0.5, 1.5)))
    twisted = build({"left_ankle": ("Y", -yaw), "right_ankle": ("Y", -yaw)}, standing(time), yaw)
    assert said(find_events(twisted), "global") == []
    assert ("twists", "left") in said(find_events(twisted), "torso")


def test_a_raised_and_lowered_hand(acts: dict[str, Motion]) -> None:
    events = find_events(acts["raises_right_hand"])
    up, down = only(events, "right_arm", "raises"), only(events, "right_arm", "lowers")
    assert (up.target, down.target) == ("overhead", "waist")
    assert 1.0 <= up.start < up.end <= 2.0 < 3.0 <= down.start < down.end <= 4.0
    held = only(events, "right_arm", "holds")
    assert held.target == "overhead"
    assert said(events, "left_arm") == []


def test_an_elbow_that_bends_and_extends(build: Builder) -> None:
    time = clock(4.0)
    angle = degrees(100 * (ramp(time, 0.5, 1.0) - ramp(time, 2.0, 2.5)))
    events = find_events(build({"right_elbow": ("Y", angle)}, standing(time)))
    bend, extend = only(events, "right_arm", "bends"), only(events, "right_arm", "extends")
    assert bend.extent == pytest.approx(100, abs=5)
    assert bend.unit == "deg"
    assert bend.end <= 1.1 < 1.9 <= extend.start


def test_a_wave_has_its_frequency(build: Builder) -> None:
    time = clock(4.0)
    swing = degrees(-90 + 25 * torch.sin(2 * math.pi * 2.0 * time))
    arm = {"right_shoulder": ("Z", torch.zeros_like(time)), "right_elbow": ("Z", swing)}
    wave = only(find_events(build(arm, standing(time))), "right_arm", "waves")
    assert wave.frequency == pytest.approx(2.0, abs=0.2)
    assert wave.extent == pytest.approx(2 * 0.237 * math.sin(math.radians(25)), rel=0.25)


def test_a_straight_arm_that_turns_about_its_shoulder_circles(build: Builder) -> None:
    time = clock(4.0)
    turn = 2 * math.pi * 0.75 * time
    motion = build({"left_shoulder": ("X", torch.zeros_like(time))}, standing(time))
    local = motion.local_rotations.clone()
    ahead = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # +X to +Z
    shoulder = motion.skeleton.index("left_shoulder")
    cosine, sine = turn.cos(), turn.sin()
    spin = torch.eye(3).repeat(len(time), 1, 1)
    spin[:, 1, 1], spin[:, 1, 2], spin[:, 2, 1], spin[:, 2, 2] = cosine, -sine, sine, cosine
    local[:, shoulder] = spin @ ahead
    circle = only(find_events(replace(motion, local_rotations=local)), "left_arm", "circles")
    assert circle.direction == "forward"
    assert circle.count in (2, 3)


def test_a_kick_is_of_its_leg_and_ahead(acts: dict[str, Motion]) -> None:
    for side in ("left", "right"):
        events = find_events(acts[f"kicks_{side}"])
        assert only(events, f"{side}_leg", "kicks").direction == "forward"
        other = "left" if side == "right" else "right"
        assert said(events, f"{other}_leg") == []


def test_a_seat_and_a_squat_are_held_as_such(acts: dict[str, Motion]) -> None:
    assert only(find_events(acts["sits_down"]), "global", "sits").end < 2.0
    targets = [e.target for e in find_events(acts["sits_down"]) if e.action == "holds"]
    assert "sitting" in targets
    targets = [e.target for e in find_events(acts["squats"]) if e.action == "holds"]
    assert "squatting" in targets


def test_a_palm_reaches_the_opposite_shoulder(build: Builder) -> None:
    time = clock(4.0)
    there = ramp(time, 0.5, 1.5) - ramp(time, 2.5, 3.5)
    arm = {
        "right_shoulder": ("Y", degrees(105.3 * there)),
        "right_elbow": ("Y", degrees(134.0 * there)),
    }
    events = find_events(build(arm, standing(time)))
    touch = [e for e in events if e.action == "touches" and e.target == "shoulder"]
    assert [(e.slot, e.direction) for e in touch] == [("left_arm+right_arm", "right")]
    assert 1.0 < touch[0].start < 1.6 < 2.4 < touch[0].end < 3.0


def test_hands_that_clap_and_hands_that_meet(build: Builder) -> None:
    time = clock(4.0)

    def spread(angle: Tensor) -> Motion:
        out = degrees(90 - angle)
        return build({"left_shoulder": ("Y", -out), "right_shoulder": ("Y", out)}, standing(time))

    beat = spread(4 - 15 * torch.cos(2 * math.pi * 2.0 * time))
    assert only(find_events(beat), "left_arm+right_arm", "claps").count in (7, 8, 9)
    once = find_events(spread(-30 + 41 * ramp(time, 1.0, 2.0)))
    meet = only(once, "left_arm+right_arm", "meet")
    assert 1.0 < meet.start < meet.end < 2.1
    assert [e.action for e in once if e.action == "claps"] == []


def test_a_torso_that_leans_and_straightens(build: Builder) -> None:
    time = clock(4.0)
    lean = degrees(40 * (ramp(time, 0.5, 1.2) - ramp(time, 2.5, 3.2)))
    events = find_events(build({"spine1": ("X", lean)}, standing(time)))
    assert said(events, "torso") == [("leans", "forward"), ("straightens", "")]
    # The back bends above the hips, so that the line from hips to shoulders leans less.
    assert 20 < (only(events, "torso", "leans").extent or 0) < 40


def test_a_head_that_nods_shakes_and_turns(build: Builder) -> None:
    time = clock(3.0)
    beat = degrees(12 * torch.sin(2 * math.pi * 1.5 * time))
    assert said(find_events(build({"neck": ("X", beat)}, standing(time))), "head") == [("nods", "")]
    shakes = find_events(build({"neck": ("Y", 1.5 * beat)}, standing(time)))
    assert said(shakes, "head") == [("shakes", "")]
    turn = build({"neck": ("Y", degrees(50 * ramp(time, 1.0, 1.5)))}, standing(time))
    assert said(find_events(turn), "head") == [("turns", "left")]


def test_events_do_not_depend_on_place_heading_or_frame_rate(acts: dict[str, Motion]) -> None:
    for act in acts.values():
        here = find_events(act)
        moved = act.rotate(2.0).translate(torch.tensor([3.0, 0.4, -5.0]))
        assert words(find_events(moved)) == words(here)
        assert agreement(here, find_events(act.resample(50.0))) == 1.0


def test_lengths_scale_with_the_legs(acts: dict[str, Motion]) -> None:
    act = acts["walks_forward"]
    small = replace(act.skeleton, rest_offsets=act.skeleton.rest_offsets * 0.7)
    child = replace(act, skeleton=small, root_positions=act.root_positions * 0.7)
    assert agreement(find_events(act), find_events(child)) == 1.0


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_very_short_motions_have_no_trouble(frames: int, acts: dict[str, Motion]) -> None:
    for act in acts.values():
        assert all(e.end > e.start for e in find_events(act.crop(10, 10 + frames)))


def test_a_skeleton_without_roles_is_refused(acts: dict[str, Motion]) -> None:
    act = acts["jumps"]
    bare = replace(act, skeleton=replace(act.skeleton, roles=Roles()))
    with pytest.raises(InvalidInputError, match="role"):
        find_events(bare)


def test_events_come_in_order(acts: dict[str, Motion]) -> None:
    events = find_events(concatenate([acts["jumps"], acts["raises_left_hand"]]))
    assert events == tuple(sorted(events, key=order))
    assert len(events) > 3


@pytest.fixture(scope="module")
def clips(shared_data: Path) -> list[Motion]:
    """Twelve real windows of 8 s from split val, of different subjects."""
    pack = CmuPack.open(shared_data / "cmu")
    subjects = {clip.subject: clip for clip in pack.clips if clip.split == "val"}
    chosen = sorted(subjects.values(), key=lambda clip: clip.name)[:12]
    return [pack.motion(c.name).crop(0, min(c.frames, round(8 * c.fps))) for c in chosen]


def test_mirrored_clips_have_exactly_the_mirrored_events(clips: list[Motion]) -> None:
    for clip in clips:
        expected = sorted((event.mirrored() for event in find_events(clip)), key=order)
        assert find_events(clip.mirror()) == tuple(expected)


def test_clips_have_the_same_events_at_another_frame_rate(clips: list[Motion]) -> None:
    pairs = [(find_events(clip), find_events(clip.resample(60.0))) for clip in clips]
    sizes = torch.tensor([float(len(a) + len(b)) for a, b in pairs])
    agreed = torch.tensor([agreement(a, b) for a, b in pairs])
    assert float((agreed * sizes).sum() / sizes.sum()) >= 0.98


def test_a_pose_that_is_held_has_no_movements(clips: list[Motion]) -> None:
    for clip in clips:
        frame = clip.crop(clip.num_frames // 2, clip.num_frames // 2 + 1)
        still = concatenate([frame] * 100)
        events = find_events(still)
        assert [event for event in events if event.moves] == []
        assert any(event.action == "stays" for event in events)


def words(events: tuple[Event, ...]) -> list[tuple[str, str, str, str]]:
    return [(e.slot, e.action, e.direction, e.target) for e in events]


def agreement(a: tuple[Event, ...], b: tuple[Event, ...]) -> float:
    """Share of events that have a twin: the same words, starting and ending within 0.1 s."""
    rest, twins = list(b), 0
    for event in a:
        for other in rest:
            near = max(abs(event.start - other.start), abs(event.end - other.end)) <= 0.1
            if near and words((event,)) == words((other,)):
                rest.remove(other)
                twins += 1
                break
    return 2 * twins / max(1, len(a) + len(b))
