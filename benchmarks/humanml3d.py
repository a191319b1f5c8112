"""Measure what HumanML3D's layout keeps of a motion: parity, rotations, the way there and back.

    .venv/bin/python benchmarks/humanml3d.py --data ../shared/data

Prints Markdown tables: the features beside those of the reference implementation on its fixture;
rotations estimated from joint positions beside the real ones, of body22 and of another build; clips
that went through files and back to body22 (all of them test clips of the CMU pack at 20 frames per
second); and how long the preparation of AMASS files takes.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from marey import rotations
from marey.data.prepare import prepare_amass
from marey.io.amass import read_amass, write_amass
from marey.io.cmu_pack import CmuPack
from marey.io.humanml3d import read_humanml3d, write_humanml3d
from marey.metrics.feet import foot_skate_from_contacts
from marey.motion import BODY22_LIMITS, Motion, foot_contacts, retarget
from marey.motion.chain_body import HUMANML3D_BODY
from marey.motion.chain_features import chain_features, recovered_positions, standardised
from marey.motion.posing import motion_of_positions, skeleton_of_positions
from marey.skeleton import BODY22

FPS = 20.0
CLIPS = ("walk", "jump", "dance", "turn")
BENT = {
    "left_hip": (0.06, -0.09, -0.01),
    "right_hip": (-0.06, -0.09, -0.01),
    "spine1": (0.0, 0.11, -0.03),
    "spine2": (0.0, 0.13, 0.0),
    "spine3": (0.0, 0.05, 0.03),
    "neck": (0.0, 0.21, -0.03),
    "left_collar": (0.08, 0.09, -0.02),
    "right_collar": (-0.08, 0.09, -0.02),
}
"""Rest offsets of a body that is built otherwise than body22, metres."""


def parity(fixture: Path) -> None:
    """Print the largest difference to the reference implementation by block."""
    body = HUMANML3D_BODY
    print("| clip | frames | positions | rotations | other features | recovered positions |")
    print("|---|---|---|---|---|---|")
    with np.load(fixture) as arrays:
        for clip in CLIPS:
            ours = chain_features(
                standardised(torch.from_numpy(arrays[f"{clip}_positions"]), body), body
            )
            error = (ours - torch.from_numpy(arrays[f"{clip}_features"])).abs()
            back = recovered_positions(ours, body)
            recovered = (back - torch.from_numpy(arrays[f"{clip}_recovered"])).abs().max()
            worst = {name: float(error[:, at].max()) for name, at in body.slices.items()}
            others = max(v for n, v in worst.items() if n not in ("joint_positions", "rotations"))
            above = int((error > 1e-5).sum())
            print(
                f"| {clip} | {len(ours)} | {worst['joint_positions']:.1e} | "
                f"{worst['rotations']:.1e} ({above} of {error.numel()} above 1e-5) | "
                f"{others:.1e} | {float(recovered):.1e} m |"
            )


def test_clips(pack: CmuPack) -> list[Motion]:
    """Return the pack's test clips at 20 frames per second."""
    chosen = [clip for clip in pack.clips if clip.split == "test" and clip.fps >= FPS]
    return [pack.motion(clip.name).resample(FPS) for clip in chosen]


def estimated_rotations(clips: list[Motion]) -> None:
    """Print how far estimated rotations are from the real ones, joint by joint."""
    errors, joints = [], 0.0
    for motion in clips:
        found = motion_of_positions(motion.joint_positions, fps=FPS, skeleton=BODY22)
        turned = rotations.geodesic_distance(found.global_rotations, motion.global_rotations)
        errors.append(turned.rad2deg())
        joints = max(
            joints, float((found.joint_positions - motion.joint_positions).norm(dim=-1).max())
        )
    together = torch.cat(errors)
    print(
        f"\n{len(clips)} clips, {len(together)} frames; largest joint error {joints * 1000:.4f} mm"
    )
    print("\n| joint | median | 95 % |\n|---|---|---|")
    for joint, name in enumerate(BODY22.joint_names):
        if name.startswith("right_"):
            continue
        own = together[:, [joint, BODY22.mirror[joint]]].flatten().numpy()
        name = name.removeprefix("left_")
        print(f"| {name} | {np.median(own):.1f}° | {np.quantile(own, 0.95):.1f}° |")


