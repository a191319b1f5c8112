"""Foot targets: where a robot's soles should be so that they stand flat, still and on the ground.

The soles of a robot are stiff plates: where the source's heel and toe both touch, the sole lies
flat; where one end touches, that end stands. The way of a foot between two stands is moved along,
so that nothing jumps.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from marey import rotations
from marey.motion import Motion
from marey.motion.robot_motion import RobotMotion
from marey.skeleton import G1

_BLEND = 0.1
"""Seconds over which a foot turns flat before it stands, and back after."""
_GROUND = 0.5
"""Seconds to either side within which a foot is taken to touch the ground, for ``levelled``."""
_MIN_STAND = 0.1
"""Seconds of contact below which a foot is not held in place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sole:
    """The plate under a foot: its four corners in the frame of the foot's joint, metres."""

    joint: int
    corners: Float[Tensor, "4 3"]
    """Two at the heel, then two at the toe."""

    def places(
        self, positions: Float[Tensor, "frames 3"], turns: Float[Tensor, "frames 3 3"]
    ) -> Float[Tensor, "frames 4 3"]:
        """Return where the corners are for places and rotations of the foot's joint."""
        return positions[:, None] + self.corners.to(turns) @ turns.transpose(-1, -2)


_SOLE = ((0.03, -0.035, -0.06), (-0.03, -0.035, -0.06), (0.03, -0.035, 0.14), (-0.03, -0.035, 0.14))
"""Corners of the G1's sole below the ankle: the extent of the capsules that touch in its maker's
model, metres."""
SOLES = tuple(
    Sole(joint=G1.skeleton.index(f"{side}_ankle_roll_skel"), corners=torch.tensor(_SOLE).double())
    for side in ("left", "right")
)


def sole_corners(motion: Motion | RobotMotion) -> Float[Tensor, "frames corners 3"]:
    """Return where the corners of a G1's soles are: left, then right; metres."""
    rows = [
        sole.places(motion.joint_positions[:, sole.joint], motion.global_rotations[:, sole.joint])
        for sole in SOLES
    ]
    return torch.cat(rows, dim=1)


def levelled(motion: Motion) -> Motion:
    """Put the ground of a motion of the G1's skeleton to height 0, wherever it drifts.

    The ground is taken to be the lowest point of the soles within a second, averaged over as long.
    """
    lowest = sole_corners(motion)[..., 1].amin(-1)
    reach = max(1, round(_GROUND * motion.fps))

    def windows(values: Tensor) -> Tensor:
        return pad(values[None], (reach, reach), mode="replicate")[0].unfold(0, 2 * reach + 1, 1)

    root = motion.root_positions.clone()
    root[:, 1] -= windows(windows(lowest).amin(-1)).mean(-1)
    return replace(motion, root_positions=root)


def plan_sole(
    sole: Sole,
    positions: Float[Tensor, "frames 3"],
    turns: Float[Tensor, "frames 3 3"],
    contacts: Bool[Tensor, "frames 2"],
    *,
    fps: float,
) -> Float[Tensor, "frames 4 3"]:
    """Return targets of a sole's corners from the way of its foot and its contacts (heel, toe).

    Corners are nowhere below the ground, and on it where the foot is in contact.
    """
    contacts = _lasting(contacts, max(1, round(_MIN_STAND * fps)))
    width = max(1, round(_BLEND * fps))
    turns = _flattened(turns, _faded(contacts.all(-1), width))
    corners = sole.places(positions, turns)
    lowest = corners[:, :, 1].amin(-1)
    touching = _faded(contacts.any(-1), width)
    corners[:, :, 1] -= torch.where(lowest < 0, lowest, touching * lowest)[:, None]
    corners[:, :, [0, 2]] += _corrections(corners, contacts)[:, None]
    return corners


def _lasting(contacts: Bool[Tensor, "frames 2"], shortest: int) -> Bool[Tensor, "frames 2"]:
    """Drop contacts of a foot that end too soon to stand."""
    kept = contacts.clone()
    for first, end in _runs(contacts.any(-1).long()):
        if end - first < shortest:
            kept[first:end] = False
    return kept


def _runs(values: Tensor) -> list[tuple[int, int]]:
    """Return first and end of every run of one value that is not 0."""
    edges = [0, *((values.diff() != 0).nonzero()[:, 0] + 1).tolist(), len(values)]
    return [(a, b) for a, b in pairwise(edges) if b > a and values[a]]


def _faded(on: Bool[Tensor, " frames"], width: int) -> Float[Tensor, " frames"]:
    """Return 1 where ``on``, falling smoothly to 0 over ``width`` frames beside it."""
    since, until = _frames_since(on), _frames_since(on.flip(0)).flip(0)
    share = (1 - torch.minimum(since, until) / (width + 1)).clamp(min=0)
    return share * share * (3 - 2 * share)


def _frames_since(on: Bool[Tensor, " frames"]) -> Float[Tensor, " frames"]:
    """Count the frames since the last that was ``on``; infinite before the first."""
    frames = torch.arange(len(on)).double()
    return frames - torch.where(on, frames, -math.inf).cummax(0).values


def _flattened(
    turns: Float[Tensor, "frames 3 3"], share: Float[Tensor, " frames"]
) -> Float[Tensor, "frames 3 3"]:
    """Turn a foot towards level, about the axis across, by a share of the way."""
    forward = turns[:, :, 2]
    level = rotations.yaw_matrix(torch.atan2(forward[:, 0], forward[:, 2]))
    return rotations.slerp(turns, level, share)


def _corrections(
    corners: Float[Tensor, "frames 4 3"], contacts: Bool[Tensor, "frames 2"]
) -> Float[Tensor, "frames 2"]:
    """Return how far over the ground the sole moves so that what touches stands still, metres.

    Between two stands the correction goes evenly from one's last to the next one's first.
    """
    ground = corners[:, :, [0, 2]]
    ends = {1: ground[:, :2].mean(1), 2: ground[:, 2:].mean(1), 3: ground.mean(1)}
    states = contacts[:, 0].long() + 2 * contacts[:, 1].long()
    known, values = [], []
    for first, end in _runs(states):
        point = ends[int(states[first])][first:end]
        follows = known and known[-1] == first - 1
        before = ends[int(states[first])][first] + values[-1] if follows else point.mean(0)
        known += range(first, end)
        values += list(before - point)
    if not known:
        return torch.zeros(len(corners), 2).double()
    return _interpolated(len(corners), known, torch.stack(values))


def _interpolated(
    frames: int, known: list[int], values: Float[Tensor, "known axes"]
) -> Float[Tensor, "frames axes"]:
    """Return values for all frames: linear between known ones, constant outside."""
    columns = [np.interp(range(frames), known, column) for column in values.T.numpy()]
    return torch.from_numpy(np.stack(columns, axis=1))
