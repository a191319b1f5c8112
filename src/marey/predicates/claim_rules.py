"""Rules: which words claim what."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from marey.predicates.claim import ANY, Claim
from marey.predicates.event import LEVELS
from marey.predicates.locomotion import TURN
from marey.skeleton.parts import GLOBAL_SLOT, PAIR_SLOTS

TURNS, AROUND = math.degrees(TURN), 120.0
"""Degrees from which on a body turns, as the facts have it, and has turned around."""


@dataclass(frozen=True)
class Rule:
    """Words, and what they claim."""

    pattern: re.Pattern[str]
    claims: Callable[[re.Match[str]], tuple[Claim, ...]]


_ARMS, _LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")
_OTHER = {"left": "right", "right": "left"}
_SIDEWAYS = ("sidesteps", "moves", "runs", "crawls")
_TRAVEL = {
    "walk": ("walks",),
    "step": ("walks", "steps", "sidesteps"),
    "run": ("runs",),
    "jog": ("runs",),
    "crawl": ("crawls",),
    "mov": ("walks", "runs", "sidesteps", "moves", "crawls"),
    "go": ("walks", "runs", "sidesteps", "moves"),
}
_WAYS: dict[str, str] = dict.fromkeys(("forwards", "ahead", "straight"), "forward")
_WAYS |= dict.fromkeys(("backwards", "back"), "backward")
_LEVEL_OF = {"head": "head", "chest": "chest", "waist": "waist", "hip": "waist"}
_LEVEL_OF |= dict.fromkeys(("shoulder", "face", "chin", "eye"), "shoulder")
"""Least level of a hand at or above something; it is the wrist that is measured."""


def _travel(match: re.Match[str]) -> tuple[Claim, ...]:
    verb, direction = match["verb"], _way_of(match)
    actions = _TRAVEL[verb]
    if "diagonal" in match[0] or _comes_back(match):
        direction = ANY
    elif direction in _OTHER:
        actions = _SIDEWAYS
    elif match["aside"]:
        actions, direction = ("sidesteps",), ANY
    slots = (GLOBAL_SLOT, *_LEGS) if "steps" in actions else (GLOBAL_SLOT,)
    return (Claim(words=match[0], actions=actions, slots=slots, direction=direction),)


def _comes_back(match: re.Match[str]) -> bool:
    """Whether "back" may say whence a body came, rather than which way it faces."""
    return match["way"] == "back" and match["verb"] != "step"


def _way_of(match: re.Match[str]) -> str:
    way = (match.groupdict().get("way") or "").removeprefix("straight ")
    return _WAYS.get(way, way)


def _turn(match: re.Match[str]) -> tuple[Claim, ...]:
    return (
        Claim(
            words=match[0],
            actions=("turns",),
            slots=(GLOBAL_SLOT,),
            direction=match["way"] or ANY,
            least=AROUND if match["around"] else TURNS,
        ),
    )


def _limb(actions: tuple[str, ...], slots: tuple[str, str]) -> Callable[..., tuple[Claim, ...]]:
    """Make claims about a limb whose side the match may name, and a height that it gets to."""

    def make(match: re.Match[str]) -> tuple[Claim, ...]:
        side = match["side"] if match["side"] in ("left", "right", "both") else ""
        targets = _levels(match) if "height" in match.re.groupindex else ()
        held = ("holds",) if targets else ()  # a hand that is up already has been raised, too
        return (
            Claim(
                words=match[0],
                actions=(*actions, *held),
                slots=slots if side == "both" else tuple(s for s in slots if s.startswith(side)),
                targets=targets,
                both=side == "both",
            ),
        )

    return make


def _levels(match: re.Match[str]) -> tuple[str, ...]:
    """Levels of a hand that are as high as said; none where any raised hand is."""
    if match["overhead"]:
        return LEVELS[-1:]
    if match["height"] is None or (least := _LEVEL_OF[match["height"]]) == "waist":
        return ()
    return LEVELS[LEVELS.index(least) :]


def _touch(match: re.Match[str]) -> tuple[Claim, ...]:
    side, what, of = match["side"], match["what"], match["of"]
    target = {"ear": "head", "face": "head", "waist": "hip", "feet": "foot"}.get(what, what)
    if side == "both":
        return tuple(_touch_by(each, target, of, match[0]) for each in _OTHER)
    return (_touch_by(side if side in _OTHER else "", target, of, match[0]),)


def _touch_by(side: str, target: str, of: str | None, words: str) -> Claim:
    arms = [arm for arm in _ARMS if arm.startswith(side)]
    if of and target == "hip":  # a hand on a hip is on its own side's
        arms = [arm for arm in arms if arm.startswith(of)]
    slots = tuple(pair for pair in PAIR_SLOTS if any(arm in pair.split("+") for arm in arms))
    if of and target in ("knee", "foot"):
        slots = tuple(pair for pair in slots if f"{of}_leg" in pair)
    acting = ANY
    if target == "shoulder":  # the other arm's; the event names the hand that acts
        acting = side or _OTHER.get(of or "", ANY)
    return Claim(
        words=words, actions=("touches",), slots=slots, direction=acting, targets=(target,)
    )


def _plain(actions: tuple[str, ...], *slots: str) -> Callable[..., tuple[Claim, ...]]:
    def make(match: re.Match[str]) -> tuple[Claim, ...]:
        return (Claim(words=match[0], actions=actions, slots=slots, direction=_way_of(match)),)

    return make


def _posture(change: str, held: str) -> Callable[..., tuple[Claim, ...]]:
    """Make claims that a body gets into a posture, or that it is in it unless it goes "down"."""

    def make(match: re.Match[str]) -> tuple[Claim, ...]:
        actions, targets = ((change,), ()) if match["down"] else ((change, "holds"), ("", held))
        return (Claim(words=match[0], actions=actions, slots=(GLOBAL_SLOT,), targets=targets),)

    return make


def _nothing(match: re.Match[str]) -> tuple[Claim, ...]:
    del match
    return ()


def _still(match: re.Match[str]) -> tuple[Claim, ...]:
    return (Claim(words=match[0], actions=("stays",), slots=_LEGS, both=True),)


def _stand(match: re.Match[str]) -> tuple[Claim, ...]:
    return (Claim(words=match[0], actions=("holds",), slots=(GLOBAL_SLOT,), targets=("standing",)),)


def _one_leg(match: re.Match[str]) -> tuple[Claim, ...]:
    lifted = tuple(leg for leg in _LEGS if not leg.startswith(match["side"]))
    return (Claim(words=match[0], actions=("holds",), slots=lifted, targets=("lifted",)),)


def _rule(pattern: str, make: Callable[[re.Match[str]], tuple[Claim, ...]]) -> Rule:
    return Rule(re.compile(rf"\b{pattern}"), make)


_VERB = r"(?:e|s|es|ing|ping|ning|ging)?"
_OWN = r"(?:the |his |her |their |its )"
_POSSESSIVE = rf"{_OWN}?"
_SIDE = r"(?P<side>left|right|both|a|an|one|his|her|their|the)?"
_LIMB = (
    r"(?:head|neck|arm|elbow|forearm|wrist|hand|finger|leg|thigh|knee|ankle|foot|feet|hip|shoulder"
    r"|torso)"
)
_NO_LIMB = (  # "moves the left arm" moves no body, "turns his head" turns none
    rf"(?! (?:(?:the|his|her|their|its|both|left|right|a|one|lower|upper) )*{_LIMB})"
)
_OBJECT = (  # nor do "moves a broom" and "turns the wheel"
    r" (?:(?:it|them|something|pages?|objects?)\b|(?:a|an|the|his|her|their|its|both) (?!little\b"
    r"|bit\b|quarter\b|half\b|full\b|few\b|corner|other (?:way|side)|whole way|body\b|ways|sides))"
)
_HOW = (
    r"(?: (?:very|far|well|fast|high|low|down|on|back|over|slightly|a little|a bit"
    r"|half(?:way)?|partway|all the way|a (?:quarter|half|full)(?: turn| circle)?|diagonally"
    r"|\w+ly|in (?:\w+ ){1,2}steps))*?"
)
"""Words between a verb and its way."""
_TO = rf"(?:to(?:wards?)? {_POSSESSIVE})?"
_LEFT_RIGHT = rf"(?:left|right)(?! {_LIMB})"
_WAY = (
    rf"(?:(?:straight )?(?:forwards?|ahead|backwards?|back(?! and forth)|{_LEFT_RIGHT})"
    r"|straight(?! (?:up|off|out)\b))"
)
_DOWN = r"(?P<down>(?: \w+ly)* down)?"
_RAISE = r"(?:rais(?:es?|ing)|lift(?:s|ing)?)"
_WITH = r"(?: (?:(?!and\b|then\b|while\b|with\b)\w+ ){0,4}?with)?"
_HEIGHT = (
    r"(?:(?: (?:up|high|out|straight|in front|\w+ly))*? (?:(?P<overhead>overhead"
    rf"|(?:above|over|past) {_POSSESSIVE}head)"
    rf"|(?:up )?(?:above|over|past|to|at) (?:about )?{_POSSESSIVE}"
    r"(?P<height>head|face|chin|eye|shoulder|chest|waist|hip))s?\b)?"
)
_MANY = r"(?:an?|the|few|some|several|two|three|four|low|high|steep|last|first|single|small)"
_TOUCHED = r"(?P<of>left|right)? ?(?P<what>head|ear|face|hip|waist|knee|shoulder|foot|feet)s?"
RULES: tuple[Rule, ...] = (
    _rule(r"(?:lets?|letting) go\b", _nothing),
    _rule(rf"{_LIMB}s?(?: \w+ly)? (?:mov|go){_VERB}\b", _nothing),  # that is no travel
    _rule(rf"(?:up|down|on|onto|off|over|across|climb\w*) (?:{_MANY} )+steps?\b", _nothing),
    _rule(
        rf"(?:look(?:s|ing)?|turn{_VERB} {_POSSESSIVE}head)(?: \w+ly)? {_TO}(?P<way>{_LEFT_RIGHT})",
        _plain(("turns",), "head"),
    ),
    _rule(rf"(?:mov|turn){_VERB}{_OBJECT}", _nothing),
    _rule(r"stand(?:s|ing)? still", _still),
    _rule(
        rf"(?:stand|balanc)(?:s|es|ing)? on {_POSSESSIVE}(?:only )?(?P<side>left|right|one)"
        r"(?: bent| straight)? (?:leg|foot)\b",
        _one_leg,
    ),
    _rule(rf"stand(?:s|ing)?\b(?! up\b| on (?:{_OWN}|both )?(?:hands|head|all fours))", _stand),
    _rule(
        r"(?:side ?step|step to the side)s? (?:to )?(?:the )?(?P<way>left|right)",
        _plain(_SIDEWAYS, GLOBAL_SLOT),
    ),
    _rule(
        rf"(?<!in )(?<!by )turn{_VERB}{_NO_LIMB}(?! over\b)"
        rf"(?P<around>{_HOW} around)?(?:{_HOW} {_TO}(?P<way>{_LEFT_RIGHT}))?\b",
        _turn,
    ),
    _rule(
        rf"(?P<verb>walk|step|run|jog|crawl|mov|go){_VERB}"
        rf"{_NO_LIMB}(?! (?:on (?:{_OWN}|both )?hands|stick|cane)\b)"
        rf"(?P<aside>{_HOW} sideways)?(?:{_HOW} {_TO}(?P<way>{_WAY}))?\b",
        _travel,
    ),
    _rule(
        rf"(?:jump|hop|leap){_VERB}(?:{_HOW} {_TO}(?P<way>{_WAY}|up))?\b",
        _plain(("jumps",), GLOBAL_SLOT),
    ),
    _rule(rf"(?:sits?|sitting)\b(?! ups?\b){_DOWN}", _posture("sits", "sitting")),
    _rule(
        rf"(?<!half )(?:squat|crouch)(?:s|es|ting|ing)?\b{_DOWN}",
        _posture("squats", "squatting"),
    ),
    _rule(rf"kneel(?:s|ing)?\b{_DOWN}", _posture("kneels", "kneeling")),
    _rule(r"(?:lies|lie|lying) down\b", _plain(("lies",), GLOBAL_SLOT)),
    _rule(r"(?:stands|stand|gets|get) up\b(?! straight)", _plain(("rises",), GLOBAL_SLOT)),
    _rule(
        rf"{_RAISE} {_POSSESSIVE}{_SIDE} ?(?:hand|arm)s?{_HEIGHT}",
        _limb(("raises",), _ARMS),
    ),
    _rule(  # but not "the lower left arm"
        rf"lower(?:s|ing|(?= (?:{_OWN}|both |one |an? ))) {_POSSESSIVE}{_SIDE} ?(?:hand|arm)s?",
        _limb(("lowers",), _ARMS),
    ),
    _rule(
        rf"{_RAISE} {_POSSESSIVE}{_SIDE} ?(?:leg|foot|feet|knee)s?",
        _limb(("raises", "kicks"), _LEGS),
    ),
    _rule(
        rf"wav(?:es?|ing)(?:{_WITH} {_POSSESSIVE}{_SIDE} ?(?:hand|arm)s?)?",
        _limb(("waves",), _ARMS),
    ),
    _rule(
        rf"kick(?:s|ing)?(?:{_WITH} {_POSSESSIVE}{_SIDE} ?(?:leg|foot|feet)s?)?",
        _limb(("kicks",), _LEGS),
    ),
    _rule(rf"bend(?:s|ing)? {_POSSESSIVE}{_SIDE} ?elbows?", _limb(("bends",), _ARMS)),
    _rule(rf"bend(?:s|ing)? {_POSSESSIVE}{_SIDE} ?knees?", _limb(("bends",), _LEGS)),
    _rule(r"clap(?:s|ping)?\b", _plain(("claps",), "left_arm+right_arm")),
    _rule(rf"cross(?:es|ing)? {_POSSESSIVE}arms", _plain(("crosses",), "left_arm+right_arm")),
    _rule(rf"{_SIDE} ?hands? touch(?:es|ing)? {_POSSESSIVE}{_TOUCHED}", _touch),
    _rule(
        rf"touch(?:es|ing)? {_POSSESSIVE}{_TOUCHED}(?: with {_POSSESSIVE}{_SIDE} ?hands?)?",
        _touch,
    ),
    _rule(
        rf"lean(?:s|ing)?{_HOW} {_TO}(?P<way>forwards?|backwards?|back|{_LEFT_RIGHT})\b",
        _plain(("leans",), "torso"),
    ),
    _rule(r"nod(?:s|ding)?\b", _plain(("nods",), "head")),
    _rule(r"look(?:s|ing)?(?: \w+ly)? (?P<way>up|down)\b", _plain(("tilts",), "head")),
)
"""Rules in the order in which they may take words of a sentence."""
