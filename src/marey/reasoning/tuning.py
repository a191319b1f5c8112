"""Fine-tuning of a chat model on sentences and part texts, by low-rank adapters [Hu2021].

The model's own weights stay as they are; pairs of small matrices beside every linear layer are
learned, as KinMo did with LLaMA (whose settings were never published; these are our own). The run
folder is that of any run (`training.RunFolder`), and holds besides

adapter/        the adapter, as peft writes it
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from marey.data.bank import seeded_generator
from marey.errors import InvalidInputError, MissingExtraError
from marey.reasoning.tuning_examples import TokenizedExample, examples_fingerprint
from marey.text.chat_model import ChatModel, save_adapter
from marey.training import Listen, Loop, LoopConfig, Report, RunFolder
from marey.training.distributed import Group
from marey.training.precision import bfloat16_pays, products_in

ORDER_DRAWS, VALIDATION_DRAWS = 0, 1
"""Kinds of draws."""


@dataclass(frozen=True, kw_only=True)
class TuneConfig(LoopConfig):
    """One run. The rate falls to zero all the way, so that no average is needed."""

    name: str = "tune"
    batch_size: int = 8
    steps: int = 1000
    learning_rate: float = 2e-4
    weight_decay: float = 0.0
    warmup: int = 30
    cooldown: float = 1.0
    ema_decay: float = 0.0
    ema_every: int = 1
    rank: int = 16
    """Rank of the learned matrices, whose product is scaled by 2."""
    checkpointing: bool = False
    """Whether to compute each example again for its gradient, so that memory holds one."""
    validate_every: int = 50
    validation_examples: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rank", "validate_every", "validation_examples"):
            self.require(name, getattr(self, name) >= 1, "at least 1")


def tuning_dtype(device: torch.device) -> torch.dtype:
    """Return the precision of the weights: bfloat16 where it pays, else float32."""
    return torch.bfloat16 if bfloat16_pays(device) else torch.float32


def tune(
    config: TuneConfig,
    chat: ChatModel,
    examples: Sequence[TokenizedExample],
    run: Path,
    *,
    validation: Sequence[TokenizedExample] = (),
    listen: Listen | None = None,
) -> Path:
    """Tune an adapter of a model on examples and return its folder, RUN/adapter.

    The run folder is made, or the run in it goes on where it was saved. The model gets the layers
    of the adapter, its weights stay as they were. ``listen`` is called after each step.

    Raises MissingExtraError without peft, InvalidInputError without examples or if the folder
    holds another run, and Cancelled, after saving, if ``listen`` raises it.
    """
    if not examples:
        raise InvalidInputError(
            "Expected at least one sentence of an annotated training window, got none. Make "
            "annotations with `marey annotate`, or allow longer examples."
        )
    folder, adapter = RunFolder(run), run / "adapter"
    data = examples_fingerprint(examples, validation)
    folder.open(config, fingerprint=data, origin=chat.fingerprint)
    network = _with_adapter(chat.model, config)
    loop = Loop(_learned(network), config, folder, group=Group(device=chat.device))
    order = _Order(len(examples), config)
    loss = _Loss(network, chat.device, recompute=config.checkpointing)
    try:
        loop.run(
            lambda step: {"total": loss([examples[row] for row in order.of_step(step)])},
            on_save=lambda: save_adapter(network, adapter, base=chat),
            listen=_validating(config, folder, loss, validation, listen),
        )
    finally:
        folder.close()
    return adapter


def _with_adapter(model: Any, config: TuneConfig) -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError("Tuning a language model", extra="hf") from error
    shape = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=config.rank,
        lora_alpha=2 * config.rank,
        target_modules="all-linear",
    )
    # Without dropout the model computes the same in each mode; peft draws the first weights.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks for a deprecated name
        torch.manual_seed(config.seed)
        return peft.get_peft_model(model, shape).eval()


def _learned(network: Any) -> nn.ParameterDict:
    """The parameters of the adapter alone: what is saved to go on is as small as it is."""
    return nn.ParameterDict(
        {n.replace(".", "/"): p for n, p in network.named_parameters() if p.requires_grad}
    )


class _Order:
    """Which examples a step takes: every one once an epoch, each epoch in another order."""

    def __init__(self, count: int, config: TuneConfig) -> None:
        self._count, self._size, self._seed = count, config.batch_size, config.seed

    def of_step(self, step: int) -> list[int]:
        places = range(step * self._size, (step + 1) * self._size)
        epochs = {place // self._count for place in places}
        order = {epoch: self._of_epoch(epoch) for epoch in epochs}
        return [int(order[place // self._count][place % self._count]) for place in places]

    def _of_epoch(self, epoch: int) -> Tensor:
        generator = seeded_generator(self._seed, ORDER_DRAWS, epoch)
        return torch.randperm(self._count, generator=generator)


class _Loss:
    """Cross entropy of the tokens of answers, in nats; mean over the tokens of a batch.

    Examples are read one by one: none is padded, and none sees another.
    """

    def __init__(self, network: Any, device: torch.device, *, recompute: bool) -> None:
        self._network, self._device, self._recompute = network, device, recompute

    def __call__(self, batch: Sequence[TokenizedExample]) -> Tensor:
        count = sum(len(each.tokens) - each.asked for each in batch)
        sums = [
            checkpoint(self._sum, each, use_reentrant=False) if self._recompute else self._sum(each)
            for each in batch
        ]
        return torch.stack(sums).sum() / count

    def _sum(self, example: TokenizedExample) -> Tensor:
        tokens = example.tokens[None].to(self._device)
        with products_in("auto", self._device):
            scores = self._network(input_ids=tokens, use_cache=False).logits
        told = scores[0, example.asked - 1 : -1].float()
        return F.cross_entropy(told, tokens[0, example.asked :], reduction="sum")


def _validating(
    config: TuneConfig,
    folder: RunFolder,
    loss: Callable[[Sequence[TokenizedExample]], Tensor],
    validation: Sequence[TokenizedExample],
    listen: Listen | None,
) -> Listen:
    """Return a listener that logs the loss of a fixed choice of validation examples, too."""
    generator = seeded_generator(config.seed, VALIDATION_DRAWS)
    chosen = torch.randperm(len(validation), generator=generator)[: config.validation_examples]
    held_out = [validation[row] for row in chosen.tolist()]

    def heard(report: Report) -> None:
        due = report.step == 0 or (report.step + 1) % config.validate_every == 0
        if held_out and (due or report.progress >= 1):
            with torch.no_grad():
                folder.log(report.step, {"validation": float(loss(held_out))})
        if listen is not None:
            listen(report)

    return heard
