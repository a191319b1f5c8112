"""Several sentences, several samples of each, in one batch, on one picture.

    python examples/02_many_samples.py
    python examples/02_many_samples.py --samples 4 --text "a person jumps" --text "a person sits"

Requests that are generated together share the calls of the network, which is faster than one
after the other; no motion depends on which others are made with it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from marey.generate import GenerationRequest, generate_many
from marey.io import save_motion
from marey.io.render import contact_sheets
from marey.text import TextScript

TEXTS = ["a person walks forward", "a person turns left", "a person raises the right hand"]


def main(argv: Sequence[str] | None = None) -> None:
    """Generate all at once, write every motion and a picture with a row for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", action="append", help="may be repeated")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path, default=Path("out/many_samples"))
    chosen = parser.parse_args(argv)

    requests = [
        GenerationRequest(
            script=TextScript.from_prompt(text),
            seconds=chosen.seconds,
            samples=chosen.samples,
            seed=chosen.seed,
            steps=chosen.steps,
            model=chosen.model,
        )
        for text in chosen.text or TEXTS
    ]
    results = generate_many(requests)
    rows = []
    for number, result in enumerate(results):
        for motion, report in zip(result.motions, result.reports, strict=True):
            save_motion(motion, chosen.out / f"{number}_{report.sample}.bvh", force=True)
            text = result.request.script.prompt
            rows.append((f"{text}, sample {report.sample}: {report.path_metres:.1f} m", motion))
    contact_sheets(rows, count=6).save(chosen.out / "all.png")
    print(f"{chosen.out}: {len(rows)} motions, {results[0].timings['sampling']:.2f} s of sampling")
    print(chosen.out / "all.png")


if __name__ == "__main__":
    main()
