"""JudgeForm: a sample of clips with statements about their parts, for people to judge."""

import csv
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from typing import Any

from marey.annotation.annotation_file import AnnotatedWindow
from marey.annotation.judgement import CSV_COLUMNS, VERSION
from marey.data import MotionStore
from marey.data.records import WindowRecord
from marey.errors import InvalidInputError
from marey.io.web_player import figure_bones, filled_page, moving_figure
from marey.skeleton.parts import PARTS


@dataclass(frozen=True, kw_only=True)
class JudgeForm:
    """Statements about the six parts in windows of different clips."""

    store: MotionStore
    windows: tuple[WindowRecord, ...]
    lines: tuple[AnnotatedWindow, ...]
    """The annotation of each window."""

    @classmethod
    def sample(
        cls,
        store: MotionStore,
        lines: Mapping[str, AnnotatedWindow],
        *,
        clips: int = 20,
        seed: int = 0,
    ) -> "JudgeForm":
        """Draw one annotated window each of so many clips; the same seed draws the same.

        Raises InvalidInputError where fewer clips are annotated, or several prompts are mixed.
        """
        own: dict[str, list[WindowRecord]] = {}
        for window in store.windows:
            if window.window_id in lines:
                own.setdefault(window.clip_id, []).append(window)
        if not 1 <= clips <= len(own):
            raise InvalidInputError(
                f"expected 1 to {len(own)} clips, which are those with annotations, got {clips}."
            )
        draw = random.Random(seed)
        windows = tuple(draw.choice(own[clip]) for clip in draw.sample(sorted(own), clips))
        chosen = tuple(lines[window.window_id] for window in windows)
        versions = {(line.annotation.author, line.prompt) for line in chosen}
        if len(versions) > 1:
            raise InvalidInputError(
                f"expected annotations of one author and prompt, got {sorted(versions)}. Run "
                "`marey annotate` again, so that all windows are of the present prompt."
            )
        return cls(store=store, windows=windows, lines=chosen)

    @property
    def name(self) -> str:
        """Hash of the statements, by which judgements of the same form are known."""
        content = [[line.window_id, dict(line.annotation.parts)] for line in self.lines]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def html(self) -> str:
        """Return a page that needs no network: moving figures, marks, notes, and a JSON to save."""
        page = resources.files("marey.annotation").joinpath("judge_form.html").read_text("utf-8")
        clips = [
            {
                "window": window.window_id,
                **moving_figure(self.store.window_motion(window)),
                "statements": _statements(line),
            }
            for window, line in zip(self.windows, self.lines, strict=True)
        ]
        data = {**self._head(), "bones": figure_bones(self.store.skeleton), "clips": clips}
        return filled_page(page, data)

    def csv(self) -> str:
        """Return a table to fill in: judge (once), right (yes or no) and note (if any)."""
        file = StringIO()
        table = csv.DictWriter(file, CSV_COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        head = self._head()
        del head["version"]
        for line in self.lines:
            for said in _statements(line):
                row: dict[Any, Any] = {**head, "window": line.window_id, **said}
                table.writerow(row)
        return file.getvalue()

    def _head(self) -> dict[str, Any]:
        first = self.lines[0]
        return {
            "version": VERSION,
            "form": self.name,
            "author": first.annotation.author,
            "prompt": first.prompt,
        }


def _statements(line: AnnotatedWindow) -> list[dict[str, str]]:
    return [{"part": part, "text": line.annotation.parts[part]} for part in PARTS]
