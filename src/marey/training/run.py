"""A whole run in one call: store, features, trainer, processes and run folder."""

from dataclasses import dataclass
from pathlib import Path

import torch

from marey.data import MotionStore, share_with_measured
from marey.data.bank import FeatureBank, usable_windows
from marey.data.bank import Progress as Note
from marey.errors import InvalidInputError
from marey.models import DiffusionModel
from marey.motion import BODY22_LIMITS
from marey.representations import SmoothRoot
from marey.text import TextEncoder
from marey.training.config import TrainConfig
from marey.training.distributed import Group, join_group, leave_group, main_first
from marey.training.loop import Listen
from marey.training.run_folder import RunFolder, parameter_fingerprint
from marey.training.samples import write_samples
from marey.training.trainer import Trainer


def train(
    config: TrainConfig,
    store_path: str | Path,
    run_path: str | Path,
    *,
    encoder: TextEncoder,
    device: torch.device | str = "cpu",
    start_from: DiffusionModel | None = None,
    samples: bool = True,
    listen: Listen | None = None,
    note: Note | None = None,
) -> DiffusionModel:
    """Train a model on a store's ``train`` split and return it, averaged.

    The run folder is made, or the run in it goes on where it was saved. With ``start_from`` the
    run begins with that model's parameters, representation and statistics. Under ``torchrun`` all
    processes share the work; ``listen`` (after each step) and ``note`` (while texts and clips are
    read) are called in the first. With ``samples`` every save also draws some into the run folder.

    Raises InvalidInputError if the folder holds another run, if the store has nothing to train
    on, or if the store, the recipe or the encoder do not fit ``start_from``; Cancelled, after
    saving, if ``listen`` raises it.
    """
    store = MotionStore.open(store_path)
    if start_from is not None:
        _require_fit(start_from, store, config, encoder)
    group = join_group(torch.device(device))
    try:
        folder = RunFolder(Path(run_path))
        origin = None if start_from is None else parameter_fingerprint(start_from)
        with main_first(group):
            if group.is_main:
                folder.open(config, fingerprint=store.fingerprint, origin=origin)
            data = _Data(store=store, config=config, encoder=encoder, group=group)
            representation = _representation(store, config, start_from)
            bank, validation = data.banks(representation, note if group.is_main else None)

        def draw(model: DiffusionModel, step: int) -> None:
            write_samples(model, encoder, folder.samples / f"step_{step:06d}.png")

        trainer = Trainer(
            config,
            bank,
            folder,
            text_encoder=encoder.name,
            validation=validation,
            start_from=start_from,
            group=group,
            draw_samples=draw if samples else None,
        )
        try:
            return trainer.run(listen)
        finally:
            folder.close()
    finally:
        leave_group(group)


@dataclass(frozen=True, kw_only=True)
class _Data:
    """What features are made of."""

    store: MotionStore
    config: TrainConfig
    encoder: TextEncoder
    group: Group

    def banks(
        self, representation: SmoothRoot, note: Note | None
    ) -> tuple[FeatureBank, FeatureBank | None]:
        """Return the features to train on, and those of ``val`` where it has usable windows."""
        kept = usable_windows(self.store.windows_of("train"), self.store.fps)
        windows = {
            "train": share_with_measured(kept, self.config.measured_share),
            "val": usable_windows(self.store.windows_of("val"), self.store.fps),
        }
        if not windows["train"]:
            raise InvalidInputError(
                f"The store {self.store.path} has no window of the split 'train' that is long "
                "enough and has a text; `marey data info` tells what is in it."
            )
        train, held_out = (
            FeatureBank(
                self.store,
                windows[split],
                representation,
                self.encoder,
                max_seconds=self.config.max_seconds,
                device=self.group.device,
                progress=note,
            )
            if windows[split]
            else None
            for split in ("train", "val")
        )
        assert train is not None
        return train, held_out


def _representation(
    store: MotionStore, config: TrainConfig, start_from: DiffusionModel | None
) -> SmoothRoot:
    if start_from is not None:
        return start_from.representation
    return SmoothRoot(
        skeleton=store.skeleton,
        fps=store.fps,
        smoothing=config.smoothing,
        contact_limits=BODY22_LIMITS,
    )


def _require_fit(
    model: DiffusionModel, store: MotionStore, config: TrainConfig, encoder: TextEncoder
) -> None:
    """Raise InvalidInputError for what a model cannot be trained on further."""
    own = model.representation
    pairs = {
        "fps": (own.fps, store.fps, "prepare the store with --fps as the model's"),
        "skeleton": (own.skeleton.name, store.skeleton.name, "retarget the motions to it"),
        "smoothing": (own.smoothing, config.smoothing, "use the model's own recipe"),
        "text encoder": (model.text_encoder, encoder.name, "use the model's own encoder"),
    }
    for name, (has, got, fix) in pairs.items():
        if has != got:
            raise InvalidInputError(
                f"Model {model.name!r} has {name} {has}, this run {got}; {fix}, or train a new "
                "model."
            )
    if own.skeleton != store.skeleton:
        raise InvalidInputError(
            f"The store {store.path} and model {model.name!r} have different skeletons that are "
            f"both named {own.skeleton.name!r}; prepare the store with this version of marey."
        )
