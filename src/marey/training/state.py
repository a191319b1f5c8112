"""The state of a run in one file, so that a killed run goes on where it was saved."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from marey.errors import FileFormatError
from marey.io import atomic_path
from marey.training.ema import Average


@dataclass(kw_only=True)
class Clock:
    """How far a run is."""

    step: int = 0
    seconds: float = 0.0
    """Time spent in training steps, over all sessions."""


def save_state(
    file: Path, model: nn.Module, average: Average, optimizer: torch.optim.Optimizer, clock: Clock
) -> None:
    """Write everything that training needs to go on; the old file stays until the new is whole."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.values.items()}
    for number, p in enumerate(_parameters(optimizer)):
        for key, value in optimizer.state.get(p, {}).items():
            tensors[f"optimizer.{number}.{key}"] = value
    notes = {"step": clock.step, "seconds": clock.seconds, "updates": average.updates}
    own = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with atomic_path(file, force=True) as temporary:
        save_file(own, temporary, metadata={"marey": json.dumps(notes)})


def load_state(
    file: Path, model: nn.Module, average: Average, optimizer: torch.optim.Optimizer
) -> Clock:
    """Restore what ``save_state`` wrote. Raises FileFormatError if it does not fit the model."""
    device = next(model.parameters()).device
    try:
        with safe_open(file, framework="pt", device=str(device)) as stored:
            notes = json.loads((stored.metadata() or {})["marey"])
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        clock = Clock(step=notes["step"], seconds=notes["seconds"])
        model.load_state_dict(_below("model.", tensors))
        average.values = {name: tensors[f"average.{name}"] for name in average.values}
        average.updates = notes["updates"]
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise FileFormatError(
            file,
            "state",
            expected="the state of a run with this configuration",
            got=(str(error).splitlines() or [type(error).__name__])[0],
            fix="Use the run folder with the recipe that it was started with, or a new folder.",
        ) from error
    for number, p in enumerate(_parameters(optimizer)):
        own = _below(f"optimizer.{number}.", tensors)
        if own:
            # AdamW counts its steps on the CPU, wherever the parameters are.
            optimizer.state[p] = {**own, "step": own["step"].cpu()}
    return clock


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
