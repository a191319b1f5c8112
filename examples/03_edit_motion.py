"""Work on a motion: cut, turn, mirror, resample, join, put it on another body, convert.

    python examples/03_edit_motion.py
    python examples/03_edit_motion.py --file MY_CLIP.bvh --rig MY_RIG.bvh

Every operation returns a new motion and leaves the old one as it was. Without a file a motion is
generated; without a rig one is made: the same body, a fifth larger.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from marey.generate import GenerationRequest, generate
from marey.io import load_motion, read_bvh, save_motion
from marey.motion import Motion, concatenate
from marey.motion.retarget import retarget
from marey.skeleton import BODY22
from marey.text import TextScript


def generated(model: str, steps: int | None) -> Motion:
    """Return two seconds of a walk."""
    script = TextScript.from_prompt("a person walks forward")
    request = GenerationRequest(script=script, seconds=2.0, seed=1, model=model, steps=steps)
    return generate(request).motions[0]


def main(argv: Sequence[str] | None = None) -> None:
    """Edit one motion in several ways and write each result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--file", type=Path, help="a .bvh or .npz file")
    parser.add_argument("--rig", type=Path, help="a .bvh file with the skeleton to use")
    parser.add_argument("--model", default="small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, default=Path("out/edit"))
    chosen = parser.parse_args(argv)
    motion = load_motion(chosen.file) if chosen.file else generated(chosen.model, chosen.steps)

    half = motion.crop(0, max(1, motion.num_frames // 2)).canonicalise()  # from the origin, ahead
    there = half.root_positions[-1] * torch.tensor([1.0, 0.0, 1.0])
    large = replace(BODY22, name="large", rest_offsets=1.2 * BODY22.rest_offsets)
    rig = read_bvh(chosen.rig).skeleton if chosen.rig else large
    on_rig = retarget(motion, rig)
    results = {
        "half.bvh": half,
        "mirrored.bvh": motion.mirror(),
        "turned.bvh": motion.rotate(math.pi / 2),  # to the left
        "smooth_60_fps.npz": motion.resample(60.0),
        "twice.glb": concatenate([half, half.translate(there)]),  # starts where the first ended
        "on_rig.bvh": on_rig.motion,
    }
    for name, result in results.items():
        save_motion(result, chosen.out / name, force=True)
        print(f"{chosen.out / name}: {result.num_frames} frames at {result.fps:g} fps")
    report = on_rig.report
    print(f"{rig.name}: scaled by {report.scale:.2f}; at rest stay {report.unmapped or 'none'}")


if __name__ == "__main__":
    main()
