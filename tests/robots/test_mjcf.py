"""The model made from the table: MuJoCo places every joint where marey does."""

import numpy as np
import pytest

from marey.io.mujoco_csv import to_qpos
from marey.motion.robot_motion import RobotMotion
from marey.robots.mjcf import to_mjcf
from marey.skeleton import G1


def test_mujoco_agrees_with_our_kinematics(feasible: RobotMotion) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_string(to_mjcf(G1))
    state = mujoco.MjData(model)
    assert [model.joint(k).name for k in range(1, model.njnt)] == list(G1.hinge_names)
    bodies = [model.body(name).id for name in G1.skeleton.joint_names]
    ours = feasible.joint_positions.numpy()
    for frame, pose in enumerate(to_qpos(feasible)):
        state.qpos[:] = pose
        mujoco.mj_kinematics(model, state)
        assert np.abs(state.xpos[bodies][:, [1, 2, 0]] - ours[frame]).max() < 1e-6
    assert np.allclose(model.jnt_range[1:, 0], G1.lower.numpy())
    assert np.allclose(model.jnt_range[1:, 1], G1.upper.numpy())
