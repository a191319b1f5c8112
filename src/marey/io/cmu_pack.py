"""Reader of the CMU pack: 1,899 motions of body22 in one archive, with texts (docs/cards/data.md).

The archive holds running differences as int16; a clip is decoded by running sums along the
frame axis, which wrap around in int16 for rotations and are taken in int64 for the root path.
"""

import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.motion import Motion
from marey.skeleton import BODY22

SPLITS = ("train", "val", "test", "test_repetition")
"""Names of the pack's splits."""

ROOT_UNIT = 1e-4
"""Metres per unit of the root path."""
QUATERNION_UNIT = 1 / 16384
"""Quaternion component per unit."""
ROTATION_VECTOR_UNIT = 1e-4
"""Radians per unit of the rotation vectors."""

_ARRAYS = {  # name: shape; -1 = clips, -2 = frames of all clips
    "clip": (-1,),
    "start": (-1,),
    "length": (-1,),
    "fps": (-1,),
    "root_first": (-1, 3),
    "root_delta": (3, -2),
    "pelvis_quat_delta": (4, -2),
    "rotvec_delta": (None, 3, -2),
    "rotvec_joint": (None,),
    "joint_name": (None,),
    "parent": (None,),
    "rest_offset": (None, 3),
}


@dataclass(frozen=True, kw_only=True)
class CmuClip:
    """One recording: what it is called, how long it is and what its recorders said of it."""

    name: str
    """``SS_TT``: subject and trial."""
    fps: float
    frames: int
    split: str
    subject_text: str | None = None
    trial_text: str | None = None
    kit_sentence: str | None = None
    """A sentence of KIT-ML: for training and evaluation, not for redistribution."""
    flips: tuple[int, ...] = ()
    """Frames in which some joint jumps implausibly."""
    repaired_frames: int = 0

    @property
    def subject(self) -> str:
        return self.name.split("_")[0]


@dataclass(frozen=True, kw_only=True)
class CmuSegment:
    """A captioned stretch of a clip, in seconds; stretches of one clip may overlap."""

    clip: str
    start: float
    end: float
    split: str
    captions: tuple[str, ...]
    facts: tuple[str, ...] = ()
    flip: bool = False
    """Whether a flip frame lies in it."""
    off_floor: bool = False
    """Whether the feet are above the floor for much of it."""
    hml_id: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class CmuPack:
    """The pack, opened: texts at once, the archive of motions at its first use (seconds)."""

    folder: Path
    clips: tuple[CmuClip, ...]
    segments: tuple[CmuSegment, ...]

    @classmethod
    def open(cls, folder: str | Path) -> "CmuPack":
        """Read the texts of a pack. Raises FileFormatError that names file, line and fix."""
        folder = Path(folder)
        for name in ("motions.npz", "clips.jsonl", "segments.jsonl"):
            if not (folder / name).is_file():
                raise FileFormatError(
                    folder,
                    name,
                    expected="a CMU pack: a folder with motions.npz, clips.jsonl, segments.jsonl",
                    got="no such file",
                    fix="Give the folder that holds all three.",
                )
        clips = tuple(_read_clips(folder / "clips.jsonl"))
        segments = tuple(_read_segments(folder / "segments.jsonl", {c.name: c for c in clips}))
        return cls(folder=folder, clips=clips, segments=segments)

    def clip(self, name: str) -> CmuClip:
        """Return a clip by name. Raises InvalidInputError if the pack has none of it."""
        if name not in self._clip_of:
            raise InvalidInputError(
                f"The pack {self.folder} has no clip {name!r}; its {len(self.clips)} clips are "
                f"named SS_TT, such as {self.clips[0].name!r}."
            )
        return self._clip_of[name]

    def motion(self, name: str) -> Motion:
        """Decode a clip. Raises InvalidInputError for an unknown name."""
        clip = self.clip(name)
        first, frames = self._place_of[name]
        span = slice(first, first + frames)
        arrays = self._arrays
        row = self._row_of[name]
        steps = arrays["root_delta"][:, span].astype(np.int64).cumsum(axis=-1)
        root = (steps + arrays["root_first"][row][:, None].astype(np.int64)).T * ROOT_UNIT
        pelvis = arrays["pelvis_quat_delta"][:, span].cumsum(axis=-1, dtype=np.int16).T
        vectors = arrays["rotvec_delta"][:, :, span].cumsum(axis=-1, dtype=np.int16)
        local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
        local[:, 0] = rotations.quaternion_to_matrix(
            torch.from_numpy(pelvis.astype(np.float32) * QUATERNION_UNIT)
        )
        local[:, arrays["rotvec_joint"].tolist()] = rotations.rotation_vector_to_matrix(
            torch.from_numpy(np.moveaxis(vectors, -1, 0) * np.float32(ROTATION_VECTOR_UNIT))
        )
        return Motion(
            root_positions=torch.from_numpy(root).float(),
            local_rotations=local,
            fps=clip.fps,
            skeleton=BODY22,
            metadata={"clip": name, "source": "CMU"},
        )

    @cached_property
    def _clip_of(self) -> dict[str, CmuClip]:
        return {clip.name: clip for clip in self.clips}

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {str(name): row for row, name in enumerate(self._arrays["clip"])}

    @cached_property
    def _place_of(self) -> dict[str, tuple[int, int]]:
        starts, lengths = self._arrays["start"].tolist(), self._arrays["length"].tolist()
        return {name: (starts[row], lengths[row]) for name, row in self._row_of.items()}

    @cached_property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        path = self.folder / "motions.npz"
        arrays = _read_arrays(path)
        _check_shapes(path, arrays)
        _check_skeleton(path, arrays)
        _check_clips(path, arrays, self.clips)
        return arrays


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # numpy leaves a file open that turns out to be no archive, so it gets an open one.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in _ARRAYS if name not in archive.files]
            if missing:
                raise _archive_error(path, "arrays", "all arrays of the pack", f"no {missing}")
            return {name: archive[name] for name in _ARRAYS}
    except FileFormatError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, lzma.LZMAError, zlib.error) as error:
        raise _archive_error(path, "archive", "a zip of .npy arrays", str(error)) from error


