"""LGTM's question in numbers: does a target in words, or a movement in words, bring a limb there?

    python benchmarks/ik_fk.py --report ../shared/seeds/lgtm_report.txt

Asks the model for each of the report's five pairs of prompts (its §4.3: one names where a limb is
to be, the other how it is to move), and for the same by constraints with a plain sentence, and
measures on the joints whether the limb gets there. The prompts are read from the report.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from marey.constraints import (
    Constraint,
    FootContact,
    Interval,
    JointTarget,
    RootHeading,
    RootWaypoint,
    Times,
)
from marey.generate import GenerationRequest, generate
from marey.metrics import wilson_interval
from marey.motion import Motion
from marey.skeleton import BODY22
from marey.text import TextScript

SECONDS, FPS = 4.0, 20.0
PLAIN = "a person stands still"
HELD = tuple(range(30, 60))
"""Frames in which constraints hold a limb where it is asked to be: 1.5 s."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, how it is measured, and how constraints ask it."""

    asked: str
    measure: Callable[[Motion], float]
    least: float
    most: float
    unit: str
    constraints: Callable[[], tuple[Constraint, ...]]

    def holds(self, motion: Motion) -> bool:
        return self.least <= self.measure(motion) <= self.most


def place(motion: Motion, joint: str) -> Tensor:
    """Return where a joint is in each frame."""
    return motion.joint_positions[:, BODY22.index(joint)]


def held_for(values: Tensor, seconds: float, fps: float) -> float:
    """Largest value that a curve keeps for so long."""
    size = min(len(values), max(1, round(seconds * fps)))
    return float(values.unfold(0, size, 1).amin(-1).max())


def nearest(joint: str, other: str, seconds: float) -> Callable[[Motion], float]:
    """Measure the distance in cm within which two joints stay for so long."""

    def measure(motion: Motion) -> float:
        apart = (place(motion, joint) - place(motion, other)).norm(dim=-1)
        return -100 * held_for(-apart, seconds, motion.fps)

    return measure


def foot_height(motion: Motion) -> float:
    """How far, in cm, the right toe stays for a second above the lowest that either toe is."""
    right, left = (place(motion, f"{side}_foot")[:, 1] for side in ("right", "left"))
    return 100 * held_for(right - torch.minimum(right, left).min(), 1.0, motion.fps)


def planted_reach(motion: Motion) -> float:
    """How far, in cm, a wrist comes ahead of the pelvis while neither ankle is away by 10 cm."""
    for side in ("left", "right"):
        ankle = place(motion, f"{side}_ankle")
        if float((ankle - ankle.median(dim=0).values).norm(dim=-1).max()) > 0.1:
            return 0.0
    facing = torch.stack((motion.heading.sin(), motion.heading.cos()), dim=-1)
    ahead = [
        ((place(motion, f"{side}_wrist") - place(motion, "pelvis"))[:, [0, 2]] * facing).sum(-1)
        for side in ("left", "right")
    ]
    return 100 * max(held_for(each, 0.3, motion.fps) for each in ahead)


def bend(motion: Motion) -> float:
    """Largest tilt of the line from pelvis to neck, in degrees, that is kept for half a second."""
    line = place(motion, "neck") - place(motion, "pelvis")
    tilt = torch.acos((line[:, 1] / line.norm(dim=-1)).clamp(-1, 1)).rad2deg()
    return held_for(tilt, 0.5, motion.fps)


def at_rest(joint: str) -> Tensor:
    """Place of a joint of a body that stands at the origin and faces +Z, metres."""
    local = torch.eye(3).repeat(1, BODY22.num_joints, 1, 1)
    root = torch.tensor([[0.0, 0.87, 0.0]])
    body = Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)
    return body.joint_positions[0, BODY22.index(joint)]


def held_at(joint: str, point: Tensor) -> JointTarget:
    """Hold a joint at a point."""
    return JointTarget(joint=joint, times=Times(frames=HELD), positions=point.repeat(len(HELD), 1))


def standing() -> tuple[Constraint, ...]:
    """Stay at the origin, facing +Z, so that places in the world are places on the body."""
    frames = (0, *HELD[:: len(HELD) - 1])
    return (
        RootWaypoint(times=Times(frames=frames), points=torch.zeros(len(frames), 2)),
        RootHeading(times=Times(frames=frames), angles=torch.zeros(len(frames))),
    )


