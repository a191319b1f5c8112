"""Text and constraints together: a walk along waypoints, with a hand where it is wanted.

    python examples/06_constraints.py
    python examples/06_constraints.py --text "a person runs forward" --samples 4

Targets are in the world: metres, +Y up, +Z ahead of a body of heading 0, +X to its left. Every
request reports, for each pin, how far the model was off and how far the delivered motion is.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from marey.constraints import FootContact, Interval, JointTarget, RootWaypoint, Times
from marey.generate import GenerationRequest, generate
from marey.io import save_motion
from marey.text import TextScript


def main(argv: Sequence[str] | None = None) -> None:
    """Pin, generate, keep the best sample, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", default="a person walks forward")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path, default=Path("out/constraints"))
    chosen = parser.parse_args(argv)

    constraints = (
        RootWaypoint(
            times=Times(seconds=(2.0, 4.0)),
            points=torch.tensor([[0.3, 1.5], [1.0, 2.5]]),
            label="way",
        ),
        JointTarget(
            joint="right_wrist",
            times=Times(seconds=(3.9,)),
            positions=torch.tensor([[0.9, 1.3, 2.9]]),
            label="button",
        ),
        FootContact(foot="left_foot", interval=Interval(start=3.5, unit="seconds"), label="stand"),
    )
    request = GenerationRequest(
        script=TextScript.from_prompt(chosen.text),
        seconds=4.0,
        samples=chosen.samples,
        best=True,
        seed=chosen.seed,
        steps=chosen.steps,
        model=chosen.model,
        constraints=constraints,
    )
    result = generate(request)
    (motion,) = result.motions
    for report in result.constraints[0]:
        worst = report.worst
        if worst is not None:
            print(
                f"{report.name}: {'met' if report.met else report.why}; worst pin in frame "
                f"{worst.frame}: {worst.error_before:.1f} {worst.unit} off before "
                f"post-processing, {worst.error_after:.2f} after"
            )
    for name in ("motion.bvh", "sheet.png"):
        save_motion(motion, chosen.out / name, force=True)
        print(chosen.out / name)


if __name__ == "__main__":
    main()
