"""Manifest: the windows, captions, seeds and thresholds that every suite is run with.

The one that ships is fixed: other windows, captions or seeds make other figures. It holds captions
that language models wrote and none of KIT-ML's sentences; motions are in the user's store.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from marey.data import MotionStore, WindowRecord
from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.metrics import PRECISION_BATCH
from marey.retrieval import gallery_windows
from marey.text import PROTOCOL_THRESHOLD

FORMAT, VERSION = "marey-manifest", 1
MANIFEST_SPLITS = ("test", "test_repetition")
"""Splits that no model of the package was trained on."""
SECONDS = (2.0, 10.0)
"""Length of a window, at least and at most."""
SHIPPED = "manifest.json"
_FIX = "Take the manifest that comes with the package, or make one with benchmarks/manifest.py."


@dataclass(frozen=True, kw_only=True)
class ManifestWindow:
    """A stretch of a clip and what is said of it."""

    window_id: str
    """Clip and frames, as in `WindowRecord.window_id`."""
    split: str
    caption: str
    """Written by a language model."""

    @property
    def num_frames(self) -> int:
        start, end = self.window_id.rpartition(":")[2].split("-")
        return int(end) - int(start)

    def seed(self, repeat: int = 0) -> int:
        """Return the seed of what is generated for it; it depends on nothing but these two."""
        lot = hashlib.blake2b(f"{repeat} {self.window_id}".encode(), digest_size=4)
        return int.from_bytes(lot.digest(), "big") >> 1


_SAME = "similarity of texts that say the same"


def _thresholds() -> dict[str, float]:
    return {
        "seconds, at least": SECONDS[0],
        "seconds, at most": SECONDS[1],
        _SAME: PROTOCOL_THRESHOLD,
        "R-precision, batch": float(PRECISION_BATCH),
    }


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the suites are run on. Windows stand in an order drawn once: the first N are a fair
    sample of all."""

    store: str
    """Fingerprint of the store that it was made of."""
    fps: float
    """Frame rate in which the windows count."""
    windows: tuple[ManifestWindow, ...]
    thresholds: Mapping[str, float] = field(default_factory=_thresholds)

    @classmethod
    def of(cls, store: MotionStore) -> "Manifest":
        """Choose one window of each clip that has one which can be used.

        Used are windows of 2 to 10 s without flips, feet off the floor or too few frames, with a
        caption; the caption is the first.
        """
        chosen = [
            ManifestWindow(window_id=window.window_id, split=split, caption=captions_of(window)[0])
            for split in MANIFEST_SPLITS
            for window in _in_drawn_order(store, split)
        ]
        return cls(store=store.fingerprint, fps=store.fps, windows=tuple(chosen))

    @classmethod
    def shipped(cls) -> "Manifest":
        """Read the manifest that comes with the package."""
        data = resources.files("marey.evaluation").joinpath("data", SHIPPED)
        with resources.as_file(data) as path:
            return cls.load(path)

    @classmethod
    def load(cls, path: str | Path) -> "Manifest":
        """Read what `write` wrote.

        Raises FileFormatError for anything else, and where it was changed by hand.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if (content["format"], content["version"]) != (FORMAT, VERSION):
                raise ValueError(f"{content['format']} {content['version']}")
            manifest = cls(
                store=content["store"],
                fps=content["fps"],
                thresholds=content["thresholds"],
                windows=tuple(
                    ManifestWindow(split=split, window_id=name, caption=caption)
                    for split, rows in content["windows"].items()
                    for name, caption in rows
                ),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(path, f"{type(error).__name__}: {error}") from error
        if content.get("fingerprint") != manifest.fingerprint:
            raise _damaged(path, "one that was changed after it was made")
        return manifest

    def write(self, path: str | Path, *, force: bool = False) -> None:
        """Write a JSON file. Raises InvalidInputError if it exists, without ``force``."""
        content = self._content() | {"fingerprint": self.fingerprint}
        with atomic_path(path, force=force) as temporary:
            text = json.dumps(content, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with anything in it."""
        content = json.dumps(self._content(), sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()[:16]

    @property
    def same_above(self) -> float:
        """Similarity from which two captions say the same."""
        return self.thresholds[_SAME]

    def windows_of(self, split: str, count: int | None = None) -> tuple[ManifestWindow, ...]:
        """Return the first ``count`` windows of a split; all by default.

        Raises InvalidInputError for a split that is not in it, or more windows than it has.
        """
        own = tuple(each for each in self.windows if each.split == split)
        if not own:
            splits = ", ".join(dict.fromkeys(each.split for each in self.windows))
            raise InvalidInputError(f"expected a split of the manifest ({splits}), got {split!r}.")
        if count is not None and not 1 <= count <= len(own):
            raise InvalidInputError(
                f"expected 1 to {len(own)} windows, as many as the manifest has of {split}, got "
                f"{count}."
            )
        return own[:count]

    def records(
        self, store: MotionStore, windows: Sequence[ManifestWindow]
    ) -> tuple[WindowRecord, ...]:
        """Return a store's records of some windows, in their order.

        Raises InvalidInputError that says how to make the store, if it lacks some.
        """
        known = {window.window_id: window for window in store.windows}
        missing = [each.window_id for each in windows if each.window_id not in known]
        if missing or store.fps != self.fps:
            shown = f"without {', '.join(missing[:3])}" if missing else "with them at another rate"
            raise InvalidInputError(
                f"{store.path}: expected a store with the {len(windows)} windows of the manifest, "
                f"at {self.fps:g} frames per second; {len(missing)} are missing: a store "
                f"{shown}, at {store.fps:g}. Make it from the CMU pack with `marey data prepare "
                "cmu PACK STORE` and its defaults."
            )
        return tuple(known[each.window_id] for each in windows)

    def _content(self) -> dict[str, Any]:
        windows: dict[str, list[list[str]]] = {}
        for each in self.windows:
            windows.setdefault(each.split, []).append([each.window_id, each.caption])
        rest = {name: value for name, value in asdict(self).items() if name != "windows"}
        return {"format": FORMAT, "version": VERSION, **rest, "windows": windows}


def _in_drawn_order(store: MotionStore, split: str) -> list[WindowRecord]:
    usable = [window for window in store.windows_of(split) if is_usable(window, store.fps)]
    chosen = gallery_windows(usable)
    return sorted(chosen, key=lambda each: hashlib.blake2b(each.window_id.encode()).digest())


def is_usable(window: WindowRecord, fps: float) -> bool:
    """Whether a window has the length, a caption, and none of the store's flags."""
    flagged = window.flip or window.off_floor or window.coarse
    fits = SECONDS[0] <= window.num_frames / fps <= SECONDS[1]
    return not flagged and fits and bool(captions_of(window))


def captions_of(window: WindowRecord) -> list[str]:
    """Return what language models wrote of a window."""
    return [text.text for text in window.texts if text.source == "caption"]


def _damaged(path: Path, got: str) -> FileFormatError:
    return FileFormatError(path, "manifest", expected=f"{FORMAT} {VERSION}", got=got, fix=_FIX)
