"""Kimodo's bundled files through marey, and SOMA through body22 and back.

    .venv/bin/python benchmarks/kimodo_files.py --data ../shared/data

Files: every bundled motion is read, written and read again. The first two columns compare the two
motions, the others the arrays of the file that was written with those of the file that was given
(the library keeps bones to a micrometre; the given files hold float32 of exact ones). Retargeting:
every joint is compared after the way there and back. Joints that the body in the middle does not
have, such as eyes, jaw and one of SOMA's two necks, come back at rest. The CMU clips are the first
frames of the first clip of every subject in the test split. Prints Markdown.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from marey import rotations
from marey.io.cmu_pack import CmuPack
from marey.io.kimodo import read_kimodo, write_kimodo
from marey.io.kimodo_meta import read_kimodo_meta
from marey.motion import Motion, RetargetReport, concatenate, retarget
from marey.skeleton import BODY22, SOMA30, Skeleton

MAX_CMU_FRAMES = 240


def file_rows(folder: Path) -> Iterator[str]:
    """Yield a row for every bundled file."""
    yield "| file | skeleton | frames | joints, motion | rotations, motion | posed_joints, m | " + (
        "global_rot_mats | foot_contacts | meta.json |"
    )
    yield "|---" * 9 + "|"
    for file in sorted(folder.glob("*/*/motion.npz")):
        motion = read_kimodo(file)
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "motion.npz"
            write_kimodo(motion, target, with_fingers=False)
            again = read_kimodo(target)
            with np.load(file) as given, np.load(target) as written:
                apart = {
                    name: np.abs(given[name].astype(np.float64) - written[name]).max()
                    for name in given.files
                }
        joints = (again.joint_positions - motion.joint_positions).abs().max()
        turns = (again.local_rotations - motion.local_rotations).abs().max()
        meta = json.loads((file.parent / "meta.json").read_text())
        same = read_kimodo_meta(file.parent / "meta.json").to_json() == meta
        yield (
            f"| {file.parent.parent.name}/{file.parent.name} | {motion.skeleton.name} | "
            f"{motion.num_frames} | {float(joints):.1g} | {float(turns):.1g} | "
            f"{apart['posed_joints']:.1e} | {apart['global_rot_mats']:.1e} | "
            f"{int(apart['foot_contacts'])} | {'equal' if same else 'differs'} |"
        )


def retarget_rows(title: str, motions: dict[str, Motion], through: Skeleton) -> Iterator[str]:
    """Yield a row of errors for every motion, and one for all together."""
    yield f"| {title} | frames | joints, mean | max | rotations with a counterpart, max | " + (
        "all rotations, mean | max | worst joints |"
    )
    yield "|---" * 8 + "|"
    skeleton = next(iter(motions.values())).skeleton
    rows = []
    for name, motion in motions.items():
        there = retarget(motion, through)
        back = retarget(there.motion, skeleton)
        places = (back.motion.joint_positions - motion.joint_positions).norm(dim=-1)
        turned = back.motion.global_rotations, motion.global_rotations
        rows.append((places, rotations.geodesic_distance(*turned).rad2deg()))
        shared = carried(there.report, back.report, skeleton)
        yield f"| {name} | {cells(*rows[-1], shared, skeleton)}"
    if len(rows) > 1:
        together = [torch.cat(parts) for parts in zip(*rows, strict=True)]
        yield f"| all | {cells(together[0], together[1], shared, skeleton)}"


def carried(there: RetargetReport, back: RetargetReport, skeleton: Skeleton) -> list[int]:
    """Return the joints that come back from the very joint that they went to."""
    pairs = back.joint_map.items()
    return skeleton.indices(tuple(j for j, middle in pairs if there.joint_map.get(middle) == j))


def cells(places: Tensor, turned: Tensor, shared: list[int], skeleton: Skeleton) -> str:
    """Return the figures of a row: millimetres and degrees."""
    names, millimetres = skeleton.joint_names, 1000 * places
    far, bent = int(places.mean(0).argmax()), int(turned.mean(0).argmax())
    return (
        f"{len(places)} | {float(millimetres.mean()):.3f} mm | {float(millimetres.max()):.3f} mm | "
        f"{float(turned[:, shared].max()):.3f}° | {float(turned.mean()):.2f}° | "
        f"{float(turned.max()):.2f}° | {names[far]} {float(millimetres.mean(0)[far]):.1f} mm, "
        f"{names[bent]} {float(turned.mean(0)[bent]):.0f}° |"
    )


def cmu_motion(folder: Path) -> Motion:
    """Return the beginnings of the first test clip of every subject, one after the other."""
    pack = CmuPack.open(folder)
    found: dict[str, Motion] = {}
    for clip in pack.clips:
        if clip.split == "test" and clip.subject not in found:
            motion = pack.motion(clip.name)
            motion = replace(motion, fps=30.0)  # rates differ, and no frame depends on them here
            found[clip.subject] = motion.crop(0, min(motion.num_frames, MAX_CMU_FRAMES))
    return concatenate(list(found.values()))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    print(*file_rows(folder / "kimodo_examples"), sep="\n")
    soma = {
        file.parent.name: read_kimodo(file)
        for file in sorted((folder / "kimodo_examples/kimodo-soma-rp").glob("*/motion.npz"))
    }
    print("", *retarget_rows("soma30 → body22 → soma30", soma, BODY22), sep="\n")
    cmu = {"CMU": cmu_motion(folder / "cmu")}
    print("", *retarget_rows("body22 → soma30 → body22", cmu, SOMA30), sep="\n")


if __name__ == "__main__":
    main()