def another_build(clips: list[Motion]) -> None:
    """Print how much of the rest pose of another body is taken for movement, with and without it.

    The body is made up: its pelvis lies above its hips, and its spine is bent in rest pose.
    """
    offsets = BODY22.rest_offsets.clone()
    for name, offset in BENT.items():
        offsets[BODY22.index(name)] = torch.tensor(offset)
    build = replace(BODY22, name="bent", rest_offsets=offsets)
    rows: dict[str, list[list[float]]] = {"body22's": [], "its own": []}
    for motion in clips:
        source = retarget(motion, build).motion
        positions, expected = source.joint_positions, retarget(source, BODY22).motion
        for name, like in zip(rows, (BODY22, build), strict=True):
            skeleton = skeleton_of_positions(positions, like)
            found = motion_of_positions(positions, fps=FPS, skeleton=skeleton)
            turned = rotations.geodesic_distance(found.global_rotations, source.global_rotations)
            back = retarget(found, BODY22).motion.joint_positions
            apart = (back - expected.joint_positions).norm(dim=-1)
            trunk = BODY22.part_indices("torso")
            rows[name].append([float(apart.mean()), float(turned[:, trunk].rad2deg().mean())])
    print("\n| rest pose | joints on body22, mean | rotations of the trunk, mean |\n|---|---|---|")
    for name, own in rows.items():
        apart, turned = np.array(own).mean(0)
        print(f"| {name} | {apart * 100:.2f} cm | {turned:.1f}° |")


def there_and_back(clips: list[Motion], folder: Path) -> None:
    """Print what is lost from body22 to a file and back, for HumanML3D and AMASS."""
    rows: dict[str, list[list[float]]] = {"humanml3d": [], "amass": []}
    for number, motion in enumerate(clips):
        if motion.num_frames < 20:
            continue
        plain = motion.crop(0, motion.num_frames - 1).canonicalise()
        write_humanml3d(motion, folder / f"{number}.npy")
        write_amass(plain, folder / f"{number}.npz")
        rows["amass"].append(differences(plain, read_amass(folder / f"{number}.npz")))
        read = retarget(read_humanml3d(folder / f"{number}.npy"), BODY22).motion
        rows["humanml3d"].append(differences(plain, read))
    print(
        "\n| file | joint, mean | joint, 95 % | foot skate before | after |\n|---|---|---|---|---|"
    )
    for name, own in rows.items():
        mean, high, before, after = np.array(own).mean(0)
        print(
            f"| {name} | {mean * 100:.2f} cm | {high * 100:.2f} cm | {before * 100:.1f} cm/s | "
            f"{after * 100:.1f} cm/s |"
        )


def differences(source: Motion, result: Motion) -> list[float]:
    """Joint distances from the pelvis's place, hips facing alike, and foot skate of both."""
    one, other = source.joint_positions, result.joint_positions
    turn = rotations.yaw_matrix(source.heading - result.heading)
    ground = torch.tensor([1.0, 0.0, 1.0])
    moved = (other - other[:, :1] * ground) @ turn.transpose(-1, -2)
    apart = (moved - (one - one[:, :1] * ground)).norm(dim=-1)
    contacts = foot_contacts(one, BODY22, FPS, limits=BODY22_LIMITS)
    skate = [float(foot_skate_from_contacts(p, contacts, BODY22, FPS).mean) for p in (one, other)]
    return [float(apart.mean()), float(apart.quantile(0.95)), *np.nan_to_num(skate).tolist()]


def speed(clips: list[Motion], folder: Path) -> None:
    """Print how long the preparation takes for files at 120 frames per second."""
    chosen = [clip for clip in clips if clip.seconds >= 3][:40]
    for number, motion in enumerate(chosen):
        write_amass(motion.resample(120.0), folder / f"tree/CMU/{number % 7}/{number}_poses.npz")
    start = time.perf_counter()
    report = prepare_amass(folder / "tree", folder / "made")
    seconds = time.perf_counter() - start
    made = sum(report.clips.values())
    hours = sum(report.seconds.values()) / 3600
    print(
        f"\n{len(chosen)} files at 120 fps, {hours * 60:.1f} min: {made} clips and their mirror "
        f"images in {seconds:.1f} s, {seconds / made * 1000:.0f} ms a clip"
    )


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments = parser.parse_args()
    parity(arguments.data / "humanml3d_fixture" / "fixture.npz")
    clips = test_clips(CmuPack.open(arguments.data / "cmu"))
    estimated_rotations(clips)
    another_build(clips)
    with tempfile.TemporaryDirectory() as folder:
        there_and_back(clips, Path(folder))
        speed(clips, Path(folder))


if __name__ == "__main__":
    main()
