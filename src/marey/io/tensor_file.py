"""Tensor files: safetensors with notes, a format name and a version; nothing is unpickled."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from marey.errors import FileFormatError
from marey.io.atomic import atomic_path


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    notes: Mapping[str, str],
    *,
    kind: str,
    version: str,
    force: bool = False,
) -> None:
    """Write tensors and notes in one file that says what kind of file it is."""
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(save(own, metadata={"format": kind, "version": version, **notes}))


def read_tensors(
    path: Path, *, kind: str, version: str, fix: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and notes of a file.

    Raises FileFormatError for anything but a whole file of this kind and version, with ``fix``.
    """
    expected = f"{kind} {version}"
    try:
        with safe_open(path, framework="pt") as file:
            notes = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FileFormatError(path, "file", expected=expected, got=str(error), fix=fix) from error
    found = f"{notes.get('format')} {notes.get('version')}"
    if found != expected:
        raise FileFormatError(path, "version", expected=expected, got=found, fix=fix)
    return tensors, notes
