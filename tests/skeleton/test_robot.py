"""Hinges: angles to rotations and back, and Unitree's own table."""

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from marey.errors import InvalidInputError
from marey.rotations import geodesic_distance, rotation_vector_to_matrix
from marey.skeleton import G1, G1_34
from marey.skeleton.robot import hinge_angles, hinge_rotations


def random_angles(generator: torch.Generator, count: int = 50) -> torch.Tensor:
    share = torch.rand(count, G1.num_hinges, generator=generator, dtype=torch.float64)
    return G1.lower + (G1.upper - G1.lower) * share


def test_angles_come_back_from_rotations(generator: torch.Generator) -> None:
    angles = random_angles(generator)
    back, rest = hinge_angles(hinge_rotations(angles, G1), G1)
    assert torch.allclose(back, angles, rtol=0, atol=1e-12)
    assert float(rest.max()) < 1e-7


def test_what_is_left_is_the_rotation_across_the_axis() -> None:
    local = hinge_rotations(torch.zeros(29).double(), G1)
    joint = G1.hinge_joints[3]
    across = torch.linalg.cross(G1.axes[3], torch.tensor([0.0, 1.0, 0.0]).double())
    local[joint] = local[joint] @ rotation_vector_to_matrix(0.1 * across)
    angles, rest = hinge_angles(local, G1)
    assert torch.allclose(angles, torch.zeros(29).double(), atol=1e-12)
    assert rest[joint] == pytest.approx(0.1)
    assert rest.sum() == pytest.approx(0.1, abs=1e-6)


def test_fixed_joints_count_whole_and_the_root_not_at_all() -> None:
    local = hinge_rotations(torch.zeros(29).double(), G1)
    turn = rotation_vector_to_matrix(torch.tensor([0.2, 0.0, 0.0]).double())
    local[0], local[G1_34.index("left_toe_base")] = turn, turn
    _, rest = hinge_angles(local, G1)
    assert rest[0] == 0
    assert rest[G1_34.index("left_toe_base")] == pytest.approx(0.2)


def test_the_twist_is_the_nearest_hinge_rotation(generator: torch.Generator) -> None:
    vectors = torch.randn(34, 3, generator=generator, dtype=torch.float64)
    local = rotation_vector_to_matrix(vectors)
    angles, rest = hinge_angles(local, G1)
    for step in (-0.01, 0.01):
        near = geodesic_distance(hinge_rotations(angles + step, G1), local)
        joints = list(G1.hinge_joints)
        assert bool((near[joints] >= rest[joints] - 1e-9).all())


def test_the_table_is_that_of_the_model(shared_data: Path) -> None:
    root = ElementTree.parse(shared_data / "g1/g1_kinematics.xml").getroot()
    bodies = [b for b in root.iter("body") if b.find("joint") is not None]
    assert len(bodies) == G1.num_hinges
    ranges = {d.get("class"): d.find("joint") for d in root.iter("default")}
    for k, body in enumerate(bodies):
        joint = body.find("joint")
        assert joint is not None
        assert joint.get("name") == G1.hinge_names[k]
        kind = ranges[joint.get("class")]
        assert kind is not None
        words = joint.get("range") or kind.get("range") or ""
        assert [float(w) for w in words.split()] == [float(G1.lower[k]), float(G1.upper[k])]
        x, y, z = (float(w) for w in (kind.get("axis") or "").split())
        assert G1.axes[k].tolist() == [y, z, x]
        w, x, y, z = (float(q) for q in body.get("quat", "1 0 0 0").split())
        tilt = 2 * math.atan2(math.hypot(x, y, z), w)
        zero = G1.zero_rotations[G1.hinge_joints[k]]
        assert float(geodesic_distance(zero, torch.eye(3).double())) == pytest.approx(tilt)


def test_faults_are_told() -> None:
    with pytest.raises(InvalidInputError, match="joint of its own"):
        replace(G1, hinge_joints=(0, *G1.hinge_joints[1:]))
    with pytest.raises(InvalidInputError, match="unit length"):
        replace(G1, axes=2 * G1.axes)
    with pytest.raises(InvalidInputError, match="below"):
        replace(G1, lower=G1.upper)
