"""The seven-term loss of Kimodo [Rempe2026, eq. 1]."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from marey.representations import Normalizer, SmoothRoot
from marey.rotations import rotation_6d_to_matrix
from marey.skeleton import joint_positions


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The paper's weights γ1 … γ7; each term is a mean over its channels, normalised."""

    root_position: float = 10.0
    heading: float = 2.0
    joint_positions: float = 10.0
    velocities: float = 3.0
    rotations: float = 10.0
    contacts: float = 4.0
    kinematics: float = 5.0
    """Positions by forward kinematics from the predicted rotations."""


def motion_loss(
    predicted: Float[Tensor, "batch frames feats"],
    clean: Float[Tensor, "batch frames feats"],
    mask: Bool[Tensor, "batch frames"],
    *,
    representation: SmoothRoot,
    normalizer: Normalizer,
    weights: LossWeights,
) -> dict[str, Float[Tensor, ""]]:
    """Return each weighted term and their sum under ``"total"``.

    Smooth L1 on normalised features, averaged over a sample's frames and then over samples, so
    that the loss of a batch is the mean of the losses of its parts.
    """
    layout = representation.layout
    error = functional.smooth_l1_loss(predicted, clean, reduction="none")
    terms = {
        block.name: getattr(weights, block.name)
        * _mean_over_frames(error[..., layout.slice(block.name)].mean(-1), mask)
        for block in layout.blocks
    }
    by_rotations = _kinematic_error(predicted, clean, representation, normalizer)
    terms["kinematics"] = weights.kinematics * _mean_over_frames(by_rotations, mask)
    terms["total"] = torch.stack(list(terms.values())).sum()
    return terms


def _kinematic_error(
    predicted: Tensor, clean: Tensor, representation: SmoothRoot, normalizer: Normalizer
) -> Tensor:
    """Error of the joint positions that the predicted rotations give about the true pelvis."""
    layout, skeleton = representation.layout, representation.skeleton
    turned = layout.slice("rotations")
    columns = predicted[..., turned] * normalizer.std[turned] + normalizer.mean[turned]
    matrices = rotation_6d_to_matrix(columns.unflatten(-1, (-1, 6)))
    own = layout.slice("joint_positions")
    true = clean[..., own] * normalizer.std[own] + normalizer.mean[own]
    reached = joint_positions(true[..., :3], matrices, skeleton).flatten(-2)
    error = (reached - true) / normalizer.std[own]
    return functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none").mean(-1)


def _mean_over_frames(values: Tensor, mask: Tensor) -> Tensor:
    return ((values * mask).sum(1) / mask.sum(1)).mean()
