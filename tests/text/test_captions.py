"""Laws of captions: they mirror with their motion, do not depend on its rate, invent nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.predicates import Event
from marey.predicates.event import MIRRORED_DIRECTION, possible_events
from marey.skeleton import BODY22, G1_34, local_rotations
from marey.skeleton.parts import PAIR_SLOTS, PARTS, SLOTS
from marey.text import MotionCaption, caption, event_phrase, mirror_text
from marey.text.event_wording import IDLE, sequence
from marey.text.sentences import body_sentence

CLIPS = ("02_01", "13_21", "69_09", "86_14", "134_05", "14_12")


def still(frames: int = 60) -> Motion:
    """A body that stands with hanging arms and does nothing."""
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    return Motion(
        root_positions=torch.tensor([[0.0, 0.87, 0.0]]).repeat(frames, 1),
        local_rotations=local,
        fps=20.0,
        skeleton=BODY22,
    )


@pytest.fixture(scope="module")
def clips(shared_data: Path) -> list[Motion]:
    pack = CmuPack.open(shared_data / "cmu")
    motions = [pack.motion(clip) for clip in CLIPS]
    return [motion.crop(0, min(motion.num_frames, round(8 * motion.fps))) for motion in motions]


def headless(motion: Motion) -> Motion:
    """The same motion of a body that names no head."""
    body = motion.skeleton
    return replace(motion, skeleton=replace(body, roles=replace(body.roles, head="")))


def with_head(slot: str) -> bool:
    return "head" in slot.split("+")


def test_a_body_without_a_head_says_the_same_and_nothing_of_a_head(clips: list[Motion]) -> None:
    for clip in clips:
        said, told = caption(headless(clip)), caption(clip)
        assert not [event for event in said.events if with_head(event.slot)]
        assert said.parts["head"] == IDLE
        for pair, text in said.interactions.items():
            assert bool(text) != with_head(pair)
            assert not text.startswith("the head")
        assert not any(words in k.pose for k in said.keyframes for words in ("The head", "face"))
        # Arms may differ: what is overhead is judged by where a head would be.
        others = [s for s in SLOTS if not with_head(s) and "arm" not in s and s != "global"]
        for slot in others:
            own = [e for e in said.events if e.slot == slot]
            assert own == [e for e in told.events if e.slot == slot]
        assert MotionCaption.from_json(said.to_json()) == said
        assert len(said.script().statements) == len(SLOTS) - 5
        assert "\n." not in said.prose()


def test_a_robot_without_a_head_is_put_into_words(shared_data: Path) -> None:
    folder = shared_data / "kimodo_examples" / "kimodo-g1-rp" / "03_full_body_keyframes"
    with np.load(folder / "motion.npz") as arrays:
        places, turned = (torch.from_numpy(arrays[n]) for n in ("posed_joints", "global_rot_mats"))
    motion = Motion(
        root_positions=places[:, 0].float(),
        local_rotations=local_rotations(turned.float(), G1_34),
        fps=30.0,
        skeleton=G1_34,
    )
    said = caption(motion)
    assert said.body.startswith("a person walks forward about 3.5 meters")
    assert said.interactions["left_leg+right_leg"] == "the legs swing in turn"


def every_event() -> list[Event]:
    """One event of each action, slot, direction and target, with an extent and a count."""
    return [replace(event, extent=30.0, count=2) for event in possible_events()]


def test_the_words_of_a_mirrored_event_are_the_mirrored_words() -> None:
    for event in every_event():
        assert event_phrase(event.mirrored()) == mirror_text(event_phrase(event)), event
        if event.direction in MIRRORED_DIRECTION:
            assert event_phrase(event.mirrored()) != event_phrase(event), event


def test_repeats_and_cycles_are_counted() -> None:
    def at(k: int, action: str, **more: object) -> Event:
        return Event(slot="left_arm", action=action, start=k + 0.0, end=k + 0.9, **more)

    step = {"slot": "left_leg", "action": "steps", "direction": "forward"}
    steps = [Event(**step, start=k + 0.0, end=k + 0.9) for k in range(3)]
    assert sequence(steps) == "steps forward three times"
    bent = [at(2 * k + j, a) for k in range(3) for j, a in enumerate(("bends", "extends"))]
    assert sequence(bent) == "bends at the elbow and straightens at the elbow, three times"
    assert sequence([at(0, "raises", target="overhead"), at(1, "waves", count=4)]) == (
        "raises above the head, then waves four times"
    )
    assert sequence([]) == ""


def test_rounds_of_a_cycle_are_told_with_what_they_share() -> None:
    def lifts(*heights: str) -> list[Event]:
        words = ("raises", "lowers") * (len(heights) // 2)
        return [
            Event(slot="left_arm", action=word, start=float(i), end=i + 0.9, target=height)
            for i, (word, height) in enumerate(zip(words, heights, strict=True))
        ]

    assert sequence(lifts("head", "waist", "overhead", "waist")) == (
        "raises and lowers to waist height, twice"
    )
    assert sequence(lifts("head", "waist", "head", "waist")) == (
        "raises to head height and lowers to waist height, twice"
    )


def test_swings_are_told_along_their_axis() -> None:
    said = [
        event_phrase(
            Event(slot="left_arm", action="swings", start=0.0, end=2.0, direction=way, count=2)
        )
        for way in ("forward", "sideways", "up")
    ]
    ways = ("back and forth", "from side to side", "up and down")
    assert said == [f"swings {way} twice" for way in ways]


@pytest.mark.parametrize(
    ("posture", "said"),
    [("standing", "stands still"), ("sitting", "stays seated"), ("lying", "lies still")],
)
def test_stillness_is_told_once(posture: str, said: str) -> None:
    held = Event(slot="global", action="holds", start=0.0, end=2.0, target=posture)
    assert body_sentence([held]) == f"a person {said}"
    assert body_sentence([]) == "a person is still"


def test_what_both_hands_do_at_once_is_told_once() -> None:
    left = Event(slot="left_arm", action="raises", start=1.0, end=2.0, target="overhead")
    walk = Event(slot="global", action="walks", start=0.0, end=4.0, direction="forward", extent=3.1)
    turn = Event(slot="global", action="turns", start=1.0, end=3.0, direction="left", extent=85.0)
    assert body_sentence([left, left.mirrored()]) == ("a person raises both hands above the head")
    assert body_sentence([walk, turn]) == (
        "a person walks forward about 3 meters, turning left by about 90 degrees"
    )


def test_what_happens_at_the_same_time_is_told_in_an_order_that_mirrors() -> None:
    high = Event(slot="right_arm", action="raises", start=0.0, end=1.0, target="overhead")
    level = Event(slot="left_arm", action="raises", start=0.0, end=1.0, target="head")
    told = body_sentence([high, level])
    assert body_sentence([high.mirrored(), level.mirrored()]) == mirror_text(told)


def test_a_still_body_has_no_word_of_movement() -> None:
    said = caption(still())
    assert said.body == "a person stands still"
    assert not any(event.moves for event in said.events)
    assert set(said.parts.values()) <= {IDLE} | {t for t in said.parts.values() if "held" in t}


def test_a_mirrored_motion_has_the_mirrored_caption(clips: list[Motion]) -> None:
    for motion in clips:
        said, mirrored = caption(motion), caption(motion.mirror())
        assert mirrored.body == mirror_text(said.body)
        texts = {s.slot: s.text for s in mirrored.script().statements}
        assert texts == {s.slot: s.text for s in said.script().mirrored().statements}


def test_a_caption_says_the_same_at_any_frame_rate(clips: list[Motion]) -> None:
    same = total = 0
    for motion in clips:
        texts = [caption(motion.resample(fps)) for fps in (24.0, 60.0)]
        pairs = [(texts[0].parts[p], texts[1].parts[p]) for p in PARTS]
        pairs += [(texts[0].interactions[p], texts[1].interactions[p]) for p in PAIR_SLOTS]
        same += sum(a == b for a, b in pairs)
        total += len(pairs)
    assert same >= 0.95 * total  # one word makes a whole text differ; statements agree in 98 %


def test_a_caption_goes_through_json_and_makes_a_script(clips: list[Motion]) -> None:
    for motion in clips:
        said = caption(motion)
        assert MotionCaption.from_json(json.loads(json.dumps(said.to_json()))) == said
        script = said.script()
        assert script.prompt == said.body
        assert tuple(s.slot for s in script.statements) == SLOTS
        assert said.prose().count("\n") == len(SLOTS) - 1
        assert said.keyframes[0].frame == 0


@pytest.mark.parametrize("broken", [{}, {"version": 2}, {"version": 1, "global": "a"}, None])
def test_a_broken_caption_is_refused_by_field(broken: object) -> None:
    with pytest.raises(InvalidInputError, match="caption"):
        MotionCaption.from_json(broken)
