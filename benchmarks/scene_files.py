"""Joint errors of FBX and GLB files in other programs, and in marey's own readers.

    .venv/bin/python benchmarks/scene_files.py --data ../shared/data --blender PYTHON_WITH_BPY

Writes captured walks (CMU, 43 joints), and Kimodo's examples for SOMA (77) and the G1 (34), opens
them in three.js (headless Chromium, ``npm ci --prefix tests/io/glb_check``), in Blender (a Python
that has ``bpy``) and in marey, and prints the largest distance of a joint from where it belongs,
over all frames, with the sizes of the files and the seconds to write and read them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from marey.io.bvh import read_bvh
from marey.io.fbx import bone_names, write_fbx
from marey.io.fbx_reader import read_fbx
from marey.io.glb import write_glb
from marey.io.glb_reader import read_glb
from marey.io.kimodo import read_kimodo
from marey.motion import Motion

CHECK = Path(__file__).parents[1] / "tests/io/glb_check"
CLIPS = 3
MAX_FRAMES = 600


def clips(data: Path) -> dict[str, list[Motion]]:
    """Motions by body, at most CLIPS of each and MAX_FRAMES long."""
    examples = data / "kimodo_examples"
    found = {
        "CMU": [read_bvh(path) for path in sorted(data.glob("bvh_cmu/*.bvh"))],
        "SOMA": [read_kimodo(path) for path in sorted(examples.glob("*soma*/**/*.npz"))],
        "G1": [read_kimodo(path) for path in sorted(examples.glob("*g1*/**/*.npz"))],
    }
    return {
        body: [motion.crop(0, min(motion.num_frames, MAX_FRAMES)) for motion in motions[:CLIPS]]
        for body, motions in found.items()
    }


def seen_error(seen: dict[str, Any], motion: Motion, names: list[str]) -> float:
    """Largest distance in millimetres of a program's bones from the joints."""
    places = dict(zip(seen["names"], range(len(seen["names"])), strict=True))
    order = [places[name if name in places else name.replace(":", "")] for name in names]
    shown = torch.tensor(seen["positions"])[:, order]
    return 1000 * float((shown - motion.joint_positions).norm(dim=-1).max())


def run(command: list[str]) -> Any:
    """Run a program that prints JSON in its last line."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def errors(path: Path, motion: Motion, blender: str) -> dict[str, float]:
    """Errors by program, in millimetres, and seconds that marey's reader takes."""
    fbx = path.suffix == ".fbx"
    names = bone_names(motion.skeleton)[: motion.skeleton.num_joints]
    names = names if fbx else list(motion.skeleton.joint_names)
    start = time.perf_counter()
    read = (read_fbx if fbx else read_glb)(path)
    found = {"read s": time.perf_counter() - start}
    gap = read.joint_positions - motion.joint_positions
    found["marey"] = 1000 * float(gap.norm(dim=-1).max())
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program:
        times = ",".join(str(frame / motion.fps) for frame in range(motion.num_frames))
        seen = run(["node", str(CHECK / "three.mjs"), program, str(path), times])
        found["three.js"] = seen_error(seen, motion, names)
    if blender:
        script = [blender, str(CHECK / "blender.py"), str(path)]
        seen = run([*script, str(motion.num_frames), str(motion.fps)])
        found[f"Blender {seen['version']}"] = seen_error(seen, motion, names)
    return found


def main() -> int:
    """Measure and print; the status is 1 if an error reaches a tenth of a millimetre."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--blender", default="")
    arguments = parser.parse_args()
    worst = 0.0
    for body, motions in clips(arguments.data).items():
        for suffix, write in ((".fbx", write_fbx), (".glb", write_glb)):
            rows, sizes, seconds = [], [], []
            for motion in motions:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / f"motion{suffix}"
                    start = time.perf_counter()
                    write(motion, path)
                    seconds.append(time.perf_counter() - start)
                    sizes.append(path.stat().st_size / motion.num_frames)
                    rows.append(errors(path, motion, arguments.blender))
            largest = {name: max(row[name] for row in rows) for name in rows[0]}
            worst = max(worst, *(v for name, v in largest.items() if name != "read s"))
            frames = sum(motion.num_frames for motion in motions)
            print(f"{body} {suffix}: {len(motions)} clips, {frames} frames", end="; ")
            print(
                f"{sum(sizes) / len(sizes) / 1000:.2f} kB/frame, write {max(seconds):.2f} s", end=""
            )
            print("".join(f", {name} {value:.5f}" for name, value in largest.items()), flush=True)
    return int(worst >= 0.1)


if __name__ == "__main__":
    sys.exit(main())
