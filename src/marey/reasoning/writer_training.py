"""Training of a PartWriter: sentences of training windows, and their annotated part texts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from marey.data import MotionStore
from marey.data.bank import RowsByKind, counted, seeded_generator
from marey.data.records import WindowRecord
from marey.errors import InvalidInputError
from marey.nn import padded
from marey.reasoning.bank import TOLD_SLOTS
from marey.reasoning.part_writer import END, START, PartWriter, WriterConfig, split
from marey.reasoning.reasoner import names_right_first
from marey.reasoning.writer_file import Writer, load_writer, plain_sentence, save_writer
from marey.text import TextEncoder, TextStates, mirror_text, mirrored_texts, shortened
from marey.text.encoder import encoder_label
from marey.training import Listen, Loop, LoopConfig, RunFolder, data_fingerprint

Texts = Mapping[str, str]
"""Texts by slot."""
DATA_DRAWS = 0
VALIDATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Told:
    """A window's sentences, each read as `plain_sentence`, and its part texts."""

    sentences: tuple[str, ...]
    texts: Texts
    measured: bool = False
    """Whether the sentences were made from measured facts."""


@dataclass(frozen=True, kw_only=True)
class WriterTrainConfig(LoopConfig):
    """One run. The defaults are the recipe of the writer that comes with marey."""

    name: str = "writer"
    batch_size: int = 32
    learning_rate: float = 6e-4
    weight_decay: float = 0.05
    ema_decay: float = 0.99
    width: int = 160
    layers: int = 3
    heads: int = 5
    dropout: float = 0.15
    measured_share: float = 0.25
    """Share of draws that windows with measured sentences take."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "layers", "heads"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        self.require("width", self.width % self.heads == 0, f"a multiple of {self.heads} heads")
        for name in ("dropout", "measured_share"):
            self.require(name, 0 <= getattr(self, name) <= 1, "in [0, 1]")

    def shape(self, told: Iterable[Told], text_width: int) -> WriterConfig:
        """Return the network for all words of some texts."""
        said = (text for each in told for text in each.texts.values())
        return WriterConfig(
            words=tuple(sorted({word for text in said for word in split(text)})),
            slots=TOLD_SLOTS,
            text_width=text_width,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            dropout=self.dropout,
        )


def told_windows(
    windows: Sequence[WindowRecord], annotated: Mapping[str, Texts]
) -> tuple[list[Told], dict[str, int]]:
    """Return the windows that can be learned from, and how many of the others there are, by why."""
    found, flaws = list[Told](), list[str]()
    for window in windows:
        sentences = tuple(dict.fromkeys(plain_sentence(each.text) for each in window.texts))
        sentences = tuple(each for each in sentences if each)
        flaw = _flaw(window, sentences, annotated)
        if flaw:
            flaws.append(flaw)
            continue
        texts = {slot: shortened(text) for slot, text in annotated[window.window_id].items()}
        found.append(Told(sentences=sentences, texts=texts, measured=window.is_measured))
    return found, counted(flaws)


def _flaw(
    window: WindowRecord, sentences: Sequence[str], annotated: Mapping[str, Texts]
) -> str | None:
    """Why a window cannot be learned from."""
    if not sentences:
        return "no sentence"
    if window.flip:
        return "a flip"
    if window.off_floor:
        return "off the floor"
    return None if window.window_id in annotated else "not annotated"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    states: Float[Tensor, "batch tokens text_width"]
    mask: Bool[Tensor, "batch tokens"]
    words: Int[Tensor, "batch places"]
    slots: Int[Tensor, "batch places"]
    places: Int[Tensor, "batch places"]
    targets: Int[Tensor, "batch places"]
    """The next word; -100 for padding."""


class _Examples:
    """Batches of (states, words) from told windows; mirrored where no side comes first."""

    def __init__(self, told: Sequence[Told], config: WriterConfig, encoder: TextEncoder) -> None:
        self.told = told
        self._config, self._number = config, {w: i + 2 for i, w in enumerate(config.words)}
        self._by_kind = RowsByKind.of([each.measured for each in told])
        texts = sorted({_left_first(s)[0] for each in told for s in each.sentences})
        self._states: dict[str, TextStates] = dict(zip(texts, encoder.encode(texts), strict=True))

    def draw(self, step: int, config: WriterTrainConfig) -> _Batch:
        """Return the batch of a training step."""
        generator = seeded_generator(config.seed, DATA_DRAWS, step)

        def drawn(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        chosen: list[tuple[str, Texts]] = []
        for _ in range(config.batch_size):
            told = self.told[self._by_kind.draw(config.measured_share, generator)]
            sentence = told.sentences[drawn(len(told.sentences))]
            chosen.append(_example(sentence, told.texts, coin=drawn(2) == 1))
        return self._batch(chosen)

    def all(self) -> list[_Batch]:
        """Return every sentence once, in batches."""
        pairs = [
            _example(sentence, told.texts, coin=False)
            for told in self.told
            for sentence in told.sentences
        ]
        return [
            self._batch(pairs[at : at + VALIDATION_BATCH])
            for at in range(0, len(pairs), VALIDATION_BATCH)
        ]

    def _batch(self, chosen: Sequence[tuple[str, Texts]]) -> _Batch:
        states, mask = padded([self._states[sentence].states for sentence, _ in chosen])
        rows = [self._rows(texts) for _, texts in chosen]
        words, slots, places, targets = (
            pad_sequence([row[i] for row in rows], batch_first=True, padding_value=pad)
            for i, pad in enumerate((0, 0, 0, -100))
        )
        return _Batch(
            states=states,
            mask=mask,
            words=words,
            slots=slots,
            places=places,
            targets=targets,
        )

    def _rows(self, texts: Texts) -> Tensor:
        """Words, slots, places and next words of a window's texts, one below the other."""
        columns: list[tuple[int, int, int, int]] = []
        for slot, name in enumerate(self._config.slots):
            said = [self._number[word] for word in split(texts.get(name, ""))]
            said = said[: self._config.longest]
            for place, pair in enumerate(zip([START, *said], [*said, END], strict=True)):
                columns.append((pair[0], slot, place, pair[1]))
        return torch.tensor(columns).T


