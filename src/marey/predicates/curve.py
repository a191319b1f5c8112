"""Questions about curves over time, asked of every window of a batch at once."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def held(mask: Bool[Tensor, "*batch frames"], frames: int) -> Bool[Tensor, "*batch frames"]:
    """Keep the runs of True that last at least ``frames`` frames."""
    length = mask.shape[-1]
    if frames <= 1:
        return mask
    if frames > length:
        return torch.zeros_like(mask)
    whole = mask.unfold(-1, frames, 1).all(-1)
    padded = torch.nn.functional.pad(whole, (frames - 1, frames - 1))
    return padded.unfold(-1, frames, 1).any(-1)


def best_mean(curve: Float[Tensor, "*batch frames"], frames: int) -> Float[Tensor, "*batch"]:
    """Largest mean of ``frames`` consecutive values, of all values if there are fewer."""
    size = min(frames, curve.shape[-1])
    return curve.unfold(-1, size, 1).mean(-1).amax(-1)


def alternations(
    difference: Float[Tensor, "*batch frames"], margin: float
) -> Int[Tensor, "*batch"]:
    """Number of times a curve is beyond ``margin`` on one side, then on the other; +1 if ever."""
    sign = (difference > margin).int() - (difference < -margin).int()
    frame = torch.arange(sign.shape[-1], device=sign.device).expand(sign.shape)
    last = torch.where(sign != 0, frame, -1).cummax(-1).values
    side = torch.where(last >= 0, sign.gather(-1, last.clamp(min=0)), 0)
    changes = (side[..., 1:] * side[..., :-1] < 0).sum(-1)
    return changes + (side[..., -1] != 0)


def near(mask: Bool[Tensor, "*batch frames"], frames: int) -> Bool[Tensor, "*batch frames"]:
    """True within ``frames`` frames of a True."""
    length = mask.shape[-1]
    padded = torch.nn.functional.pad(mask, (frames, frames))
    return padded.unfold(-1, 2 * frames + 1, 1).any(-1)[..., :length]


def derivative(values: Float[Tensor, "*shape"], fps: float, *, dim: int) -> Float[Tensor, "*shape"]:
    """Central difference over time, one-sided at both ends; zero for a single frame."""
    if values.shape[dim] == 1:
        return torch.zeros_like(values)
    return torch.gradient(values, spacing=1 / fps, dim=dim)[0]
