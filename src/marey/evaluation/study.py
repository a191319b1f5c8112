"""Studies: clips of several models on a page on which people rate them without knowing whose."""

import base64
import csv
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from marey.errors import FileFormatError, InvalidInputError
from marey.io import READ_SUFFIXES, load_motion
from marey.io.web_player import figure_bones, filled_page, moving_figure
from marey.motion import Motion

VERSION = 1
"""Of the answers' file."""
QUESTIONS = ("realness", "alignment", "overall")
"""What is rated from 1 to 5 [Zhang2025, user study]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyClip:
    """One motion, the model that made it, and the prompt that it was made for."""

    model: str
    file: str
    prompt: str
    motion: Motion


@dataclass(frozen=True, kw_only=True)
class Study:
    """Clips to rate."""

    clips: tuple[StudyClip, ...]

    @classmethod
    def of_folders(
        cls, folders: Mapping[str, Path], prompts: Mapping[str, str] | None = None
    ) -> "Study":
        """Read every motion file of each model's folder.

        A prompt is that of the file's name in ``prompts``, or else the text in an NPZ's metadata.
        Raises InvalidInputError for a folder without motions, or a file without a prompt.
        """
        clips = [
            StudyClip(model=model, file=path.name, prompt=prompt, motion=motion)
            for model, folder in folders.items()
            for path in _motion_files(folder, prompts or {})
            for motion, prompt in [_read(path, prompts or {})]
        ]
        if not clips:
            raise InvalidInputError("expected at least one model with its folder, got none.")
        return cls(clips=tuple(clips))

    @property
    def name(self) -> str:
        """Hash of models, files and prompts: answers to the same clips in any order share it."""
        content = sorted([clip.model, clip.file, clip.prompt] for clip in self.clips)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def html(self, *, seed: int = 0) -> str:
        """Return a page that needs no network, its clips in an order that the seed draws.

        Neither models nor files can be read on it; the answers carry them in base64.
        """
        page = resources.files("marey.evaluation").joinpath("study.html").read_text("utf-8")
        clips = random.Random(seed).sample(self.clips, len(self.clips))
        key = json.dumps([[clip.model, clip.file] for clip in clips])
        data = {
            "version": VERSION,
            "study": self.name,
            "seed": seed,
            "questions": QUESTIONS,
            "key": base64.b64encode(key.encode()).decode(),
            "clips": [
                {
                    "prompt": clip.prompt,
                    "bones": figure_bones(clip.motion.skeleton),
                    **moving_figure(clip.motion),
                }
                for clip in clips
            ],
        }
        return filled_page(page, data)


def read_prompts(path: str | Path) -> dict[str, str]:
    """Read a CSV table with the columns file and prompt.

    Raises FileFormatError for another table, and for a file that is in it twice.
    """
    path = Path(path)
    found: dict[str, str] = {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        for row in rows:
            file, prompt = row["file"].strip(), row["prompt"].strip()
            if not file or not prompt or file in found:
                raise ValueError(f"{file!r} without a prompt, or twice")
            found[file] = prompt
    except (ValueError, KeyError, AttributeError, csv.Error) as error:
        raise FileFormatError(
            path,
            "table of prompts",
            expected="a CSV table with the columns file and prompt, each file once",
            got=f"{type(error).__name__}: {error}",
            fix="Write a line for each motion file: walk.bvh,a person walks",
        ) from error
    return found


def _motion_files(folder: Path, prompts: Mapping[str, str]) -> list[Path]:
    """Return the motion files of a folder; a CSV table is one only if there is a prompt for it."""
    if not folder.is_dir():
        raise InvalidInputError(f"{folder}: expected a folder of motion files, got no folder.")
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in READ_SUFFIXES
        and (path.suffix.lower() != ".csv" or path.name in prompts)
    )
    if not files:
        raise InvalidInputError(
            f"{folder}: expected motion files ({', '.join(READ_SUFFIXES)}), got none."
        )
    return files


def _read(path: Path, prompts: Mapping[str, str]) -> tuple[Motion, str]:
    motion = load_motion(path)
    prompt = prompts.get(path.name) or motion.metadata.get("text")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidInputError(
            f"{path}: expected a prompt, in the table or as text in the file's metadata, got none. "
            "Give a table of prompts with a line for it."
        )
    return motion, prompt
