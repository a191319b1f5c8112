"""AlignmentBank: windows as joint motions, their texts in all slots, and batches of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey.data import MotionStore
from marey.data.bank import (
    RowsByKind,
    counted,
    encode_both_sides,
    seeded_generator,
    window_flaw,
)
from marey.data.records import WindowRecord
from marey.data.text_bank import TextBank
from marey.errors import InvalidInputError
from marey.models.alignment import SlotTexts, texts_read
from marey.representations import JointMotion, Normalizer
from marey.skeleton import BODY22
from marey.skeleton.parts import GLOBAL_SLOT
from marey.text import ComparableTexts, TextEncoder, TextSimilarity, mirror_text, mirrored_texts

Note = Callable[[str, int, int], None]
"""Called with (what, done, in all)."""
Texts = Mapping[str, str]
DRAWS = 0
TWIN_SHARE = 0.3
"""Share of sided samples that stand in a batch beside their mirror image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignmentBatch:
    """Normalised joint motions, texts by slot, and the numbers of the texts on the whole body."""

    features: Float[Tensor, "batch frames feats"]
    mask: Bool[Tensor, "batch frames"]
    texts: SlotTexts
    sentences: Int[Tensor, " batch"]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A window, plain or mirrored."""

    first: int
    length: int
    sentences: tuple[str, ...]
    parts: Texts
    measured: bool


class AlignmentBank:
    """Joint motions of the clips of some windows, plain and mirrored, and the windows' texts.

    ``annotated`` holds texts of parts and pairs by window id; windows without have none. Raises
    InvalidInputError where no window can be used, and for a store of another skeleton than body22.
    ``comparing`` encodes sentences to tell which mean the same, as `TextSimilarity` does.
    """

    def __init__(
        self,
        store: MotionStore,
        windows: Sequence[WindowRecord],
        encoder: TextEncoder,
        *,
        comparing: TextEncoder | None = None,
        annotated: Mapping[str, Texts] | None = None,
        max_seconds: float = 10.0,
        normalizer: Normalizer | None = None,
        note: Note | None = None,
    ) -> None:
        if store.skeleton != BODY22:
            raise InvalidInputError(
                f"Alignment models look at {BODY22.name!r}, the store {store.path} holds "
                f"{store.skeleton.name!r}. Prepare it again; `marey data prepare` retargets."
            )
        flaws = [_flaw(w, store.fps) for w in windows]
        self.dropped = counted(flaws)
        """How many windows are left out, by reason."""
        reasons = ", ".join(f"{n} × {reason}" for reason, n in sorted(self.dropped.items()))
        reasons = reasons or "none"
        kept = [window for window, flaw in zip(windows, flaws, strict=True) if not flaw]
        if not kept:
            raise InvalidInputError(
                f"The store {store.path} has no window that can be used; left out: {reasons}."
            )
        self.representation = JointMotion(skeleton=store.skeleton, fps=store.fps)
        self.max_frames = round(max_seconds * store.fps)
        note = note or (lambda what, done, total: None)
        note(f"windows (left out: {reasons})", len(kept), len(windows))
        self.features, starts = encode_both_sides(
            store, kept, self.representation, dtype=torch.half, note=note
        )
        annotated = annotated or {}
        plain = [_entry(w, starts[w.clip_id][0], annotated.get(w.window_id, {})) for w in kept]
        others = [_entry(w, starts[w.clip_id][1], annotated.get(w.window_id, {})) for w in kept]
        self.plain = plain
        self.entries = plain + [_mirrored(each) for each in others]
        self._rows = RowsByKind.of([each.measured for each in self.entries])
        said = [each.sentences for each in self.entries]
        sentences = sorted({text for texts in said for text in texts})
        self._sentence = {text: i for i, text in enumerate(sentences)}
        self.comparable: ComparableTexts = TextSimilarity(comparing or encoder).prepare(sentences)
        parts = sorted({text for each in self.entries for text in each.parts.values() if text})
        self.texts = TextBank(
            [*sentences, *parts],
            encoder,
            progress=lambda done, total: note("texts", done, total),
        )
        self.normalizer = normalizer or Normalizer.fit(
            self.features[:: max(1, len(self.features) // 200_000)].float(),
            self.representation.layout,
        )

    def __len__(self) -> int:
        return len(self.entries)

    def number(self, sentence: str) -> int:
        """Return the number of a sentence, its row in ``comparable``."""
        return self._sentence[sentence]

    def draw(self, step: int, *, size: int, seed: int, measured_share: float) -> AlignmentBatch:
        """Return the batch of a training step; a share of it from windows with measured texts.

        A share of the sentences that name a side bring their mirror image into the batch: drawn
        alone, it is a negative too seldom to teach left from right.
        """
        generator = seeded_generator(seed, DRAWS, step)

        def drawn(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        chosen: list[tuple[_Entry, str, int]] = []
        while len(chosen) < size:
            row = self._rows.draw(measured_share, generator)
            twin = (row + len(self.plain)) % len(self.entries)
            pair = self.entries[row], self.entries[twin]
            offset = drawn(max(0, pair[0].length - self.max_frames) + 1)
            which = drawn(len(pair[0].sentences))
            both = [(each, each.sentences[which], offset) for each in pair]
            sided = both[0][1] != both[1][1]
            twins = sided and bool(torch.rand((), generator=generator) < TWIN_SHARE)
            chosen += both if twins else both[:1]
        return self._assembled(chosen[:size])

    def first_texts(self, size: int) -> list[AlignmentBatch]:
        """Return plain windows with their first sentences, in batches of one size and like length.

        What does not fill a batch is left out, for a contrast depends on how many are compared;
        where there are too few for one batch, all are in one.
        """
        order = sorted(self.plain, key=lambda each: each.length)
        spare = [max(0, each.length - self.max_frames) // 2 for each in order]
        chosen = [(e, e.sentences[0], s) for e, s in zip(order, spare, strict=True)]
        whole = max(1, len(chosen) // size)
        return [self._assembled(chosen[k * size : (k + 1) * size]) for k in range(whole)]

    def _assembled(self, chosen: Sequence[tuple[_Entry, str, int]]) -> AlignmentBatch:
        lengths = torch.tensor([min(e.length, self.max_frames) for e, _, _ in chosen])
        position = torch.arange(int(lengths.max()))
        mask = position < lengths[:, None]
        first = torch.tensor([e.first + offset for e, _, offset in chosen])
        rows = first[:, None] + torch.minimum(position, lengths[:, None] - 1)
        features = self.normalizer(self.features[rows].float())
        scripts = [{GLOBAL_SLOT: sentence, **e.parts} for e, sentence, _ in chosen]
        return AlignmentBatch(
            features=features * mask[..., None],
            mask=mask,
            texts=SlotTexts.of(scripts, self.texts.states, text_width=self.texts.width),
            sentences=torch.tensor([self.number(sentence) for _, sentence, _ in chosen]),
        )


def _flaw(window: WindowRecord, fps: float) -> str:
    """Why a window is not compared with texts; "" if it is."""
    if window.flip:
        return "a flip"
    return "off the floor" if window.off_floor else window_flaw(window, fps)


def _entry(window: WindowRecord, first: int, parts: Texts) -> _Entry:
    return _Entry(
        first=first + window.start,
        length=window.num_frames,
        sentences=tuple(dict.fromkeys(each.text for each in window.texts)),
        parts=texts_read(parts),
        measured=window.is_measured,
    )


def _mirrored(entry: _Entry) -> _Entry:
    return _Entry(
        first=entry.first,
        length=entry.length,
        sentences=tuple(mirror_text(text) for text in entry.sentences),
        parts=mirrored_texts(entry.parts),
        measured=entry.measured,
    )
