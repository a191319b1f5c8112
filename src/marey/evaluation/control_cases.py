"""Cases of the control suite: constraints of seven families, taken from stretches of real motions.

After [Rempe2026, §6.1]: 3 to 9 s of a window, half of them with their caption and half without
text, a quarter of the constraints moved by up to 10 cm and turned by up to 10° over the ground,
each block by itself. The world is the clip's own: it starts anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from marey.constraints import (
    Clip,
    Constraint,
    FullBodyKeyframe,
    JointTarget,
    RootHeading,
    RootPath,
    RootWaypoint,
    check_constraints,
)
from marey.data import MotionStore
from marey.evaluation.manifest import Manifest, ManifestWindow
from marey.generate import GenerationRequest
from marey.motion import Motion
from marey.text import TextScript

SECONDS = (3.0, 9.0)
"""Length of a case, at least and at most."""
APART = 10
"""Frames between sparse keyframes, at least."""
MOVE, TURN = 0.10, np.radians(10)
"""Most that a moved constraint is off, metres and radians."""
ENDS = ("left_hand", "right_hand", "left_heel", "right_heel")
"""Roles of the end effectors."""

Draw = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Constraints that belong together: when they are moved, they are moved as one."""

    first: int
    """Frame around whose root they are turned."""
    make: Callable[[Motion], list[Constraint]]


