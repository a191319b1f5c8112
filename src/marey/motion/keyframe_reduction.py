"""Keyframe reduction: few keys per joint, between which rotations are slerped and the root goes
straight, such that nothing is ever further from the motion than allowed.

Every track is split where it is furthest from its interpolation until it is within an allowance of
its own, which shrinks with the reach of the joint. Errors add up along a limb: where a joint then
lies further away than the bound, the track that has the greatest part in it gets a key there. The
bound is checked on the interpolated motion itself, in every frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, radians

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion.motion import Motion
from marey.skeleton import Skeleton

DEFAULT_TOLERANCE = 0.005
"""Metres: half a centimetre is not seen on a character of human size."""
DEFAULT_ANGLE = radians(3.0)
"""Radians by which a joint's own rotation may be off, also where it moves no other joint."""
_SHARE = 2.0
"""Multiple of the tolerance by which a joint's own error may move the farthest point that it
carries, before errors are looked at together: few keys to begin with, and more where they count."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KeyframeReduction:
    """Which frames of a motion are keys of its tracks, and what is lost by keeping only them."""

    motion: Motion
    """The whole motion, whose values the keys have."""
    root_keys: Int[Tensor, " keys"]
    """Frames of the root's keys, rising: the first, the last, and what is needed between."""
    joint_keys: tuple[Tensor, ...]
    """Frames of the keys of each joint's local rotation; one if it stays as it is."""
    place_error: float
    """Metres by which a joint or the tip of a limb is off, at most."""
    angle_error: float
    """Radians by which a joint's local rotation is off, at most."""

    @property
    def keys(self) -> int:
        """Number of keys of all tracks."""
        return len(self.root_keys) + sum(map(len, self.joint_keys))

    @property
    def most_keys(self) -> int:
        """Number of keys that there would be with one in every frame."""
        return self.motion.num_frames * (1 + len(self.joint_keys))

    def interpolated(self) -> Motion:
        """Return the motion as a player sees it: linear root, slerped rotations."""
        keys = torch.zeros(self.motion.num_frames, len(self.joint_keys) + 1, dtype=torch.bool)
        for track, frames in enumerate((*self.joint_keys, self.root_keys)):
            keys[frames, track] = True
        return _interpolated(self.motion, keys)


def reduce_keyframes(
    motion: Motion, *, tolerance: float = DEFAULT_TOLERANCE, angle: float = DEFAULT_ANGLE
) -> KeyframeReduction:
    """Choose few keys such that the interpolated motion stays within two bounds in every frame.

    No joint and no end site lies further than ``tolerance`` metres from where it was, and no local
    rotation is off by more than ``angle`` radians. Contacts and metadata are not looked at.
    Raises InvalidInputError unless both bounds are positive.
    """
    for name, bound in (("tolerance", tolerance), ("angle", angle)):
        if not 0 < bound < inf:
            raise InvalidInputError(f"{name}: expected more than 0, got {bound}.")
    keys = _own_keys(motion, tolerance, angle)
    points = _points(motion)
    while True:
        played = _interpolated(motion, keys)
        turned = rotations.geodesic_distance(played.local_rotations, motion.local_rotations)
        error = _Errors(
            places=(_points(played) - points).norm(dim=-1),
            turned=turned.masked_fill(keys[:, :-1], 0),  # rounding would be taken for an error
            root=(played.root_positions - motion.root_positions).norm(dim=-1),
        )
        excess = torch.cat((error.places / tolerance, error.turned / angle), dim=1)
        if bool((excess <= 1).all()):
            break
        _add_keys(keys, excess, error, points, motion.skeleton)
    *joint_keys, root_keys = (column.nonzero().flatten() for column in keys.T)
    return KeyframeReduction(
        motion=motion,
        root_keys=root_keys,
        joint_keys=tuple(joint_keys),
        place_error=float(error.places.max()),
        angle_error=float(error.turned.max()),
    )


