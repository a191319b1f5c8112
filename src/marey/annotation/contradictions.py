"""Contradictions: what texts claim that a motion does not do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from marey.annotation.annotation import Annotation
from marey.predicates import Claim, Event, claims_about
from marey.skeleton.parts import GLOBAL_SLOT

MOMENT = 0.5
"""Seconds between movements in which a body may be said to stand: events of standing and staying
begin at one second and more."""

_LEGS = ("left_leg", "right_leg")


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A claim of a text that no event makes true."""

    slot: str
    """The slot of the text; ``global`` for any of the sentences about the whole body."""
    text: str
    words: str
    """The words that claim it."""


@dataclass(frozen=True, kw_only=True)
class _Kin:
    """Events that differ from those that are claimed by name or degree only."""

    actions: tuple[str, ...]
    slots: tuple[str, ...] = ()
    """Where they happen; none for the slots of the claim."""
    direction: str | None = None
    """Which way; None for the way of the claim."""
    targets: tuple[str, ...] = ()
    """Their targets; none for those of the claim, or none at all."""


_KIN: MappingProxyType[str, tuple[_Kin, ...]] = MappingProxyType(
    {
        "walks": (_Kin(actions=("sidesteps", "moves")),),
        "runs": (_Kin(actions=("moves",)),),
        "sidesteps": (_Kin(actions=("steps",), slots=_LEGS), _Kin(actions=("turns",))),
        "turns": (_Kin(actions=("twists",), slots=("torso",)),),
        "jumps": (
            _Kin(actions=("jumps",), direction="up"),
            _Kin(actions=("sidesteps", "moves")),
        ),
        "rises": (_Kin(actions=("straightens",), slots=("torso",)),),
        "sits": (
            _Kin(actions=("squats",)),
            _Kin(actions=("holds",), targets=("sitting", "squatting")),
        ),
        "squats": (
            _Kin(actions=("sits", "kneels", "jumps", "rises")),
            _Kin(actions=("holds",), targets=("sitting", "squatting", "kneeling")),
            _Kin(actions=("bends",), slots=_LEGS),
        ),
        "kneels": (
            _Kin(actions=("squats", "crawls")),
            _Kin(actions=("holds",), targets=("kneeling", "squatting", "on all fours")),
        ),
        "lies": (_Kin(actions=("holds",), targets=("lying",)),),
        "leans": (_Kin(actions=("straightens",), direction=""),),
        "arm raises": (_Kin(actions=("bends", "swings", "circles", "waves", "holds")),),
        "arm lowers": (_Kin(actions=("extends", "swings", "circles", "waves")),),
        "arm waves": (_Kin(actions=("swings", "circles")),),
        "leg raises": (_Kin(actions=("steps", "bends", "swings", "holds")),),
        "leg kicks": (_Kin(actions=("raises", "swings")),),
        "leg bends": (
            _Kin(actions=("sits", "squats", "kneels", "jumps", "lies"), slots=(GLOBAL_SLOT,)),
        ),
        "head nods": (_Kin(actions=("tilts",)),),
        "claps": (_Kin(actions=("meet",)), _Kin(actions=("touches",), targets=("hand",))),
    }
)
"""Kin by the claimed action, with the limb where it depends on that."""


def contradictions(annotation: Annotation, events: Sequence[Event]) -> list[Contradiction]:
    """Return what an annotation claims and the events of its motion do not bear out.

    What a text says beyond the movements that `predicates.claims` understands is left to people;
    texts with a negation are, too. What differs from an event by name or degree only is no
    contradiction: half of the extent that makes a claim true ("turns", say), a hand that circles
    where it is said to wave, a moment of standing that is too short for an event.
    """
    texts = [("global", text) for text in annotation.body]
    texts += [*annotation.parts.items(), *annotation.interactions.items()]
    return [
        Contradiction(slot=slot, text=text, words=claim.words)
        for slot, text in texts
        for claim in claims_about(text, slot)
        if not (_is_vague(claim) or _is_borne_out(claim, events))
    ]


def _is_vague(claim: Claim) -> bool:
    """Whether it says no more than that something "moves" or "goes", maybe no more than a limb.

    Who is "leaning" may have been from the start, which no event tells.
    """
    return claim.words.startswith("leaning") or ("moves" in claim.actions and not claim.direction)


def _is_borne_out(claim: Claim, events: Sequence[Event]) -> bool:
    if "stays" in claim.actions or "standing" in claim.targets:
        return claim.holds(events) or _has_a_moment_to_stand(events)
    alone = [replace(claim, slots=(slot,), both=False) for slot in claim.slots]
    each = alone if claim.both else [claim]
    return all(any(as_good.holds(events) for as_good in _as_good(one)) for one in each)


def _as_good(claim: Claim) -> list[Claim]:
    """Claims one of which is enough."""
    limb = claim.slots[0].rsplit("_")[-1]
    named = [name for action in claim.actions for name in (action, f"{limb} {action}")]
    kin = [each for name in named for each in _KIN.get(name, ())]
    return [replace(claim, least=claim.least / 2)] + [
        replace(
            claim,
            actions=each.actions,
            slots=each.slots or claim.slots,
            direction=claim.direction if each.direction is None else each.direction,
            targets=each.targets or (claim.targets and (*claim.targets, "")),
            least=0.0,
        )
        for each in kin
    ]


def _has_a_moment_to_stand(events: Sequence[Event]) -> bool:
    """Whether the body does nothing for a while, and is not down."""
    busy = [e for e in events if e.slot == GLOBAL_SLOT and e.target != "standing"]
    at = 0.0
    for event in sorted(busy, key=lambda each: each.start):
        if event.start - at >= MOMENT:
            return True
        at = max(at, event.end)
    return max((event.end for event in events), default=0.0) - at >= MOMENT


def without_contradictions(
    annotation: Annotation, found: Sequence[Contradiction], measured: Annotation
) -> Annotation:
    """Return an annotation with the texts that contradict the motion replaced by measured ones."""
    wrong = {each.slot: each.text for each in found}
    bad = {each.text for each in found if each.slot == "global"}
    body = tuple(text for text in annotation.body if text not in bad) or measured.body
    return replace(
        annotation,
        body=body,
        parts={s: measured.parts[s] if s in wrong else t for s, t in annotation.parts.items()},
        interactions={
            s: measured.interactions[s] if s in wrong else t
            for s, t in annotation.interactions.items()
        },
        dropped={**annotation.dropped, **wrong},
    )
