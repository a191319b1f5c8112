"""The phrase table: how often a generated motion does what a plain sentence says."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from marey.errors import InvalidInputError
from marey.metrics import wilson_interval
from marey.motion import Motion
from marey.predicates import find
from marey.text import mirror_text

SEEDS: tuple[int, ...] = tuple(range(20))
"""Seeds with which each wording is generated."""
SECONDS = 4.0
"""Length of each generated motion."""


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A plain action, two sentences of our own for it, and the fact that it makes true."""

    name: str
    fact: str
    wordings: tuple[str, str]
    caption: str
    """Pattern found in captions of real motions that clearly do this."""
    barred: str
    """Pattern found in captions that say more, so that the fact need not hold."""

    def is_said_in(self, captions: Iterable[str]) -> bool:
        """Whether one caption clearly says the phrase."""
        return any(
            re.search(self.caption, text) and not re.search(self.barred, text) for text in captions
        )


@dataclass(frozen=True, kw_only=True)
class PhraseRow:
    """How many of some motions make a phrase true."""

    phrase: str
    wording: str
    """The sentence that was generated; empty for real motions and for both wordings together."""
    held: int
    total: int

    @property
    def share(self) -> float:
        """Share of the motions in which the fact holds; not a number where there are none."""
        return self.held / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson_interval(self.held, self.total)


_MORE = r",|\b(?:and|then|while|before|after|until|or|turn\w*|curv\w*|circl\w*|back and forth)\b"
"""Words of a sentence that tells more than one movement."""
_TURN_MORE = (
    r"\b(?:then|slightly|a little|partly|back|both|once more|"
    r"(?:alternat|repeat|jump|kick|danc|twist|bend|bent|lean)\w*)\b"
)
"""Words of a sentence in which a turn is no net turn of the whole body."""

_CENTRAL: tuple[Phrase, ...] = (
    Phrase(
        name="walks forward",
        fact="walks_forward",
        wordings=("a person walks forward", "the character is walking straight ahead"),
        caption=r"\bwalks? (?:\w+ )?(?:forward|ahead|straight)\b",
        barred=_MORE + r"|backward",
    ),
    Phrase(
        name="walks backward",
        fact="walks_backward",
        wordings=("a person walks backward", "the character is stepping back several paces"),
        caption=r"\b(?:walk|step|creep)s? (?:\w+ )?backwards?\b",
        barred=r"\b(?:then|before|after|until|back and forth|(?:forward|ahead)\w*)\b",
    ),
    Phrase(
        name="runs",
        fact="runs",
        wordings=("a person runs forward", "the character is running quickly"),
        caption=r"\b(?:runs?|jogs?|sprints?)\b",
        barred=r"\b(?:in place|on the spot|hands? (?:runs?)|like|slowly|pregnant)\b",
    ),
    Phrase(
        name="jumps",
        fact="jumps",
        wordings=("a person jumps", "the character is jumping up high"),
        caption=r"\b(?:jumps?|leaps?)\b",
        barred=r"\b(?:rope|kicks?|obstacle|stool|stepstool|small|slight\w*)\b",
    ),
    Phrase(
        name="sits down",
        fact="sits_down",
        wordings=("a person sits down", "the character is taking a seat"),
        caption=r"\bsits? down\b",
        barred=r"\b(?:up there|floor|ground|sits? down again)\b",
    ),
    Phrase(
        name="squats",
        fact="squats",
        wordings=("a person squats down", "the character is doing a deep squat"),
        caption=r"\bsquats?\b",
        barred=r"\b(?:half|slight\w*|from a|jump\w*|leap\w*|begins?|kick\w*|holds?|sits?)\b",
    ),
    Phrase(
        name="stands still",
        fact="stands_still",
        wordings=("a person stands still", "the character is standing in place without moving"),
        caption=r"\bstand(?:s|ing)? (?:\w+ )?still\b",
        barred=_MORE + r"|\b(?:hands?|arms?|waiting|steps?)\b|bent|sway",
    ),
)
_LEFT: tuple[Phrase, ...] = (
    Phrase(
        name="sidesteps left",
        fact="sidesteps_left",
        wordings=("a person sidesteps to the left", "the character is moving left in side steps"),
        caption=r"(?:side ?steps?|steps? sideways|walks? sideways) (?:\w+ )?(?:to the )?left",
        barred=r"\b(?:right|then|other|both|(?:climb|forward|back|walks|stool|jump)\w*)\b",
    ),
    Phrase(
        name="turns left",
        fact="turns_left",
        wordings=("a person turns left", "the character is turning around to the left"),
        caption=r"\bturn(?:s|ing)? (?:around )?(?:to the )?left\b",
        barred=_TURN_MORE + r"|\bright\b",
    ),
    Phrase(
        name="raises the left hand above the head",
        fact="raises_left_hand",
        wordings=(
            "a person raises the left hand above the head",
            "the character is lifting the left arm overhead",
        ),
        caption=r"\b(?:rais|lift)\w* (?:\w+ )?left (?:hand|arm)\b.*\b(?:overhead|above the head)",
        barred=r"\b(?:both|right|each)\b",
    ),
    Phrase(
        name="kicks with the left leg",
        fact="kicks_left",
        wordings=(
            "a person kicks with the left leg",
            "the character is performing a kick with the left foot",
        ),
        caption=(
            r"\bleft[- ](?:foot |leg |footed )?(?:front )?kicks?\b"
            r"|\bkick\w*\b.* left (?:leg|foot)"
        ),
        barred=(
            r"\b(?:right|both|alternate\w*|handstand|out to the side|"
            r"(?:danc|spin|jump|leap|flip|lung)\w*)\b"
        ),
    ),
)


