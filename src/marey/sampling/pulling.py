"""Pulling: predictions are bent onto what is observed, smoothly in time, while they are refined.

A network that is shown a single pinned frame in a sea of noise half ignores it. Its prediction of
the clean motion is therefore corrected at every step: exact where observed, and continued into
the frames around as post-processing continues its corrections (``postprocess.spread``). Later
steps see the corrected motion and make the body fit it. The original imputes inputs only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.postprocess.spreading import spread
from marey.representations import FeatureLayout

_PATH_SECONDS = 0.5
_HEADING_SECONDS = 0.3
_POSE_SECONDS = 0.25
"""How far in time a correction of the root's path, its heading and anything else reaches."""

Kernels = Float[Tensor, "channels frames frames"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Group:
    """Channels of a sample that are observed in the same frames."""

    channels: Tensor
    pins: Tensor
    kernel: Float[Tensor, "frames pins"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pulls:
    """How the observed frames of a batch pull the others."""

    groups: tuple[tuple[_Group, ...], ...]
    """Of each sample."""
    root: Float[Tensor, "batch root frames frames"]
    """The same for the root's channels, as matrices from observed frames to all frames."""

    def __call__(
        self,
        clean: Float[Tensor, "batch frames feats"],
        observed: Float[Tensor, "batch frames feats"],
    ) -> Float[Tensor, "batch frames feats"]:
        """Return predictions that are as observed where they are, and bent towards it around."""
        bent = clean.clone()
        for sample, groups in enumerate(self.groups):
            for group in groups:
                frames = len(group.kernel)
                rest = (observed - clean)[sample][group.pins][:, group.channels]
                bent[sample, :frames, group.channels] += group.kernel @ rest
        return bent


MakePulls = Callable[[Bool[Tensor, "batch frames feats"]], Pulls]


def pulls_for(
    layout: FeatureLayout, fps: float, lengths: list[int]
) -> Callable[[Bool[Tensor, "batch frames feats"]], Pulls]:
    """Return what makes the pulls of an observed mask; motions have so many real frames."""
    reach = torch.full((layout.size,), _POSE_SECONDS)
    reach[layout.slice("heading")] = _HEADING_SECONDS
    held = torch.zeros(layout.size, dtype=torch.bool)
    x, _, z = layout.channels("root_position")
    reach[[x, z]] = _PATH_SECONDS
    held[[x, z]] = True
    held[layout.slice("heading")] = True
    root = layout.channels("root_position") + layout.channels("heading")
    cache: dict[bytes, Tensor] = {}

    def kernel(known: Tensor, seconds: float, hold: bool) -> Tensor:
        key = bytes([*known.tolist(), int(hold), round(seconds * 100)])
        if key not in cache:
            unit = torch.eye(len(known))[:, known]
            cache[key] = spread(unit, known, fps=fps, seconds=seconds, hold=hold)
        return cache[key]

    def make(mask: Bool[Tensor, "batch frames feats"]) -> Pulls:
        batch, frames, _ = mask.shape
        matrices = torch.zeros(batch, len(root), frames, frames)
        groups = []
        for sample, length in enumerate(lengths):
            own = mask[sample, :length].cpu()
            keys = torch.cat((own, held[None]), dim=0).T.to(torch.uint8)
            keys = torch.cat((keys, (reach * 100).round().to(torch.uint8)[:, None]), dim=1)
            found = []
            for row, members in _alike(keys[own.any(0)], own.any(0).nonzero()[:, 0]):
                known = row[:length].bool()
                matrix = kernel(known, float(reach[members[0]]), bool(held[members[0]]))
                pins = known.nonzero()[:, 0]
                found.append(_Group(channels=members, pins=pins, kernel=matrix))
                for place, channel in enumerate(root):
                    if channel in members:
                        matrices[sample, place, :length, pins] = matrix
            groups.append(tuple(found))
        return Pulls(groups=tuple(groups), root=matrices)

    return make


def _alike(keys: Tensor, channels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Group channels that have the same key."""
    if not len(keys):
        return []
    rows, member = torch.unique(keys, dim=0, return_inverse=True)
    return [(row, channels[member == k]) for k, row in enumerate(rows)]
