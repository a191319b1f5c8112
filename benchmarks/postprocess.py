"""What post-processing costs: a clip of 10 s with ten pins, alone and in a batch of sixteen.

    python benchmarks/postprocess.py

The clips are walks by the shipped model, pinned at ten places taken
from them and moved by 10 cm. Prints a Markdown table; least, median and most of several runs, and
the median of the processor time, which jobs beside it lengthen less.
"""

import argparse
import time
from statistics import median

import torch

from marey.constraints import Goal, JointTarget, RootWaypoint, Times, goals_on
from marey.generate import GenerationRequest, generate
from marey.motion import Motion
from marey.postprocess import refine
from marey.text import TextScript

JOINTS = ("left_wrist", "right_wrist", "head", "left_elbow", "right_knee")
MOVED = 0.1


def pinned(motion: Motion) -> tuple[Goal, ...]:
    """Ten goals: five joints and five waypoints, spread over the clip."""
    frames = torch.linspace(10, motion.num_frames - 10, 5).long().tolist()
    aside = torch.tensor([MOVED, 0.0, 0.0])
    places = motion.joint_positions
    path = motion.root_path
    joints = [
        JointTarget(
            joint=joint,
            times=Times(frames=(frame,)),
            positions=places[[frame], motion.skeleton.index(joint)] + aside,
        )
        for joint, frame in zip(JOINTS, frames, strict=True)
    ]
    way = RootWaypoint(times=Times(frames=tuple(frames)), points=path[frames] + MOVED)
    return goals_on((*joints, way), motion)


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--model", default="small")
    options = parser.parse_args()
    request = GenerationRequest(
        script=TextScript.from_prompt("a person walks forward"),
        seconds=10,
        samples=16,
        model=options.model,
        postprocess=False,
    )
    motions = list(generate(request).motions)
    print("| clips of 10 s | ms a clip | least to most | processor ms a clip |\n|---|---|---|---|")
    for count in (1, 16):
        goals = [pinned(motion) for motion in motions[:count]]
        spent, worked = [], []
        for _ in range(options.repeats):
            started, busy = time.perf_counter(), time.process_time()
            refine(motions[:count], goals)
            spent.append(1000 * (time.perf_counter() - started) / count)
            worked.append(1000 * (time.process_time() - busy) / count)
        extremes = f"{min(spent):.0f} to {max(spent):.0f}"
        print(f"| {count} | {median(spent):.0f} | {extremes} | {median(worked):.0f} |")


if __name__ == "__main__":
    main()
