"""Sentences by category: sides, ways, counts, speed, order and simultaneity survive reasoning."""

from functools import cache

import pytest

from marey.reasoning import NearestReasoner, Reasoner, TemplateReasoner, WrittenReasoner
from marey.skeleton.parts import PARTS
from marey.text import TextScript, mirror_text
from marey.text.event_wording import IDLE

# Sentence: what the text of a slot must hold. "!" before words: what it must not hold.
SIDES = {
    "a person waves with the left hand": {"left_arm": "waves", "right_arm": "!waves"},
    "a man raises his right arm": {"right_arm": "raises", "left_arm": "!raises"},
    "someone raises the left hand above the head": {"left_arm": "above the head"},
    "the left hand waves": {"left_arm": "waves", "right_arm": "!waves"},
    "a person kicks with the left leg": {"left_leg": "kicks", "right_leg": "!kicks"},
    "kicks with her right foot": {"right_leg": "kicks", "left_leg": "!kicks"},
    "a person lowers the left arm": {"left_arm": "lowers", "right_arm": "!lowers"},
    "bends the right elbow": {"right_arm": "bends at the elbow"},
    "bends the left knee": {"left_leg": "bends at the knee"},
    "touches the head with the left hand": {"left_arm": "touches the head"},
    "touches the right shoulder with the left hand": {
        "left_arm": "touches the right shoulder",
        "left_arm+right_arm": "the left hand touches the right shoulder",
    },
    "throws a ball with the left hand": {"left_arm": "throws a ball", "right_arm": "!throws"},
    "a boxer punches with the right fist": {"right_arm": "punches", "left_arm": "!punches"},
    "swings the left arm in circles": {"left_arm": "in circles", "right_arm": "!in circles"},
    "raises the left and right hands": {"left_arm": "raises", "right_arm": "raises"},
    "raises the left arm and kicks with the right leg": {
        "left_arm": "raises",
        "right_arm": "!raises",
        "right_leg": "kicks",
        "left_leg": "!kicks",
    },
}
WAYS = {
    "a person walks backward to the left": {"left_leg": "backward", "right_leg": "backward"},
    "a person sidesteps to the left": {"left_leg": "to the left", "right_leg": "to the left"},
    "sidesteps right": {"left_leg": "to the right", "right_leg": "to the right"},
    "turns to his left": {"head": "turns to the left"},
    "turns right": {"head": "turns to the right"},
    "turns clockwise": {"head": "turns to the right"},
    "turns counter-clockwise": {"head": "turns to the left"},
    "leans to the right": {"torso": "leans to the right"},
    "leans left": {"torso": "leans to the left"},
    "looks to the left": {"head": "turns to the left"},
    "raises the left arm to the side": {"left_arm": "raises sideways"},
}
COUNTS = {
    "waves with the left hand three times": {"left_arm": "three times"},
    "kicks twice with the right leg": {"right_leg": "twice", "left_leg": "!twice"},
    "takes four steps to the left": {"left_leg": "four steps", "right_leg": "four steps"},
    "jumps three times": {"left_leg": "three times", "right_leg": "three times"},
    "raises the right hand 5 times": {"right_arm": "5 times"},
    "punches with the left fist several times": {"left_arm": "several times"},
    "nods twice": {"head": "twice"},
}
SPEED = {
    "walks slowly": {"left_leg": "slowly", "right_leg": "slowly"},
    "quickly raises the left arm": {"left_arm": "quickly", "right_arm": "!quickly"},
    "slowly and carefully walks": {"left_leg": "carefully", "right_leg": "slowly"},
    "lowers the right arm gently": {"right_arm": "gently"},
    "a person walks fast": {"left_leg": "fast"},
    "a person turns left slowly": {"head": "slowly"},
    "runs": {"left_leg": "quickly", "right_leg": "quickly"},
}
TOGETHER = {
    "a person waves while walking": {
        "right_arm": "waves",
        "left_leg": "steps",
        "right_arm+left_leg": "while",
        "right_arm+right_leg": "while",
    },
    "waves with the left hand while walking": {
        "left_arm": "waves",
        "left_arm+right_leg": "waves while the right leg steps",
    },
    "raises the left arm while kicking with the right leg": {
        "left_arm+right_leg": "the left arm raises while the right leg kicks"
    },
    "nods as he raises the right hand": {"head+right_arm": "nods while the right arm raises"},
    "walks forward and at the same time lowers the left arm": {
        "left_arm+left_leg": "lowers while the left leg steps"
    },
    "while walking backward, a woman claps": {
        "left_arm": "claps",
        "left_arm+left_leg": "while",
        "left_leg": "backward",
    },
    "leans to the left while raising the right leg": {"torso+right_leg": "while"},
    "looks up and simultaneously raises the left hand": {"head+left_arm": "while"},
    "turns left while nodding": {"head": "at the same time"},
}
IN_TURN = {
    "raises the left hand, then lowers it and kicks with the right leg": {
        "left_arm": "raises, then",
        "right_leg": "then kicks",
    },
    "a person walks forward and then waves with the right hand": {
        "right_arm": "then waves",
        "left_leg": "steps forward, then",
    },
    "first kicks with the left leg; then kicks with the right leg": {
        "left_leg": "kicks forward, then",
        "right_leg": "then kicks forward",
    },
    "raises the right arm before jumping": {"right_arm": "raises, then"},
    "after raising the left arm, he jumps": {"left_arm": "raises, then"},
    "sits down after raising the left arm": {"left_arm": "raises, then", "left_leg": "then bends"},
    "sidesteps to the left, then to the right": {
        "left_leg": "steps to the left, then steps to the right"
    },
    "looks up, then looks to the left": {"head": "looks up, then turns to the left"},
    "walks. Then turns right. Then sits down.": {"head": "then turns to the right"},
    "waves with the left hand followed by a kick with the left foot": {"left_arm": "waves, then"},
    "raises the left arm while walking, then kicks with the left leg": {
        "left_arm": "raises, then",
        "left_leg": "then kicks",
        "left_arm+right_leg": "while",
    },
}
BODY = {
    "leans forward": {"torso": "leans forward"},
    "nods": {"head": "nods"},
    "looks down": {"head": "looks down"},
    "claps": {"left_arm+right_arm": "the hands clap"},
    "crosses the arms": {"left_arm+right_arm": "cross"},
    "squats": {"left_leg": "bends at the knee", "right_leg": "bends at the knee"},
    "walks forward with the arms swinging": {"left_arm": "swings", "right_arm": "swings"},
    "raises both arms": {"left_arm": "raises", "right_arm": "raises"},
    "places the left hand on the right hip": {"left_arm": "on the right hip"},
}
IDLENESS = {
    "waves with the right arm and keeps the left arm still": {"left_arm": IDLE},
    "walks without moving the arms": {"left_arm": IDLE, "right_arm": IDLE, "left_leg": "steps"},
    "nods and does not move the left leg": {"left_leg": IDLE, "head": "nods"},
    "raises the left arm, the right leg stays still": {"right_leg": IDLE, "left_arm": "raises"},
}
CATEGORIES = {
    "sides": SIDES,
    "ways": WAYS,
    "counts": COUNTS,
    "speed": SPEED,
    "together": TOGETHER,
    "in turn": IN_TURN,
    "parts of the body": BODY,
    "idleness": IDLENESS,
}
CASES = [(s, slots) for table in CATEGORIES.values() for s, slots in table.items()]
SIDED = [sentence for sentence, _ in CASES if mirror_text(sentence) != sentence]


