"""One process or many: the same code path, started by ``torchrun`` for many."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process's place among those that train together."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where this process computes."""

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def join_group(device: torch.device) -> Group:
    """Join the processes that ``torchrun`` started; alone without it.

    ``"cuda"`` becomes the GPU of the process's number on its machine.
    """
    if not dist.is_torchelastic_launched():
        return Group(device=device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", dist.get_node_local_rank())
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(rank=dist.get_rank(), world=dist.get_world_size(), device=device)


def leave_group(group: Group) -> None:
    """Leave the group that ``join_group`` joined."""
    if group.world > 1 and dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def main_first(group: Group) -> Iterator[None]:
    """Run a block in the main process, then in the others, which find what it has cached."""
    if not group.is_main:
        _wait(group)
    yield
    if group.is_main:
        _wait(group)


def _wait(group: Group) -> None:
    if group.world > 1:
        dist.all_reduce(torch.zeros((), device=group.device))


def average_gradients(model: nn.Module, group: Group) -> None:
    """Replace each gradient by its mean over all processes."""
    if group.world == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = averaged(torch.cat([g.flatten() for g in gradients]), group)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def averaged(values: Float[Tensor, " values"], group: Group) -> Float[Tensor, " values"]:
    """Return the mean of each number over all processes."""
    if group.world == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / group.world


def said_by_main(values: list[float], group: Group) -> list[float]:
    """Return the main process's numbers, so that all decide alike."""
    if group.world == 1:
        return values
    said = torch.tensor(values, dtype=torch.float64, device=group.device)
    dist.broadcast(said, src=0)
    return said.tolist()
