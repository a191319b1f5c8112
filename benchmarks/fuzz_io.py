"""Damage valid motion files at random: each must give a clear error or a valid motion.

    .venv/bin/python benchmarks/fuzz_io.py --count 2000
    .venv/bin/python benchmarks/fuzz_io.py --count 2000 --format bvh

Prints a Markdown table of the outcomes, ``--count`` files per format, and ends with status 1 if
any file gave another exception, a value that is not finite, or took longer than ten seconds. The
test suite runs a small count of the same. A new format is a row of ``FORMATS``; the valid files
hold 6 frames, which some of the damage relies on.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from fuzz_mutations import NO_ZIP, NPY, TEXT, ZIP, Mutation, other_text
from fuzz_scenes import FBX, FOREARM, GLB, fbx_files, glb_files

from marey import rotations
from marey.errors import FileFormatError
from marey.io import load_motion, write_bvh, write_npz
from marey.io.amass import read_amass, write_amass
from marey.io.fbx_reader import read_fbx
from marey.io.glb_reader import read_glb
from marey.io.humanml3d import read_humanml3d, write_humanml3d
from marey.io.kimodo import read_kimodo, write_kimodo
from marey.io.mujoco_csv import read_mujoco_csv, write_mujoco_csv
from marey.motion import Motion, concatenate
from marey.skeleton import BODY22, G1_34, SOMA30, Skeleton

SLOW_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format: how its valid files are written, damaged and read."""

    name: str
    write: Callable[[Path], list[Path]]
    """Writes valid files into a folder and returns them."""
    mutations: tuple[Mutation, ...]
    read: Callable[[Path], Motion] = load_motion


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What reading one damaged file gave."""

    format: str
    index: int
    verdict: str
    """"motion", "error", or what went wrong."""
    seconds: float
    message: str = ""

    @property
    def is_good(self) -> bool:
        return self.verdict in ("motion", "error") and self.seconds < SLOW_SECONDS


def random_motion(skeleton: Skeleton = BODY22) -> Motion:
    """Return 6 frames of random poses, the content of the valid files."""
    generator = torch.Generator().manual_seed(0)
    vectors = 0.5 * torch.randn(6, skeleton.num_joints, 3, generator=generator)
    return Motion(
        root_positions=torch.randn(6, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=30.0,
        skeleton=skeleton,
        contacts=torch.zeros(6, 4, dtype=torch.bool),
        metadata={"text": "a person walks", "seed": 1},
    )


# --- formats -----------------------------------------------------------------------------------


def bvh_files(folder: Path) -> list[Path]:
    """Write a BVH as marey does, and one whose joints all have six channels."""
    plain, wide = folder / "valid.bvh", folder / "six_channels.bvh"
    write_bvh(random_motion(), plain)
    head, rows = plain.read_text().split("MOTION\n")
    frames, seconds, *values = rows.splitlines()
    head = head.replace("CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition ")
    widened = [_widened(row.split()) for row in values]
    wide.write_text("\n".join((f"{head}MOTION", frames, seconds, *widened, "")))
    return [plain, wide]


def _widened(words: list[str]) -> str:
    """Put a constant position before each joint's three angles, but for the root's."""
    angles = [words[i : i + 3] for i in range(3, len(words), 3)]
    return " ".join([*words[:3], *angles[0], *(w for a in angles[1:] for w in ["0.0"] * 3 + a)])


def huge_count(content: bytes, draw: random.Random) -> bytes:
    """Ask for absurdly many frames, or for more channels than there are."""
    count = str(10 ** draw.randrange(2, 30)).encode()
    return content.replace(b"Frames: 6", b"Frames: " + count).replace(b"CHANNELS 6", b"CHANNELS 9")


def npz_files(folder: Path) -> list[Path]:
    """Write one of marey's own files."""
    path = folder / "valid.npz"
    write_npz(random_motion(), path)
    return [path]


def csv_files(folder: Path) -> list[Path]:
    """Write a table of robot poses without a header, and one with."""
    plain, headed = folder / "valid.csv", folder / "header.csv"
    write_mujoco_csv(random_motion(G1_34), plain, impossible="twist")
    write_mujoco_csv(random_motion(G1_34), headed, impossible="twist", header=True)
    return [plain, headed]


