"""Sentences about poses: what the bins of pose facts say of each slot and of the whole body.

Wording and choice are marey's own, in the spirit of PoseScript [Delmas2022]. The sentences of a
mirrored pose are those of the pose with left and right exchanged, to the letter: where both sides
are told in one sentence, their order depends on what is said, not on the side.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import groupby, pairwise

from marey.predicates import POSE_FACTS, POSTURES, PoseFact, PoseFacts
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
    """What can be said of one pose; it is put into words when it is asked for."""

    codes: tuple[int, ...]
    """Bins of the pose facts."""
    posture: str
    has_head: bool = True

    @cached_property
    def whole(self) -> str:
        """Several sentences about the whole body."""
        told = [
            _told(slot, self._bins(slot), self._bins(twin))
            for slot, twin in _MIRRORED
            if self._can_tell(slot)
        ]
        return " ".join([_finished(_POSTURE_WORDS[self.posture]), *filter(None, told)])

    @cached_property
    def slots(self) -> Mapping[str, str]:
        """One sentence per part and pair of parts, in the order of `SLOTS`; "" for no head."""
        return {
            slot: _slot_sentence(slot, self._bins(slot)) if self._can_tell(slot) else ""
            for slot in SLOTS[1:]
        }

    def _can_tell(self, slot: str) -> bool:
        return self.has_head or "head" not in slot.split("+")

    def _bins(self, slot: str) -> tuple[int, ...]:
        return tuple([self.codes[column] for column in _COLUMNS[slot]])


@dataclass(frozen=True)
class _Clause:
    """A phrase about a family of facts, said of one side, of both or of none."""

    family: str
    phrase: str
    side: str = ""

    @property
    def noun(self) -> str:
        """What the phrase is said of, without its side."""
        return PHRASES[self.family][0]

    @cached_property
    def subject(self) -> str:
        """The noun with its side or sides."""
        if not self.noun:
            return ""
        if self.side == _BOTH:
            return f"both {'feet' if self.noun == 'foot' else f'{self.noun}s'}"
        return f"the {self.side} {self.noun}".replace("  ", " ")

    @cached_property
    def predicate(self) -> str:
        """The phrase with its verb for one or both, and its sides."""
        both = self.side == _BOTH
        phrase = re.sub(r"(\w+)\|(\w+)", r"\2" if both else r"\1", self.phrase)
        return phrase.format(
            side=self.side,
            same="same-side" if both else self.side,
            other="opposite" if both else _OTHER.get(self.side, ""),
        )


_clause = cache(_Clause)
"""The one clause of these words: there are some hundred, and most are said again and again."""


def pose_sentences(facts: PoseFacts, frames: Sequence[int] | None = None) -> list[PoseText]:
    """Put poses into words: those of some frames, of all by default."""
    chosen = list(range(facts.num_frames) if frames is None else frames)
    codes, carried = facts.codes[chosen].tolist(), facts.postures[chosen].tolist()
    return [
        PoseText(codes=tuple(bins), posture=POSTURES[posture], has_head=facts.has_head)
        for bins, posture in zip(codes, carried, strict=True)
    ]


@lru_cache(maxsize=4096)
def _told(slot: str, bins: tuple[int, ...], mirrored: tuple[int, ...]) -> str:
    """A sentence about a slot and its mirrored one, given the bins of both; "" for none."""
    one = _of_the_whole(_clauses(slot, bins))
    twin = mirrored_slot(slot)
    said = one if twin == slot else _merged(one, _of_the_whole(_clauses(twin, mirrored)))
    return _finished(_sentence(said)) if said else ""


@lru_cache(maxsize=4096)
def _slot_sentence(slot: str, bins: tuple[int, ...]) -> str:
    said = _clauses(slot, bins)
    return _finished(_sentence(said) if said else _usual(slot))


def _clauses(slot: str, bins: tuple[int, ...]) -> list[_Clause]:
    """What is worth saying of a slot; two facts of one family and one bin are told as both."""
    found = []
    for family, facts in _FAMILIES[slot]:
        told = [(bins[place], said, side) for place, said, side in facts]
        if len(told) == 2 and told[0][0] == told[1][0]:
            told = [(*told[0][:2], _BOTH)]
        elif len(told) == 2 and told[0][0] > told[1][0]:
            told.reverse()
        found += [_clause(family, said[code], side) for code, said, side in told if said[code]]
    return found


def _of_the_whole(clauses: list[_Clause]) -> list[_Clause]:
    return [clause for clause in clauses if clause.family not in _LEFT_OUT]


def _merged(one: list[_Clause], twin: list[_Clause]) -> list[_Clause]:
    """Clauses of a slot and of its mirrored one: what both share first, then each one's own."""
    first, second = ([_of_both(c) for c in clauses] for clauses in (one, twin))
    shared = [clause for clause in first if clause in second]
    own = [clause for clause in one if _of_both(clause) not in shared]
    others = [clause for clause in twin if _of_both(clause) not in shared]
    ordered = sorted((own, others), key=lambda row: [(c.noun, c.phrase) for c in row])
    return [*shared, *ordered[0], *ordered[1]]


def _of_both(clause: _Clause) -> _Clause:
    return _clause(clause.family, clause.phrase, _BOTH)


def _sentence(clauses: Iterable[_Clause]) -> str:
    """Clauses of one subject share it; those of several are joined by commas and "and"."""
    rows = []
    for subject, group in groupby(clauses, key=lambda clause: clause.subject):
        predicates = [clause.predicate for clause in group]
        rows.append(f"{subject} {_listed(_without_repeated_verbs(predicates))}".strip())
    return _listed(rows)


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


def _side_of(fact: PoseFact) -> str:
    return fact.name.removesuffix(f"_{fact.family}") if fact.name != fact.family else ""


def _phrases_of(fact: PoseFact) -> list[str]:
    """What is said of each bin of a fact; "" for nothing."""
    phrases = PHRASES[fact.family][1] if fact.family in PHRASES else {}
    return [phrases.get(word, "") for word in fact.bins]


def _families(columns: Sequence[int]) -> list[tuple[str, list[tuple[int, list[str], str]]]]:
    """Families of the facts of a slot: of each its place, the phrases of its bins, its side."""
    facts = [(place, POSE_FACTS[column]) for place, column in enumerate(columns)]
    return [
        (family, [(place, _phrases_of(fact), _side_of(fact)) for place, fact in group])
        for family, group in groupby(facts, key=lambda each: each[1].family)
    ]


_COLUMNS = {
    slot: [column for column, fact in enumerate(POSE_FACTS) if fact.slot == slot]
    for slot in SLOTS[1:]
}
"""Columns of the facts of each slot; those of one family are neighbours."""
_FAMILIES = {slot: _families(columns) for slot, columns in _COLUMNS.items()}
_MIRRORED = [
    (slot, mirrored_slot(slot))
    for slot in SLOTS[1:]
    if SLOTS.index(slot) <= SLOTS.index(mirrored_slot(slot))
]
"""Slots with their mirrored ones, each two once."""
