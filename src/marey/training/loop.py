"""The training loop of any network: steps, learning rate, average, clock and saves."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from marey.data.bank import mixed_seed
from marey.errors import Cancelled, MareyError
from marey.training.config import LoopConfig
from marey.training.distributed import Group, average_gradients, averaged, said_by_main
from marey.training.ema import Average
from marey.training.optimizer import make_optimizer
from marey.training.run_folder import RunFolder
from marey.training.state import Clock, load_state, save_state

DROPOUT_DRAWS = 3
"""Kind of the draws inside a network; 0 to 2 are those of the data and of the loss."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a training step tells its listener."""

    step: int
    progress: float
    """Share of the run that is done, 0 to 1."""
    losses: dict[str, float]
    """Terms of the loss, their total, and the norm of the gradient; means over all processes."""
    learning_rate: float
    step_seconds: float
    seconds: float
    """Time spent in training steps since the run began, over all sessions."""
    batch_size: int


Listen = Callable[[Report], None]
LossTerms = Callable[[int], dict[str, Tensor]]
"""Called with the number of a step; returns scalars, of which ``total`` is minimised."""


class Loop:
    """One run of a network, which goes on where its folder's state was saved."""

    def __init__(
        self,
        model: nn.Module,
        config: LoopConfig,
        folder: RunFolder,
        *,
        group: Group | None = None,
    ) -> None:
        self.model, self.config, self.folder = model, config, folder
        self.group = group or Group()
        self.average = Average(model, decay=config.ema_decay)
        self.optimizer = make_optimizer(
            model,
            name=config.optimizer,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.clock, self._saved_step = Clock(), -1
        if folder.state_file.is_file():
            self.clock = load_state(folder.state_file, model, self.average, self.optimizer)
            self._saved_step = self.clock.step
        if self.group.is_main:
            folder.start(self.clock.step)

    @property
    def progress(self) -> float:
        """Share of the run that is done: by steps or by time, whichever is further."""
        hours = self.config.hours
        by_time = self.clock.seconds / 3600 / hours if hours else 0.0
        return min(1.0, max(self.clock.step / self.config.steps, by_time))

    def learning_rate(self) -> float:
        """Warm up, stay, and fall to zero over the last ``cooldown`` of the run."""
        config, progress = self.config, self.progress
        rise = min(1.0, (self.clock.step + 1) / max(1, config.warmup))
        fall = 1.0
        if config.cooldown and progress > 1 - config.cooldown:
            fall = (1 - progress) / config.cooldown
        return config.learning_rate * rise * fall

    def run(
        self,
        losses: LossTerms,
        *,
        on_save: Callable[[], None] | None = None,
        listen: Listen | None = None,
    ) -> None:
        """Train to the end of the configuration.

        Saves every ``save_minutes`` and at the end; the main process calls ``on_save`` with it.
        ``listen`` is called in the main process after each step. If it raises Cancelled, the run
        is saved and Cancelled is raised in every process; any other exception ends the run where
        it was last saved.
        """
        saved = time.monotonic()
        while self.progress < 1:
            if self._advance(losses, listen):
                self.save(on_save)
                raise Cancelled(f"Training was stopped after step {self.clock.step - 1}.")
            if time.monotonic() - saved > self.config.save_minutes * 60:
                self.save(on_save)
                saved = time.monotonic()
        if self.clock.step != self._saved_step:
            self.save(on_save)

    def _advance(self, losses: LossTerms, listen: Listen | None) -> bool:
        """Take a step, report it, and return whether the listener asked to stop."""
        started = time.monotonic()
        step, rate = self.clock.step, self.learning_rate()
        values = self.step(losses, rate)
        seconds = time.monotonic() - started
        self.clock.step += 1
        # The main process's clock and wish count: processes that disagree would wait forever.
        (self.clock.seconds,) = said_by_main([self.clock.seconds + seconds], self.group)
        report = Report(
            step=step,
            progress=self.progress,
            losses=values,
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

    def step(self, losses: LossTerms, learning_rate: float) -> dict[str, float]:
        """Take one step and return its losses.

        Raises MareyError if the gradient is not finite; the run stays as it was last saved.
        """
        step, seed = self.clock.step, self.config.seed
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with torch.random.fork_rng(_devices(self.group.device)):
            torch.manual_seed(mixed_seed(seed, DROPOUT_DRAWS, step, self.group.rank))
            terms = losses(step)
        self.optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()
        average_gradients(self.model, self.group)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        if not bool(norm.isfinite()):
            raise MareyError(
                f"Training diverged: the gradient of step {step} is not finite. The run folder "
                "holds the last save; start a new run with a lower --learning-rate."
            )
        self.optimizer.step()
        if (step + 1) % self.config.ema_every == 0:
            self.average.update(self.model)
        values = averaged(torch.stack([value.detach() for value in terms.values()]), self.group)
        found = dict(zip(terms, values.tolist(), strict=True))
        return found | {"gradient_norm": float(norm)}

    def _log(self, report: Report) -> None:
        if report.step % self.config.log_every == 0 or report.progress >= 1:
            timing = {"learning_rate": report.learning_rate, "seconds": report.seconds}
            self.folder.log(report.step, {**report.losses, **timing})

    def save(self, on_save: Callable[[], None] | None = None) -> None:
        """Call ``on_save`` in the main process, then save the state there.

        In this order a run that is killed in between makes again what ``on_save`` makes.
        """
        self._saved_step = self.clock.step
        if not self.group.is_main:
            return
        if on_save is not None:
            on_save()
        state = self.folder.state_file
        save_state(state, self.model, self.average, self.optimizer, self.clock)


def _devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
