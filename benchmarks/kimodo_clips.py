"""Post-processing on Kimodo's bundled G1 and SOMA clips, beside its own figures.

    python benchmarks/kimodo_clips.py --data ../shared/data/kimodo_examples

Each stored motion is refined on its own skeleton with the constraints of its own file. G1 clips are
as the original's network made them, SOMA clips as its post-processing left them. Clips of waypoints
are refined twice more: with the pelvis itself pinned to the points, and with a path in every frame.
As the clips with dense paths are not at hand, that path is the clip's own, moved by as much as the
original's network missed its paths, in a direction that turns once round every four seconds.

Skate is the mean speed of heels and of toes, over all three axes, in the frames in which the
*stored* labels say that they touch, in both columns: what is no longer called a contact counts,
too. Low toes are those below 5 cm, whatever labels say. Hands, feet and whole bodies are the
joints that the file pins; pelvis is the distance of the root joint from the root path asked for,
path that of the smoothed root path, which is what ``RootWaypoint`` pins. Jerk is the mean over
joints and frames. Again is the furthest that a second run moves a joint.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from marey.constraints import Constraint, Goal, JointTarget, RootWaypoint, Times, goals_on
from marey.constraints.kimodo import PARTS, joint_indices, kimodo_constraints_from_json
from marey.metrics import (
    Summary,
    foot_skate_from_contacts,
    foot_skate_from_height,
    goal_errors,
    ground_penetration,
    jerk,
)
from marey.motion import Motion, smooth_path
from marey.postprocess import refine
from marey.skeleton import G1_34, SOMA30, Skeleton, local_rotations

BODIES = {"kimodo-g1-rp": ("G1", G1_34), "kimodo-soma-rp": ("SOMA", SOMA30)}
FPS = 30.0
GROUND = [0, 2]
PELVIS, DENSE = "06, pelvis at the points", "06, path in every frame"
ASIDE, TURN_SECONDS = 0.052, 4.0
"""How far beside its own path a clip is sent, metres, and how fast the direction turns."""
HEELS, TOES = [True, False, True, False], [False, True, False, True]


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A stored clip and what its file pins."""

    body: str
    name: str
    """Of its folder, or what is asked of it instead."""
    motion: Motion
    constraints: tuple[Constraint, ...]


def examples(folder: Path) -> list[Example]:
    """Load all clips, those with waypoints with other constraints, too."""
    found = []
    for place, (body, skeleton) in BODIES.items():
        for clip in sorted((folder / place).iterdir()):
            motion = stored(clip / "motion.npz", skeleton)
            pins = constraints_of(clip / "constraints.json", skeleton)
            found.append(Example(body=body, name=clip.name, motion=motion, constraints=pins))
            points = [pin for pin in pins if isinstance(pin, RootWaypoint)]
            for name, pinned in ((PELVIS, pelvis_at), (DENSE, path_beside)) if points else ():
                others = tuple(pinned(motion, each) for each in points)
                found.append(replace(found[-1], name=name, constraints=others))
    return found


def stored(path: Path, skeleton: Skeleton) -> Motion:
    """Return a stored motion; its positions have to follow from its rotations."""
    with np.load(path) as arrays:
        places, turned, contacts = (
            torch.from_numpy(arrays[name])
            for name in ("posed_joints", "global_rot_mats", "foot_contacts")
        )
    motion = Motion(
        root_positions=places[:, 0],
        local_rotations=local_rotations(turned, skeleton),
        fps=FPS,
        skeleton=skeleton,
        contacts=contacts,
    )
    torch.testing.assert_close(motion.joint_positions, places, atol=1e-4, rtol=0)
    return motion


def constraints_of(path: Path, skeleton: Skeleton) -> tuple[Constraint, ...]:
    """Return what a clip's file pins; nothing without a file."""
    if not path.exists():
        return ()
    content = json.loads(path.read_text(encoding="utf-8"))
    return kimodo_constraints_from_json(content, fps=FPS, skeleton=skeleton).constraints


def pelvis_at(motion: Motion, waypoints: RootWaypoint) -> JointTarget:
    """Pin the pelvis itself to some waypoints, as high as it is."""
    frames = [round(FPS * second) for second in waypoints.times.seconds or ()]
    places = motion.root_positions[frames].clone()
    places[:, GROUND] = waypoints.points
    root = motion.skeleton.joint_names[0]
    return JointTarget(joint=root, times=waypoints.times, positions=places)