def pinned(joint: str, near: str, offset: tuple[float, float, float]) -> tuple[Constraint, ...]:
    """Hold a joint beside where another is held, or was at rest if it is the same one."""
    beside = held_at(joint, at_rest(near) + torch.tensor(offset))
    return (*standing(), beside, *([] if near == joint else [held_at(near, at_rest(near))]))


def feet_and_hands() -> tuple[Constraint, ...]:
    """Keep both feet planted, and hold both wrists half a metre ahead of the shoulders."""
    span = Interval(start=0, end=round(SECONDS * FPS) - 1)
    feet = tuple(FootContact(foot=f, interval=span) for f in ("left_foot", "right_foot"))
    hands = tuple(
        held_at(f"{side}_wrist", at_rest(f"{side}_shoulder") + torch.tensor([0.0, -0.1, 0.5]))
        for side in ("left", "right")
    )
    return (*feet, *hands)


def bent_by_45() -> tuple[Constraint, ...]:
    """Hold the neck where it is in a body bent by 45 degrees."""
    length = float((at_rest("neck") - at_rest("pelvis")).norm()) * 0.5**0.5
    return (*standing(), held_at("neck", at_rest("pelvis") + torch.tensor([0.0, length, length])))


QUESTIONS = (
    Question(
        asked="right wrist within 25 cm of the left shoulder for 0.3 s",
        measure=nearest("right_wrist", "left_shoulder", 0.3),
        least=0.0,
        most=25.0,
        unit="cm",
        constraints=lambda: pinned("right_wrist", "left_shoulder", (0.0, 0.0, 0.12)),
    ),
    Question(
        asked="right toe 15 cm up for 1 s",
        measure=foot_height,
        least=15.0,
        most=float("inf"),
        unit="cm",
        constraints=lambda: pinned("right_foot", "right_foot", (0.0, 0.25, 0.1)),
    ),
    Question(
        asked="a wrist 35 cm ahead, feet within 10 cm",
        measure=planted_reach,
        least=35.0,
        most=float("inf"),
        unit="cm",
        constraints=feet_and_hands,
    ),
    Question(
        asked="torso at 35 to 55 degrees for 0.5 s",
        measure=bend,
        least=35.0,
        most=55.0,
        unit="°",
        constraints=bent_by_45,
    ),
    Question(
        asked="left wrist within 25 cm of the head for 0.5 s",
        measure=nearest("left_wrist", "head", 0.5),
        least=0.0,
        most=25.0,
        unit="cm",
        constraints=lambda: pinned("left_wrist", "head", (0.08, 0.12, 0.0)),
    ),
)


def prompts_of(report: Path) -> list[tuple[str, str]]:
    """Read the table of prompts: number, one with a target, one with a movement."""
    rows = [line.split("\t") for line in report.read_text(encoding="utf-8").splitlines()]
    found = [row for row in rows if len(row) >= 3 and row[0].strip() in "12345" and row[0].strip()]
    pairs = [tuple(re.sub(r"\s*\(video\)", "", cell).strip(" .") for cell in r[1:3]) for r in found]
    if len(pairs) != len(QUESTIONS):
        raise SystemExit(f"{report}: expected {len(QUESTIONS)} rows of prompts, got {len(pairs)}")
    return [(first, second) for first, second in pairs]


def line(question: Question, how: str, motions: Sequence[Motion]) -> str:
    """Return a row of the table."""
    values = torch.tensor([question.measure(motion) for motion in motions])
    held = sum(question.holds(motion) for motion in motions)
    low, high = wilson_interval(held, len(motions))
    return (
        f"| {question.asked} | {how} | {held} of {len(motions)} | {low:.0%}–{high:.0%} | "
        f"{values.median():.0f} {question.unit} |"
    )


def main() -> None:
    """Generate, measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--model", default="small")
    parser.add_argument("--samples", type=int, default=20)
    options = parser.parse_args()

    def drawn(text: str, constraints: tuple[Constraint, ...] = ()) -> Sequence[Motion]:
        request = GenerationRequest(
            script=TextScript.from_prompt(text),
            seconds=SECONDS,
            samples=options.samples,
            model=options.model,
            constraints=constraints,
        )
        return generate(request).motions

    print("| asked | by | held | 95 % interval | median |\n|---|---|---|---|---|")
    for question, (target, movement) in zip(QUESTIONS, prompts_of(options.report), strict=True):
        for how, motions in (
            ("target in words", drawn(target)),
            ("movement in words", drawn(movement)),
            ("constraints", drawn(PLAIN, question.constraints())),
            ("neither", drawn(PLAIN)),
        ):
            print(line(question, how, motions), flush=True)


if __name__ == "__main__":
    main()