def _mirrored(phrase: Phrase) -> Phrase:
    """Return the same phrase with left and right exchanged."""
    first, second = map(mirror_text, phrase.wordings)
    return Phrase(
        name=mirror_text(phrase.name),
        fact=phrase.fact.replace("left", "right"),
        wordings=(first, second),
        caption=phrase.caption.replace("left", "right"),
        barred=phrase.barred.replace("right", "left"),
    )


PHRASES: tuple[Phrase, ...] = (
    *_CENTRAL[:2],
    *(sided for phrase in _LEFT for sided in (phrase, _mirrored(phrase))),
    *_CENTRAL[2:],
)
"""The fifteen phrases of the text-following table."""


def phrase(name: str) -> Phrase:
    """Return the phrase of a name. Raises InvalidInputError that lists the names."""
    for one in PHRASES:
        if one.name == name:
            return one
    raise InvalidInputError(f"Unknown phrase {name!r}; the phrases are {_names()}.")


def score_phrases(motions_by_wording: Mapping[str, Sequence[Motion]]) -> list[PhraseRow]:
    """Count in how many motions of each wording its fact holds, in the order of ``PHRASES``.

    Raises InvalidInputError for a sentence that is no wording of the table.
    """
    known = {wording for one in PHRASES for wording in one.wordings}
    unknown = sorted(set(motions_by_wording) - known)
    if unknown:
        raise InvalidInputError(f"{unknown} are no wordings of the phrases {_names()}.")
    return [
        _row(one, wording, motions_by_wording[wording])
        for one in PHRASES
        for wording in one.wordings
        if wording in motions_by_wording
    ]


def total_rows(rows: Iterable[PhraseRow]) -> list[PhraseRow]:
    """Add up the wordings of each phrase."""
    counts: dict[str, tuple[int, int]] = {}
    for row in rows:
        held, total = counts.get(row.phrase, (0, 0))
        counts[row.phrase] = (held + row.held, total + row.total)
    return [
        PhraseRow(phrase=name, wording="", held=held, total=total)
        for name, (held, total) in counts.items()
    ]


def score_captioned(
    windows: Iterable[tuple[Sequence[str], Callable[[], Motion]]],
) -> list[PhraseRow]:
    """Count the same for real windows whose captions, written by people or models, say a phrase.

    Each window is its captions and a function that reads its motion, called only where needed.
    Captions that were themselves measured by the facts must not be among them.
    """
    counts = {one.name: [0, 0] for one in PHRASES}
    for captions, read in windows:
        said = [one for one in PHRASES if one.is_said_in(captions)]
        motion = read() if said else None
        for one in said:
            counts[one.name][0] += find(one.fact, motion).holds if motion is not None else 0
            counts[one.name][1] += 1
    return [
        PhraseRow(phrase=name, wording="", held=held, total=total)
        for name, (held, total) in counts.items()
    ]


def _row(one: Phrase, wording: str, motions: Sequence[Motion]) -> PhraseRow:
    held = sum(find(one.fact, motion).holds for motion in motions)
    return PhraseRow(phrase=one.name, wording=wording, held=held, total=len(motions))


def _names() -> str:
    return ", ".join(repr(one.name) for one in PHRASES)
