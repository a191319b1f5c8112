"""The losses of text–motion alignment [Petrovich2023, §3.2]."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from marey.models.alignment import Latent


@dataclass(frozen=True, kw_only=True)
class AlignmentWeights:
    """Weights of the terms. TMR's are 1, 1e-5, 1e-5 and 0.1; ours suit runs a hundredth as long."""

    reconstruction: float = 1.0
    divergence: float = 1e-5
    latent: float = 1e-5
    contrast: float = 1.0


def contrast(
    texts: Float[Tensor, "batch latent"],
    motions: Float[Tensor, "batch latent"],
    *,
    temperature: float,
    same: Bool[Tensor, "batch batch"],
) -> Float[Tensor, ""]:
    """Return InfoNCE on cosines, both ways; pairs that are as good as the true one do not count.

    ``same`` is True where two samples' texts mean the same; its diagonal is not looked at.
    """
    scores = F.normalize(texts, dim=1) @ F.normalize(motions, dim=1).T / temperature
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    scores = scores.masked_fill(same & ~own, -torch.inf)
    target = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def divergence(first: Latent, second: Latent | None = None) -> Float[Tensor, ""]:
    """Return the mean KL divergence from the first normal distribution to the second, in nats.

    The second is the standard normal by default; the mean is over samples and dimensions.
    """
    mean, log_variance = first.mean, first.log_variance
    if second is None:
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    ratio = (log_variance - second.log_variance).exp()
    shift = (mean - second.mean).square() / second.log_variance.exp()
    return 0.5 * (ratio + shift - 1 - (log_variance - second.log_variance)).mean()


def masked_smooth_l1(
    predicted: Float[Tensor, "batch frames feats"],
    wanted: Float[Tensor, "batch frames feats"],
    mask: Bool[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Return the mean smooth L1 distance over real frames; TMR's takes padded ones in."""
    each = F.smooth_l1_loss(predicted, wanted, reduction="none").mean(-1)
    return (each * mask).sum() / mask.sum()


def drawn(latent: Latent, *, draw: bool) -> Float[Tensor, "batch latent"]:
    """Return a random point of each distribution, as training takes it, or the means."""
    return latent.sample() if draw else latent.mean


def level_terms(
    text: Latent,
    motion: Latent,
    z_text: Float[Tensor, "batch latent"],
    z: Float[Tensor, "batch latent"],
    *,
    temperature: float,
    same: Bool[Tensor, "batch batch"],
) -> dict[str, Tensor]:
    """Return the terms by which the texts of one level are aligned with motions.

    ``z_text`` and ``z`` are points of the two distributions.
    """
    return {
        "divergence": divergence(text, motion)
        + divergence(motion, text)
        + divergence(text)
        + divergence(motion),
        "latent": F.smooth_l1_loss(z_text, z),
        "contrast": contrast(z_text, z, temperature=temperature, same=same),
    }


def with_total(terms: dict[str, Tensor], weights: AlignmentWeights) -> dict[str, Tensor]:
    """Return the terms and their weighted sum, ``total``."""
    total = (
        weights.reconstruction * terms["reconstruction"]
        + weights.divergence * terms["divergence"]
        + weights.latent * terms["latent"]
        + weights.contrast * terms["contrast"]
    )
    return {**terms, "total": total}
