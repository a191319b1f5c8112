"""The two-stage denoiser: root first, then the body given the root [Rempe2026, §4.2]."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marey.models.diffusion.config import DenoiserConfig
from marey.models.diffusion.stage import Stage
from marey.text import TextCondition

LOCAL_ROOT_FEATS = 4
"""Heading rate, velocity in x and z, height."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DenoiserInput:
    """A noisy motion and all that is known about the clean one; features are normalised."""

    noisy: Float[Tensor, "batch frames feats"]
    step: Int[Tensor, " batch"]
    """Diffusion step, 0 (clean) to 1000 (noise)."""
    mask: Bool[Tensor, "batch frames"]
    """True for real frames."""
    observed: Float[Tensor, "batch frames feats"]
    observed_mask: Bool[Tensor, "batch frames feats"]
    heading: Float[Tensor, "batch 2"]
    """Cosine and sine of the first frame's heading."""
    text: TextCondition
    root_pull: Float[Tensor, "batch root frames frames"] | None = None
    """How the root's rest to what is observed, in each frame, bends its prediction in all."""


class Denoiser(nn.Module):
    """Predicts the clean motion from a noisy one; observed features overwrite noisy ones."""

    root_mean: Tensor
    root_std: Tensor
    local_root_mean: Tensor
    local_root_std: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        feats, root = config.feats, config.root_feats
        for name, size in (("root", root), ("local_root", LOCAL_ROOT_FEATS)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        if config.variant == "one_stage":
            self.body_stage = Stage(config, config.body, feats_in=2 * feats, feats_out=feats)
            return
        given = LOCAL_ROOT_FEATS if config.variant == "two_stage" else root
        self.root_stage = Stage(config, config.root, feats_in=2 * feats, feats_out=root)
        self.body_stage = Stage(
            config,
            config.body,
            feats_in=given + (feats - root) + feats,
            feats_out=feats - root,
        )

    def set_root_statistics(
        self,
        *,
        root_mean: Float[Tensor, " root"],
        root_std: Float[Tensor, " root"],
        local_mean: Float[Tensor, " local"],
        local_std: Float[Tensor, " local"],
    ) -> None:
        """Set what turns a normalised global root into a normalised local one."""
        self.root_mean.copy_(root_mean)
        self.root_std.copy_(root_std)
        self.local_root_mean.copy_(local_mean)
        self.local_root_std.copy_(local_std)

    def forward(self, given: DenoiserInput) -> Float[Tensor, "batch frames feats"]:
        """Return the predicted clean features."""
        known = given.observed_mask
        x = torch.where(known, given.observed, given.noisy)
        context = (given.mask, given.step, given.heading, given.text)
        if self.config.variant == "one_stage":
            return self.body_stage(torch.cat((x, known.to(x)), dim=-1), *context)
        root = self.root_stage(torch.cat((x, known.to(x)), dim=-1), *context)
        if given.root_pull is not None:
            rest = given.observed[..., : self.config.root_feats] - root
            root = root + torch.einsum("bcts,bsc->btc", given.root_pull, rest)
        # The body must not bend the root to its own ends: no gradient, as in the released code.
        seen = root.detach()
        if self.config.variant == "two_stage":
            seen = self._local_root(seen, given.mask)
        body_in = torch.cat((seen, x[..., self.config.root_feats :], known.to(x)), dim=-1)
        return torch.cat((root, self.body_stage(body_in, *context)), dim=-1)

    def _local_root(self, root: Tensor, mask: Tensor) -> Tensor:
        raw = root * self.root_std + self.root_mean
        local = local_root(raw, self.config.fps, mask=mask)
        return (local - self.local_root_mean) / self.local_root_std


def local_root(
    root: Float[Tensor, "batch frames 5"],
    fps: float,
    *,
    mask: Bool[Tensor, "batch frames"] | None = None,
) -> Float[Tensor, "batch frames 4"]:
    """Heading rate (rad/s), ground velocity (m/s, world axes) and height (m) of a raw root.

    ``root`` is position (x, y, z) and heading (cos, sin). Forward differences; the last real frame
    repeats the one before, so that padding (frames outside ``mask``) does not matter. The rate is
    the angle of one heading relative to the one before, so that it needs no unwrapping and stays
    finite for headings that are not of unit length.
    """
    position, heading = root[..., :3], root[..., 3:]
    c0, s0 = heading[:, :-1].unbind(-1)
    c1, s1 = heading[:, 1:].unbind(-1)
    cross, dot = c0 * s1 - s0 * c1, c0 * c1 + s0 * s1
    rate = torch.atan2(cross, dot + 1e-8)[..., None] * fps
    velocity = position[..., [0, 2]].diff(dim=1) * fps
    change = torch.cat((rate, velocity), dim=-1)
    return torch.cat((_last_repeated(change, mask), position[..., 1:2]), dim=-1)


def _last_repeated(change: Tensor, mask: Tensor | None) -> Tensor:
    """One row more than ``change``: where the next frame is not real, the last real change."""
    batch, count, _ = change.shape
    if count == 0:
        return change.new_zeros(batch, 1, change.shape[-1])
    frame = torch.arange(count + 1, device=change.device)
    if mask is None:
        return change[:, frame.clamp(max=count - 1)]
    last = mask.sum(1, keepdim=True) - 2
    take = torch.minimum(frame, last).clamp(min=0)[..., None]
    return change.take_along_dim(take, dim=1) * (last >= 0)[..., None]
