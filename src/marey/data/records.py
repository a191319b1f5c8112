"""What a store knows of its motions: clips, captioned windows of them, and what was left out.

Frames are those of the store, at the store's frame rate; ends are exclusive.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SPLITS = ("train", "val", "test", "test_repetition")
"""Names of the splits that a store may hold."""

TextSource = Literal["caption", "kit", "trial", "user", "measured"]
"""Who wrote a text: a caption writer, KIT-ML, the recorders, the user, or a measurement."""


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """One motion of a store."""

    clip_id: str
    shard: int
    start: int
    """First frame inside the shard."""
    length: int
    source_fps: float
    split: str
    subject: str | None = None
    flips: tuple[int, ...] = ()
    """Frames in which some joint jumps implausibly, counted from the clip's start."""
    repaired_frames: int = 0
    """How many frames of the source were repaired before it came here."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "flips": list(self.flips)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "ClipRecord":
        return cls(**{**row, "flips": tuple(row["flips"])})


@dataclass(frozen=True, kw_only=True)
class WindowText:
    """One description of a window, and who gave it."""

    text: str
    source: TextSource


@dataclass(frozen=True, kw_only=True)
class WindowRecord:
    """A described stretch of a clip; stretches of one clip may overlap."""

    clip_id: str
    start: int
    """First frame, counted from the clip's start."""
    end: int
    """Frame after the last."""
    split: str
    texts: tuple[WindowText, ...]
    flip: bool = False
    """Whether some joint jumps implausibly in it."""
    off_floor: bool = False
    """Whether the feet are above the floor for much of it."""
    coarse: bool = False
    """Whether the source has fewer frames per second than the store."""
    action: str | None = None
    """The action that its first text names first (see ``data.balance``), or that was measured (see
    ``data.measured``, whose names differ); None if there is none."""
    weight: float = 1.0
    """Share of training draws relative to the mean window; 0 = never drawn."""

    @property
    def num_frames(self) -> int:
        return self.end - self.start

    @property
    def is_measured(self) -> bool:
        """Whether its texts were written from measurements (see ``data.measured``)."""
        return bool(self.texts) and self.texts[0].source == "measured"

    @property
    def window_id(self) -> str:
        """Name of the window in its store: clip and frames."""
        return f"{self.clip_id}:{self.start}-{self.end}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "texts": [asdict(text) for text in self.texts]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "WindowRecord":
        return cls(**{**row, "texts": tuple(WindowText(**text) for text in row["texts"])})


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Something of the source that did not enter the store."""

    kind: Literal["clip", "window", "text", "file", "row", "joint"]
    reason: str
    place: str
    """Where it is: clip and seconds, or file and line."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Drop":
        return cls(**row)
