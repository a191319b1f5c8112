"""FeatureBank: all training features and texts in memory, and the batches drawn from them.

What a batch holds is a function of (seed, step) alone, so that a resumed run sees what an
unbroken one would, and every process of a group can draw the same batch and take its share.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.data.records import WindowRecord
from marey.data.store import MotionStore
from marey.data.text_bank import TextBank
from marey.errors import InvalidInputError
from marey.representations import JointMotion, Representation, SmoothRoot
from marey.text import TextCondition, TextEncoder, mirror_text

Progress = Callable[[str, int, int], None]
"""Called with (what, done, in all)."""

BATCHES_A_POOL = 8
"""Batches that are drawn together and sorted by length, so that little is padded."""
LONG_TEXT_BATCHES = 2
"""How many of them take the longest texts."""
NO_TEXT = -1

MIN_SECONDS = 1.0
"""Shorter windows are not trained on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Training samples: raw features that start above the origin, padded with zeros."""

    features: Float[Tensor, "batch frames feats"]
    mask: Bool[Tensor, "batch frames"]
    text: TextCondition

    def share(self, rank: int, world: int) -> "Batch":
        """Return every ``world``-th sample from ``rank`` on."""
        rows = list(range(rank, len(self.mask), world))
        return Batch(
            features=self.features[rows], mask=self.mask[rows], text=self.text.select(rows)
        )


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A window in the bank, plain or mirrored."""

    first: int
    """Row of its first frame."""
    length: int
    texts: tuple[int, ...]
    weight: float


@dataclass(frozen=True, kw_only=True)
class _Draw:
    """A window drawn for a batch, and the number of the text that goes with it."""

    entry: _Entry
    text: int
    silent: bool
    """Whether the sample is shown without its text."""


class FeatureBank:
    """Features of the clips of some windows, plain and mirrored, and the windows' texts."""

    def __init__(
        self,
        store: MotionStore,
        windows: Sequence[WindowRecord],
        representation: SmoothRoot,
        encoder: TextEncoder,
        *,
        max_seconds: float = 10.0,
        device: torch.device | str = "cpu",
        progress: Progress | None = None,
    ) -> None:
        self.dropped = counted(window_flaw(w, store.fps) for w in windows)
        windows = usable_windows(windows, store.fps)
        """How many windows are left out, by reason."""
        if not windows:
            reasons = "; ".join(f"{n} × {reason}" for reason, n in self.dropped.items())
            raise InvalidInputError(
                f"The store {store.path} has no window that can be used of those asked for: "
                f"{reasons or 'there are none at all'}."
            )
        self.representation, self.device = representation, torch.device(device)
        self.max_frames = round(max_seconds * store.fps)
        note = progress or (lambda what, done, total: None)
        mirrored = {t.text: mirror_text(t.text) for w in windows for t in w.texts}
        self.texts = TextBank(
            [*mirrored, *mirrored.values()],
            encoder,
            device=device,
            progress=lambda done, total: note("texts", done, total),
        )
        self.features, starts = encode_both_sides(
            store, windows, representation, device=self.device, note=note
        )
        self._entries = [
            _Entry(
                first=starts[w.clip_id][copy] + w.start,
                length=w.num_frames,
                texts=tuple(
                    self.texts.number(mirrored[t.text] if copy else t.text) for t in w.texts
                ),
                weight=w.weight,
            )
            for w in windows
            for copy in (0, 1)
        ]
        self._weights = torch.tensor([e.weight for e in self._entries], dtype=torch.float64)

    def __len__(self) -> int:
        return len(self._entries)

    def batch(self, step: int, *, size: int, seed: int, text_dropout: float) -> Batch:
        """Draw the batch of a training step, each sample turned to a random heading."""
        pool, place = divmod(step, BATCHES_A_POOL)
        generator = seeded_generator(seed, 0, pool)
        drawn = self._draw(size * BATCHES_A_POOL, generator, text_dropout=text_dropout)
        # Attention pays for the longest text and the longest window of a batch: the long texts
        # first go into batches of their own, then each group is cut by the length of its windows.
        drawn.sort(key=lambda draw: self.texts.tokens(draw.text))
        few = size * (BATCHES_A_POOL - LONG_TEXT_BATCHES)
        groups = (drawn[:few], drawn[few:])
        ordered = [d for group in groups for d in sorted(group, key=lambda d: d.entry.length)]
        chunks = [ordered[k * size : (k + 1) * size] for k in range(BATCHES_A_POOL)]
        turn = torch.randperm(BATCHES_A_POOL, generator=generator).tolist()
        return self._assemble(chunks[turn[place]], seeded_generator(seed, 1, step))

    def _draw(self, count: int, generator: torch.Generator, *, text_dropout: float) -> list[_Draw]:
        numbers = torch.multinomial(self._weights, count, replacement=True, generator=generator)
        chance = torch.rand(2, count, generator=generator, dtype=torch.float64).tolist()
        entries = [self._entries[i] for i in numbers.tolist()]
        return [
            _Draw(entry=e, text=e.texts[int(c * len(e.texts))], silent=d < text_dropout)
            for e, c, d in zip(entries, *chance, strict=True)
        ]

    def _assemble(self, drawn: list[_Draw], generator: torch.Generator) -> Batch:
        entries = [draw.entry for draw in drawn]
        chance = torch.rand(2, len(entries), generator=generator, dtype=torch.float64)
        lengths = torch.tensor([min(e.length, self.max_frames) for e in entries])
        spare = torch.tensor([e.length for e in entries]) - lengths + 1
        first = torch.tensor([e.first for e in entries]) + (chance[0] * spare).long()
        position = torch.arange(int(lengths.max()))
        mask = position < lengths[:, None]
        rows = first[:, None] + torch.minimum(position, lengths[:, None] - 1)
        features = self.representation.canonicalise(self.features[rows.to(self.device)])
        angles = (chance[1].float() * 2 * math.pi).to(self.device)
        features = self.representation.rotate(features, angles[:, None])
        mask = mask.to(self.device)
        return Batch(
            features=features * mask[..., None],
            mask=mask,
            text=self.texts.condition([NO_TEXT if draw.silent else draw.text for draw in drawn]),
        )


