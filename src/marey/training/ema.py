"""Exponential moving average of parameters."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Keeps a smoothed copy of a model's parameters, which sampling uses."""

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.values: dict[str, Tensor] = {
            name: p.detach().clone() for name, p in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model; the first updates move further, so that the start fades."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, p in model.named_parameters():
            self.values[name].lerp_(p.detach(), 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Let a model have the smoothed parameters for a while, without dropout."""
        held = {k: v.clone() for k, v in model.state_dict().items()}
        training = model.training
        model.load_state_dict({**held, **self.values})
        model.eval()
        try:
            yield
        finally:
            model.load_state_dict(held)
            model.train(training)
