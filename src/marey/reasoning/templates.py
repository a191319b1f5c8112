"""Templates: part texts from rules alone, as LGTM's: a part with nothing to do says so."""

import re
from collections.abc import Mapping, Sequence
from typing import final

from marey.predicates import Claim
from marey.reasoning.clauses import Phase, phases
from marey.reasoning.reasoner import Seconds, filled
from marey.reasoning.stated import Stated, stated, steps
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import TextScript
from marey.text.event_wording import IDLE

PAUSE = "stays still"
"""What is said of a part that has nothing to do for a while, before or after it has."""

_ARMS, _LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")
_SWING = dict.fromkeys(_ARMS, "swings back and forth")
_FOLD = "bends at the knee"
_SPRING = "bends at the knee, then straightens at the knee"
_BOW = "leans forward, then straightens up"
_LEGS_DO: dict[str, str] = {
    **dict.fromkeys(("walks", "steps", "runs", "sidesteps", "moves", "crawls"), "steps"),
    "jumps": _SPRING,
    "sits": _FOLD,
    "squats": _FOLD,
    "kneels": _FOLD,
    "lies": "straightens at the knee",
    "rises": "straightens at the knee",
}
"""What both legs do when the whole body does something; travel goes on with its direction."""
_HABITS: dict[str, Mapping[str, str]] = {
    "walks": _SWING,
    "runs": _SWING | {"torso": "leans forward"},
    "crawls": dict.fromkeys(_ARMS, "bends at the elbow, then straightens at the elbow"),
    "jumps": _SWING | {"torso": _BOW},
    "squats": {"torso": _BOW},
    "rises": {"torso": _BOW},
    "sits": {"torso": _BOW},
    "kneels": {"torso": "leans forward"},
    "turns": dict.fromkeys(_LEGS, "steps around"),
}
"""What other parts do along with it, unless the sentence says what they do. Chosen on the training
windows: true of about half of those or more whose sentence names the action."""
_GAIT = {
    "left_leg+right_leg": "the legs swing in turn",
    "left_arm+right_leg": "the left arm and the right leg swing together",
    "right_arm+left_leg": "the right arm and the left leg swing together",
    "left_arm+left_leg": "the left arm and the left leg swing in turn",
    "right_arm+right_leg": "the right arm and the right leg swing in turn",
}
_SIDED = {"left": " to the left", "right": " to the right"}


@final
class TemplateReasoner:
    """Part texts from what a sentence claims and from rules; sentences with no claim stay bare."""

    name = "templates"

    def reason(self, script: TextScript, seconds: Seconds | None = None) -> TextScript:
        """See `Reasoner`; templates do not depend on the length of the clip."""
        del seconds
        return filled(script, template_texts)


def template_texts(sentence: str) -> dict[str, str]:
    """Return texts by slot for a sentence; none where nothing in it is understood."""
    return in_sequence([phase_texts(phase) for phase in phases(sentence)])


