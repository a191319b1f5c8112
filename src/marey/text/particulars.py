"""Particulars: the sides, ways, speeds and counts of a sentence, which its vector hardly tells."""

import hashlib
import re
from dataclasses import dataclass

from marey.text.mirror import sides_in

_ARM = "hand|arm|forearm|fist|elbow|wrist|palm|finger|thumb|knuckle|shoulder"
_LEG = "leg|foot|feet|knee|thigh|shin|calf|calve|ankle|heel|toe|hip"
_LIMB = re.compile(
    # "the left and right foot": both sides share the limb that follows the second.
    r"(?:,? (?:and|or)(?: then)?(?: the| his| her| their)? (?:left|right))?"
    rf"[ -](?:upper |lower )?(?:(?P<arm>{_ARM})|(?P<leg>{_LEG}))(?:s|ed)?(?![a-z])"
)

_NO_WAY = re.compile(r"\b(slow\w*|speed\w*|backs|backing) (?:up|down)\b")
"""Particles that name no way: "slows down", "backs up"."""
_WAYS = {
    "forward": re.compile(r"\b(?:forwards?|ahead|onwards?|straight on)\b"),
    # A body has a back, and one comes back to where one was; that is no way either.
    "backward": re.compile(
        r"\bbackwards?\b|\bback(?:s|ing)\b"
        r"|(?<!his )(?<!her )(?<!its )(?<!their )(?<!lower )(?<!upper )(?<!\bthe )\bback\b"
        r"(?! (?:and forth|to|in|into|on|onto|at|up|down)\b)|\bto the back\b|\bretreat\w*"
    ),
    "up": re.compile(r"\b(?:up|upwards?)\b"),
    "down": re.compile(r"\b(?:down|downwards?)\b"),
    "sideways": re.compile(
        r"\bside(?:ways|wards)\b|\bside-?step\w*|\bside steps?\b|\bto (?:the|one|either) side\b"
    ),
    "inward": re.compile(r"\binwards?\b"),
    "outward": re.compile(r"\boutwards?\b"),
    "to and fro": re.compile(r"\bback and forth\b|\bto and fro\b"),
}
_IMPLIED_WAYS = {
    "up": re.compile(
        r"\b(?:rais(?:e|es|ed|ing)|lift(?:s|ed|ing)?|ris(?:e|es|ing)|stand(?:s|ing)? up|"
        # To straighten up is a way, to straighten an arm is none.
        r"straighten(?:s|ed|ing)?(?! (?:the|his|her|their|its|both|one|an?|out|left|right)\b)|"
        r"ascend\w*|(?:jump|leap|hop)(?:s|ed|ing|ping)?|"
        r"overhead|(?:above|over) (?:the|his|her|their) head)\b"
    ),
    "down": re.compile(
        r"\b(?:lowers|lowered|lowering|lower(?= (?:the|his|her|their|both))|sit(?:s|ting)?|"
        r"seat(?:ed)?|squat\w*|crouch\w*|kneel\w*|descend\w*|sink(?:s|ing)?|"
        r"bend(?:s|ing)? (?:over|forwards?))\b"
    ),
}
_SPEEDS = {
    "fast": re.compile(r"\b(?:fast|faster|quick\w*|rapid\w*|swift\w*|brisk\w*|hurr(?:y|ie)\w*)\b"),
    "slow": re.compile(r"\b(?:slow|slower|slowly|leisurely|unhurried\w*)\b(?! down)"),
    "speeding up": re.compile(r"\b(?:accelerat\w*|speed(?:s|ing)? up|faster and faster)\b"),
    "slowing down": re.compile(r"\b(?:decelerat\w*|slows|slowed|slowing|slow(?= down))\b"),
}

_NUMBERS = {"once": 1, "twice": 2, "thrice": 3} | {
    word: number
    for number, word in enumerate(
        (
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ),
        start=2,
    )
}
_NUMBER = re.compile(
    rf"(?<!at )(?<![a-z]-)\b(?P<number>{'|'.join(_NUMBERS)}|\d+)\b(?! more\b| again\b)"
    r"(?![ -](?:quarters?|thirds?|fifths?|halves)\b)"
    rf"(?![ -](?:{_ARM}|{_LEG}|legg)(?:s|ed)?\b)"
)
_ONE_TIME = re.compile(r"\b(?:one time|a single time)\b")
_MANY = re.compile(
    r"\b(?:(?:several|many|multiple|a few|a couple of|a number of) times|repeatedly|"
    r"(?:again|over) and (?:again|over))\b"
)


@dataclass(frozen=True, kw_only=True)
class Particulars:
    """What decides whether sentences that are otherwise alike tell of the same motion."""

    sides: tuple[tuple[str, str], ...]
    """Side and limb in order ("arm", "leg", or "" for a way to that side); none twice in a row."""
    ways: frozenset[str]
    """Ways said ("up") or implied ("raises", "overhead"). Forward alone is what nobody needs to
    say, and is left out."""
    speeds: frozenset[str]
    counts: frozenset[str]
    """Numbers of times, steps and the like, not of limbs ("both hands", "two hands"), and "many"
    for repetition; vague amounts ("a few steps") say nothing."""

    @classmethod
    def of(cls, sentence: str) -> "Particulars":
        """Read them off a sentence of English, letter case aside."""
        text = sentence.lower()
        implied = {way for way, pattern in _IMPLIED_WAYS.items() if pattern.search(text)}
        ways = stated_ways(sentence) | implied
        return cls(
            sides=stated_sides(sentence),
            ways=ways if ways != {"forward"} else frozenset(),
            speeds=frozenset(name for name, pattern in _SPEEDS.items() if pattern.search(text)),
            counts=_counts(text),
        )

    @property
    def code(self) -> int:
        """A signed 64-bit number, equal for equal particulars, the same in every process."""
        parts = (self.sides, sorted(self.ways), sorted(self.speeds), sorted(self.counts))
        digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)


def stated_sides(sentence: str) -> tuple[tuple[str, str], ...]:
    """Return side and limb of every word that `mirror_text` swaps; see `Particulars.sides`.

    To turn clockwise, seen from above, is to turn right.
    """
    sides: list[tuple[str, str]] = []
    for side, end in sides_in(sentence):
        limb = _LIMB.match(sentence.lower(), end)
        named = side, (limb.lastgroup or "") if limb else ""
        if sides[-1:] != [named]:
            sides.append(named)
    return tuple(sides)


def stated_ways(sentence: str) -> frozenset[str]:
    """Return the ways that are said by words of their own, forward included."""
    text = _NO_WAY.sub(r"\1", sentence.lower())
    return frozenset(way for way, pattern in _WAYS.items() if pattern.search(text))


def _counts(text: str) -> frozenset[str]:
    numbers = {str(_NUMBERS.get(m["number"], m["number"])) for m in _NUMBER.finditer(text)}
    once = {"1"} if _ONE_TIME.search(text) else set()
    many = {"many"} if _MANY.search(text) else set()
    return frozenset(numbers | once | many)
