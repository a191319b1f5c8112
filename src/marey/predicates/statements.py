"""Statements: simple sentences about a motion, and whether its events make them true."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.predicates.event import Event
from marey.predicates.find_events import find_events
from marey.predicates.locomotion import TURN
from marey.skeleton.parts import GLOBAL_SLOT, PAIR_SLOTS

TURNS, AROUND = math.degrees(TURN), 120.0
"""Degrees from which on a body turns, as the facts have it, and has turned around."""
_ANY = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a sentence says happens: one event of one of these kinds."""

    words: str
    """The words that say it."""
    actions: tuple[str, ...]
    slots: tuple[str, ...]
    direction: str = _ANY
    """The direction of the event; empty for any."""
    targets: tuple[str, ...] = ()
    """Targets that do; none for any."""
    least: float = 0.0
    """Least extent, in the unit of the action."""
    both: bool = False
    """Whether it has to happen in all slots."""

    def holds(self, events: Sequence[Event]) -> bool:
        """Say whether some events make the claim true."""
        met = {event.slot for event in events if self._is_met_by(event)} & set(self.slots)
        return met == set(self.slots) if self.both else bool(met)

    def _is_met_by(self, event: Event) -> bool:
        return (
            event.action in self.actions
            and self.direction in (_ANY, event.direction)
            and (not self.targets or event.target in self.targets)
            and (event.extent or 0.0) >= self.least
        )


def holds(sentence: str, motion: Motion) -> bool:
    """Say whether everything that a simple sentence claims happens in a motion, in any order.

    Raises InvalidInputError if nothing in the sentence is understood, for a negation, and for a
    skeleton without roles.
    """
    said = claims(sentence)
    if not said:
        raise InvalidInputError(
            f"expected a sentence that names a movement, got {sentence!r}. Understood are, for "
            "example: 'walks forward', 'turns left', 'raises the right hand above the head', "
            "'kicks with the left leg', 'touches the head with the left hand', 'sits down'."
        )
    events = find_events(motion)
    return all(claim.holds(events) for claim in said)


def claims_about(text: str, slot: str) -> tuple[Claim, ...]:
    """Return what the text of a slot claims of it; nothing for a text with a negation.

    A text about a part means that part where it names no side, and says nothing of others.
    """
    try:
        said = claims(text)
    except InvalidInputError:
        return ()
    if slot == GLOBAL_SLOT or "+" in slot:
        return said
    return tuple(replace(c, slots=(slot,), both=False) for c in said if slot in c.slots)


def claims(sentence: str) -> tuple[Claim, ...]:
    """Return what a sentence claims, in its order; words that are not understood claim nothing.

    Raises InvalidInputError for a negation: what does not happen cannot be seen in an event.
    """
    text = " ".join(sentence.lower().replace("-", " ").split())
    if re.search(r"\b(?:not|cannot|never|without|no|nothing)\b|n['\u2019]t\b", text):
        raise InvalidInputError(f"expected a sentence without a negation, got {sentence!r}.")
    found: list[tuple[int, Claim]] = []
    taken: list[tuple[int, int]] = []
    for pattern, make in _RULES:
        for match in pattern.finditer(text):
            span = match.span()
            if not any(span[0] < end and start < span[1] for start, end in taken):
                taken.append(span)
                found.append((span[0], make(match)))
    return tuple(claim for _, claim in sorted(found, key=lambda pair: pair[0]))


_ARMS, _LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")
_SIDE = r"(?P<side>left|right|both|a|an|one|his|her|their|the)?"
_TRAVEL = {
    "walk": ("walks",),
    "step": ("walks", "steps", "sidesteps"),
    "run": ("runs",),
    "jog": ("runs",),
    "crawl": ("crawls",),
    "mov": ("walks", "runs", "sidesteps", "moves", "crawls"),
    "go": ("walks", "runs", "sidesteps", "moves"),
}
_SIDEWAYS = ("sidesteps", "moves", "runs", "crawls")
_WAYS: dict[str, str] = dict.fromkeys(("forwards", "ahead", "straight"), "forward")
_WAYS |= dict.fromkeys(("backwards", "back"), "backward")
_OTHER = {"left": "right", "right": "left"}
_HIGH = {
    "overhead": ("overhead",),
    "above": ("overhead",),
    "over": ("overhead",),
    "shoulder": ("shoulder", "head", "overhead"),
    "head": ("head", "overhead"),
}


