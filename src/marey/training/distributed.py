"""One process or many: the same code path, started by ``torchrun`` for many."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process's place among those that train together."""

    rank: int = 0
    world: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def join_group(device: torch.device) -> Group:
    """Join the processes that ``torchrun`` started; alone without it."""
    if not dist.is_torchelastic_launched():
        return Group()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(rank=dist.get_rank(), world=dist.get_world_size())


def average_gradients(model: nn.Module, group: Group) -> None:
    """Replace each gradient by its mean over all processes."""
    if group.world == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= group.world
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def leave_group(group: Group) -> None:
    """Leave the group that ``join_group`` joined."""
    if group.world > 1 and dist.is_initialized():
        dist.destroy_process_group()
