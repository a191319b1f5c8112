"""A preparation as a job: its progress, and a hash of what goes in and how it is done."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from marey.data.balance import ACTIONS, BalanceOptions
from marey.data.store import VERSION

Progress = Callable[[int, int, str], None]
"""Called with clips done, clips in all and a note; it may raise to stop."""


def fingerprint(files: Sequence[tuple[str, Path]], options: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that change with any named file's content or any option."""
    balance = {"actions": ACTIONS, **asdict(BalanceOptions())}
    job = {
        "version": VERSION,
        "files": contents(files),
        "options": dict(options),
        "balance": balance,
    }
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]


def contents(files: Sequence[tuple[str, Path]]) -> dict[str, str]:
    """Return a hash of every file's content by its name."""
    found = {}
    for name, path in files:
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def sizes(files: Sequence[tuple[str, Path]]) -> str:
    """Return a hash of names and sizes, for files whose content would take too long to read."""
    rows = [f"{name} {path.stat().st_size}" for name, path in files]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