def _travel(match: re.Match[str]) -> Claim:
    actions, direction = _TRAVEL[match["verb"]], _way_of(match)
    if direction in ("left", "right"):
        actions = _SIDEWAYS
    slots = (GLOBAL_SLOT, *_LEGS) if "steps" in actions else (GLOBAL_SLOT,)
    return Claim(words=match[0], actions=actions, slots=slots, direction=direction)


def _way_of(match: re.Match[str]) -> str:
    way = match.groupdict().get("way") or ""
    return _WAYS.get(way, way)


def _turn(match: re.Match[str]) -> Claim:
    return Claim(
        words=match[0],
        actions=("turns",),
        slots=(GLOBAL_SLOT,),
        direction=match["way"] or "",
        least=AROUND if match["around"] else TURNS,
    )


def _limb(actions: tuple[str, ...], slots: tuple[str, str]) -> Callable[[re.Match[str]], Claim]:
    """Make claims about a limb whose side the match may name."""

    def make(match: re.Match[str]) -> Claim:
        side = match["side"] if match["side"] in ("left", "right", "both") else ""
        chosen = tuple(s for s in slots if s.startswith(side)) if side != "both" else slots
        height = match.groupdict().get("height") or ""
        held = ("holds",) if height else ()  # a hand that is up already has been raised, too
        return Claim(
            words=match[0],
            actions=(*actions, *held),
            slots=chosen,
            targets=_HIGH.get(height, ()),
            both=side == "both",
        )

    return make


def _touch(match: re.Match[str]) -> Claim:
    side, what, of = match["side"], match["what"], match["of"]
    arms = [arm for arm in _ARMS if side not in ("left", "right") or arm.startswith(side)]
    target = {"ear": "head", "face": "head", "waist": "hip"}.get(what, what)
    if of and target == "hip":  # a hand on a hip is on its own side's
        arms = [arm for arm in arms if arm.startswith(of)]
    slots = tuple(pair for pair in PAIR_SLOTS if any(arm in pair.split("+") for arm in arms))
    if of and what in ("knee", "foot"):
        slots = tuple(pair for pair in slots if f"{of}_leg" in pair)
    acting = ""
    if target == "shoulder":  # the other arm's; the event names the hand that acts
        acting = side if side in _OTHER else _OTHER.get(of, "")
    return Claim(
        words=match[0], actions=("touches",), slots=slots, direction=acting, targets=(target,)
    )


def _plain(actions: tuple[str, ...], *slots: str, direction: str = "") -> Callable[..., Claim]:
    def make(match: re.Match[str]) -> Claim:
        way = _way_of(match) or direction
        return Claim(words=match[0], actions=actions, slots=slots, direction=way)

    return make


def _still(match: re.Match[str]) -> Claim:
    return Claim(words=match[0], actions=("stays",), slots=_LEGS, both=True)


def _stand(match: re.Match[str]) -> Claim:
    return Claim(words=match[0], actions=("holds",), slots=(GLOBAL_SLOT,), targets=("standing",))


def _rule(pattern: str, make: Callable[..., Claim]) -> tuple[re.Pattern[str], Callable[..., Claim]]:
    return re.compile(rf"\b{pattern}"), make


