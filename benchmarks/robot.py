"""The Unitree G1: exactness of CSV files, motions it cannot make, people on the robot; Markdown.

    OMP_NUM_THREADS=1 python benchmarks/robot.py [--data ../shared/data] [--poses 2000] [--clips 40]

Needs the robot extra (MuJoCo) and, in --data, `g1/g1_kinematics.xml` (the maker's model without
meshes), `kimodo_examples/kimodo-g1-rp` and `cmu`. Poses, projections, limits, ground and speeds are
measured after writing a CSV file and reading it back, errors of fits before.
"Original" is the way of the exporter of Kimodo: rotation vectors along hinge axes that are turned
by the rest of the body once too often.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import mujoco
import numpy as np
import torch

from marey import rotations
from marey import skeleton as kinematics
from marey.io.cmu_pack import CmuPack
from marey.io.mujoco_csv import read_robot_csv, to_qpos, write_mujoco_csv
from marey.motion import Motion, RobotMotion, retarget
from marey.motion.robot_motion import twists
from marey.robots import (
    RobotRetargetReport,
    check_motion,
    project_motion,
    retarget_to_robot,
)
from marey.skeleton import G1, G1_34

WRISTS = ["left_wrist_yaw_skel", "right_wrist_yaw_skel"]


def reread(motion: RobotMotion) -> RobotMotion:
    """Return what a CSV file holds of a motion."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g1.csv"
        write_mujoco_csv(motion, path, impossible="twist")
        return read_robot_csv(path, fps=motion.fps)


def original_angles(motion: Motion) -> RobotMotion:
    """Return the angles that the original exporter writes: too short where the hinge is tilted."""
    turned, _ = twists(motion, G1)
    joints = list(G1.hinge_joints)
    zero = G1.zero_rotations[joints]
    local = zero.transpose(-1, -2) @ motion.local_rotations[:, joints].double()
    axes = (zero.transpose(-1, -2) @ G1.axes[:, :, None]).squeeze(-1)
    angles = (rotations.matrix_to_rotation_vector(local) * axes).sum(-1)
    return RobotMotion(
        root_positions=turned.root_positions,
        root_rotations=turned.root_rotations,
        angles=angles,
        fps=motion.fps,
        robot=G1,
    )