def in_sequence(told: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Join the texts of phases that follow one another; phases without texts are left out.

    Idle parts pause while others move; neighbours that say the same are said once.
    """
    told = [texts for texts in told if texts]
    joined: dict[str, str] = {}
    for slot in (*PARTS, *PAIR_SLOTS):
        words = [texts[slot] for texts in told if slot in texts]
        if slot in PARTS and any(text != IDLE for text in words):
            words = [PAUSE if text == IDLE else text for text in words]
        different = [text for i, text in enumerate(words) if i == 0 or text != words[i - 1]]
        if different:
            joined[slot] = ", then ".join(different)
    return joined


def phase_texts(phase: Phase) -> dict[str, str]:
    """Return texts by slot for what happens at one time; all six parts, or nothing at all."""
    told = outright(phase)
    if told is None:
        return {}
    parts = {part: told.get(part) or habit(phase, part) for part in PARTS}
    return parts | _gait(phase, parts) | {s: t for s, t in told.items() if s in PAIR_SLOTS}


def outright(phase: Phase) -> dict[str, str] | None:
    """Return texts of the parts and pairs that a phase speaks of; None if none is understood."""
    said = _with_manner_of_the_rest([stated(clause) for clause in phase.clauses])
    if not any(each.limbs or each.body for each in said):
        return None
    told = [
        {**_body_texts(each, clause), **each.limbs}
        for each, clause in zip(said, phase.clauses, strict=True)
    ]
    joint = " and at the same time " if phase.together else " and "
    joined = {part: _joined([t[part] for t in told if part in t], joint) for part in PARTS}
    parts = {part: text for part, text in joined.items() if text}
    pairs = _at_once(parts, told) if phase.together else {}
    for each in told:
        pairs |= {slot: text for slot, text in each.items() if slot in PAIR_SLOTS}
    return parts | pairs


def habit(phase: Phase, part: str) -> str:
    """Return what a part does along with what the whole body does; else that it is idle."""
    claims = [claim for clause in phase.clauses for claim in stated(clause).body]
    habits = [_HABITS.get(claim.actions[0], {}) for claim in claims]
    return next((each[part] for each in habits if part in each), IDLE)


def _with_manner_of_the_rest(said: list[Stated]) -> list[Stated]:
    """Clauses that only say how ("slowly and carefully walks") lend it to the one that says it."""
    full = [each for each in said if each.limbs or each.body]
    if len(full) != 1 or len(said) == 1:
        return said
    rest = "".join(each.manner for each in said if each is not full[0])
    limbs = {s: t + rest if s in PARTS and t != IDLE else t for s, t in full[0].limbs.items()}
    return [Stated(limbs=limbs, body=full[0].body, manner=full[0].manner + rest)] + [
        Stated() for _ in said[1:]
    ]


def _body_texts(said: Stated, clause: str) -> dict[str, str]:
    """What the parts do that a claim on the whole body moves outright."""
    texts: dict[str, str] = {}
    for claim in said.body:
        action = claim.actions[0]
        if action in _LEGS_DO:
            manner = said.manner or (" quickly" if action == "runs" else "")
            texts |= dict.fromkeys(_LEGS, _legs(claim) + manner + steps(clause))
        if action == "turns":
            texts["head"] = f"turns{_SIDED.get(claim.direction, '')}{said.manner}"
    return texts


def _legs(claim: Claim) -> str:
    words = _LEGS_DO[claim.actions[0]]
    if words != "steps":
        return words
    travel = claim.direction or ("" if claim.actions[0] == "moves" else "forward")
    return f"steps{_SIDED.get(travel, f' {travel}' if travel else '')}"


def _joined(words: Sequence[str], joint: str) -> str:
    """Join what one part does at one time; what says nothing new is left out."""
    busy = [text for text in dict.fromkeys(words) if text != IDLE]
    return joint.join(busy) or (IDLE if words else "")


def _gait(phase: Phase, parts: Mapping[str, str]) -> dict[str, str]:
    """What limbs that step and swing do together in a walk or run."""
    claims = [claim for clause in phase.clauses for claim in stated(clause).body]
    if not any(claim.actions[0] in ("walks", "runs") for claim in claims):
        return {}
    going = {part for part, text in parts.items() if re.match(r"swings back|steps", text)}
    return {pair: text for pair, text in _GAIT.items() if going.issuperset(pair.split("+"))}


def _at_once(parts: Mapping[str, str], told: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Relations of parts that two clauses speak of, which happen at the same time."""
    pairs = [(pair, *pair.split("+")) for pair in PAIR_SLOTS]
    return {
        pair: f"{_subject(first)} {parts[first]} while {_subject(second)} {parts[second]}"
        for pair, first, second in pairs
        if _in_two_clauses(first, second, told)
    }


def _in_two_clauses(first: str, second: str, told: Sequence[Mapping[str, str]]) -> bool:
    """Whether one clause is about the first part alone, and another about the second."""
    movers = [{part for part, text in each.items() if text != IDLE} for each in told]
    return any(
        first in a and second in b and first not in b and second not in a
        for a in movers
        for b in movers
    )


def _subject(part: str) -> str:
    return f"the {part.replace('_', ' ')}"