def encode_both_sides(
    store: MotionStore,
    windows: Sequence[WindowRecord],
    representation: Representation | JointMotion,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
    note: Progress,
) -> tuple[Float[Tensor, "frames feats"], dict[str, tuple[int, int]]]:
    """Return the features of the windows' clips end to end, and each clip's first rows.

    Every clip is there twice, plain and mirrored; its two first rows are in that order.
    """
    clip_ids = sorted({w.clip_id for w in windows})
    frames = 2 * sum(store.clip(c).length for c in clip_ids)
    features = torch.empty(frames, representation.layout.size, device=device, dtype=dtype)
    starts, row = {}, 0
    for done, clip_id in enumerate(clip_ids, start=1):
        motion = store.motion(clip_id)
        starts[clip_id] = (row, row + motion.num_frames)
        for copy in (motion, motion.mirror()):
            features[row : row + copy.num_frames] = representation.encode(copy)
            row += copy.num_frames
        note("clips", done, len(clip_ids))
    return features, starts


def usable_windows(windows: Sequence[WindowRecord], fps: float) -> list[WindowRecord]:
    """Return the windows that training can draw: long enough, with a text, of positive weight."""
    return [window for window in windows if not window_flaw(window, fps)]


def counted(flaws: Iterable[str]) -> dict[str, int]:
    """Return how often each reason to leave a window out is there; "" is none."""
    return {reason: count for reason, count in Counter(flaws).items() if reason}


@dataclass(frozen=True, kw_only=True)
class RowsByKind:
    """Rows of samples without and with measured texts."""

    written: list[int]
    measured: list[int]

    @classmethod
    def of(cls, measured: Sequence[bool]) -> "RowsByKind":
        rows = [[i for i, each in enumerate(measured) if each == kind] for kind in (False, True)]
        return cls(written=rows[0], measured=rows[1])

    def draw(self, measured_share: float, generator: torch.Generator) -> int:
        """Draw a row, of the measured ones with a probability; of the others where it has none."""
        wanted = bool(torch.rand((), generator=generator) < measured_share)
        rows = (self.measured or self.written) if wanted else (self.written or self.measured)
        return rows[int(torch.randint(len(rows), (), generator=generator))]


def window_flaw(window: WindowRecord, fps: float) -> str:
    """Why a window cannot be drawn; "" if it can."""
    if window.weight <= 0:
        return "weight 0"
    if not window.texts:
        return "no text"
    return "" if window.num_frames >= MIN_SECONDS * fps else f"shorter than {MIN_SECONDS:g} s"


def seeded_generator(*numbers: int) -> torch.Generator:
    """Return a generator that is a function of several numbers: seed, kind of draw, step."""
    return torch.Generator().manual_seed(mixed_seed(*numbers))


def mixed_seed(*numbers: int) -> int:
    """Return one seed for several numbers; neighbours give unrelated draws."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 0x5851F42D4C957F2D + number + 0x14057B7EF767814F) % 2**63
    return mixed