Family = Callable[[Motion, Draw], list[Pin]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A real motion, what is pinned of it, and what is said."""

    name: str
    family: str
    window: ManifestWindow
    real: Motion
    script: TextScript
    constraints: tuple[Constraint, ...]
    own: tuple[Constraint, ...]
    """Before they were moved: the real motion meets them."""
    moved: bool

    def request(
        self, model: str, *, steps: int | None, pinned: bool, repeat: int
    ) -> GenerationRequest:
        """Return the request for the motion as a model makes it, without post-processing."""
        return GenerationRequest(
            script=self.script,
            seconds=self.real.seconds,
            seed=self.window.seed(repeat),
            model=model,
            steps=steps,
            heading=float(self.real.heading[0]),
            constraints=self.constraints if pinned else (),
            postprocess=False,
        )

    @property
    def refusal(self) -> str | None:
        """The first reason for which the constraints cannot be asked for; None if they can."""
        findings = check_constraints(self.constraints, Clip.of(self.real))
        return next((each.message for each in findings if each.severity == "error"), None)


# --- families ------------------------------------------------------------------------------------


def sparse(motion: Motion, draw: Draw, most: int) -> list[int]:
    """Draw up to ``most`` frames that keep a distance."""
    grid = np.arange(draw.integers(APART), motion.num_frames, APART)
    count = min(int(draw.integers(1, most + 1)), len(grid))
    return sorted(int(frame) for frame in draw.choice(grid, size=count, replace=False))


def block(kind: Callable[..., Constraint], frames: Sequence[int], **options: object) -> Pin:
    """Pin some frames by one constraint."""
    return Pin(first=frames[0], make=lambda motion: [kind(motion, frames=frames, **options)])


def keyframes(motion: Motion, draw: Draw) -> list[Pin]:
    """Whole poses, one to five."""
    return [block(FullBodyKeyframe.from_motion, [f]) for f in sparse(motion, draw, 5)]


def in_between(motion: Motion, draw: Draw) -> list[Pin]:
    """One to five frames at the start and as many at the end."""
    count, last = int(draw.integers(1, 6)), motion.num_frames
    blocks = (range(count), range(last - count, last))
    return [block(FullBodyKeyframe.from_motion, list(frames)) for frames in blocks]


def end_effectors(motion: Motion, draw: Draw) -> list[Pin]:
    """Positions and rotations of some hands and feet in one to five frames.

    In half of the cases with the root path, as Kimodo's files have it.
    """
    roles = draw.choice(ENDS, size=int(draw.integers(1, len(ENDS) + 1)), replace=False)
    joints = [motion.skeleton.joint_names[motion.skeleton.role(role)] for role in roles]
    path = bool(draw.random() < 0.5)

    def ends(frame: int, moved: Motion) -> list[Constraint]:
        return [
            JointTarget.from_motion(moved, joint, [frame], rotations=True, root_path=path)
            for joint in joints
        ]

    return [Pin(first=f, make=partial(ends, f)) for f in sparse(motion, draw, 5)]


def waypoints(motion: Motion, draw: Draw) -> list[Pin]:
    """Points that the body passes, one to five."""
    return [block(RootWaypoint.from_motion, [f]) for f in sparse(motion, draw, 5)]


def facing(motion: Motion, draw: Draw) -> list[Pin]:
    """Points that the body passes, one to five, and where the hips face there."""
    return [
        Pin(
            first=frame,
            make=lambda moved, at=frame: [
                kind.from_motion(moved, [at]) for kind in (RootWaypoint, RootHeading)
            ],
        )
        for frame in sparse(motion, draw, 5)
    ]


def dense_path(motion: Motion, draw: Draw) -> list[Pin]:
    """The way over the ground, all of it or at least half."""
    length = motion.num_frames
    if draw.random() < 0.5:
        length = int(draw.integers(length // 2, length))
    start = int(draw.integers(motion.num_frames - length + 1))
    return [block(RootPath.from_motion, list(range(start, start + length)))]


def mixed(motion: Motion, draw: Draw) -> list[Pin]:
    """Two or three of the other families, moved together so that they agree."""
    kinds = draw.choice(len(SINGLE), size=int(draw.integers(2, 4)), replace=False)
    pins = [pin for kind in kinds for pin in list(SINGLE.values())[kind](motion, draw)]
    first = min(pin.first for pin in pins)
    return [Pin(first=first, make=lambda moved: [each for pin in pins for each in pin.make(moved)])]


SINGLE: dict[str, Family] = {
    "full-body keyframes": keyframes,
    "in-between": in_between,
    "end-effectors": end_effectors,
    "waypoints": waypoints,
    "waypoints and headings": facing,
    "dense path": dense_path,
}
FAMILIES: dict[str, Family] = {**SINGLE, "mixed": mixed}
PATHS = ("waypoints", "waypoints and headings", "dense path")
"""Families that pin the way over the ground and no joint."""


def nudged(motion: Motion, frame: int, draw: Draw) -> Motion:
    """Move and turn a motion a little about where its root stands in a frame."""
    place = motion.root_positions[frame] * torch.tensor([1.0, 0.0, 1.0])
    way, side = draw.uniform(0, MOVE), draw.uniform(0, 2 * np.pi)
    offset = torch.tensor([way * np.sin(side), 0.0, way * np.cos(side)], dtype=torch.float32)
    turned = motion.translate(-place).rotate(float(draw.uniform(-TURN, TURN)))
    return turned.translate(place + offset)


def cases_of(
    family: str, manifest: Manifest, store: MotionStore, *, count: int, split: str = "test"
) -> list[Case]:
    """Draw ``count`` cases of a family, or as many as the manifest has windows of 3 s and more.

    They are always the same; fewer are the first of more. Raises InvalidInputError as
    `Manifest.records` does.
    """
    windows = manifest.windows_of(split)
    records = manifest.records(store, windows)
    least = round(SECONDS[0] * store.fps)
    order = np.random.default_rng(list(FAMILIES).index(family)).permutation(len(windows))
    long = [row for row in order if records[row].num_frames >= least][:count]
    return [
        _case(family, windows[row], store.window_motion(records[row]), number)
        for number, row in enumerate(long)
    ]


def _case(family: str, window: ManifestWindow, motion: Motion, number: int) -> Case:
    draw = np.random.default_rng([list(FAMILIES).index(family), number])
    longest = min(motion.num_frames, round(SECONDS[1] * motion.fps))
    frames = int(draw.integers(round(SECONDS[0] * motion.fps), longest + 1))
    start = int(draw.integers(motion.num_frames - frames + 1))
    real = motion.crop(start, start + frames)
    pins = FAMILIES[family](real, draw)
    moved = number // 2 % 4 == 0
    at = [nudged(real, pin.first, draw) if moved else real for pin in pins]
    return Case(
        name=f"{window.window_id}+{start}",
        family=family,
        window=window,
        real=real,
        script=TextScript.from_prompt(window.caption) if number % 2 == 0 else TextScript(),
        constraints=tuple(c for pin, m in zip(pins, at, strict=True) for c in pin.make(m)),
        own=tuple(c for pin in pins for c in pin.make(real)),
        moved=moved,
    )
