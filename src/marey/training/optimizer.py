"""Optimizers that torch does not have, and the choice between them."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

OptimizerName = Literal["adamw", "adam_atan2"]


class AdamAtan2(torch.optim.Optimizer):
    """Adam whose update is ``a · atan2(m, b · sqrt(v))``: bounded, and without epsilon.

    [Everett2024, §4.4]; a = 1.27 makes the update of constant gradients that of Adam.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        a: float = 1.27,
        b: float = 1.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.betas, self.a, self.b = betas, a, b

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """Move every parameter that has a gradient; ``closure`` is not supported."""
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, lr=group["lr"], decay=group["weight_decay"])

    def _update(self, p: Tensor, grad: Tensor, *, lr: float, decay: float) -> None:
        state = self.state[p]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(p)
            state["exp_avg_sq"] = torch.zeros_like(p)
        state["step"] += 1
        (beta1, beta2), count = self.betas, float(state["step"])
        mean = state["exp_avg"].lerp_(grad, 1 - beta1) / (1 - beta1**count)
        square = state["exp_avg_sq"].lerp_(grad.square(), 1 - beta2) / (1 - beta2**count)
        p.mul_(1 - lr * decay)
        p.add_(torch.atan2(mean, self.b * square.sqrt()), alpha=-lr * self.a)


def make_optimizer(
    model: nn.Module, *, name: OptimizerName, lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return the named optimizer; vectors (biases, norms) are not decayed."""
    named = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in named if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    if name == "adam_atan2":
        return AdamAtan2(groups, lr=lr)
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))
