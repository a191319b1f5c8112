"""Reasoner: from sentences about the whole body to texts for its parts and their pairs."""

import re
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Protocol, runtime_checkable

from marey.skeleton.parts import GLOBAL_SLOT, SLOTS
from marey.text import Statement, TextScript, mirror_text, mirrored_texts

Seconds = float | int


@runtime_checkable
class Reasoner(Protocol):
    """Fills the empty slots of a script from what it says about the whole body."""

    @property
    def name(self) -> str:
        """Name of the back end."""
        ...

    def reason(self, script: TextScript, seconds: Seconds | None = None) -> TextScript:
        """Return the script with its own statements as they were, and texts in empty slots.

        A slot with any statement is not empty. ``seconds`` is the length of the clip, if known.
        Texts take the span of the sentence that they come from. Sides are the body's own, and the
        mirrored script gets the mirrored texts.
        """
        ...


def filled(script: TextScript, texts_of: Callable[[str], Mapping[str, str]]) -> TextScript:
    """Return a script with the texts by slot that a function finds for its global sentences.

    Statements of one span are read together. A sentence that names the right side before the left
    is mirrored first and its texts are mirrored back, so that both sides are treated alike.
    """
    taken = {each.slot for each in script.statements}
    said = [each for each in script.statements if each.slot == GLOBAL_SLOT]
    right_first = names_right_first(" ".join(each.text for each in said))
    added: list[Statement] = []
    for span, group in groupby(said, key=lambda each: each.span):
        sentence = ". ".join(each.text.rstrip(" .") for each in group)
        texts = texts_of(mirror_text(sentence) if right_first else sentence)
        if right_first:
            texts = mirrored_texts(texts)
        start, end = span or (None, None)
        added += [
            Statement(texts[slot], slot, start=start, end=end)
            for slot in SLOTS
            if slot in texts and slot not in taken
        ]
    return TextScript((*script.statements, *added))


def names_right_first(text: str) -> bool:
    """Whether "right" comes before "left" among the sides that mirroring exchanges."""
    text = re.sub(r"\b(?:counter|anti)[- ]?clockwise\b", "counterclockwise", text.lower())
    words, mirrored = re.findall(r"\w+", text), re.findall(r"\w+", mirror_text(text))
    changed = [word for word, other in zip(words, mirrored, strict=True) if word != other]
    return bool(changed) and changed[0].startswith(("right", "clockwise"))
