"""Building a bank: machine-written sentences of training windows, and their measured part texts."""

from collections.abc import Callable

import torch

from marey.data import MotionStore
from marey.data.records import WindowRecord
from marey.errors import InvalidInputError
from marey.reasoning.bank import TOLD_SLOTS, CaptionBank
from marey.reasoning.clauses import phases
from marey.text import TextEncoder, caption, shortened
from marey.text.encoder import encoder_label
from marey.text.similarity import farthest_first

Progress = Callable[[int, int], None]
"""Called with (windows done, windows in all)."""

LIMIT = 3000
"""Captions of a bank, by default."""


def build_bank(
    store: MotionStore,
    encoder: TextEncoder,
    *,
    source: str,
    limit: int = LIMIT,
    progress: Progress | None = None,
) -> CaptionBank:
    """Return a bank of a store's training windows.

    Only captions that a language model wrote are taken, never those of people (KIT-ML) nor any
    that is word for word like one, and only those of things that happen at one time: order is the
    reasoner's to keep. Where there are more
    than ``limit``, the most different ones stay (farthest point first, by sentence vector).
    Raises InvalidInputError for a store that has none.
    """
    windows = [w for w in store.windows_of("train") if _is_sound(w)]
    of_people = {_plain(t.text) for w in store.windows for t in w.texts if t.source == "kit"}
    told = [
        (row, text)
        for row, window in enumerate(windows)
        for text in _sentences(window)
        if _plain(text) not in of_people
    ]
    if not told:
        raise InvalidInputError(
            f"The store {store.path} has no machine-written caption of a training window."
        )
    vectors = torch.stack([each.vector for each in encoder.encode([text for _, text in told])])
    kept = sorted(farthest_first(vectors, limit, first=0))
    rows = sorted({told[i][0] for i in kept})
    texts: list[tuple[str, ...]] = []
    for done, row in enumerate(rows, start=1):
        texts.append(_texts(store, windows[row]))
        if progress is not None:
            progress(done, len(rows))
    place = {row: i for i, row in enumerate(rows)}
    return CaptionBank(
        captions=tuple(told[i][1] for i in kept),
        vectors=vectors[kept],
        window=torch.tensor([place[told[i][0]] for i in kept]),
        texts=tuple(texts),
        encoder=encoder_label(encoder),
        source=source,
    )


def _is_sound(window: WindowRecord) -> bool:
    return not (window.flip or window.off_floor or window.is_measured)


def _sentences(window: WindowRecord) -> list[str]:
    written = [text.text for text in window.texts if text.source == "caption"]
    return [text for text in written if len(phases(text)) == 1]


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().strip(" .").split())


def _texts(store: MotionStore, window: WindowRecord) -> tuple[str, ...]:
    said = caption(store.window_motion(window))
    texts = {**said.parts, **said.interactions}
    return tuple(shortened(texts[slot]) for slot in TOLD_SLOTS)
