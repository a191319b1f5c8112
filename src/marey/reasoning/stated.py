"""Stated: what one clause says outright of single parts and pairs, as phrases about them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from marey.errors import InvalidInputError
from marey.predicates import Claim, Event, claims
from marey.skeleton.parts import GLOBAL_SLOT, PARTS, canonical_slot
from marey.text import event_phrase
from marey.text.event_wording import IDLE

_PART_OF = {
    **dict.fromkeys(("hand", "arm", "fist", "elbow", "wrist", "forearm"), "arm"),
    **dict.fromkeys(("leg", "foot", "feet", "knee", "thigh", "ankle", "toe", "heel"), "leg"),
    **dict.fromkeys(("head", "chin", "neck"), "head"),
    **dict.fromkeys(("torso", "trunk", "waist", "hip", "upper body", "body"), "torso"),
}
_PLURAL = r"(?:feet|(?:hand|arm|fist|elbow|wrist|leg|knee|foot)s)"
_NOUN = "|".join(sorted(_PART_OF, key=len, reverse=True))
_MENTION = re.compile(
    rf"(?P<before>\b(?:on|to|above|over|near|behind|at|towards?|against|of|by|from|below|under) )?"
    rf"(?P<with>\b(?:with|using) )?\b(?:the |an? |one )?(?P<side>left |right |both )?"
    rf"(?P<noun>{_NOUN})(?P<many>s)?\b"
)
_SUBJECT = re.compile(
    r"^(?:(?:the|a|an) )?(?:(?:young|old|standing) )?"
    r"(?:person|man|woman|human|figure|character|actor|someone|somebody|he|she|they|it)\s+"
    r"(?:is |are )?"
)
_STILL = re.compile(
    r"\b(?:(?:keep|hold|leav)(?:s|es|ing)? .*\bstill|without (?:moves|using|swinging|lifting)\b"
    r"|not (?:move|use|swing|lift)\b|stays? still|remains? still|does nothing|hangs?\b.*\bstill)"
)
_DENIED = re.compile(r"\b(?:without|not|never|no|nothing)\b.*")
_COUNT = re.compile(
    r"\b(?:once|twice|thrice|(?:\d+|a few|several|many|two|three|four|five|six|seven|eight|nine"
    r"|ten) times)\b"
)
_STEPS = re.compile(
    r"\b(?:takes?|taking|makes?|making|walks?|walking|steps?|stepping)\b.*?\b(?P<number>\d+|an?|one|two"
    r"|three|four|five|six|seven|eight|nine|ten|several|a few|some)"
    r"(?: \w+)? (?P<steps>steps?)\b"
)
_MANNER = re.compile(r"\b(?:\w+ly|fast|faster|slow)\b")
_NO_MANNER = {"only", "early", "finally", "simultaneously", "subsequently", "firstly", "belly"}
_TOUCH = re.compile(
    r"\btouch(?:es|ing)? (?:the )?(?P<of>left |right )?"
    r"(?P<what>head|ear|face|hip|waist|knee|shoulder|elbow|foot|toes|ground|floor)"
)
_OUTWARD = (
    ("sideways", r"\b(?:side ?ways|to the sides?|out(?:ward)?)\b"),
    ("forward", r"\bforwards?|in front\b"),
)


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a clause says."""

    limbs: Mapping[str, str] = field(default_factory=dict)
    """Phrases by part or pair that it speaks of."""
    body: tuple[Claim, ...] = ()
    """What it claims of the whole body."""
    manner: str = ""
    """How often and how fast, in its own words."""


def stated(clause: str) -> Stated:
    """Return what a clause says; one side of a limb that is not named is the right one."""
    affirmed = _DENIED.sub("", clause)
    said = _claims(affirmed)
    manner = _manner(clause)
    limbs: dict[str, str] = {}
    for claim in said:
        for slot in _slots(claim, clause):
            limbs[slot] = _phrase(claim, slot, clause) + manner
    limbs.update(_touches(affirmed))
    limbs.update(_pairs_of(said))
    if _STILL.search(clause):
        limbs.update(dict.fromkeys(_mentioned(clause, anywhere=True), IDLE))
    elif not set(limbs) & set(PARTS):
        limbs.update(_in_its_words(affirmed))
    body = tuple(claim for claim in said if _is_of_the_body(claim))
    return Stated(limbs=limbs, body=body, manner=manner)


def _claims(text: str) -> tuple[Claim, ...]:
    try:
        return claims(text)
    except InvalidInputError:  # a negation of a kind that is not cut off here claims nothing
        return ()


def _manner(clause: str) -> str:
    """How often and how fast, to be put behind a phrase."""
    words = [word for word in _MANNER.findall(clause) if word not in _NO_MANNER]
    times = _COUNT.findall(clause)
    return "".join(f" {word}" for word in (*dict.fromkeys(words), *times[:1]))


def steps(clause: str) -> str:
    """Return how many steps a clause says are taken, such as ", four steps in all"; else ""."""
    found = _STEPS.search(clause)
    return f", {found['number']} {found['steps']} in all" if found else ""


