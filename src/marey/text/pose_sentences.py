"""Sentences about poses: what the bins of pose facts say of each slot and of the whole body.

Wording and choice are marey's own, in the spirit of PoseScript [Delmas2022]. The sentences of a
mirrored pose are those of the pose with left and right exchanged, to the letter: where both sides
are told in one sentence, their order depends on what is said, not on the side.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from marey.predicates import POSE_FACTS, POSTURES, PoseFacts, postures
from marey.skeleton.parts import SLOTS, mirrored_slot
from marey.text.pose_phrases import PHRASES, USUAL

_SIDE = re.compile(r"left|right")
_OTHER = {"left": "right", "right": "left"}
_BOTH = "both"
_POSTURE_WORDS = {
    "standing": "a person stands",
    "off the floor": "a person is off the floor",
    "crouching": "a person crouches",
    "squatting": "a person squats",
    "sitting": "a person sits",
    "kneeling": "a person kneels",
    "on all fours": "a person is on all fours",
    "lying": "a person lies",
    "upside down": "a person is upside down",
}
_LEFT_OUT = {
    "head_turn_left",
    "head_ahead",
    "chest_faces_up",
    "hips_height",
    "hand_outward",
    "hand_over_head",
    "thigh_outward",
    "knee_height",
    "foot_outward",
    "knee_over_hip",
    "knee_to_head",
    "foot_ahead_of_head",
    "hand_ahead_of_own_foot",
    "hand_ahead_of_other_foot",
}
"""Families that say little more about the whole than others do: text encoders read 256 tokens."""


@dataclass(frozen=True, kw_only=True)
class PoseText:
    """What can be said of one pose."""

    whole: str
    """Several sentences about the whole body."""
    slots: Mapping[str, str]
    """One sentence per part and pair of parts, in the order of `SLOTS`."""


@dataclass(frozen=True)
class _Clause:
    """A phrase with its sides still open, said of the noun of one side, of both or of none."""

    noun: str
    phrase: str
    family: str
    side: str = ""


def pose_sentences(facts: PoseFacts, frames: Sequence[int] | None = None) -> list[PoseText]:
    """Put poses into words: those of some frames, of all by default; like poses only once."""
    chosen = range(facts.num_frames) if frames is None else frames
    codes, carried = facts.codes.tolist(), postures(facts).tolist()
    told: dict[tuple[int, ...], PoseText] = {}
    texts = []
    for frame in chosen:
        key = (carried[frame], *codes[frame])
        if key not in told:
            told[key] = _pose_text(codes[frame], POSTURES[carried[frame]])
        texts.append(told[key])
    return texts


def _pose_text(codes: list[int], posture: str) -> PoseText:
    clauses = {slot: _clauses(codes, slot) for slot in SLOTS[1:]}
    sentences = [_POSTURE_WORDS[posture]]
    for slot in SLOTS[1:]:
        twin = mirrored_slot(slot)
        if SLOTS.index(twin) < SLOTS.index(slot):
            continue
        one, other = (_of_the_whole(clauses[each]) for each in (slot, twin))
        said = one if twin == slot else _merged(one, other)
        if said:
            sentences.append(_sentence(said))
    return PoseText(
        whole=" ".join(_finished(sentence) for sentence in sentences),
        slots={
            slot: _finished(_sentence(said) if said else _usual(slot))
            for slot, said in clauses.items()
        },
    )


def _clauses(codes: list[int], slot: str) -> list[_Clause]:
    """What is worth saying of a slot; two facts of one family and one bin are told as both."""
    found = []
    for columns in _COLUMNS[slot]:
        family, bins = POSE_FACTS[columns[0]].family, {codes[c] for c in columns}
        if family not in PHRASES:
            continue
        noun, phrases = PHRASES[family]
        if len(columns) == 2 and len(bins) == 1:
            columns, sides = columns[:1], [_BOTH]
        else:
            columns = sorted(columns, key=lambda c: codes[c])
            sides = [_side_of(c) for c in columns]
        for column, side in zip(columns, sides, strict=True):
            if phrase := phrases.get(POSE_FACTS[column].bins[codes[column]]):
                found.append(_Clause(noun, phrase, family, side))
    return found


def _side_of(column: int) -> str:
    fact = POSE_FACTS[column]
    return fact.name.removesuffix(f"_{fact.family}") if fact.name != fact.family else ""


def _of_the_whole(clauses: list[_Clause]) -> list[_Clause]:
    return [clause for clause in clauses if clause.family not in _LEFT_OUT]


def _merged(one: list[_Clause], twin: list[_Clause]) -> list[_Clause]:
    """Clauses of a slot and of its mirrored one: what both share first, then each one's own."""
    first, second = ([replace(c, side=_BOTH) for c in clauses] for clauses in (one, twin))
    shared = [clause for clause in first if clause in second]
    own = [clause for clause in one if replace(clause, side=_BOTH) not in shared]
    others = [clause for clause in twin if replace(clause, side=_BOTH) not in shared]
    ordered = sorted((own, others), key=lambda row: [(c.noun, c.phrase) for c in row])
    return [*shared, *ordered[0], *ordered[1]]


def _sentence(clauses: Iterable[_Clause]) -> str:
    """Clauses of one subject share it; those of several are joined by commas and "and"."""
    rows = []
    for subject, group in groupby(clauses, key=_subject):
        predicates = [_predicate(clause) for clause in group]
        rows.append(f"{subject} {_listed(_without_repeated_verbs(predicates))}".strip())
    return _listed(rows)


def _subject(clause: _Clause) -> str:
    if not clause.noun:
        return ""
    if clause.side == _BOTH:
        return f"both {_plural(clause.noun)}"
    return f"the {clause.side} {clause.noun}".replace("  ", " ")


def _predicate(clause: _Clause) -> str:
    """The phrase with its verb for one or both, and its sides."""
    both = clause.side == _BOTH
    phrase = re.sub(r"(\w+)\|(\w+)", r"\2" if both else r"\1", clause.phrase)
    return phrase.format(
        side=clause.side,
        same="same-side" if both else clause.side,
        other="opposite" if both else _OTHER.get(clause.side, ""),
    )


def _plural(noun: str) -> str:
    return "feet" if noun == "foot" else f"{noun}s"


def _without_repeated_verbs(predicates: list[str]) -> list[str]:
    """A verb is said once: "is bent and at head height"."""
    kept = predicates[:1]
    for before, now in pairwise(predicates):
        verb = before.partition(" ")[0]
        kept.append(now if verb == "the" else now.removeprefix(f"{verb} "))
    return kept


def _listed(items: list[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _usual(slot: str) -> str:
    kind = "+".join(_SIDE.sub("", part).removeprefix("_") for part in slot.split("+"))
    sides = _SIDE.findall(slot) or [""]
    return USUAL[kind].format(side=sides[0], other=sides[-1])


def _finished(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:] + "."


def _columns_by_family(slot: str) -> list[list[int]]:
    families: dict[str, list[int]] = {}
    for column, fact in enumerate(POSE_FACTS):
        if fact.slot == slot:
            families.setdefault(fact.family, []).append(column)
    return list(families.values())


_COLUMNS = {slot: _columns_by_family(slot) for slot in SLOTS[1:]}
"""Columns of the facts of each slot, those of one family together."""
