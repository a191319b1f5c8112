"""Folded rigs on a robot: exported as the motion that they show."""

from pathlib import Path
from types import ModuleType

import torch

from marey.cli.main import main
from marey.io import save_motion
from marey.io.mujoco_csv import read_robot_csv
from marey.motion import Motion
from marey.rigs import upright
from marey.rotations import rotation_vector_to_matrix


def test_export_stands_a_folded_rig_up_first(
    rig_models: ModuleType, tmp_path: Path, generator: torch.Generator
) -> None:
    rig, rest = rig_models.with_own_axes(rig_models.rig("mixamo"), "Y")
    bends = 0.3 * torch.randn(6, rig.num_joints, 3, generator=generator)
    local = torch.cat((rest[None], rest @ rotation_vector_to_matrix(bends)))
    folded = Motion(
        root_positions=torch.tensor([0.0, 1.0, 0.0]).repeat(7, 1),
        local_rotations=local,
        fps=30.0,
        skeleton=rig,
    )
    made = []
    for name, motion in (("folded", folded), ("upright", upright(folded))):
        save_motion(motion, tmp_path / f"{name}.npz")
        out = tmp_path / f"{name}.csv"
        assert main(["robot", "export", str(tmp_path / f"{name}.npz"), "-o", str(out)]) == 0
        made.append(read_robot_csv(out).joint_positions)
    assert torch.allclose(made[0], made[1], atol=1e-3)