def every_frame(motion: Motion) -> KeyframeReduction:
    """Return a motion with a key in every frame of every track."""
    frames = torch.arange(motion.num_frames)
    return KeyframeReduction(
        motion=motion,
        root_keys=frames,
        joint_keys=(frames,) * motion.skeleton.num_joints,
        place_error=0.0,
        angle_error=0.0,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Errors:
    """How far the interpolated motion is off: metres and radians."""

    places: Float[Tensor, "frames points"]
    turned: Float[Tensor, "frames joints"]
    root: Float[Tensor, " frames"]


# --- keys of each track by itself --------------------------------------------------------------


def _own_keys(motion: Motion, tolerance: float, angle: float) -> Bool[Tensor, "frames tracks"]:
    """Mark the keys that each track needs by itself; the joints' tracks come before the root's."""
    local, root = motion.local_rotations, motion.root_positions
    reach = _reach(motion.skeleton).clamp(min=1e-6)
    allowed = (_SHARE * tolerance / reach).clamp(max=angle)

    def turned(keys: Tensor) -> Tensor:
        return rotations.geodesic_distance(_slerped(local, keys), local)

    def moved(keys: Tensor) -> Tensor:
        return (_straight(root, keys) - root).norm(dim=-1, keepdim=True)

    keys = torch.zeros(len(root), len(allowed) + 1, dtype=torch.bool)
    keys[0] = True
    keys[-1, :-1] |= (turned(keys[:, :-1]) > allowed).any(0)
    keys[-1, -1] = True  # the animation keeps its length
    joints = _split(turned, keys[:, :-1], allowed)
    return torch.cat((joints, _split(moved, keys[:, -1:], torch.tensor([tolerance]))), dim=1)


def _split(
    errors: Callable[[Tensor], Tensor],
    keys: Bool[Tensor, "frames tracks"],
    allowed: Float[Tensor, " tracks"],
) -> Bool[Tensor, "frames tracks"]:
    """Add keys where the error between two of them is greatest, until it is allowed everywhere.

    The method of [Douglas & Peucker 1973], in all stretches of all tracks at once.
    """
    while True:
        error = errors(keys)
        stretch = keys.cumsum(0) - 1
        worst = torch.zeros_like(error).scatter_reduce(0, stretch, error, "amax")
        split = (error > allowed) & (error == worst.gather(0, stretch)) & ~keys
        if not bool(split.any()):
            return keys
        keys = keys | split


# --- interpolation -----------------------------------------------------------------------------


def _interpolated(motion: Motion, keys: Bool[Tensor, "frames tracks"]) -> Motion:
    return replace(
        motion,
        root_positions=_straight(motion.root_positions, keys[:, -1:]),
        local_rotations=_slerped(motion.local_rotations, keys[:, :-1]),
    )


def _slerped(
    local: Float[Tensor, "frames joints 3 3"], keys: Bool[Tensor, "frames joints"]
) -> Float[Tensor, "frames joints 3 3"]:
    before, after, weight = _around(keys)
    joints = torch.arange(keys.shape[1])
    between = rotations.slerp(local[before, joints], local[after, joints], weight)
    return torch.where(keys[..., None, None], local, between)  # keys are exact, come what may


def _straight(
    root: Float[Tensor, "frames 3"], keys: Bool[Tensor, "frames 1"]
) -> Float[Tensor, "frames 3"]:
    before, after, weight = _around(keys)
    between = torch.lerp(root[before[:, 0]], root[after[:, 0]], weight)
    return torch.where(keys, root, between)


def _around(
    keys: Bool[Tensor, "frames tracks"],
) -> tuple[
    Int[Tensor, "frames tracks"], Int[Tensor, "frames tracks"], Float[Tensor, "frames tracks"]
]:
    """Return the keys before and after every frame, and how far it is on the way between them.

    After its last key a track stays there.
    """
    frames = torch.arange(len(keys))[:, None].expand_as(keys)
    before = torch.where(keys, frames, 0).cummax(0).values
    after = torch.where(keys, frames, len(keys)).flip(0).cummin(0).values.flip(0)
    after = torch.where(after == len(keys), before, after)
    weight = (frames - before) / (after - before).clamp(min=1)
    return before, after, weight


# --- bounds on the whole body ------------------------------------------------------------------


def _points(motion: Motion) -> Float[Tensor, "frames points 3"]:
    """Return what must stay in place: the joints, then the end sites."""
    sites = motion.skeleton.end_sites
    owners = [joint for joint, _ in sites]
    tips = torch.tensor([tip for _, tip in sites]).reshape(-1, 3)
    turned = (motion.global_rotations[:, owners] @ tips[..., None]).squeeze(-1)
    return torch.cat((motion.joint_positions, motion.joint_positions[:, owners] + turned), dim=1)


def _carriers(skeleton: Skeleton) -> Bool[Tensor, "points joints"]:
    """Return which joints' rotations move each point (see ``_points``)."""
    count = skeleton.num_joints
    owners = [*skeleton.parents, *(joint for joint, _ in skeleton.end_sites)]
    carriers = torch.zeros(len(owners), count, dtype=torch.bool)
    for point, owner in enumerate(owners):
        if owner >= 0:
            carriers[point] = carriers[owner]
            carriers[point, owner] = True
    return carriers


def _reach(skeleton: Skeleton) -> Float[Tensor, " joints"]:
    """Return the length of the longest way of bones that begins at each joint, metres."""
    reach = torch.zeros(skeleton.num_joints)
    for joint, tip in skeleton.end_sites:
        reach[joint] = max(float(reach[joint]), float(torch.tensor(tip).norm()))
    for joint in range(skeleton.num_joints - 1, 0, -1):
        bone = float(skeleton.rest_offsets[joint].norm())
        parent = skeleton.parents[joint]
        reach[parent] = max(float(reach[parent]), float(reach[joint]) + bone)
    return reach


def _add_keys(
    keys: Bool[Tensor, "frames tracks"],
    excess: Float[Tensor, "frames bounds"],
    error: _Errors,
    points: Float[Tensor, "frames points 3"],
    skeleton: Skeleton,
) -> None:
    """Add a key to the track that has the greatest part in the worst error of a frame.

    Frames get one whose error is over its bound and not below that of the frames beside it.
    """
    worst, bound = excess.max(dim=1)
    beside = torch.nn.functional.pad(worst, (1, 1), value=-inf).unfold(0, 3, 1).amax(-1)
    frames = ((worst > 1) & (worst >= beside)).nonzero().flatten()
    bound, turned, count = bound[frames], error.turned[frames], points.shape[1]
    point = bound.clamp(max=count - 1)
    arms = points[frames, point][:, None] - points[frames, : skeleton.num_joints]
    carried = turned * arms.norm(dim=-1) * _carriers(skeleton)[point]
    own = turned * torch.nn.functional.one_hot((bound - count).clamp(min=0), skeleton.num_joints)
    part = torch.where((bound < count)[:, None], carried, own)
    part = torch.cat((part, error.root[frames, None] * (bound < count)[:, None]), dim=1)
    keys[frames, part.masked_fill(keys[frames], -1).argmax(dim=1)] = True
