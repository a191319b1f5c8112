"""Cases of the editing suite: a real motion, a part of the body, and what it is to do instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from marey.constraints import (
    Clip,
    Constraint,
    FullBodyKeyframe,
    JointTarget,
    check_constraints,
)
from marey.data import MotionStore
from marey.evaluation.manifest import Manifest, ManifestWindow
from marey.generate import GenerationRequest
from marey.metrics import kept_joints
from marey.motion import Motion
from marey.predicates import Event, claims, find_events
from marey.sampling import Guidance
from marey.text import TextScript

SECONDS = 5.0
"""Longest source; of longer windows the beginning is taken."""
LEGS = {"left_leg", "right_leg"}


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What some parts are to do; all others are to stay as they are."""

    text: str
    """Understood by ``marey.predicates.claims``, which judge whether it was done."""
    parts: tuple[str, ...]

    @property
    def frees_root(self) -> bool:
        """Whether the body may go elsewhere: without either leg nothing holds it in place."""
        return set(self.parts) >= LEGS

    def is_done(self, events: Sequence[Event]) -> bool:
        """Whether the events of a motion make the text true."""
        return all(claim.holds(events) for claim in claims(self.text))

    def script(self, caption: str, slots: Sequence[str]) -> TextScript:
        """Say the edit to a model that reads texts of some slots.

        One that reads texts of the parts is told the caption of the source, and the edit of each
        part. One that reads only whole sentences is told the edit alone: what else happens it is
        shown, and of two things in a sentence it often leaves one out.
        """
        if set(self.parts) <= set(slots):
            return TextScript.from_prompt(caption, parts=dict.fromkeys(self.parts, self.text))
        return TextScript.from_prompt(f"a person {self.text}")

    def kept(self, source: Motion) -> list[int]:
        """Return the joints that stay, by number."""
        frames = kept_joints(source.skeleton, 1, edited=self.parts)
        return frames[0].nonzero()[:, 0].tolist()

    def constraints(self, source: Motion) -> tuple[Constraint, ...]:
        """Pin the joints of all other parts in every frame, and the way of the body.

        An edit of both legs frees root and heights; the rotations of all other joints are pinned.
        """
        kept, skeleton = self.kept(source), source.skeleton
        names = tuple(skeleton.joint_names[joint] for joint in kept)
        frames = range(source.num_frames)
        if self.frees_root:
            return tuple(
                JointTarget.from_motion(source, name, frames, positions=False, rotations=True)
                for name in names
            )
        whole = FullBodyKeyframe.from_motion(source, frames)
        assert whole.rotations is not None
        positions, rotations = whole.positions[:, kept], whole.rotations[:, kept]
        return (replace(whole, joint_names=names, positions=positions, rotations=rotations),)


def _sided(text: str, *parts: str) -> tuple[Edit, Edit]:
    """The edit of the left side, and that of the right."""
    right = tuple(part.replace("left", "right") for part in parts)
    return (
        Edit(text=text, parts=parts),
        Edit(text=text.replace("left", "right"), parts=right),
    )


EDITS: dict[str, tuple[Edit, ...]] = {
    "arms": (
        *_sided("raises the left hand above the head", "left_arm"),
        *_sided("touches the head with the left hand", "left_arm"),
        *_sided("waves with the left hand", "left_arm"),
        Edit(text="raises both hands above the head", parts=("left_arm", "right_arm")),
        Edit(text="claps", parts=("left_arm", "right_arm")),
    ),
    "head": (
        *_sided("looks to the left", "head"),
        Edit(text="nods", parts=("head",)),
    ),
    "legs": (
        *_sided("kicks with the left leg", "left_leg"),
        Edit(text="squats down", parts=("left_leg", "right_leg")),
        Edit(text="sits down", parts=("left_leg", "right_leg")),
    ),
}
"""By the parts that they change; each in its order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EditCase:
    """An edit of a real motion in which it is not done yet."""

    edit: Edit
    window: ManifestWindow
    source: Motion
    constraints: tuple[Constraint, ...]

    @property
    def name(self) -> str:
        return f"{self.edit.text} {self.window.window_id}"

    @property
    def refusal(self) -> str | None:
        """The first reason for which the pins cannot be asked for; None if they can."""
        findings = check_constraints(self.constraints, Clip.of(self.source))
        return next((each.message for each in findings if each.severity == "error"), None)

    def request(
        self,
        model: str,
        slots: Sequence[str],
        *,
        repeat: int,
        steps: int | None,
        guidance: Guidance | None,
        pinned: bool,
    ) -> GenerationRequest:
        """Return the request for the edited motion, as a user would make it."""
        return GenerationRequest(
            script=self.edit.script(self.window.caption, slots),
            seconds=self.source.seconds,
            seed=self.window.seed(repeat),
            model=model,
            steps=steps,
            guidance=guidance,
            heading=float(self.source.heading[0]),
            constraints=self.constraints if pinned else (),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sources:
    """The cases of an edit, and how many windows were passed over because it is done in them."""

    cases: tuple[EditCase, ...]
    passed_over: int


class SourceWindows:
    """The windows of a split, cut to length, with what happens in them.

    Raises InvalidInputError as `Manifest.records` does.
    """

    def __init__(self, manifest: Manifest, store: MotionStore, split: str = "test") -> None:
        self._store = store
        self._windows = manifest.windows_of(split)
        self._records = manifest.records(store, self._windows)
        self._events: dict[int, Sequence[Event]] = {}

    def cases(self, edit: Edit, count: int) -> Sources:
        """Draw up to ``count`` cases; they are always the same, fewer are the first of more."""
        number = [each for group in EDITS.values() for each in group].index(edit)
        order = np.random.default_rng(number).permutation(len(self._windows))
        found: list[EditCase] = []
        passed_over = 0
        for row in order.tolist():
            if len(found) == count:
                break
            source = self._source(row)
            if edit.is_done(self._events_of(row, source)):
                passed_over += 1
                continue
            window, pins = self._windows[row], edit.constraints(source)
            found.append(EditCase(edit=edit, window=window, source=source, constraints=pins))
        return Sources(cases=tuple(found), passed_over=passed_over)

    def _source(self, row: int) -> Motion:
        motion = self._store.window_motion(self._records[row])
        return motion.crop(0, min(motion.num_frames, round(SECONDS * motion.fps)))

    def _events_of(self, row: int, motion: Motion) -> Sequence[Event]:
        if row not in self._events:
            self._events[row] = find_events(motion)
        return self._events[row]
