"""Does the motion do what the sentence says? Measure facts on the joints, without any model.

    python examples/05_predicates.py
    python examples/05_predicates.py --samples 10 --steps 20

marey.predicates knows fifteen facts, from "walks forward" to "kicks with the left leg"; each has
thresholds in metres and seconds, written in its docstring, and says where in the motion it holds.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from marey.generate import GenerationRequest, generate_many
from marey.io.render import contact_sheets
from marey.metrics import wilson_interval
from marey.predicates import find, find_all
from marey.text import TextScript

SAID = {
    "a person walks forward": "walks_forward",
    "a person turns left": "turns_left",
    "a person raises the right hand above the head": "raises_right_hand",
    "a person stands still": "stands_still",
}
"""Sentences, and the fact that each of them asks for."""


def main(argv: Sequence[str] | None = None) -> None:
    """Generate samples of each sentence and count in how many its fact holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path, default=Path("out/predicates"))
    chosen = parser.parse_args(argv)

    requests = [
        GenerationRequest(
            script=TextScript.from_prompt(text),
            seconds=chosen.seconds,
            samples=chosen.samples,
            steps=chosen.steps,
            model=chosen.model,
        )
        for text in SAID
    ]
    rows = []
    for (text, fact), result in zip(SAID.items(), generate_many(requests), strict=True):
        findings = [find(fact, motion) for motion in result.motions]
        held = sum(finding.holds for finding in findings)
        low, high = wilson_interval(held, len(findings))
        print(f"{text}: {held} of {len(findings)} do (95 % interval {low:.0%} to {high:.0%})")
        first = findings[0]
        print(
            f"  the first: {first.value:.2f} {first.unit}, at least {first.threshold:g} asked for"
        )
        others = [n for n, f in find_all(result.motions[0]).items() if f.holds and n != fact]
        print(f"  what else is true of it: {', '.join(others) or 'nothing'}")
        rows.append((f"{text}: {'yes' if first.holds else 'no'}", result.motions[0]))
    chosen.out.mkdir(parents=True, exist_ok=True)
    contact_sheets(rows, count=6).save(chosen.out / "findings.png")
    print(chosen.out / "findings.png")


if __name__ == "__main__":
    main()
