"""Clauses: what of a sentence happens one after the other, and what at the same time."""

import re
from dataclasses import dataclass

_NAMED = r"\b(?:his|her|their|its|my|your)\b"
_TWO_SIDES = re.compile(
    r"\b(?:the )?(?:left and right|right and left) (hand|arm|leg|foot|knee|elbow)s?\b"
)
_PLURALS = {"foot": "feet"}
_AFTER_FIRST = re.compile(r"^(?:\s*)after (?P<early>[^,]+), (?P<late>.+)$")
_AFTER = re.compile(r"^(?P<late>.+?),? after (?P<early>(?!that\b|which\b).+)$")
_NEXT = re.compile(
    r"(?:,|;)?\s*(?:\band\b\s*)?\b(?:then|after that|after which|afterwards|followed by|before|next"
    r"|finally|later|subsequently)\b,?\s*|(?<=\w)[.;]\s+"
)
_FIRST = re.compile(r"\bfirst(?:ly)?,?\s")
_TOGETHER = re.compile(
    r",?\s*\b(?:while|as|(?:and )?at the same time(?: as)?|simultaneously)\b,?\s*"
)
_LIMB = r"(?:the |both )*(?:left |right )?(?:hand|arm|leg|foot|feet|knee|elbow)s?"
_AND = re.compile(
    rf",\s*(?:and\s+)?|\s+and\s+(?!{_LIMB}\b(?! \w+(?:s|ing|ed)\b))"
    rf"|\s+with (?={_LIMB} \w+(?:ing|ed)\b)"
)
_WAY = r"(?:to the )?(?:left|right|forwards?|backwards?)\b"
_WORDS = (
    (r"\b(?:counter|anti) ?clockwise\b", "to the left"),
    (r"\bclockwise\b", "to the right"),
    (r"\braising\b", "raises"),
    (r"\bmoving\b", "moves"),
    (r"\bjogging\b", "jogs"),
)
"""Other words for what predicates understand."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What happens at one time: some clauses, and whether a word says that they coincide."""

    clauses: tuple[str, ...]
    together: bool = False
    """Whether a word such as "while" joins them; "and" and commas leave it open."""

    @property
    def text(self) -> str:
        """The clauses as one sentence."""
        return (" while " if self.together else " and ").join(self.clauses)


def phases(sentence: str) -> tuple[Phase, ...]:
    """Return what a sentence says happens one after the other; a comma alone makes no order.

    Words are in lower case, and "the" stands for every possessive.
    """
    found: list[str] = []
    for part in _in_order(_plain(sentence)):
        found.append(_with_verb(part.strip(" ,.;!"), found[-1] if found else ""))
    return tuple(_phase(part) for part in found if part)


def _plain(sentence: str) -> str:
    text = " ".join(re.sub(_NAMED, "the", sentence.lower().replace("-", " ")).split())
    for words, known in _WORDS:
        text = re.sub(words, known, text)
    return _TWO_SIDES.sub(lambda m: f"both {_PLURALS.get(m[1], m[1] + 's')}", text)


def _in_order(text: str) -> list[str]:
    parts = [part for part in _NEXT.split(_FIRST.sub("", text)) if part.strip(" ,.;!")]
    return [piece for part in parts for piece in _turned(part)]


def _turned(text: str) -> list[str]:
    """Put what comes "after" something behind it."""
    found = _AFTER_FIRST.match(text) or _AFTER.match(text)
    return [found["early"], found["late"]] if found else [text]


def _with_verb(text: str, before: str) -> str:
    """Complete a mere direction ("then to the right") with the verb that stands before it."""
    verb = re.match(rf"(?P<verb>.+?) {_WAY}", before)
    return f"{verb['verb']} {text}" if verb and re.match(_WAY, text) else text


def _phase(text: str) -> Phase:
    joined = [part for part in _TOGETHER.split(text.strip(" ,.;!")) if part.strip()]
    clauses = [clause.strip() for part in joined for clause in _AND.split(part) if clause.strip()]
    return Phase(clauses=tuple(clauses), together=bool(_TOGETHER.search(text)) and len(clauses) > 1)
