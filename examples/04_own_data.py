"""Your own motions end to end: BVH files and a table, a store, training, a new motion as BVH.

    python examples/04_own_data.py
    python examples/04_own_data.py --library MY_FOLDER --texts MY_TABLE.csv --steps 5000

Each line of the table says what happens in a stretch of a file: file,start,end,text,split.
Without a library the example takes the CMU clips beside this repository, or two motions that it
writes itself. Training starts from the shipped weights; a few steps show that all parts fit
together, some thousand let the model learn your motions.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from marey.data.prepare import prepare_bvh
from marey.generate import GenerationRequest, generate
from marey.io import save_motion, write_bvh
from marey.models import BUNDLED, load_diffusion_model
from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22
from marey.text import MiniLMEncoder, TextScript
from marey.training import recipe, train

CMU = Path(__file__).resolve().parents[1] / "../shared/data/bvh_cmu"
CMU_TABLE = """file,start,end,text,split
02_01.bvh,0.1,,a person walks forward,train
02_03.bvh,0.1,,someone jogs straight ahead,train
07_01.bvh,0.1,,a person walks at an even pace,train
08_05.bvh,0.1,,a person walks with long steps,val
"""
OWN_TABLE = "file,text\nleft.bvh,a person lifts the left arm\nright.bvh,the right arm goes up\n"


def write_library(folder: Path) -> None:
    """Write two motions of two seconds: one arm rises, then the other."""
    time = torch.arange(60) / 30
    for side, sign in (("left", 1), ("right", -1)):
        local = torch.eye(3).repeat(60, BODY22.num_joints, 1, 1)
        local[:, BODY22.index(f"{side}_shoulder")] = axis_rotation("Z", sign * math.pi / 4 * time)
        root = torch.tensor([0.0, 0.9, 0.0]).repeat(60, 1)
        motion = Motion(root_positions=root, local_rotations=local, fps=30.0, skeleton=BODY22)
        write_bvh(motion, folder / f"{side}.bvh", force=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare, train, generate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--library", type=Path, default=CMU if CMU.is_dir() else None)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/own_data"))
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--prompt", default="a person walks forward")
    chosen = parser.parse_args(argv)
    library, table, out = chosen.library or chosen.out / "library", chosen.texts, chosen.out
    out.mkdir(parents=True, exist_ok=True)
    if table is None:
        table = out / "texts.csv"
        table.write_text(CMU_TABLE if library == CMU else OWN_TABLE, encoding="utf-8")
    if chosen.library is None:
        write_library(library)

    print(prepare_bvh(library, table, out / "store").table())
    start = load_diffusion_model(chosen.recipe) if chosen.recipe in BUNDLED else None
    config = replace(recipe(chosen.recipe), steps=chosen.steps, batch_size=4, learning_rate=1e-4)
    train(config, out / "store", out / "run", encoder=MiniLMEncoder(), start_from=start)
    script = TextScript.from_prompt(chosen.prompt)
    request = GenerationRequest(script=script, seconds=3.0, model=str(out / "run/checkpoint"))
    save_motion(generate(request).motions[0], out / "new.bvh", force=True)
    print(f"{out / 'new.bvh'}: {chosen.prompt!r} after {chosen.steps} steps on {library.name}")


if __name__ == "__main__":
    main()
