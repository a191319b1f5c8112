"""Which features of a training motion are shown to the model in phase 2 [Rempe2026, §4.3]."""

import torch
from jaxtyping import Bool
from torch import Tensor

from marey.representations import FeatureLayout
from marey.skeleton import Skeleton

MAX_KEYFRAMES = 20


def sample_observed_mask(
    mask: Bool[Tensor, "batch frames"],
    layout: FeatureLayout,
    skeleton: Skeleton,
    generator: torch.Generator,
    *,
    curriculum: float,
) -> Bool[Tensor, "batch frames feats"]:
    """Draw one pattern a sample: 10 % none, 25 % two together, else one.

    Patterns: full-body keyframes, hands and feet at keyframes, root keyframes, dense root path.
    The largest number of keyframes grows with ``curriculum`` (0 to 1), and few are likelier.
    """
    observed = torch.zeros(*mask.shape, layout.size, dtype=torch.bool)
    root = layout.channels("root_position") + layout.channels("heading")
    ends = [*skeleton.foot_indices, skeleton.role("left_hand"), skeleton.role("right_hand")]
    for sample, length in enumerate(mask.sum(1).tolist()):
        chance = float(torch.rand((), generator=generator))
        for _ in range(0 if chance < 0.1 else 2 if chance < 0.35 else 1):
            kind = int(torch.randint(4, (), generator=generator))
            frames = _keyframes(length, generator, curriculum=curriculum)
            if kind == 0:
                channels = root + layout.channels("joint_positions")
            elif kind == 1:
                shown = [j for j in ends if float(torch.rand((), generator=generator)) < 0.5]
                channels = root + layout.channels("joint_positions", shown or ends)
                channels += layout.channels("rotations", shown or ends)
            else:
                height = layout.channels("root_position")[1]
                channels = [c for c in root if c != height]
                frames = frames if kind == 2 else list(range(length))
            rows = torch.tensor(frames)[:, None]
            observed[sample, rows, torch.tensor(channels)[None]] = True
    return observed.to(mask.device)


def _keyframes(length: int, generator: torch.Generator, *, curriculum: float) -> list[int]:
    most = 1 + curriculum * (min(MAX_KEYFRAMES, length) - 1)
    share = float(torch.rand((), generator=generator)) ** 2
    count = 1 + int(share * most) if most > 1 else 1
    return torch.randperm(length, generator=generator)[: min(count, length)].tolist()