def train_writer(
    config: WriterTrainConfig,
    store: MotionStore,
    annotated: Mapping[str, Texts],
    run: Path,
    *,
    encoder: TextEncoder,
    source: str,
    listen: Listen | None = None,
    say: Callable[[str], None] | None = None,
) -> Writer:
    """Train on the windows of ``train`` and return the writer that did best on those of ``val``.

    ``annotated`` holds texts by slot for every window's id, ``source`` says where they come from.
    The run goes on where it was stopped; RUN/writer.safetensors is the best writer so far, by the
    loss of the captions of ``val``. ``say`` is told how many windows are left out, and why. Raises
    InvalidInputError where there is nothing to train on, and Cancelled, after saving, if ``listen``
    raises it.
    """
    told = {split: _told(store, split, annotated, say) for split in ("train", "val")}
    shape = config.shape((*told["train"], *told["val"]), encoder.width)
    folder = RunFolder(run)
    folder.open(config, fingerprint=data_fingerprint(store, encoder, annotated))
    with torch.random.fork_rng([]):
        torch.manual_seed(config.seed)
        model = PartWriter(shape)
    examples, held_out = (_Examples(told[split], shape, encoder) for split in ("train", "val"))
    loop = Loop(model, config, folder)
    file, batches = run / "writer.safetensors", held_out.all()

    def keep_best() -> None:
        with loop.average.applied(model):
            loss = _mean_loss(model, batches)
            if loss < folder.least("validation"):
                name = encoder_label(encoder)
                made = Writer(network=model, encoder=name, source=source, validation=loss)
                save_writer(made, file, force=True)
        folder.log(loop.clock.step - 1, {"validation": loss})

    try:
        loop.run(
            lambda step: {"total": _loss(model, examples.draw(step, config))},
            on_save=keep_best,
            listen=listen,
        )
    finally:
        folder.close()
    return load_writer(file)


def _told(
    store: MotionStore,
    split: str,
    annotated: Mapping[str, Texts],
    say: Callable[[str], None] | None,
) -> list[Told]:
    found, left_out = told_windows(store.windows_of(split), annotated)
    reasons = ", ".join(f"{count} × {reason}" for reason, count in sorted(left_out.items()))
    if not found:
        raise InvalidInputError(
            f"The store {store.path} needs annotated windows with sentences in train and val, got "
            f"none in {split} (left out: {reasons or 'none'}). Make annotations with "
            "`marey annotate`."
        )
    if say is not None:
        say(f"{split}: {len(found)} windows; left out: {reasons or 'none'}")
    return found


def _loss(model: PartWriter, batch: _Batch, reduction: str = "mean") -> Tensor:
    """Cross entropy of the next word, in nats; mean or sum over all words."""
    scores = model(batch.states, batch.mask, batch.words, batch.slots, batch.places)
    targets = batch.targets.flatten()
    return F.cross_entropy(scores.flatten(0, 1), targets, ignore_index=-100, reduction=reduction)


@torch.no_grad()
def _mean_loss(model: PartWriter, batches: Sequence[_Batch]) -> float:
    """Cross entropy of a word, in nats, over all batches."""
    words = sum(int((each.targets >= 0).sum()) for each in batches)
    return sum(float(_loss(model, each, "sum")) for each in batches) / words


def _example(sentence: str, texts: Texts, *, coin: bool) -> tuple[str, Texts]:
    """Return the sentence with the left side first; one without sides is mirrored by a coin."""
    canonical, mirrored = _left_first(sentence)
    sided = mirror_text(sentence) != sentence
    if mirrored or (coin and not sided):
        texts = mirrored_texts(texts)
    return canonical, texts


def _left_first(sentence: str) -> tuple[str, bool]:
    mirrored = names_right_first(sentence)
    return (mirror_text(sentence) if mirrored else sentence), mirrored
