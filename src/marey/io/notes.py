"""Notes: what a scene file keeps of a motion's metadata."""

from collections.abc import Mapping
from typing import Any

_NAMES = ("text", "seed")


def notes_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that a scene file keeps: text and seed."""
    return {name: metadata[name] for name in _NAMES if name in metadata}


def read_notes(content: Any) -> dict[str, Any]:
    """Return those of the notes in a file that are words or numbers, whatever ``content`` is."""
    kept = notes_of(content) if isinstance(content, Mapping) else {}
    return {name: note for name, note in kept.items() if isinstance(note, str | int)}