def _slots(claim: Claim, clause: str) -> tuple[str, ...]:
    """Parts that a claim is about; of two, the named one, or both, or else the right one."""
    parts = tuple(slot for slot in claim.slots if slot in PARTS)
    if _is_of_the_body(claim) or len(parts) < 2 or claim.both:
        return () if _is_of_the_body(claim) else parts
    if re.search(rf"\b{_PLURAL}\b", claim.words):
        return parts
    named = [part for part in _mentioned(clause) if part in parts]
    return tuple(named) if named else (f"right_{parts[0].split('_')[1]}",)


def _is_of_the_body(claim: Claim) -> bool:
    return GLOBAL_SLOT in claim.slots or claim.actions == ("stays",)


def _mentioned(clause: str, *, anywhere: bool = False) -> tuple[str, ...]:
    """Parts that a clause names, left out those that are only a place ("on the head")."""
    found: list[str] = []
    for mention in _MENTION.finditer(clause):
        if anywhere or not mention["before"]:
            found += _parts_of(mention)
    return tuple(dict.fromkeys(found))


def _parts_of(mention: re.Match[str]) -> Iterator[str]:
    part = _PART_OF[mention["noun"]]
    if part in PARTS:
        yield part
        return
    side = (mention["side"] or "").strip()
    many = bool(mention["many"]) or mention["noun"] == "feet" or side == "both"
    if side in ("left", "right"):
        yield f"{side}_{part}"
    else:
        yield from (f"left_{part}", f"right_{part}") if many else (f"right_{part}",)


def _phrase(claim: Claim, slot: str, clause: str) -> str:
    action, direction = claim.actions[0], claim.direction
    if action == "kicks":
        direction = direction or "forward"
    if action == "raises":
        ways = [way for way, words in _OUTWARD if re.search(words, clause)]
        direction = ways[0] if ways and not claim.targets else ""
    target = claim.targets[0] if claim.targets else ""
    event = Event(slot=slot, action=action, start=0.0, end=1.0, direction=direction, target=target)
    return event_phrase(event)


def _touches(clause: str) -> dict[str, str]:
    """Phrases for hands that touch something, and for the pairs of the two."""
    found = _TOUCH.search(clause)
    if found is None:
        return {}
    rest = clause[: found.start()] + clause[found.end() :]
    arms = [part for part in _mentioned(rest) if part.endswith("arm")] or ["right_arm"]
    texts: dict[str, str] = {}
    for arm in arms:
        hand = arm.removesuffix("_arm")
        side = (found["of"] or "").strip() or _usual_side(found["what"], hand)
        what = f"the {side} {found['what']}" if side else f"the {found['what']}"
        texts[arm] = f"touches {what}"
        other = _part_touched(found["what"], side, arm)
        if other:
            texts[canonical_slot(f"{arm}+{other}")] = f"the {hand} hand touches {what}"
    return texts


def _usual_side(what: str, hand: str) -> str:
    if what in ("head", "ear", "face", "waist", "ground", "floor", "toes"):
        return ""
    opposite = {"left": "right", "right": "left"}[hand]
    return opposite if what in ("shoulder", "elbow") else hand


def _part_touched(what: str, side: str, arm: str) -> str:
    if what in ("head", "ear", "face"):
        return "head"
    if what in ("hip", "waist"):
        return "torso"
    limb = {"knee": "leg", "foot": "leg", "shoulder": "arm", "elbow": "arm"}.get(what)
    other = f"{side}_{limb}" if limb else ""
    return "" if other == arm else other


def _pairs_of(said: tuple[Claim, ...]) -> dict[str, str]:
    """Phrases for claims of the two hands together."""
    texts: dict[str, str] = {}
    for claim in said:
        if claim.actions == ("claps",):
            texts |= {"left_arm": "claps", "right_arm": "claps", claim.slots[0]: "the hands clap"}
        if claim.actions == ("crosses",):
            crossing = dict.fromkeys(("left_arm", "right_arm"), "crosses over the other arm")
            texts |= {**crossing, claim.slots[0]: "the arms cross"}
    return texts


def _in_its_words(clause: str) -> dict[str, str]:
    """The clause itself for the parts that it names, without its subject and their names."""
    parts = _mentioned(clause)
    if not parts:
        return {}
    text = _SUBJECT.sub("", clause)
    own = [m for m in _MENTION.finditer(text) if not m["before"]]
    for mention in reversed(own):
        text = text[: mention.start()] + " " + text[mention.end() :]
    text = re.sub(r"\s+(?:with|of|and)?\s*$", "", " ".join(text.split())).strip(" ,.")
    if not text or text in ("is", "are", "with"):
        return {}
    if re.fullmatch(r"swing(?:s|ing)?", text):
        text = "swings back and forth"
    if re.match(r"\w+ing\b", text):
        text = f"is {text}"
    return dict.fromkeys(parts, text)