def kimodo_files(folder: Path) -> list[Path]:
    """Write all seven arrays of SOMA's 30 joints, and those that the demo's files hold."""
    whole, demo = folder / "valid.npz", folder / "demo.npz"
    write_kimodo(random_motion(SOMA30), whole, with_fingers=False)
    with np.load(whole) as arrays:
        names = ("posed_joints", "global_rot_mats", "foot_contacts")
        np.savez_compressed(demo, **{name: arrays[name] for name in names})
    return [whole, demo]


def npy_files(folder: Path) -> list[Path]:
    """Write HumanML3D's joint positions and features."""
    motion = replace(random_motion(), fps=20.0)
    longer = concatenate([motion, motion.crop(0, 1)])  # one frame gets lost
    joints, features = folder / "joints.npy", folder / "features.npy"
    write_humanml3d(longer, joints, content="joints")
    write_humanml3d(longer, features)
    return [joints, features]


def amass_files(folder: Path) -> list[Path]:
    """Write SMPL-X's layout with rest joints, and SMPL+H's without."""
    whole, plain = folder / "valid.npz", folder / "smplh.npz"
    write_amass(random_motion(), whole)
    with np.load(whole) as arrays:
        kept = {name: arrays[name] for name in ("trans", "betas", "gender", "mocap_frame_rate")}
        np.savez_compressed(plain, poses=arrays["poses"][:, :156], **kept)
    return [whole, plain]


FORMATS = {
    row.name: row
    for row in (
        Format(name="amass", write=amass_files, mutations=ZIP, read=read_amass),
        Format(name="bvh", write=bvh_files, mutations=(*TEXT, huge_count)),
        Format(name="csv", write=csv_files, mutations=TEXT, read=read_mujoco_csv),
        Format(
            name="fbx",
            write=lambda folder: fbx_files(folder, random_motion(FOREARM)),
            mutations=FBX,
            read=read_fbx,
        ),
        Format(
            name="glb",
            write=lambda folder: glb_files(folder, random_motion()),
            mutations=GLB,
            read=read_glb,
        ),
        Format(name="humanml3d", write=npy_files, mutations=NPY, read=read_humanml3d),
        Format(name="kimodo", write=kimodo_files, mutations=ZIP, read=read_kimodo),
        Format(name="npz", write=npz_files, mutations=(*ZIP, other_text)),
    )
}


# --- run ---------------------------------------------------------------------------------------


def fuzz(row: Format, folder: Path, *, count: int, seed: int = 0) -> list[Outcome]:
    """Damage and read ``count`` files; each draws from its own (seed, index)."""
    sources = [(path, path.read_bytes()) for path in row.write(folder)]
    outcomes = []
    for index in range(count):
        draw = random.Random(f"{seed}:{index}")
        path, content = sources[index % len(sources)]
        for _ in range(draw.choice((1, 1, 1, 2))):
            try:
                content = draw.choice(row.mutations)(content or b"\n", draw)
            except NO_ZIP:
                break  # a first mutation left no zip for the second to open
        damaged = folder / f"damaged{path.suffix}"
        damaged.write_bytes(content)
        outcomes.append(read_damaged(row, damaged, index))
    return outcomes


def read_damaged(row: Format, path: Path, index: int) -> Outcome:
    """Read one file and judge what happened."""
    start = time.perf_counter()
    message = ""
    try:
        motion = row.read(path)
        finite = motion.joint_positions.isfinite().all() and motion.root_positions.isfinite().all()
        verdict = "motion" if finite else "not finite"
    except FileFormatError as error:
        message = str(error)
        verdict = "error" if "expected" in message and "got" in message else "unclear error"
    except Exception as error:  # noqa: BLE001 (any other exception is what this program looks for)
        verdict, message = "another exception", repr(error)
    seconds = time.perf_counter() - start
    return Outcome(format=row.name, index=index, verdict=verdict, seconds=seconds, message=message)


def main() -> int:
    """Run and print; the status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=("all", *FORMATS), default="all")
    arguments = parser.parse_args()
    names = list(FORMATS) if arguments.format == "all" else [arguments.format]
    outcomes: list[Outcome] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            row, count = FORMATS[name], arguments.count
            outcomes += fuzz(row, Path(folder), count=count, seed=arguments.seed)
    print("| format | outcome | count | slowest |")
    print("|---|---|---|---|")
    for (name, verdict), number in Counter((o.format, o.verdict) for o in outcomes).items():
        slowest = max(o.seconds for o in outcomes if (o.format, o.verdict) == (name, verdict))
        print(f"| {name} | {verdict} | {number} | {slowest * 1000:.0f} ms |")
    bad = [outcome for outcome in outcomes if not outcome.is_good]
    for outcome in bad:
        print(outcome)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
