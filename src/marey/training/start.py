"""What a run starts from: new parameters and fitted statistics, or those of another model."""

import math
from collections.abc import Iterator
from dataclasses import asdict

import torch

from marey.data.bank import Batch, FeatureBank
from marey.errors import InvalidInputError
from marey.models import DiffusionModel
from marey.models.diffusion import Denoiser, DenoiserConfig, local_root
from marey.representations import Normalizer
from marey.training.config import TrainConfig

MAX_BATCHES, BATCH_SIZE = 24, 64
"""Statistics are estimated from at most so many batches of so many samples."""


def new_start(config: TrainConfig, bank: FeatureBank) -> tuple[Denoiser, Normalizer]:
    """Return a denoiser with random parameters and the statistics of the data.

    Both are functions of the configuration's seed and the data alone.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(config.seed)
        denoiser = Denoiser(denoiser_config(config, bank))
    denoiser = denoiser.to(bank.device)
    normalizer = fit_normalizer(bank, seed=config.seed)
    set_root_statistics(denoiser, normalizer, bank, seed=config.seed)
    return denoiser, normalizer


def start_at(
    model: DiffusionModel, config: TrainConfig, bank: FeatureBank
) -> tuple[Denoiser, Normalizer]:
    """Return a copy of a trained model's denoiser, and its statistics.

    Raises InvalidInputError if the recipe describes another network than the model has.
    """
    wanted = denoiser_config(config, bank)
    own, asked = asdict(model.denoiser.config), asdict(wanted)
    differing = [key for key in asked if key != "dropout" and own[key] != asked[key]]
    if differing:
        key = differing[0]
        raise InvalidInputError(
            f"Model {model.name!r} cannot start recipe {config.name!r}: its {key} is {own[key]}, "
            f"the recipe's {asked[key]}. Use the recipe that the model was trained with."
        )
    denoiser = Denoiser(wanted).to(bank.device)
    denoiser.load_state_dict(model.denoiser.state_dict())
    return denoiser, model.normalizer.to(bank.device)


def statistics_batches(bank: FeatureBank, *, seed: int) -> Iterator[Batch]:
    """Yield batches that show the data about eight times over, or ``MAX_BATCHES`` of them."""
    for k in range(min(MAX_BATCHES, 1 + 8 * len(bank) // BATCH_SIZE)):
        yield bank.batch(k, size=BATCH_SIZE, seed=seed, text_dropout=0.0)


def denoiser_config(config: TrainConfig, bank: FeatureBank) -> DenoiserConfig:
    """Return the network that a recipe describes for some data."""
    return DenoiserConfig(
        feats=bank.representation.layout.size,
        text_width=bank.texts.width,
        fps=bank.representation.fps,
        root=config.root,
        body=config.body,
        frames_per_token=config.frames_per_token,
        registers=config.registers,
        variant=config.variant,
        dropout=config.dropout,
    )


def fit_normalizer(bank: FeatureBank, *, seed: int) -> Normalizer:
    """Estimate feature statistics from batches as training draws them, at four headings each."""
    frames = []
    for batch in statistics_batches(bank, seed=seed):
        quarter = torch.full((len(batch.mask), 1), math.pi / 2, device=bank.device)
        for turn in range(4):
            turned = bank.representation.rotate(batch.features, quarter * turn)
            frames.append(turned[batch.mask])
    return Normalizer.fit(torch.cat(frames), bank.representation.layout)


def set_root_statistics(
    denoiser: Denoiser, normalizer: Normalizer, bank: FeatureBank, *, seed: int
) -> None:
    """Give the denoiser the scales of the global root and of the local root of stage two."""
    rows = []
    count = denoiser.config.root_feats
    for batch in statistics_batches(bank, seed=seed):
        # A sample's last real frame has its neighbour in the padding: leave it out.
        inner = batch.mask & batch.mask.roll(-1, dims=1)
        rows.append(local_root(batch.features[..., :count], denoiser.config.fps)[inner])
    variance, mean = torch.var_mean(torch.cat(rows), dim=0)
    denoiser.set_root_statistics(
        root_mean=normalizer.mean[:count],
        root_std=normalizer.std[:count],
        local_mean=mean,
        local_std=(variance + 1e-5).sqrt(),
    )
