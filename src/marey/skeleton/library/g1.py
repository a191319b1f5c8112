"""The Unitree G1 with 29 hinges, as in the MuJoCo model of its maker.

Axes, ranges and tilts are those of Unitree's model (BSD-3-Clause), in marey's axes: MuJoCo's x is
our z, its y our x, its z our y.
"""

import json
from importlib import resources

import torch

from marey import rotations
from marey.skeleton.library.kimodo import G1_34
from marey.skeleton.robot import Robot


def _read() -> Robot:
    file = resources.files("marey.skeleton.library") / "g1_hinges.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    joints = [G1_34.index(row["joint"]) for row in rows]
    zero = torch.eye(3).double().repeat(G1_34.num_joints, 1, 1)
    tilts = torch.tensor([row["quaternion"] for row in rows], dtype=torch.float64)
    zero[joints] = rotations.quaternion_to_matrix(tilts)
    limits = torch.tensor([row["range"] for row in rows], dtype=torch.float64)
    return Robot(
        name="g1",
        skeleton=G1_34,
        hinge_names=tuple(row["hinge"] for row in rows),
        hinge_joints=tuple(joints),
        axes=torch.tensor([row["axis"] for row in rows], dtype=torch.float64),
        zero_rotations=zero,
        lower=limits[:, 0],
        upper=limits[:, 1],
    )


G1 = _read()
"""Unitree G1: the hinges of ``G1_34`` in the order of its files."""
