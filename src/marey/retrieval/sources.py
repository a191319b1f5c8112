"""Where an index takes its motions from: a folder of motion files, or a store."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from marey.data import MotionStore
from marey.data.store import INDEX as STORE_FILE
from marey.data.store import JOURNAL
from marey.errors import InvalidInputError
from marey.io import load_motion, read_bvh
from marey.io.files import READ_SUFFIXES
from marey.motion import Motion
from marey.motion.retarget import retarget
from marey.rigs.standing import upright
from marey.skeleton import BODY22

SourceKind = Literal["folder", "store"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderSource:
    """The motion files in a folder and the folders in it; a name is the path from the folder."""

    root: Path
    bvh: Mapping[str, Any] = field(default_factory=dict)
    """How BVH files are read: arguments of ``read_bvh``."""
    kind = "folder"

    def stamps(self) -> dict[str, str]:
        """Return size and time of each file; while they stay, so does the file. Sorted by name."""
        found: dict[str, str] = {}
        for path in self.root.rglob("*"):
            own = path.relative_to(self.root)
            hidden = any(part.startswith(".") for part in own.parts)
            if not hidden and path.suffix.lower() in READ_SUFFIXES and path.is_file():
                status = path.stat()
                found[own.as_posix()] = f"{status.st_size} {status.st_mtime_ns}"
        return dict(sorted(found.items()))

    def digest(self, name: str) -> str:
        """Return a hash of a file's content."""
        with (self.root / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def motion(self, name: str) -> Motion:
        """Read a file, on body22. Raises MareyError or OSError for what cannot be used."""
        path = self.root / name
        is_bvh = path.suffix.lower() == ".bvh"
        return _on_body(read_bvh(path, **self.bvh) if is_bvh else load_motion(path))


@dataclass(frozen=True, kw_only=True, eq=False)
class StoreSource:
    """The clips of a store; a name is a clip's."""

    store: MotionStore
    bvh: Mapping[str, Any] = field(default_factory=dict)
    """Nothing: stores hold no BVH files."""
    kind = "store"

    @property
    def root(self) -> Path:
        return self.store.path

    def stamps(self) -> dict[str, str]:
        """Return the fingerprint of the store for each clip: a store does not change. Sorted."""
        return {name: self.digest(name) for name in sorted(c.clip_id for c in self.store.clips)}

    def digest(self, name: str) -> str:
        """Return what changes whenever the clip may have changed."""
        return f"{self.store.fingerprint} {self.store.clip(name).length}"

    def motion(self, name: str) -> Motion:
        """Read a clip, on body22."""
        return _on_body(self.store.motion(name))


Source = FolderSource | StoreSource


def open_source(root: str | Path, *, bvh: Mapping[str, Any] | None = None) -> Source:
    """Return a store as such, and any other folder as one of motion files.

    Raises InvalidInputError where there is no folder, and as ``MotionStore.open`` does.
    """
    root = Path(root)
    if not root.is_dir():
        raise InvalidInputError(
            f"Expected a folder of motion files or a store, got {root}, which is no folder. "
            "If it was moved, give its new place."
        )
    if (root / STORE_FILE).exists() or (root / JOURNAL).is_dir():
        return StoreSource(store=MotionStore.open(root))
    return FolderSource(root=root, bvh=dict(bvh or {}))


def _on_body(motion: Motion) -> Motion:
    return motion if motion.skeleton == BODY22 else retarget(upright(motion), BODY22).motion