def _archive_error(path: Path, place: str, expected: str, got: str) -> FileFormatError:
    return FileFormatError(
        path, place, expected=expected, got=got, fix="Copy the pack again; the file is damaged."
    )


def _check_shapes(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    sizes = {-1: len(arrays["clip"]), -2: arrays["root_delta"].shape[-1]}
    for name, shape in _ARRAYS.items():
        expected = tuple(sizes.get(n, n) if n is not None else None for n in shape)
        got = arrays[name].shape
        fits = len(got) == len(expected) and all(
            e in (None, g) for e, g in zip(expected, got, strict=True)
        )
        if not fits:
            raise _archive_error(path, name, f"shape {expected} (None = any)", str(got))


def _check_skeleton(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    names = tuple(str(name) for name in arrays["joint_name"])
    parents = tuple(arrays["parent"].tolist())
    if names != BODY22.joint_names or parents != BODY22.parents:
        raise _archive_error(path, "joint_name, parent", "the joints of body22", f"{names}")
    offsets = torch.from_numpy(arrays["rest_offset"]).float()
    if not torch.allclose(offsets, BODY22.rest_offsets, atol=1e-4, rtol=0):
        worst = float((offsets - BODY22.rest_offsets).abs().max())
        raise _archive_error(path, "rest_offset", "those of body22", f"a difference of {worst} m")
    turning = arrays["rotvec_joint"].tolist()
    if any(not 0 < joint < BODY22.num_joints for joint in turning):
        raise _archive_error(path, "rotvec_joint", "joints of body22 but the root", f"{turning}")
    if len(turning) != arrays["rotvec_delta"].shape[0]:
        raise _archive_error(path, "rotvec_delta", f"{len(turning)} joints", "another number")


def _check_clips(path: Path, arrays: Mapping[str, np.ndarray], clips: tuple[CmuClip, ...]) -> None:
    rows = {str(name): row for row, name in enumerate(arrays["clip"])}
    total = arrays["root_delta"].shape[-1]
    for clip in clips:
        if clip.name not in rows:
            raise _archive_error(path, "clip", f"clip {clip.name} of clips.jsonl", "none")
        row = rows[clip.name]
        start, length = int(arrays["start"][row]), int(arrays["length"][row])
        if length != clip.frames or not 0 <= start <= start + length <= total:
            raise _archive_error(
                path,
                f"clip {clip.name}",
                f"{clip.frames} frames inside the {total} of the archive",
                f"{length} frames from {start}",
            )
        if float(arrays["fps"][row]) != clip.fps:
            raise _archive_error(
                path, f"clip {clip.name}", f"{clip.fps} fps", f"{arrays['fps'][row]}"
            )


def _read_clips(path: Path) -> Iterator[CmuClip]:
    seen: set[str] = set()
    for number, row in _json_lines(path, ("clip", "fps", "frames", "split")):
        name = str(row["clip"])
        if name in seen:
            raise _line_error(path, number, "a clip that is new", f"{name} once more")
        if row["split"] not in SPLITS:
            raise _line_error(path, number, f"a split out of {SPLITS}", repr(row["split"]))
        seen.add(name)
        yield CmuClip(
            name=name,
            fps=float(row["fps"]),
            frames=int(row["frames"]),
            split=row["split"],
            subject_text=row.get("subject_text"),
            trial_text=row.get("trial_text"),
            kit_sentence=row.get("kit_sentence"),
            flips=tuple(int(frame) for frame in row.get("flips", ())),
            repaired_frames=int(row.get("repaired_frames", 0)),
        )


def _read_segments(path: Path, clips: Mapping[str, CmuClip]) -> Iterator[CmuSegment]:
    for number, row in _json_lines(path, ("clip", "start", "end", "split", "captions")):
        clip = clips.get(row["clip"])
        if clip is None:
            raise _line_error(path, number, "a clip of clips.jsonl", repr(row["clip"]))
        if row["split"] != clip.split:
            raise _line_error(path, number, f"its clip's split {clip.split!r}", repr(row["split"]))
        if not 0 <= row["start"] < row["end"]:
            raise _line_error(path, number, "0 <= start < end", f"{row['start']}, {row['end']}")
        yield CmuSegment(
            clip=clip.name,
            start=float(row["start"]),
            end=float(row["end"]),
            split=row["split"],
            captions=tuple(row["captions"]),
            facts=tuple(row.get("facts", ())),
            flip=bool(row.get("flip", False)),
            off_floor=bool(row.get("off_floor", False)),
            hml_id=row.get("hml_id"),
        )


def _json_lines(path: Path, fields: tuple[str, ...]) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise _line_error(path, number, "one JSON object", str(error)) from error
            missing = [name for name in fields if not isinstance(row, dict) or name not in row]
            if missing:
                raise _line_error(path, number, f"the fields {fields}", f"none of {missing}")
            yield number, row


def _line_error(path: Path, number: int, expected: str, got: str) -> FileFormatError:
    return FileFormatError(
        path, f"line {number}", expected=expected, got=got, fix="Mend the line or copy the pack."
    )
