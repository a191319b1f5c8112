"""An independent look at a BVH file of a walk: finite joints, foot skate, metres forward.

    python benchmarks/check_demo.py out/demo.bvh [--most-skate 12]

Shares no code with marey: reads the file, turns Euler angles into matrices and chains them with
numpy alone. Exits with 1 if a joint is not finite, if the body moves less than a metre forward,
or if low toes slide faster than --most-skate (cm/s).
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

LOW_TOE, LEAST_FORWARD = 0.05, 1.0  # metres


@dataclass(frozen=True)
class Joint:
    """A joint, or the tip of a bone, as the file states it."""

    name: str
    parent: int
    offset: np.ndarray
    channels: tuple[str, ...]


def parse(text: str) -> tuple[list[Joint], np.ndarray, float]:
    """Return joints in file order, channel values (frames, channels) and seconds per frame."""
    head, _, body = text.partition("MOTION")
    joints: list[Joint] = []
    open_joints: list[int] = []
    name = ""
    for words in (line.split() for line in head.splitlines()):
        match words:
            case ["ROOT" | "JOINT", *names]:
                name = " ".join(names)
            case ["End", "Site"]:
                name = f"{joints[open_joints[-1]].name} tip"
            case ["OFFSET", x, y, z]:
                offset = np.array([float(x), float(y), float(z)])
                parent = open_joints[-1] if open_joints else -1
                open_joints.append(len(joints))
                joints.append(Joint(name, parent, offset, ()))
            case ["CHANNELS", _, *channels]:
                joints[-1] = replace(joints[-1], channels=tuple(channels))
            case ["}"]:
                open_joints.pop()
    lines = [line for line in body.splitlines() if line.strip()]
    spacing = float(lines[1].split(":")[1])
    values = np.array([[float(word) for word in line.split()] for line in lines[2:]])
    stated = int(lines[0].split(":")[1])
    channels = sum(len(joint.channels) for joint in joints)
    if values.shape != (stated, channels):
        sys.exit(f"expected {stated} frames of {channels} channels, got {values.shape}")
    return joints, values, spacing


def axis_matrices(axis: str, degrees: np.ndarray) -> np.ndarray:
    """Return rotations about a coordinate axis (frames, 3, 3)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"X": (1, 2), "Y": (2, 0), "Z": (0, 1)}[axis]
    turned = np.tile(np.eye(3), (len(degrees), 1, 1))
    turned[:, i, i], turned[:, i, j] = cos, -sin
    turned[:, j, i], turned[:, j, j] = sin, cos
    return turned


def joint_positions(joints: list[Joint], values: np.ndarray) -> np.ndarray:
    """Chain the joints (frames, joints, 3), in the unit of the file."""
    positions, turns, at = [], [], 0
    for joint in joints:
        place = np.tile(joint.offset, (len(values), 1))
        turn = np.tile(np.eye(3), (len(values), 1, 1))
        for k, channel in enumerate(joint.channels):
            column = values[:, at + k]
            if channel.endswith("position"):
                place[:, "XYZ".index(channel[0])] = column
            else:
                turn = turn @ axis_matrices(channel[0], column)
        at += len(joint.channels)
        if joint.parent >= 0:
            place = positions[joint.parent] + np.einsum("fij,fj->fi", turns[joint.parent], place)
            turn = turns[joint.parent] @ turn
        positions.append(place)
        turns.append(turn)
    return np.stack(positions, axis=1)


def find(joints: list[Joint], side: str, *words: str) -> int:
    """Return the joint of a side whose name holds the first word that any of them holds."""
    for word in words:
        for k, joint in enumerate(joints):
            if joint.channels and side in joint.name.lower() and word in joint.name.lower():
                return k
    sys.exit(f"no {side} {words[0]} among {[joint.name for joint in joints]}")


def main() -> None:
    """Parse, measure, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--most-skate", type=float, default=float("inf"), help="cm/s")
    options = parser.parse_args()
    joints, values, spacing = parse(options.file.read_text())
    points = joint_positions(joints, values)
    size = np.ptp(points[0, :, 1])
    points *= 0.01 if size > 10 else 1.0  # nobody is ten metres tall: the unit is centimetres
    finite = bool(np.isfinite(points).all())

    toes = points[:, [find(joints, side, "toe", "foot") for side in ("left", "right")]]
    speeds = np.linalg.norm(np.diff(toes, axis=0), axis=-1) / spacing
    low = toes[:-1, :, 1] < LOW_TOE
    skate = 100 * float(speeds[low].mean()) if low.any() else 0.0
    left, right = (points[0, find(joints, side, "hip", "upleg")] for side in ("left", "right"))
    ahead = np.cross(left - right, [0.0, 1.0, 0.0])
    forward = float((points[-1, 0] - points[0, 0]) @ ahead / np.linalg.norm(ahead))

    print(f"{options.file}: {len(values)} frames at {1 / spacing:.2f} fps, {len(joints)} points")
    print(f"finite: {finite}; {forward:+.2f} m forward; low toes {skate:.1f} cm/s in {low.sum()}")
    print(f"height {points[0, :, 1].min():.2f} to {points[0, :, 1].max():.2f} m in the first frame")
    sys.exit(not (finite and forward >= LEAST_FORWARD and skate <= options.most_skate))


if __name__ == "__main__":
    main()
