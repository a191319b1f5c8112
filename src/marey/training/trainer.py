"""The training loop of diffusion models."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from marey.data.bank import Batch, FeatureBank
from marey.models import DiffusionModel, save_diffusion_model
from marey.models.diffusion import Denoiser, DenoiserConfig, DenoiserInput, local_root
from marey.representations import Normalizer, SmoothRoot
from marey.sampling import cosine_schedule
from marey.training.config import TrainConfig
from marey.training.distributed import Group, average_gradients
from marey.training.ema import Average
from marey.training.objective import motion_loss
from marey.training.optimizer import make_optimizer
from marey.training.patterns import sample_observed_mask
from marey.training.run_folder import RunFolder
from marey.training.state import Clock, load_state, save_state

Losses = dict[str, float]
NORMALIZER_BATCHES = 24
VALIDATION_BATCHES = 4
VALIDATION_SEED = 1_000_003
"""Validation draws from another seed than any training step."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a training step tells its listener."""

    step: int
    progress: float
    """Share of the run that is done, 0 to 1."""
    losses: Losses
    learning_rate: float
    step_seconds: float


class Trainer:
    """One run: model, average, optimizer and clock, saved in a run folder."""

    def __init__(
        self,
        config: TrainConfig,
        bank: FeatureBank,
        folder: RunFolder,
        *,
        validation: FeatureBank | None = None,
        start_from: DiffusionModel | None = None,
        text_encoder: str,
        group: Group | None = None,
    ) -> None:
        self.config, self.bank, self.folder = config, bank, folder
        self.validation, self.group = validation, group or Group()
        self.text_encoder, self.device = text_encoder, bank.device
        self.schedule = cosine_schedule()
        representation = bank.representation
        torch.manual_seed(config.seed)
        self.denoiser = Denoiser(_denoiser_config(config, bank)).to(self.device)
        if start_from is None:
            self.normalizer = fit_normalizer(bank, seed=config.seed)
            set_root_statistics(self.denoiser, self.normalizer, bank, seed=config.seed)
        else:
            self.normalizer = start_from.normalizer.to(self.device)
            self.denoiser.load_state_dict(start_from.denoiser.state_dict())
        self.representation: SmoothRoot = representation
        self.average = Average(self.denoiser, decay=config.ema_decay)
        self.optimizer = make_optimizer(
            self.denoiser,
            name=config.optimizer,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.clock = Clock()
        if folder.state_file.is_file():
            self.clock = load_state(folder.state_file, self.denoiser, self.average, self.optimizer)
        if self.group.is_main:
            folder.start(self.clock.step)

    @property
    def progress(self) -> float:
        """Share of the run that is done: by steps or by time, whichever is further."""
        hours = self.config.hours
        by_time = self.clock.seconds / 3600 / hours if hours else 0.0
        return min(1.0, max(self.clock.step / self.config.steps, by_time))

    def run(self, listen: Callable[[Report], None] | None = None) -> DiffusionModel:
        """Train to the end of the configuration and return the averaged model.

        Saves every ``save_minutes`` and at the end; ``listen`` may raise to stop, and the run
        goes on from the last save when it is started again.
        """
        saved = time.monotonic()
        while self.progress < 1:
            started = time.monotonic()
            step, rate = self.clock.step, self.learning_rate()
            losses = self.train_step(rate)
            seconds = time.monotonic() - started
            self.clock.step += 1
            self.clock.seconds += seconds
            report = Report(
                step=step,
                progress=self.progress,
                losses=losses,
                learning_rate=rate,
                step_seconds=seconds,
            )
            self._log(report)
            if listen is not None:
                listen(report)
            if time.monotonic() - saved > self.config.save_minutes * 60:
                self.save()
                saved = time.monotonic()
        self.save()
        return self.averaged_model()

    def learning_rate(self) -> float:
        """Warm up, stay, and fall to zero over the last ``cooldown`` of the run."""
        config, progress = self.config, self.progress
        rise = min(1.0, (self.clock.step + 1) / max(1, config.warmup))
        fall = 1.0
        if config.cooldown and progress > 1 - config.cooldown:
            fall = (1 - progress) / config.cooldown
        return config.learning_rate * rise * fall

    def train_step(self, learning_rate: float) -> Losses:
        """Take one step and return its losses."""
        config, step = self.config, self.clock.step
        batch = self.bank.batch(
            step, size=config.batch_size, seed=config.seed, text_dropout=config.text_dropout
        )
        phase2 = self.progress >= config.phase2_from
        self.denoiser.train(not phase2)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with torch.random.fork_rng(_devices(self.device)):
            torch.manual_seed(_mixed(config.seed, 3, step, self.group.rank))
            terms = self.losses(batch, seed=config.seed, step=step, observe=phase2)
        self.optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()
        average_gradients(self.denoiser, self.group)
        norm = torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), config.clip_norm)
        if not bool(norm.isfinite()):
            raise FloatingPointError(f"The gradient of training step {step} is not finite.")
        self.optimizer.step()
        if (step + 1) % config.ema_every == 0:
            self.average.update(self.denoiser)
        return {name: float(value.detach()) for name, value in terms.items()} | {
            "gradient_norm": float(norm)
        }

    def losses(
        self, batch: Batch, *, seed: int, step: int, observe: bool = False
    ) -> dict[str, Tensor]:
        """Noise this process's share of a batch, denoise it and return the loss terms."""
        generator = torch.Generator().manual_seed(_mixed(seed, 2, step))
        size, frames, feats = batch.features.shape
        t = torch.randint(1, self.schedule.num_steps + 1, (size,), generator=generator)
        noise = torch.randn(size, frames, feats, generator=generator)
        observed = torch.zeros(size, frames, feats, dtype=torch.bool)
        if observe:
            observed = sample_observed_mask(
                batch.mask.cpu(),
                self.representation.layout,
                self.representation.skeleton,
                generator,
                curriculum=self._curriculum(),
            )
        rank, world = self.group.rank, self.group.world
        t, noise, observed = (x[rank::world].to(self.device) for x in (t, noise, observed))
        batch = batch.share(rank, world) if world > 1 else batch
        clean = self.normalizer(batch.features)
        heading = batch.features[:, 0, self.representation.layout.slice("heading")]
        given = DenoiserInput(
            noisy=self.schedule.add_noise(clean, noise, t),
            step=t,
            mask=batch.mask,
            observed=clean,
            observed_mask=observed,
            heading=heading,
            text=batch.text,
        )
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=_half_precision_pays(self.device)
        ):
            predicted = self.denoiser(given)
        return motion_loss(
            predicted.float(),
            clean,
            batch.mask,
            representation=self.representation,
            normalizer=self.normalizer,
            weights=self.config.weights,
        )

    def _curriculum(self) -> float:
        first = self.config.phase2_from
        return min(1.0, max(0.0, (self.progress - first) / max(1e-9, 1 - first)))

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Loss of the averaged model on fixed batches of the validation split."""
        assert self.validation is not None
        held = {k: v.clone() for k, v in self.denoiser.state_dict().items()}
        self.denoiser.load_state_dict({**held, **self.average.values})
        self.denoiser.eval()
        totals = []
        for k in range(VALIDATION_BATCHES):
            batch = self.validation.batch(
                k, size=self.config.batch_size, seed=VALIDATION_SEED, text_dropout=0.0
            )
            totals.append(float(self.losses(batch, seed=VALIDATION_SEED, step=k)["total"]))
        self.denoiser.load_state_dict(held)
        return sum(totals) / len(totals)

    def _log(self, report: Report) -> None:
        last = self.progress >= 1
        if self.group.is_main and (report.step % self.config.log_every == 0 or last):
            timing = {"learning_rate": report.learning_rate, "seconds": self.clock.seconds}
            self.folder.log(report.step, {**report.losses, **timing})

    def save(self) -> None:
        """Save the state, the averaged checkpoint and the validation loss."""
        if not self.group.is_main:
            return
        save_state(self.folder.state_file, self.denoiser, self.average, self.optimizer, self.clock)
        save_diffusion_model(self.averaged_model(), self.folder.checkpoint)
        if self.validation is not None:
            self.folder.log(self.clock.step - 1, {"validation": self.validation_loss()})

    def averaged_model(self) -> DiffusionModel:
        """Return a copy of the model with averaged parameters."""
        denoiser = Denoiser(self.denoiser.config).to(self.device)
        denoiser.load_state_dict({**self.denoiser.state_dict(), **self.average.values})
        return DiffusionModel(
            name=self.config.name,
            denoiser=denoiser.eval().requires_grad_(False),
            representation=self.representation,
            normalizer=self.normalizer,
            text_encoder=self.text_encoder,
            max_seconds=self.config.max_seconds,
            notes={"steps": self.clock.step, "hours": round(self.clock.seconds / 3600, 3)},
        )


def fit_normalizer(bank: FeatureBank, *, seed: int) -> Normalizer:
    """Estimate feature statistics from batches as training draws them, headings included.

    Means of horizontal components are set to zero, and both axes share one scale, since every
    heading is equally likely.
    """
    frames = []
    for k in range(NORMALIZER_BATCHES):
        batch = bank.batch(k, size=64, seed=seed, text_dropout=0.0)
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
    for k in range(NORMALIZER_BATCHES):
        batch = bank.batch(k, size=64, seed=seed, text_dropout=0.0)
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


def _denoiser_config(config: TrainConfig, bank: FeatureBank) -> DenoiserConfig:
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


def for_steps(config: TrainConfig, steps: int) -> TrainConfig:
    """Return the configuration with another number of steps."""
    return replace(config, steps=steps)


def _half_precision_pays(device: torch.device) -> bool:
    """bf16 helps on CUDA, and on CPUs only with AMX tiles; elsewhere it is slower."""
    return device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())


def _devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def _mixed(*numbers: int) -> int:
    mixed = 0
    for number in numbers:
        mixed = (mixed * 0x5851F42D4C957F2D + number + 0x14057B7EF767814F) % 2**63
    return mixed


def run_folder_of(path: str | Path) -> RunFolder:
    """Return the run folder at a path."""
    return RunFolder(Path(path))
