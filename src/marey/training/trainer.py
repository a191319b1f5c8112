"""The training loop of diffusion models."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from marey.data.bank import Batch, FeatureBank, mixed_seed, seeded_generator
from marey.errors import Cancelled, InvalidInputError, MareyError
from marey.models import DiffusionModel, save_diffusion_model
from marey.models.diffusion import Denoiser, DenoiserInput
from marey.sampling import cosine_schedule, shifted
from marey.training.config import TrainConfig
from marey.training.distributed import Group, average_gradients, averaged, said_by_main
from marey.training.ema import Average
from marey.training.objective import motion_loss
from marey.training.optimizer import make_optimizer
from marey.training.patterns import sample_errors, sample_observed_mask
from marey.training.run_folder import RunFolder
from marey.training.start import new_start, start_at
from marey.training.state import Clock, load_state, save_state

Losses = dict[str, float]
DrawSamples = Callable[[DiffusionModel, int], None]
"""Called at every save with the averaged model and the number of steps taken."""
VALIDATION_BATCHES = 4
VALIDATION_SEED = 1_000_003
"""Validation draws from another seed than any training step."""
LOSS_DRAWS, DROPOUT_DRAWS = 2, 3
"""Kinds of draws; 0 and 1 are those of the bank."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a training step tells its listener."""

    step: int
    progress: float
    """Share of the run that is done, 0 to 1."""
    losses: Losses
    """Terms of the loss, their total, and the norm of the gradient; means over all processes."""
    learning_rate: float
    step_seconds: float
    seconds: float
    """Time spent in training steps since the run began, over all sessions."""
    batch_size: int


Listen = Callable[[Report], None]


