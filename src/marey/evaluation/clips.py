"""ClipStore: generated motions on disk, so that a suite that was stopped goes on."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError
from marey.generate import GenerationRequest, generate_many
from marey.io import atomic_path, read_npz, write_npz
from marey.motion import Motion

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it and of how much; it may raise to stop."""

BATCH = 16
"""Motions that are generated together, and so the most that a stopped run loses."""
SETTINGS = "settings.json"
_NAME = re.compile(r"[\w.@+-][\w.@+ -]*")


@dataclass(frozen=True, kw_only=True)
class ClipStore:
    """Motions as ``FOLDER/<column>/<repeat>/<key>.npz``; ``:`` in a key is ``_`` in its file."""

    folder: Path

    @classmethod
    def open(cls, folder: Path, settings: Mapping[str, Any]) -> "ClipStore":
        """Go on with a folder, or begin one.

        ``settings``, as JSON, are what decides the motions (model, steps, manifest); they are kept
        beside them. Raises InvalidInputError for a folder that was begun with other settings,
        FileFormatError for settings that cannot be read.
        """
        path = folder / SETTINGS
        wanted = json.loads(json.dumps(settings))
        if path.exists():
            _check_same(path, wanted)
        else:
            with atomic_path(path) as temporary:
                temporary.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return cls(folder=folder)

    def motions(
        self,
        column: str,
        repeat: int,
        requests: Mapping[str, GenerationRequest],
        *,
        progress: Progress | None = None,
    ) -> list[Motion]:
        """Return the first motion of each request, by key, generating those that are missing.

        What is generated together depends on all requests and not on what is there already, so
        that a run that was stopped ends with the same motions, bit for bit. Raises
        InvalidInputError for a motion that was made for another request.
        """
        place = self.folder / _checked(column) / str(repeat)
        paths = {key: place / f"{_checked(key.replace(':', '_'))}.npz" for key in requests}
        if len(set(paths.values())) < len(paths):
            raise InvalidInputError("expected keys that differ in more than ':' and '_'.")
        what = f"{column}, repeat {repeat}"
        for batch, done in _batches(requests):
            if progress is not None:
                progress(what, done, len(requests))
            missing = [key for key in batch if not paths[key].exists()]
            if missing:
                made = generate_many([requests[key] for key in batch])
                for key, result in zip(batch, made, strict=True):
                    if key in missing:
                        note = {"request": _hash(requests[key])}
                        write_npz(result.motions[0].with_metadata(**note), paths[key])
        if progress is not None:
            progress(what, len(requests), len(requests))
        return [_read(paths[key], request) for key, request in requests.items()]


def _batches(requests: Mapping[str, GenerationRequest]) -> Iterator[tuple[list[str], int]]:
    """Yield keys of similar lengths, which waste least on padding, and how many came before."""
    keys = sorted(requests, key=lambda key: (float(requests[key].seconds or 0.0), key))
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH], start


def _read(path: Path, request: GenerationRequest) -> Motion:
    motion = read_npz(path)
    if motion.metadata.get("request") != _hash(request):
        raise InvalidInputError(
            f"{path}: expected the motion of a request, got that of another one. Choose another "
            "folder for the results, or take that file away."
        )
    return motion


def _hash(request: GenerationRequest) -> str:
    """Hash what decides a motion; where the model lies does not."""
    content = {name: value for name, value in request.to_json().items() if name != "model"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"expected a name of letters, digits and . @ + - _ for clips, got {name!r}."
        )
    return name


def _check_same(path: Path, wanted: Mapping[str, Any]) -> None:
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise FileFormatError(
            path,
            "settings",
            expected="a JSON object",
            got=str(error),
            fix="Choose another folder for the results.",
        ) from error
    differ = [
        f"{name} {found.get(name)!r} instead of {wanted.get(name)!r}"
        for name in sorted({*found, *wanted})
        if found.get(name) != wanted.get(name)
    ]
    if differ:
        raise InvalidInputError(
            f"{path.parent} holds motions made otherwise: {'; '.join(differ)}. Choose another "
            "folder for the results, or go on with the same settings."
        )
