"""A sentence becomes an animation file.

    python examples/01_text_to_motion.py
    python examples/01_text_to_motion.py --text "a person kicks with the right leg" --seed 3

The same from the command line: marey generate "a person walks forward" -o walk.bvh
A request says everything that decides the result; the same request gives the same motion. What it
leaves open (length, network steps, how strictly to follow the text) the model decides.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from marey.generate import GenerationRequest, generate
from marey.io import save_motion
from marey.text import TextScript


def main(argv: Sequence[str] | None = None) -> None:
    """Generate one motion and write it in three formats."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", default="a person walks forward and waves")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--steps", type=int, help="fewer are faster and worse")
    parser.add_argument("--model", default="small", help="a bundled model or a checkpoint folder")
    parser.add_argument("--out", type=Path, default=Path("out/text_to_motion"))
    chosen = parser.parse_args(argv)

    request = GenerationRequest(
        script=TextScript.from_prompt(chosen.text),
        seconds=chosen.seconds,
        seed=chosen.seed,
        steps=chosen.steps,
        model=chosen.model,
    )
    result = generate(request, progress=lambda done, total: print(f"step {done} of {total}"))
    for suffix in ("bvh", "glb", "npz"):
        save_motion(result.motions[0], chosen.out / f"motion.{suffix}", force=True)
        print(chosen.out / f"motion.{suffix}")

    # The request is plain data: whoever has it, can make the same motion again.
    (chosen.out / "request.json").write_text(json.dumps(request.to_json(), indent=2) + "\n")
    report = result.reports[0]
    print(f"{report.forward_metres:+.2f} m forward, {report.turn_degrees:+.0f}° to the left")


if __name__ == "__main__":
    main()
