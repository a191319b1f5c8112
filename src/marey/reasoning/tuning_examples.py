"""Examples that a chat model is tuned on: a sentence of a window, and its annotated part texts."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from marey.data.records import WindowRecord
from marey.errors import InvalidInputError
from marey.reasoning.building import Progress
from marey.reasoning.language_model import TASK, answer_text
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import mirror_text, mirrored_texts, shortened
from marey.text.chat_model import ChatModel

_AT_ONCE = 256
"""Examples that are tokenized together, which is faster."""


@dataclass(frozen=True, kw_only=True)
class TuningExample:
    """A question and the answer to learn."""

    sentence: str
    answer: str
    """JSON that `LanguageModelReasoner` accepts."""

    @classmethod
    def of(cls, sentence: str, texts: Mapping[str, str]) -> "TuningExample":
        """Return the example of a sentence and texts by slot, of each its first events.

        Raises InvalidInputError for texts that no answer may have.
        """
        said = {slot: shortened(texts.get(slot, "")) for slot in (*PARTS, *PAIR_SLOTS)}
        return cls(sentence=sentence, answer=answer_text(said))


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenizedExample:
    """An example as a model reads it."""

    tokens: Int[Tensor, " tokens"]
    """The prompt, the answer and the token that ends it."""
    asked: int
    """How many of them are the prompt, which is not learned."""


def examples_of(
    windows: Sequence[WindowRecord], annotated: Mapping[str, Mapping[str, str]]
) -> tuple[list[TuningExample], Counter[str]]:
    """Return an example for every sentence of windows, and how many were left out by reason.

    ``annotated`` holds texts by slot for the id of a window. Sentences made from measured facts
    are left out, for nobody would type them. One that names a side comes mirrored, too, so that
    left and right are learned alike.
    """
    found: list[TuningExample] = []
    dropped: Counter[str] = Counter()
    for window in windows:
        texts = annotated.get(window.window_id)
        reason = _reason_to_drop(window, annotated=texts is not None)
        if texts is None or reason:
            dropped[reason] += len(window.texts)
            continue
        for sentence in dict.fromkeys(each.text.strip() for each in window.texts):
            try:
                found += _both_sides(sentence, texts)
            except InvalidInputError:
                dropped["unfit annotation"] += 1
    return found, dropped


def _reason_to_drop(window: WindowRecord, *, annotated: bool) -> str:
    """Return why a window is not learned from, "" if it is."""
    if window.is_measured:
        return "measured sentence"
    if window.flip or window.off_floor:
        return "implausible motion"
    return "" if annotated else "no annotation"


def _both_sides(sentence: str, texts: Mapping[str, str]) -> list[TuningExample]:
    examples = [TuningExample.of(sentence, texts)]
    mirrored = mirror_text(sentence)
    if mirrored != sentence:
        swapped = mirrored_texts(texts)
        examples.append(TuningExample.of(mirrored, swapped))
    return examples


def tokenized(
    chat: ChatModel,
    examples: Sequence[TuningExample],
    *,
    most_tokens: int,
    progress: Progress | None = None,
) -> tuple[list[TokenizedExample], int]:
    """Return examples as a model reads them, and how many have too many tokens.

    The prompt is exactly what the model is asked later. More tokens than ``most_tokens``, or than
    the model can read, are too many; ``progress`` hears (examples done, examples in all).
    """
    most, end = min(most_tokens, chat.longest), _end(chat)
    found: list[TokenizedExample] = []
    for first in range(0, len(examples), _AT_ONCE):
        some = examples[first : first + _AT_ONCE]
        prompts = chat.prompts([[("system", TASK), ("user", each.sentence)] for each in some])
        answers = chat.tokenizer([each.answer for each in some], add_special_tokens=False)
        for prompt, answer in zip(prompts, answers["input_ids"], strict=True):
            tokens = torch.tensor([*prompt, *answer, end])
            if len(tokens) <= most:
                found.append(TokenizedExample(tokens=tokens, asked=len(prompt)))
        if progress is not None:
            progress(first + len(some), len(examples))
    return found, len(examples) - len(found)


def _end(chat: ChatModel) -> int:
    """The token after an answer: the tokenizer's own end where the model knows several."""
    own = chat.tokenizer.eos_token_id
    return own if own in chat.ends else chat.ends[0]


def examples_fingerprint(*splits: Sequence[TokenizedExample]) -> str:
    """Return a hash of all examples."""
    digest = hashlib.sha256()
    for examples in splits:
        for example in examples:
            digest.update(f"{example.asked} ".encode() + example.tokens.numpy().tobytes())
        digest.update(b"end")
    return digest.hexdigest()[:16]
