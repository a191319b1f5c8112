"""Several sentences one after the other in one motion, and one of them drawn anew.

    python examples/07_sequence.py
    python examples/07_sequence.py --say "4 a person walks forward" --say "3 a person jumps"

Each sentence sees the end of the motion before it, so that nothing jumps where they meet. Drawing
one anew leaves the others as they are, but for a quarter of a second on either side.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from marey.generate import GenerationRequest, generate
from marey.io import save_motion
from marey.text import Statement, TextScript

SAID = ["3 a person walks forward", "2.5 a person turns left", "3 a person sits down"]


def main(argv: Sequence[str] | None = None) -> None:
    """Generate the sequence, then its second sentence again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--say", action="append", help="seconds and a sentence; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path, default=Path("out/sequence"))
    chosen = parser.parse_args(argv)

    statements, reached = [], 0.0
    for words in chosen.say or SAID:
        seconds, _, sentence = words.partition(" ")
        statements.append(Statement(sentence, start=reached, end=reached + float(seconds)))
        reached += float(seconds)
    request = GenerationRequest(
        script=TextScript(tuple(statements)),
        seed=chosen.seed,
        steps=chosen.steps,
        model=chosen.model,
    )
    whole = generate(request).motions[0]
    base = chosen.out / "sequence.npz"
    save_motion(whole, base, force=True)
    again = replace(request, base=str(base), regenerate=1, seed=chosen.seed + 1)
    other = generate(again).motions[0]
    save_motion(other, chosen.out / "second_anew.bvh", force=True)
    moved = (whole.joint_positions - other.joint_positions).norm(dim=-1).amax(-1)
    same = int((moved == 0).sum())
    print(f"{reached:g} s from {len(statements)} sentences: {whole.num_frames} frames")
    print(f"with the second drawn anew, {same} frames are the same to the last bit")
    save_motion(whole, chosen.out / "sheet.png", force=True)
    print(chosen.out / "sheet.png")


if __name__ == "__main__":
    main()