def path_beside(motion: Motion, _: RootWaypoint) -> RootWaypoint:
    """Pin the root path in every frame to beside where it is."""
    frames = torch.arange(motion.num_frames)
    angle = 2 * torch.pi * frames / FPS / TURN_SECONDS
    aside = ASIDE * torch.stack((angle.sin(), angle.cos()), dim=-1)
    path = smooth_path(motion.root_positions[:, GROUND])
    return RootWaypoint(times=Times(frames=tuple(frames.tolist())), points=path + aside)


# --- measures ------------------------------------------------------------------------------------


def measures(motion: Motion, labels: Tensor, goals: Sequence[Goal]) -> dict[str, Summary]:
    """Measure a motion, under the stored ``labels``; metres, radians, seconds."""
    places, skeleton, fps = motion.joint_positions, motion.skeleton, motion.fps
    found = {
        name: foot_skate_from_contacts(places, labels & torch.tensor(which), skeleton, fps)
        for name, which in (("heels", HEELS), ("toes", TOES))
    }
    found["low toes"] = foot_skate_from_height(places, skeleton, fps)
    found["floor"] = ground_penetration(places)
    found["jerk"] = jerk(places, fps)
    pools: dict[str, list[Tensor]] = {}
    for goal in goals:
        pools.setdefault(group_of(goal, goals, skeleton), []).append(goal_errors(motion, goal))
        if goal.kind == "root_path":
            pelvis = motion.root_positions[goal.frames][:, GROUND] - goal.target
            pools.setdefault("pelvis", []).append(pelvis.norm(dim=-1))
    return found | {name: Summary.of(torch.cat(parts)) for name, parts in pools.items()}


def group_of(goal: Goal, goals: Sequence[Goal], skeleton: Skeleton) -> str:
    """Name what a goal pins: path, height, heading, pelvis, or hands, feet, bodies and turns."""
    names = {"root_path": "path", "root_height": "height"}
    if not goal.kind.startswith("joint_"):
        return names.get(goal.kind, goal.kind)
    pinned = {each.joint for each in goals if each.kind == "joint_position"}
    if len(pinned) == skeleton.num_joints:
        group = "body"
    elif goal.joint == 0:
        group = "pelvis"
    else:
        limbs = {part: joint_indices(part, skeleton) for part in PARTS if part != "Hips"}
        (part,) = [part for part, joints in limbs.items() if goal.joint in joints]
        group = "hands" if part.endswith("Hand") else "feet"
    return group if goal.kind == "joint_position" else f"{group} turned"


