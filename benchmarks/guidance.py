"""Choose sampling defaults: text weight and steps against text following, skate and jerk.

    python benchmarks/guidance.py --weights 1.5 2.5 4 6 --steps 20 --seeds 6

Uses training wordings of the plain actions, never those of the phrase table, so that the table
stays a test. Prints a Markdown table.
"""

import argparse
import time

from marey.data.measured_wordings import wordings
from marey.generate import GenerationRequest, generate_many
from marey.predicates import find
from marey.sampling import Guidance
from marey.text import TextScript

FACT_OF = {
    "walk_forward": "walks_forward",
    "walk_backward": "walks_backward",
    "sidestep_left": "sidesteps_left",
    "sidestep_right": "sidesteps_right",
    "turn_left": "turns_left",
    "turn_right": "turns_right",
    "run": "runs",
    "jump": "jumps",
    "sit_down": "sits_down",
    "squat": "squats",
    "raise_left_hand": "raises_left_hand",
    "raise_right_hand": "raises_right_hand",
    "kick_left": "kicks_left",
    "kick_right": "kicks_right",
    "stand_still": "stands_still",
}
"""The fact that each plain action of the measured captions makes true."""


def score(model: str, weight: float, steps: int, seeds: int, seconds: float) -> str:
    """Generate every action with every seed and return a row of the table."""
    started = time.perf_counter()
    requests = [
        GenerationRequest(
            script=TextScript.from_prompt(
                wordings(action, seed)[seed % len(wordings(action, seed))]
            ),
            seconds=seconds,
            seed=1000 + seed,
            model=model,
            steps=steps,
            guidance=Guidance(text=weight),
        )
        for action in FACT_OF
        for seed in range(seeds)
    ]
    results = generate_many(requests)
    facts = [fact for fact in FACT_OF.values() for _ in range(seeds)]
    held = [find(f, r.motions[0]).holds for f, r in zip(facts, results, strict=True)]
    reports = [r.reports[0] for r in results]
    skate = 100 * sum(r.skate_contacts for r in reports) / len(reports)
    jerk = sum(r.jerk for r in reports) / len(reports)
    missed = [
        f"{fact} {sum(held[k * seeds : (k + 1) * seeds])}/{seeds}"
        for k, fact in enumerate(FACT_OF.values())
        if sum(held[k * seeds : (k + 1) * seeds]) < 0.8 * seeds
    ]
    spent = time.perf_counter() - started
    return (
        f"| {weight:g} | {steps} | {sum(held) / len(held):.0%} | {skate:.1f} | {jerk:.0f} | "
        f"{spent:.0f} | {', '.join(missed)} |"
    )


def main() -> None:
    """Print a row for each weight and number of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="small")
    parser.add_argument("--weights", type=float, nargs="+", default=[1.5, 2.5, 4.0, 6.0])
    parser.add_argument("--steps", type=int, nargs="+", default=[20])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    print("| text weight | steps | facts held | skate cm/s | jerk m/s³ | seconds | below 80 % |")
    print("|---|---|---|---|---|---|---|")
    for steps in options.steps:
        for weight in options.weights:
            row = score(options.model, weight, steps, options.seeds, options.seconds)
            print(row, flush=True)


if __name__ == "__main__":
    main()