def random_poses(count: int) -> RobotMotion:
    """Draw poses evenly between the limits, some with every hinge at one."""
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(count, G1.num_hinges, generator=generator, dtype=torch.float64)
    share[: count // 20] = share[: count // 20].round()
    quaternions = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    return RobotMotion(
        root_positions=torch.randn(count, 3, generator=generator, dtype=torch.float64),
        root_rotations=rotations.quaternion_to_matrix(quaternions),
        angles=torch.lerp(G1.lower.expand_as(share), G1.upper.expand_as(share), share),
        fps=30.0,
        robot=G1,
    )


def mujoco_positions(motion: RobotMotion, model_file: Path) -> torch.Tensor:
    """Return the places of the hinges by MuJoCo's own kinematics, in marey's axes."""
    model = mujoco.MjModel.from_xml_path(str(model_file))
    state = mujoco.MjData(model)
    bodies = [int(model.joint(name).bodyid[0]) for name in G1.hinge_names]
    rows = []
    for pose in to_qpos(motion):
        state.qpos[:] = pose
        mujoco.mj_kinematics(model, state)
        rows.append(state.xpos[bodies][:, [1, 2, 0]].copy())
    return torch.from_numpy(np.stack(rows))


def errors(motion: RobotMotion, places: torch.Tensor) -> str:
    """Mean and highest distance of joints, cm."""
    off = 100 * (motion.joint_positions - places).norm(dim=-1)
    return f"{off.mean():.2f} / {off.max():.2f}"


def exactness(count: int, model_file: Path) -> None:
    """Poses inside the limits → float32 motion → CSV → MuJoCo."""
    poses = random_poses(count)
    hinges = list(G1.hinge_joints)
    want = poses.joint_positions[:, hinges]
    print(f"### {count} poses inside the limits → CSV → MuJoCo's kinematics\n")
    print("| way | angle error (°), highest | joint error (mm), mean | highest | beyond limits |")
    print("|---|---|---|---|---|")
    written = reread(poses)
    through_motion = reread(twists(poses.motion(), G1)[0].clamped())
    projected = reread(project_motion(poses.motion(), G1).motion)
    original = reread(original_angles(poses.motion()))
    for name, made in (
        ("angles", written),
        ("float32 motion, exact twist", through_motion),
        ("float32 motion, projected", projected),
        ("float32 motion, original", original),
    ):
        off = 1000 * (mujoco_positions(made, model_file) - want).norm(dim=-1)
        angle = (made.angles - poses.angles).abs().max().rad2deg()
        beyond = int((made.excess > 0).sum())
        print(f"| {name} | {angle:.2g} | {off.mean():.2g} | {off.max():.2g} | {beyond} |")
    same = torch.equal(project_motion(poses, G1).motion.angles, poses.angles)
    print(f"\nProjected angles equal the given ones bit for bit: {'yes' if same else 'NO'}.\n")


def kimodo_clip(folder: Path) -> Motion:
    """Read a bundled motion of the G1."""
    with np.load(folder / "motion.npz") as arrays:
        turns = torch.from_numpy(arrays["global_rot_mats"])
        root = torch.from_numpy(arrays["posed_joints"][:, 0])
    local = kinematics.local_rotations(turns, G1_34)
    return Motion(root_positions=root, local_rotations=local, fps=30.0, skeleton=G1_34)


def network_motions(folder: Path) -> None:
    """Motions of Kimodo's G1 network, which turn joints across hinges and beyond limits."""
    print("### Motions that the robot cannot make: Kimodo's bundled G1 clips\n")
    print("Joint errors against the clip, mean / highest, cm; peak hinge speed in rad/s.\n")
    print(
        "| clip | original | twist | twist, cut off | projection | twists beyond limits | after |"
        " speed, twist | projection |\n|---|---|---|---|---|---|---|---|---|"
    )
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        motion = kimodo_clip(path)
        places = motion.joint_positions.double()
        turned, _ = twists(motion, G1)
        made = reread(project_motion(motion, G1).motion)
        excess = turned.excess
        beyond = f"{(excess > 0).double().mean():.2%}, {excess.max().rad2deg():.1f}°"
        row = [errors(each, places) for each in (original_angles(motion), turned, turned.clamped())]
        row += [errors(made, places), beyond, str(int((made.excess > 0).sum()))]
        row += [f"{peak(turned):.1f}", f"{peak(made):.1f}"]
        print(f"| {path.name} | {' | '.join(row)} |")
    print()


def peak(motion: RobotMotion) -> float:
    """Highest speed of a hinge, radians per second."""
    return max(row.velocity for row in check_motion(motion).hinges.values())


def people(folder: Path, count: int) -> None:
    """Captioned windows of the CMU test split on the robot."""
    pack = CmuPack.open(folder)
    lines = (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rows = [r for r in rows if r["split"] == "test" and not r["flip"] and not r["off_floor"]]
    found: dict[str, list[float]] = {}
    beyond, frames = 0, 0
    for row in rows[:: max(1, len(rows) // count)][:count]:
        clip = pack.motion(row["clip"])
        first, end = int(row["start"] * clip.fps), int(row["end"] * clip.fps)
        motion = clip.crop(first, min(end, clip.num_frames, first + int(6 * clip.fps)))
        motion = motion.resample(30.0)
        start = time.process_time()
        result = retarget_to_robot(motion)
        spent = time.process_time() - start
        made = reread(result.motion)
        beyond, frames = beyond + int((made.excess > 0).sum()), frames + made.num_frames
        for name, value in measures(motion, result.report, made, spent).items():
            found.setdefault(name, []).append(value)
    windows = len(next(iter(found.values())))
    print(f"### {windows} windows of the CMU test split on the robot ({frames} frames)\n")
    print(f"Angles beyond their limits in the CSV files: {beyond}.\n")
    print("| measure, per window | median | 95 % | worst |\n|---|---|---|---|")
    for name, values in found.items():
        worst = min if name.startswith("other joint") else max
        middle, late = np.percentile(values, (50, 5 if worst is min else 95))
        print(f"| {name} | {middle:.2f} | {late:.2f} | {worst(values):.2f} |")


def measures(
    motion: Motion, report: RobotRetargetReport, made: RobotMotion, spent: float
) -> dict[str, float]:
    """Return the figures of one window, beside those of retargeting and cutting off alone."""
    moved = retarget(motion, G1_34).motion
    plain = twists(moved, G1)[0].clamped()
    wrists = G1_34.indices(tuple(WRISTS))
    off = (plain.joint_positions - moved.joint_positions).norm(dim=-1)[:, wrists]
    check = check_motion(made)
    return {
        "wrist error, twists cut off: mean (cm)": 100 * float(off.mean()),
        "wrist error: mean (cm)": 100 * report.hands_mean,
        "wrist error: highest (cm)": 100 * report.hands_max,
        "elbow error: mean (cm)": 100 * report.elbows_mean,
        "elbow error: highest (cm)": 100 * report.elbows_max,
        "sole error: mean (cm)": 100 * report.soles_mean,
        "sole error: highest (cm)": 100 * report.soles_max,
        "touching soles slide, before (cm/s)": 100 * report.skate_before,
        "touching soles slide, after (cm/s)": 100 * report.skate_after,
        "sole below ground: deepest (mm)": -1000 * min(0.0, check.lowest_sole),
        "other joint: lowest (mm, negative in the ground)": 1000 * check.lowest_height,
        "peak speed (rad/s)": max(r.velocity for r in check.hinges.values()),
        "peak acceleration (rad/s²)": max(r.acceleration for r in check.hinges.values()),
        "CPU seconds per second of motion": spent * motion.fps / motion.num_frames,
    }


def main() -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--poses", type=int, default=2000)
    parser.add_argument("--clips", type=int, default=40)
    arguments = parser.parse_args()
    exactness(arguments.poses, arguments.data / "g1/g1_kinematics.xml")
    network_motions(arguments.data / "kimodo_examples/kimodo-g1-rp")
    people(arguments.data / "cmu", arguments.clips)
    return 0


if __name__ == "__main__":
    sys.exit(main())