class Trainer:
    """One run: model, average, optimizer and clock, saved in a run folder."""

    def __init__(
        self,
        config: TrainConfig,
        bank: FeatureBank,
        folder: RunFolder,
        *,
        text_encoder: str,
        validation: FeatureBank | None = None,
        start_from: DiffusionModel | None = None,
        group: Group | None = None,
        draw_samples: DrawSamples | None = None,
    ) -> None:
        self.config, self.bank, self.folder = config, bank, folder
        self.validation, self.group = validation, group or Group()
        self.text_encoder, self.device = text_encoder, bank.device
        self.draw_samples = draw_samples
        if config.batch_size % self.group.world:
            raise InvalidInputError(
                f"The batch size must be a multiple of the number of processes, "
                f"{self.group.world}, got {config.batch_size}."
            )
        self.schedule = cosine_schedule()
        self.representation = bank.representation
        self.denoiser, self.normalizer = (
            new_start(config, bank) if start_from is None else start_at(start_from, config, bank)
        )
        self.average = Average(self.denoiser, decay=config.ema_decay)
        self.optimizer = make_optimizer(
            self.denoiser,
            name=config.optimizer,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.clock, self._saved_step = Clock(), -1
        if folder.state_file.is_file():
            self.clock = load_state(folder.state_file, self.denoiser, self.average, self.optimizer)
            self._saved_step = self.clock.step
        if self.group.is_main:
            folder.start(self.clock.step)

    @property
    def progress(self) -> float:
        """Share of the run that is done: by steps or by time, whichever is further."""
        hours = self.config.hours
        by_time = self.clock.seconds / 3600 / hours if hours else 0.0
        return min(1.0, max(self.clock.step / self.config.steps, by_time))

    def run(self, listen: Listen | None = None) -> DiffusionModel:
        """Train to the end of the configuration and return the averaged model.

        Saves every ``save_minutes`` and at the end. ``listen`` is called in the main process
        after each step. If it raises Cancelled, the run is saved and Cancelled is raised in every
        process; any other exception ends the run where it was last saved.
        """
        saved = time.monotonic()
        while self.progress < 1:
            if self._advance(listen):
                self.save()
                raise Cancelled(f"Training was stopped after step {self.clock.step - 1}.")
            if time.monotonic() - saved > self.config.save_minutes * 60:
                self.save()
                saved = time.monotonic()
        if self.clock.step != self._saved_step:
            self.save()
        return self.averaged_model()

    def _advance(self, listen: Listen | None) -> bool:
        """Take a step, report it, and return whether the listener asked to stop."""
        started = time.monotonic()
        step, rate = self.clock.step, self.learning_rate()
        losses = self.train_step(rate)
        seconds = time.monotonic() - started
        self.clock.step += 1
        # The main process's clock and wish count: processes that disagree would wait forever.
        (self.clock.seconds,) = said_by_main([self.clock.seconds + seconds], self.group)
        report = Report(
            step=step,
            progress=self.progress,
            losses=losses,
            learning_rate=rate,
            step_seconds=seconds,
            seconds=self.clock.seconds,
            batch_size=self.config.batch_size,
        )
        stop = False
        if self.group.is_main:
            self._log(report)
            try:
                if listen is not None:
                    listen(report)
            except Cancelled:
                stop = True
        return bool(said_by_main([float(stop)], self.group)[0])

    def learning_rate(self) -> float:
        """Warm up, stay, and fall to zero over the last ``cooldown`` of the run."""
        config, progress = self.config, self.progress
        rise = min(1.0, (self.clock.step + 1) / max(1, config.warmup))
        fall = 1.0
        if config.cooldown and progress > 1 - config.cooldown:
            fall = (1 - progress) / config.cooldown
        return config.learning_rate * rise * fall

    def train_step(self, learning_rate: float) -> Losses:
        """Take one step and return its losses.

        Raises MareyError if the gradient is not finite; the run stays as it was last saved.
        """
        config, step = self.config, self.clock.step
        batch = self.bank.batch(
            step, size=config.batch_size, seed=config.seed, text_dropout=config.text_dropout
        )
        phase2 = self.progress >= config.phase2_from
        self.denoiser.train(not phase2)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with torch.random.fork_rng(_devices(self.device)):
            torch.manual_seed(mixed_seed(config.seed, DROPOUT_DRAWS, step, self.group.rank))
            terms = self.losses(
                batch, seed=config.seed, step=step, observe=phase2, group=self.group
            )
        self.optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()
        average_gradients(self.denoiser, self.group)
        norm = torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), config.clip_norm)
        if not bool(norm.isfinite()):
            raise MareyError(
                f"Training diverged: the gradient of step {step} is not finite. The run folder "
                "holds the last save; start a new run with a lower --learning-rate."
            )
        self.optimizer.step()
        if (step + 1) % config.ema_every == 0:
            self.average.update(self.denoiser)
        values = averaged(torch.stack([value.detach() for value in terms.values()]), self.group)
        losses = dict(zip(terms, values.tolist(), strict=True))
        return losses | {"gradient_norm": float(norm)}

    def losses(
        self,
        batch: Batch,
        *,
        seed: int,
        step: int,
        observe: bool = False,
        group: Group | None = None,
    ) -> dict[str, Tensor]:
        """Noise a batch, or a process's share of it, denoise it and return the loss terms."""
        generator = seeded_generator(seed, LOSS_DRAWS, step)
        size, frames, feats = batch.features.shape
        times = shifted(torch.rand(size, generator=generator), self.config.noise_shift)
        t = (times * self.schedule.num_steps).ceil().long().clamp(min=1)
        noise = torch.randn(size, frames, feats, generator=generator)
        observed = torch.zeros(size, frames, feats, dtype=torch.bool)
        errors = torch.zeros(size, 1, feats)
        if observe:
            observed, errors = self._observations(batch.mask.cpu(), generator)
        if group is not None and group.world > 1:
            # Drawn for the whole batch first, so that one process and many draw alike.
            batch = batch.share(group.rank, group.world)
            t, noise, observed, errors = (
                x[group.rank :: group.world] for x in (t, noise, observed, errors)
            )
        return self._losses_at(batch, *(x.to(self.device) for x in (t, noise, observed, errors)))

    def _observations(self, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw what is shown of a batch, and how far the shown values are off."""
        config, representation = self.config, self.representation
        observed = sample_observed_mask(
            mask,
            representation,
            generator,
            curriculum=self._curriculum(),
            unconstrained_share=config.unconstrained_share,
        )
        share = config.perturbed_share
        return observed, sample_errors(len(mask), representation.layout, generator, share=share)

    def _losses_at(
        self, batch: Batch, t: Tensor, noise: Tensor, observed: Tensor, errors: Tensor
    ) -> dict[str, Tensor]:
        clean = self.normalizer(batch.features)
        given = DenoiserInput(
            noisy=self.schedule.add_noise(clean, noise, t),
            step=t,
            mask=batch.mask,
            observed=clean + errors,
            observed_mask=observed,
            heading=batch.features[:, 0, self.representation.layout.slice("heading")],
            text=batch.text,
        )
        halved = _takes_bfloat16(self.config.precision, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=halved):
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
        if report.step % self.config.log_every == 0 or report.progress >= 1:
            timing = {"learning_rate": report.learning_rate, "seconds": report.seconds}
            self.folder.log(report.step, {**report.losses, **timing})

    def save(self) -> None:
        """Save the state, the averaged checkpoint, the validation loss and samples."""
        self._saved_step = self.clock.step
        if not self.group.is_main:
            return
        save_state(self.folder.state_file, self.denoiser, self.average, self.optimizer, self.clock)
        model = self.averaged_model()
        save_diffusion_model(model, self.folder.checkpoint)
        if self.validation is not None:
            self.folder.log(self.clock.step - 1, {"validation": self.validation_loss()})
        if self.draw_samples is not None:
            self.draw_samples(model, self.clock.step)

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
            noise_shift=self.config.noise_shift,
            notes={"steps": self.clock.step, "hours": round(self.clock.seconds / 3600, 3)},
        )


def _takes_bfloat16(precision: str, device: torch.device) -> bool:
    if precision != "auto":
        return precision == "bfloat16"
    return device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())


def _devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