UNITS = {
    "heels": ("skate of heels, cm/s", 100.0),
    "toes": ("skate of toes, cm/s", 100.0),
    "low toes": ("low toes, cm/s", 100.0),
    "path": ("path, cm", 100.0),
    "pelvis": ("pelvis, cm", 100.0),
    "hands": ("hands, cm", 100.0),
    "hands turned": ("hands, °", 180 / np.pi),
    "feet": ("feet, cm", 100.0),
    "feet turned": ("feet, °", 180 / np.pi),
    "body": ("body, cm", 100.0),
    "body turned": ("body, °", 180 / np.pi),
    "height": ("pelvis height, cm", 100.0),
    "heading": ("heading, °", 180 / np.pi),
    "floor": ("deepest in the floor, cm", 100.0),
    "jerk": ("jerk, m/s³", 1.0),
}
EXTREMES = ("floor",)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What refining did to a clip."""

    example: Example
    before: Mapping[str, Summary]
    after: Mapping[str, Summary]
    again: float
    """Furthest that a second run moves a joint, millimetres."""
    spent: float
    worked: float
    """Milliseconds of one run by the clock and of the processor, medians of several."""


def outcome(example: Example, repeats: int) -> Outcome:
    """Refine, measure, refine again."""
    motion, labels = example.motion, example.motion.contacts
    assert labels is not None
    goals = goals_on(example.constraints, motion)
    times, busy = [], []
    (after,) = refine([motion], [goals])
    for _ in range(repeats):
        started, before = time.perf_counter(), time.process_time()
        refine([motion], [goals])
        times.append(1000 * (time.perf_counter() - started))
        busy.append(1000 * (time.process_time() - before))
    (twice,) = refine([after], [goals])
    apart = (twice.joint_positions - after.joint_positions).norm(dim=-1)
    return Outcome(
        example=example,
        before=measures(motion, labels, goals),
        after=measures(after, labels, goals),
        again=1000 * float(apart.max()),
        spent=median(times),
        worked=median(busy),
    )


# --- tables --------------------------------------------------------------------------------------


def table(outcomes: Sequence[Outcome]) -> str:
    """Write a measure a line, a clip a column: mean before → after, the largest in brackets."""
    names = [f"{o.example.body} {o.example.name}" for o in outcomes]
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for key, (label, factor) in UNITS.items():
        cells = [cell(o, key, factor) for o in outcomes]
        if any(each != "–" for each in cells):
            lines.append(f"| {label} | {' | '.join(cells)} |")
    lines.append(f"| again, mm | {' | '.join(f'{o.again:.2f}' for o in outcomes)} |")
    lines.append(f"| ms | {' | '.join(f'{o.spent:.0f}' for o in outcomes)} |")
    lines.append(f"| processor ms | {' | '.join(f'{o.worked:.0f}' for o in outcomes)} |")
    return "\n".join(lines)


def cell(outcome: Outcome, key: str, factor: float) -> str:
    """Write a measure before and after."""
    pair = [measured.get(key) for measured in (outcome.before, outcome.after)]
    if any(each is None or not each.count for each in pair):
        return "–"
    return " → ".join(figure(each, key, factor) for each in pair if each is not None)


def figure(summary: Summary, key: str, factor: float) -> str:
    """Write a mean and the largest; of floors the deepest."""
    if key in EXTREMES:
        return f"{factor * summary.maximum:.2f}"
    largest = "" if key == "jerk" else f" ({factor * summary.maximum:.2f})"
    return f"{factor * summary.mean:.2f}{largest}"


HEADING = (
    "| | stored, published | stored, measured | original's post-processing, published "
    "| marey's, measured |\n|---|---|---|---|---|"
)
PUBLISHED = (
    # what, body or none for both, clips, measure, published as stored and after
    ("skate of heels, cm/s", "", "0", "heels", "G1, feet: 1.7–8.2", "0.5–3"),
    ("skate of toes, cm/s", "", "0", "toes", "G1, feet: 1.7–8.2", "4–11"),
    ("hands of the G1, cm", "G1", "04", "hands", "hands and feet: 1.2–4.4", "2.4–2.7"),
    ("feet of the G1, cm", "G1", "04", "feet", "hands and feet: 1.2–4.4", "0.15–0.34"),
    ("whole body of the G1, cm", "G1", "03", "body", "6.7", "–"),
    ("hands of SOMA, cm", "SOMA", "04", "hands", "0 (post-processed)", "0"),
    ("feet of SOMA, cm", "SOMA", "04", "feet", "0 (post-processed)", "0"),
    ("whole body of SOMA, cm", "SOMA", "03", "body", "0 (post-processed)", "0"),
    ("pelvis from waypoints, G1, cm", "G1", "06_", "pelvis", "7.3, largest 13.5", "4.00"),
    ("pelvis from waypoints, SOMA, cm", "SOMA", "06_", "pelvis", "4.00 (post-processed)", "4.00"),
    ("root path from waypoints, cm", "", "06_", "path", "–", "–"),
    ("the same with the pelvis pinned, cm", "", PELVIS, "pelvis", "–", "–"),
    ("root path in every frame, G1, cm", "G1", DENSE, "path", "another clip: 5.2", "–"),
)


def comparison(outcomes: Sequence[Outcome]) -> str:
    """Write means over clips, from the least to the most, beside published ones."""
    lines = [HEADING]
    for label, body, clips, key, stored_before, stored_after in PUBLISHED:
        chosen = [
            each
            for each in outcomes
            if body in each.example.body and each.example.name.startswith(clips)
        ]
        factor = UNITS[key][1]
        sides = [[each.before for each in chosen], [each.after for each in chosen]]
        before, after = (span([factor * m[key].mean for m in side if key in m]) for side in sides)
        lines.append(f"| {label} | {stored_before} | {before} | {stored_after} | {after} |")
    again = span([each.again for each in outcomes])
    spent, worked = (
        f"{min(values):.0f}–{max(values):.0f}"
        for values in ([o.spent for o in outcomes], [o.worked for o in outcomes])
    )
    lines.append(f"| a second run moves by at most, mm | – | – | moves again | {again} |")
    lines.append(f"| time, ms a clip | – | – | 250–490 | {spent}, processor {worked} |")
    return "\n".join(lines)


def span(values: Sequence[float]) -> str:
    """Write the least and the most."""
    first, last = f"{min(values):.2f}", f"{max(values):.2f}"
    return first if first == last else f"{first}–{last}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the bundled clips")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    outcomes = [outcome(example, options.repeats) for example in examples(options.data)]
    for body, _ in BODIES.values():
        print(table([each for each in outcomes if each.example.body == body]), "\n")
    print(comparison(outcomes))


if __name__ == "__main__":
    main()