_VERB = r"(?:e|s|es|ing|ping|ning|ging)?"
_NO_LIMB = (  # "moves the left arm" moves no body, "turns his head" turns none
    r"(?! (?:(?:the|his|her|their|its|both|left|right|a|one) )*"
    r"(?:head|neck|arm|elbow|forearm|wrist|hand|leg|thigh|knee|ankle|foot|feet|hip|shoulder|torso))"
)
_RAISE = r"(?:rais(?:es?|ing)|lift(?:s|ing)?)"
_POSSESSIVE = r"(?:the |his |her |their |its )?"
_HEIGHT = (
    r"(?: (?:up )?(?:to )?(?:the |his |her |their )?"
    r"(?P<height>overhead|above|over|shoulder|head)\b(?: (?:the |his |her |their )?head)?)?"
)
_RULES: tuple[tuple[re.Pattern[str], Callable[..., Claim]], ...] = (
    _rule(r"stand(?:s|ing)? still", _still),
    _rule(r"stand(?:s|ing)?\b(?! up)", _stand),
    _rule(
        r"(?:side ?step|step to the side)s? (?:to )?(?:the )?(?P<way>left|right)",
        _plain(_SIDEWAYS, GLOBAL_SLOT),
    ),
    _rule(
        rf"(?<!in )turn{_VERB}{_NO_LIMB}(?P<around> around)?"
        r"(?: (?:to )?(?:the )?(?P<way>left|right))?\b",
        _turn,
    ),
    _rule(
        rf"(?P<verb>walk|step|run|jog|crawl|mov|go){_VERB}{_NO_LIMB}"
        r"(?: (?:to )?(?:the )?(?P<way>forwards?|ahead|straight|backwards?|back|left|right))?\b",
        _travel,
    ),
    _rule(
        rf"(?:jump|hop|leap){_VERB}"
        r"(?: (?:to )?(?:the )?(?P<way>forwards?|ahead|backwards?|back|left|right|up))?\b",
        _plain(("jumps",), GLOBAL_SLOT),
    ),
    _rule(r"(?:sits?|sitting)(?: down)?\b", _plain(("sits",), GLOBAL_SLOT)),
    _rule(r"(?:squat|crouch)(?:s|es|ting|ing)?\b", _plain(("squats",), GLOBAL_SLOT)),
    _rule(r"kneel(?:s|ing)?\b", _plain(("kneels",), GLOBAL_SLOT)),
    _rule(r"(?:lies|lie|lying) down\b", _plain(("lies",), GLOBAL_SLOT)),
    _rule(r"(?:stands|stand|gets|get) up\b", _plain(("rises",), GLOBAL_SLOT)),
    _rule(
        rf"{_RAISE} {_POSSESSIVE}{_SIDE} ?(?:hand|arm)s?{_HEIGHT}",
        _limb(("raises",), _ARMS),
    ),
    _rule(rf"lower(?:s|ing)? {_POSSESSIVE}{_SIDE} ?(?:hand|arm)s?", _limb(("lowers",), _ARMS)),
    _rule(
        rf"{_RAISE} {_POSSESSIVE}{_SIDE} ?(?:leg|foot|knee)s?",
        _limb(("raises", "kicks"), _LEGS),
    ),
    _rule(
        rf"wav(?:es?|ing)(?: (?:with )?{_POSSESSIVE}{_SIDE} ?(?:hand|arm)s?)?",
        _limb(("waves",), _ARMS),
    ),
    _rule(
        rf"kick(?:s|ing)?(?: (?:with )?{_POSSESSIVE}{_SIDE} ?(?:leg|foot))?",
        _limb(("kicks",), _LEGS),
    ),
    _rule(rf"bend(?:s|ing)? {_POSSESSIVE}{_SIDE} ?elbows?", _limb(("bends",), _ARMS)),
    _rule(rf"bend(?:s|ing)? {_POSSESSIVE}{_SIDE} ?knees?", _limb(("bends",), _LEGS)),
    _rule(r"clap(?:s|ping)?\b", _plain(("claps",), "left_arm+right_arm")),
    _rule(
        r"cross(?:es|ing)? (?:the |his |her |their )?arms",
        _plain(("crosses",), "left_arm+right_arm"),
    ),
    _rule(
        rf"touch(?:es|ing)? {_POSSESSIVE}(?P<of>left|right)? ?"
        r"(?P<what>head|ear|face|hip|waist|knee|shoulder|foot)"
        rf"(?: with {_POSSESSIVE}{_SIDE} ?hand)?",
        _touch,
    ),
    _rule(
        rf"{_SIDE} ?hand touches (?:the )?(?P<of>left|right)? ?"
        r"(?P<what>head|ear|face|hip|waist|knee|shoulder|foot)",
        _touch,
    ),
    _rule(
        r"lean(?:s|ing)? (?:to )?(?:the )?(?P<way>forwards?|backwards?|back|left|right)\b",
        _plain(("leans",), "torso"),
    ),
    _rule(r"nod(?:s|ding)?\b", _plain(("nods",), "head")),
    _rule(r"look(?:s|ing)? (?P<way>up|down)", _plain(("tilts",), "head")),
    _rule(
        rf"(?:look(?:s|ing)?|turn{_VERB} {_POSSESSIVE}head) (?:to )?(?:the )?(?P<way>left|right)",
        _plain(("turns",), "head"),
    ),
)
"""Rules in the order in which they may take words of a sentence."""
