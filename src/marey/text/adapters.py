"""LoRA adapters of a Hugging Face model, beside its weights or in them; needs the extra ``hf``."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from marey.errors import InvalidInputError, MissingExtraError

_ADAPTER = "default"
_CONFIG_FILE = "adapter_config.json"
_WEIGHTS_FILE = "adapter_model.safetensors"


def find_adapters(adapters: Sequence[str | Path], *, local_files_only: bool) -> list[Path]:
    """Return the folders of LoRA adapters, after a download where needed.

    An adapter is a folder or a hub name, ``name@revision`` with a fixed version. Its weights are
    safetensors; pickled ones are never read.

    Raises MissingExtraError without peft, and InvalidInputError for an adapter without its files.
    """
    if adapters:
        _import_peft()
    return [_local_folder(str(adapter), local_files_only) for adapter in adapters]


def merge_adapters(model: nn.Module, folders: Sequence[Path]) -> nn.Module:
    """Merge LoRA adapters into the weights of the model, one after the other; changes the model.

    Raises InvalidInputError for an adapter that is not LoRA or does not fit the model.
    """
    for folder in folders:
        model = attach_adapter(model, folder).merge_and_unload()
    return model


def attach_adapter(model: nn.Module, folder: Path) -> Any:
    """Return the model with a LoRA adapter beside its weights, which stay exactly as they were.

    Raises MissingExtraError without peft, and InvalidInputError for an adapter that is not LoRA
    or does not fit the model.
    """
    peft = _import_peft()
    try:
        kind = json.loads((folder / _CONFIG_FILE).read_text(encoding="utf-8"))["peft_type"]
        if kind != "LORA":
            raise ValueError(f"its type is {kind}")
        config = peft.PeftConfig.from_pretrained(str(folder))
        config.inference_mode = True
        # peft draws weights before it reads them, and asks transformers 5 for a deprecated name.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            wrapped = peft.PeftModel(model, config, _ADAPTER)
            device = str(next(model.parameters()).device)
            report = wrapped.load_adapter(str(folder), _ADAPTER, torch_device=device)
        strays = [*report.unexpected_keys, *filter(_is_of_adapter, report.missing_keys)]
        if strays:  # peft would go on with random or idle weights
            raise ValueError(f"{len(strays)} weights have no counterpart, one is {strays[0]}")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise InvalidInputError(
            f"expected a LoRA adapter made for {type(model).__name__}, got {str(folder)!r}. "
            f"Name an adapter of this very model, in the order of training. ({error})"
        ) from error
    return wrapped


def refuse_adapter_as_model(transformers: ModuleType, source: str, options: dict[str, Any]) -> None:
    """Raise InvalidInputError where an adapter stands in the place of a model.

    Transformers would load it together with a base model of the adapter's choice, pickles too.
    """
    where = {key: options[key] for key in ("revision", "local_files_only")}
    if transformers.utils.find_adapter_config_file(source, **where) is not None:
        raise InvalidInputError(
            f"expected a whole model, got the adapter {source!r}. Name its base model, and the "
            "adapter itself in TextModelOptions(adapters=...)."
        )


def _import_peft() -> ModuleType:
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError("A model with adapters", extra="hf") from error
    return peft


def _local_folder(adapter: str, local_files_only: bool) -> Path:
    from transformers.utils.hub import cached_file

    name, revision = adapter, None
    if not Path(adapter).is_dir():
        name, _, revision = adapter.partition("@")
    try:
        # Both files by name, so that peft finds them here and never falls back to a pickle.
        files = [
            cached_file(name, file, revision=revision or "main", local_files_only=local_files_only)
            for file in (_CONFIG_FILE, _WEIGHTS_FILE)
        ]
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"expected an adapter with {_CONFIG_FILE} and {_WEIGHTS_FILE}, got {adapter!r}. Name a "
            "folder or a hub name with these files; pickled weights (adapter_model.bin) are never "
            f"read, save them again as safetensors. ({error})"
        ) from error
    return Path(str(files[-1])).parent


def _is_of_adapter(weight_name: str) -> bool:
    return _ADAPTER in weight_name.split(".")
