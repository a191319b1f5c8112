"""Coverage and diversity: in how many windows a slot says something, and in how many words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from marey.annotation.annotation import Annotation
from marey.skeleton.parts import SLOTS
from marey.text.event_wording import IDLE

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


@dataclass(frozen=True, kw_only=True)
class SlotCoverage:
    """How much the texts of one slot say, over many windows."""

    slot: str
    windows: int
    speaking: int
    """Windows in which the text is neither empty nor that the part does nothing."""
    distinct_texts: int
    """Among those that say something."""
    distinct_words: int
    """Among those that say something; numbers do not count."""

    @property
    def share(self) -> float:
        """Share of windows that say something; nan without windows."""
        return self.speaking / self.windows if self.windows else float("nan")


def coverage(annotations: Iterable[Annotation]) -> list[SlotCoverage]:
    """Return coverage and diversity of every slot; of ``global``, all sentences count."""
    texts: dict[str, list[str]] = {slot: [] for slot in SLOTS}
    speaking = dict.fromkeys(SLOTS, 0)
    windows = 0
    for annotation in annotations:
        windows += 1
        for slot, own in _texts(annotation):
            said = [text for text in own if text and text != IDLE]
            texts[slot] += said
            speaking[slot] += bool(said)
    return [
        SlotCoverage(
            slot=slot,
            windows=windows,
            speaking=speaking[slot],
            distinct_texts=len(set(own)),
            distinct_words=len({word for text in own for word in _WORD.findall(text.lower())}),
        )
        for slot, own in texts.items()
    ]


def _texts(annotation: Annotation) -> list[tuple[str, tuple[str, ...]]]:
    slots = [*annotation.parts.items(), *annotation.interactions.items()]
    return [("global", annotation.body), *((slot, (text,)) for slot, text in slots)]
