from dataclasses import fields, replace

import pytest
import torch

from marey.data.bank import FeatureBank
from marey.motion import Motion
from marey.representations import Normalizer
from marey.rotations import axis_rotation, matrix_to_rotation_6d
from marey.skeleton import BODY22
from marey.training import LossWeights, motion_loss
from marey.training.start import fit_normalizer


@pytest.fixture(scope="module")
def normalizer(bank: FeatureBank) -> Normalizer:
    return fit_normalizer(bank, seed=0)


def test_the_clean_signal_has_no_loss(bank: FeatureBank, normalizer: Normalizer) -> None:
    batch = bank.batch(0, size=8, seed=0, text_dropout=0.0)
    clean = normalizer(batch.features)
    terms = motion_loss(
        clean,
        clean,
        batch.mask,
        representation=bank.representation,
        normalizer=normalizer,
        weights=LossWeights(),
    )
    assert set(terms) == {field.name for field in fields(LossWeights)} | {"total"}
    assert all(0 <= float(value) < 1e-6 for value in terms.values())


def test_each_term_sees_its_own_block(bank: FeatureBank, normalizer: Normalizer) -> None:
    batch = bank.batch(0, size=4, seed=0, text_dropout=0.0)
    clean = normalizer(batch.features)
    for block in bank.representation.layout.blocks:
        wrong = clean.clone()
        wrong[..., bank.representation.layout.slice(block.name)] += 2.0
        terms = motion_loss(
            wrong,
            clean,
            batch.mask,
            representation=bank.representation,
            normalizer=normalizer,
            weights=LossWeights(),
        )
        # Smooth L1 of an error of 2 is 1.5.
        assert float(terms[block.name]) == pytest.approx(
            1.5 * getattr(LossWeights(), block.name), rel=1e-4
        )
        others = set(terms) - {block.name, "total", "kinematics"}
        assert all(float(terms[name]) == 0 for name in others)
        assert (float(terms["kinematics"]) > 1e-6) == (block.name == "rotations")


def test_frames_outside_the_mask_do_not_count(bank: FeatureBank, normalizer: Normalizer) -> None:
    batch = bank.batch(0, size=8, seed=0, text_dropout=0.0)
    mask = batch.mask & (torch.arange(batch.mask.shape[1]) < torch.arange(5, 37, 4)[:, None])
    clean = normalizer(batch.features)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    wrong = clean + noise * ~mask[..., None]
    terms = motion_loss(
        wrong,
        clean,
        mask,
        representation=bank.representation,
        normalizer=normalizer,
        weights=LossWeights(),
    )
    assert float(terms["total"]) < 1e-6


def test_the_kinematic_term_is_that_of_motions_kinematics(bank: FeatureBank) -> None:
    """Turn one shoulder of a motion: the term is the error of the arm's joints."""
    representation = bank.representation
    local = torch.eye(3).repeat(30, BODY22.num_joints, 1, 1)
    root = torch.tensor([0.3, 0.9, 0.1]).repeat(30, 1)
    true = Motion(root_positions=root, local_rotations=local, fps=20.0, skeleton=BODY22)
    turned = local.clone()
    turned[:, BODY22.index("left_shoulder")] = axis_rotation("Z", torch.tensor(0.8))
    moved = replace(true, local_rotations=turned)
    size = representation.layout.size
    same = Normalizer(mean=torch.zeros(size), std=torch.ones(size))
    clean = representation.encode(true)
    predicted = clean.clone()
    predicted[:, representation.layout.slice("rotations")] = matrix_to_rotation_6d(
        moved.global_rotations
    ).flatten(1)
    terms = motion_loss(
        predicted[None],
        clean[None],
        torch.ones(1, 30, dtype=torch.bool),
        representation=representation,
        normalizer=same,
        weights=LossWeights(kinematics=3.0),
    )
    error = moved.joint_positions - true.joint_positions
    wanted = 3 * torch.nn.functional.smooth_l1_loss(error, torch.zeros_like(error))
    assert float(wanted) > 1e-3
    torch.testing.assert_close(terms["kinematics"], wanted, rtol=1e-4, atol=1e-7)
