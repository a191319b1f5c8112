"""Padding: sequences of several lengths as one tensor."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def padded(
    sequences: Sequence[Tensor],
) -> tuple[Float[Tensor, "batch tokens width"], Bool[Tensor, "batch tokens"]]:
    """Return sequences, zero after their ends, and which tokens are real."""
    values = pad_sequence(list(sequences), batch_first=True)
    lengths = torch.tensor([len(each) for each in sequences], device=values.device)
    return values, torch.arange(values.shape[1], device=values.device) < lengths[:, None]