@cache
def reasoner(name: str) -> Reasoner:
    kinds = {"writer": WrittenReasoner, "nearest": NearestReasoner, "templates": TemplateReasoner}
    return kinds[name]()


def texts(script: TextScript) -> dict[str, str]:
    return {each.slot: each.text for each in script.statements}


def said(name: str, sentence: str) -> TextScript:
    return reasoner(name).reason(TextScript.from_prompt(sentence))


def test_there_are_enough_sentences() -> None:
    assert len({sentence for sentence, _ in CASES}) >= 60
    assert len(SIDED) >= 30


@pytest.mark.parametrize("name", ["writer", "nearest", "templates"])
@pytest.mark.parametrize(("sentence", "slots"), CASES, ids=[sentence for sentence, _ in CASES])
def test_what_the_sentence_says_stands_in_the_right_slot(
    name: str, sentence: str, slots: dict[str, str]
) -> None:
    found = texts(said(name, sentence))
    assert set(PARTS) <= found.keys()
    for slot, words in slots.items():
        if words.startswith("!"):
            assert words[1:] not in found[slot], (slot, found)
        elif words == IDLE:
            assert found[slot] == IDLE, (slot, found)
        else:
            assert words in found[slot], (slot, found)


@pytest.mark.parametrize("name", ["writer", "nearest", "templates"])
@pytest.mark.parametrize("sentence", SIDED)
def test_the_mirrored_sentence_gets_the_mirrored_script(name: str, sentence: str) -> None:
    mirrored = said(name, sentence).mirrored()
    again = reasoner(name).reason(TextScript.from_prompt(sentence).mirrored())
    assert texts(again) == texts(mirrored)
    assert len(again.statements) == len(mirrored.statements)


@pytest.mark.parametrize("sentence", [*TOGETHER, *SIDES])
def test_no_order_is_invented_for_limbs_of_one_time(sentence: str) -> None:
    found = texts(said("templates", sentence))
    assert not any("then" in found[part] for part in PARTS if part.endswith("arm"))


@pytest.mark.parametrize("name", ["writer", "nearest", "templates"])
def test_the_same_sentence_gets_the_same_script(name: str) -> None:
    sentence = "a dancer spins twice and bows"
    assert said(name, sentence) == said(name, sentence)
