"""Sentences about the whole body: where it goes, and the gestures that nobody would leave out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from marey.predicates import Event
from marey.skeleton.parts import GLOBAL_SLOT
from marey.text.event_wording import phrase

SUBJECT = "a person"
_GESTURES = {
    "waves": "waves with",
    "claps": "claps",
    "kicks": "kicks with",
    "raises": "raises",
}
"""Actions of limbs that a sentence about the whole body tells, too."""
_TOGETHER = 0.5
"""Share of the shorter of two events by which they overlap if they are told as one."""


@dataclass(frozen=True, kw_only=True)
class _Clause:
    """A verb phrase with its time."""

    words: str
    start: float
    end: float


def body_sentence(events: Sequence[Event]) -> str:
    """Return a sentence about the whole body, from all events of a motion, without a full stop."""
    told = sorted((*_body_clauses(events), *_gesture_clauses(events)), key=_order)
    words: list[str] = []
    last: _Clause | None = None
    for clause in told:
        if words and clause.words == words[-1].removeprefix(", then ").removeprefix(" and "):
            continue
        joint = "" if last is None else " and " if _overlap(last, clause) else ", then "
        words.append(joint + clause.words)
        last = clause
    if any(event.moves for event in events):
        return f"{SUBJECT} {''.join(words) or 'moves'}"
    said = "".join(words) or "is still"
    return f"{SUBJECT} {said.replace('stands', 'stands still')}"


def _order(clause: _Clause) -> tuple[float, float, str]:
    """Sort by time, and what is at the same time by words that do not know left from right."""
    return clause.start, clause.end, re.sub("left|right", "", clause.words)


def _body_clauses(events: Sequence[Event]) -> list[_Clause]:
    """What the whole body does; a turn on the way is told with the way."""
    own = [event for event in events if event.slot == GLOBAL_SLOT]
    ways = [event for event in own if event.action in ("walks", "runs", "moves", "crawls")]
    clauses, told = [], set[int]()
    for way in ways:
        turns = [e for e in own if e.action == "turns" and _overlap(way, e) and id(e) not in told]
        told |= {id(event) for event in turns}
        turning = "".join(f", {phrase(e).replace('turns', 'turning', 1)}" for e in turns)
        clauses.append(_Clause(words=phrase(way) + turning, start=way.start, end=way.end))
    rest = [event for event in own if id(event) not in told and event not in ways]
    moving = any(event.moves for event in own)
    return clauses + [
        _Clause(words=phrase(event), start=event.start, end=event.end)
        for event in rest
        if event.moves or event.target != "standing" or not moving
    ]


def _gesture_clauses(events: Sequence[Event]) -> list[_Clause]:
    """Gestures of hands and feet; what both do at the same time is told once."""
    own = [e for e in events if e.action in _GESTURES and e.slot != GLOBAL_SLOT]
    own = [e for e in own if e.action != "raises" or e.target in ("head", "overhead")]
    clauses, told = [], set[int]()
    for event in own:
        if id(event) in told:
            continue
        told.add(id(event))
        other = next((e for e in own if _is_other_side(event, e) and id(e) not in told), None)
        told |= {id(other)} if other is not None else set()
        start = event.start if other is None else min(event.start, other.start)
        end = event.end if other is None else max(event.end, other.end)
        clauses.append(_Clause(words=_gesture(event, both=other is not None), start=start, end=end))
    return clauses


def _gesture(event: Event, *, both: bool) -> str:
    verb = _GESTURES[event.action]
    if event.action == "claps":
        return verb
    limb = "hand" if event.slot.endswith("arm") else "foot"
    whose = {"hand": "both hands", "foot": "both feet"}[limb] if both else ""
    whose = whose or f"the {event.slot.split('_')[0]} {limb}"
    height = {"head": " to head height", "overhead": " above the head"}
    return f"{verb} {whose}{height.get(event.target, '')}"


def _is_other_side(event: Event, other: Event) -> bool:
    limbs = {event.slot.split("_")[-1], other.slot.split("_")[-1]}
    alike = (event.action, event.target) == (other.action, other.target)
    return event.slot != other.slot and len(limbs) == 1 and alike and _overlap(event, other)


def _overlap(a: Event | _Clause, b: Event | _Clause) -> bool:
    shared = min(a.end, b.end) - max(a.start, b.start)
    return shared > _TOGETHER * min(a.end - a.start, b.end - b.start)
