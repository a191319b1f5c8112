"""Root motion: the way of a body over the ground apart from what the body does on the way.

Game engines move a character by the track of a root bone on the ground and play the animation in
place. The track here is the smoothed path of the pelvis and the smoothed direction of the hips, so
that the sway of a walk stays in the animation; ``join_root_motion`` puts the two together again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion.motion import Motion
from marey.motion.path_smoothing import DEFAULT_MARGIN, smooth_path

HEADING_MARGIN = 0.2
"""How far the track's direction may lie from the hips', radians: they turn so far in a walk."""
_GROUND = [0, 2]


@dataclass(frozen=True, kw_only=True, eq=False)
class RootMotion:
    """A track on the ground: where a body is and which way it faces; metres and radians."""

    positions: Float[Tensor, "frames 2"]
    """x and z in the world."""
    headings: Float[Tensor, " frames"]
    """0 = +Z, positive towards +X; counted on beyond a half-turn."""

    def to_json(self, *, fps: float) -> Mapping[str, Any]:
        """Return the track as JSON: metres in x and z, radians, frames per second."""
        return {
            "fps": fps,
            "positions": self.positions.tolist(),
            "headings": self.headings.tolist(),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitMotion:
    """A motion in its two parts."""

    root: RootMotion
    in_place: Motion
    """The motion as seen from the track: over the origin, facing +Z."""


def split_root_motion(
    motion: Motion,
    *,
    path_margin: float = DEFAULT_MARGIN,
    heading_margin: float = HEADING_MARGIN,
    turns: bool = True,
) -> SplitMotion:
    """Split a motion into its track on the ground and what is left in place.

    The track is the smoothest path within ``path_margin`` metres of the pelvis (0 = below it) and
    the smoothest heading within ``heading_margin`` radians of the hips (0 = theirs); with
    ``turns`` off the heading stays 0 and turns stay in the motion. Raises InvalidInputError for a
    negative margin, or if turns are asked for and the skeleton names no hips.
    """
    path = smooth_path(motion.root_positions[:, _GROUND], margin=path_margin)
    headings = torch.zeros(motion.num_frames)
    if turns:
        angles = rotations.unwrap_angle(motion.heading)
        beside = torch.stack((angles, torch.zeros_like(angles)), dim=-1)
        headings = smooth_path(beside, margin=heading_margin)[:, 0]
    root = RootMotion(positions=path, headings=headings)
    return SplitMotion(root=root, in_place=without_root_motion(motion, root))


def without_root_motion(motion: Motion, root: RootMotion) -> Motion:
    """Return a motion as it is seen from a track; the inverse of ``join_root_motion``."""
    _require_length(motion, root)
    moved = motion.root_positions.double()
    moved[:, _GROUND] -= root.positions.double()
    return _turned(motion, moved, -root.headings)


def join_root_motion(root: RootMotion, in_place: Motion) -> Motion:
    """Return the motion that goes the way of a track.

    Raises InvalidInputError unless both have the same number of frames.
    """
    _require_length(in_place, root)
    joined = _turned(in_place, in_place.root_positions.double(), root.headings)
    moved = joined.root_positions.double()
    moved[:, _GROUND] += root.positions.double()
    return replace(joined, root_positions=moved.float())


def _turned(motion: Motion, places: Float[Tensor, "frames 3"], angles: Tensor) -> Motion:
    """Return the motion with its root at ``places``, turned frame by frame about the origin."""
    turns = rotations.yaw_matrix(angles.double())
    local = motion.local_rotations.clone()
    local[:, 0] = (turns @ local[:, 0].double()).float()
    root = (turns @ places[..., None]).squeeze(-1).float()
    return replace(motion, root_positions=root, local_rotations=local)


def _require_length(motion: Motion, root: RootMotion) -> None:
    lengths = (len(root.positions), len(root.headings))
    if lengths != (motion.num_frames, motion.num_frames):
        raise InvalidInputError(
            f"A motion of {motion.num_frames} frames needs a track of as many positions and "
            f"headings, got {lengths[0]} and {lengths[1]}. Crop or resample both alike."
        )
