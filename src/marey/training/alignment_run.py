"""A run of any alignment model: its data, the loop, the loss on ``val``, and what is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from marey.data import MotionStore
from marey.text import TextEncoder
from marey.training.alignment_bank import AlignmentBank, AlignmentBatch, Note, Texts
from marey.training.alignment_loss import AlignmentWeights
from marey.training.config import LoopConfig
from marey.training.loop import Listen, Loop
from marey.training.precision import products_in
from marey.training.run_folder import RunFolder, data_fingerprint

VALIDATION_BATCH = 128
Notes = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AlignmentRunConfig(LoopConfig):
    """Settings of every alignment run."""

    learning_rate: float = 8e-4
    weight_decay: float = 0.05
    steps: int = 1500
    ema_decay: float = 0.98
    save_minutes: float = 1.0
    width: int = 128
    layers: int = 3
    hidden: int = 384
    latent: int = 128
    frames_per_token: int = 8
    dropout: float = 0.1
    max_seconds: float = 10.0
    temperature: float = 0.1
    measured_share: float = 0.2
    """Share of draws that windows with measured texts take."""
    splits: tuple[str, ...] = ("train",)
    keep_best: bool = True
    """Keep the parameters with the best loss on ``val``; else the last ones."""
    weights: AlignmentWeights = field(default_factory=AlignmentWeights)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("measured_share", "dropout"):
            self.require(name, 0 <= getattr(self, name) <= 1, "in [0, 1]")
        for name in ("temperature", "max_seconds"):
            self.require(name, getattr(self, name) > 0, "positive")


@dataclass(frozen=True)
class Kind:
    """What sets one kind of alignment model apart from another."""

    make: Callable[[AlignmentBank], nn.Module]
    losses: Callable[[Any, AlignmentBatch, AlignmentBank, int | None], dict[str, Tensor]]
    """Called with the network, a batch, its bank, and the step; None on ``val``."""
    save: Callable[[Any, AlignmentBank, Path, Notes], None]
    annotated_only: bool = False
    """Whether windows without texts of parts are left out."""


def run_alignment(
    config: AlignmentRunConfig,
    kind: Kind,
    store: MotionStore,
    run: Path,
    *,
    encoder: TextEncoder,
    comparing: TextEncoder | None = None,
    annotated: Mapping[str, Texts] | None = None,
    listen: Listen | None = None,
    note: Note | None = None,
) -> Path:
    """Train on the windows of the recipe's splits and return RUN/alignment.safetensors.

    ``annotated`` holds texts of parts and pairs by window id; ``comparing`` encodes sentences to
    tell which mean the same, ``encoder`` by default. The run goes on where it was
    stopped. Raises InvalidInputError where there is nothing to train on, and Cancelled, after
    saving, if ``listen`` raises it.
    """
    folder = RunFolder(run)
    folder.open(config, fingerprint=data_fingerprint(store, encoder, annotated or {}))
    wanted = config.splits, ("val",)
    windows, held = ([w for s in splits for w in store.windows_of(s)] for splits in wanted)
    if kind.annotated_only:
        told = {window for window, texts in (annotated or {}).items() if any(texts.values())}
        windows, held = ([w for w in each if w.window_id in told] for each in (windows, held))
    options: dict[str, Any] = {
        "comparing": comparing,
        "annotated": annotated,
        "max_seconds": config.max_seconds,
        "note": note,
    }
    bank = AlignmentBank(store, windows, encoder, **options)
    held_out = AlignmentBank(store, held, encoder, normalizer=bank.normalizer, **options)
    with torch.random.fork_rng([]):
        torch.manual_seed(config.seed)
        network = kind.make(bank)
    loop = Loop(network, config, folder)
    batches, file = held_out.first_texts(VALIDATION_BATCH), run / "alignment.safetensors"

    def save() -> None:
        with loop.average.applied(network), torch.no_grad():
            found = [kind.losses(network, each, held_out, None) for each in batches]
            now = {name: float(sum(each[name] for each in found)) / len(found) for name in found[0]}
            if not config.keep_best or now["contrast"] < folder.least("validation contrast"):
                notes = {"steps": loop.clock.step, "splits": list(config.splits)}
                kind.save(network, bank, file, notes | {"validation": now["contrast"]})
            folder.log(loop.clock.step - 1, {f"validation {name}": now[name] for name in now})

    def losses(step: int) -> dict[str, Tensor]:
        network.train()
        batch = bank.draw(
            step, size=config.batch_size, seed=config.seed, measured_share=config.measured_share
        )
        with products_in("auto", loop.group.device):
            return kind.losses(network, batch, bank, step)

    try:
        loop.run(losses, on_save=save, listen=listen)
    finally:
        folder.close()
    return file
