"""Trainer: a diffusion model, its data and its loss, in the training loop."""

from collections.abc import Callable

import torch
from torch import Tensor

from marey.data.bank import Batch, FeatureBank, seeded_generator
from marey.errors import InvalidInputError
from marey.models import DiffusionModel, save_diffusion_model
from marey.models.diffusion import Denoiser, DenoiserInput
from marey.sampling import cosine_schedule, shifted
from marey.training.config import TrainConfig
from marey.training.distributed import Group
from marey.training.loop import Listen, Loop
from marey.training.objective import motion_loss
from marey.training.patterns import sample_errors, sample_observed_mask
from marey.training.precision import products_in
from marey.training.run_folder import RunFolder
from marey.training.start import new_start, start_at

DrawSamples = Callable[[DiffusionModel, int], None]
"""Called at every save with the averaged model and the number of steps taken."""
VALIDATION_BATCHES = 4
VALIDATION_SEED = 1_000_003
"""Validation draws from another seed than any training step."""
LOSS_DRAWS = 2
"""Kind of the loss's draws; 0 and 1 are those of the bank."""


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
        self.loop = Loop(self.denoiser, config, folder, group=self.group)

    def run(self, listen: Listen | None = None) -> DiffusionModel:
        """Train to the end of the configuration and return the averaged model; see `Loop.run`."""
        self.loop.run(self.step_losses, on_save=self._on_save, listen=listen)
        return self.averaged_model()

    def step_losses(self, step: int) -> dict[str, Tensor]:
        """Return the terms of the loss of a training step."""
        config = self.config
        batch = self.bank.batch(
            step, size=config.batch_size, seed=config.seed, text_dropout=config.text_dropout
        )
        phase2 = self.loop.progress >= config.phase2_from
        self.denoiser.train(not phase2)
        return self.losses(batch, seed=config.seed, step=step, observe=phase2, group=self.group)

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
        with products_in(self.config.precision, self.device):
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
        return min(1.0, max(0.0, (self.loop.progress - first) / max(1e-9, 1 - first)))

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Loss of the averaged model on fixed batches of the validation split."""
        assert self.validation is not None
        totals: list[float] = []
        with self.loop.average.applied(self.denoiser):
            for k in range(VALIDATION_BATCHES):
                batch = self.validation.batch(
                    k, size=self.config.batch_size, seed=VALIDATION_SEED, text_dropout=0.0
                )
                totals.append(float(self.losses(batch, seed=VALIDATION_SEED, step=k)["total"]))
        return sum(totals) / len(totals)

    def _on_save(self) -> None:
        """Save the averaged checkpoint, the validation loss and samples."""
        model, step = self.averaged_model(), self.loop.clock.step
        save_diffusion_model(model, self.folder.checkpoint)
        if self.validation is not None:
            self.folder.log(step - 1, {"validation": self.validation_loss()})
        if self.draw_samples is not None:
            self.draw_samples(model, step)

    def averaged_model(self) -> DiffusionModel:
        """Return a copy of the model with averaged parameters."""
        denoiser = Denoiser(self.denoiser.config).to(self.device)
        denoiser.load_state_dict({**self.denoiser.state_dict(), **self.loop.average.values})
        return DiffusionModel(
            name=self.config.name,
            denoiser=denoiser.eval().requires_grad_(False),
            representation=self.representation,
            normalizer=self.normalizer,
            text_encoder=self.text_encoder,
            max_seconds=self.config.max_seconds,
            noise_shift=self.config.noise_shift,
            notes={
                "steps": self.loop.clock.step,
                "hours": round(self.loop.clock.seconds / 3600, 3),
            },
        )
