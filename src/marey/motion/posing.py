"""Joint rotations of a body of which only joint positions are known.

Where a joint carries several bones (pelvis, chest) they turn it as one rigid piece, and its
rotation follows. Where it carries one bone, the bone's direction is known and its twist is
estimated: the spine turns by degrees from pelvis to chest, collars and neck go with the chest,
upper arm and thigh are turned so that elbow and knee bend about their own axis, straight legs so
that the foot points as they do; forearm, shin and foot go with the limb. Hands, toes and head go
with the bone they end.

What cannot be known: the twist of a limb that is straight (it goes with the trunk, or with the
foot), the turning of hands, toes and head about themselves, the twist of a forearm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion.joint_matching import chains, limbs, path_to, role_indices
from marey.motion.motion import Motion
from marey.skeleton import Skeleton

_FITS = 20
"""Rounds in which the rigid pieces and their rotations are fitted to each other."""
_FIT_FRAMES = 1000
"""Frames, evenly spread over the clip, that the rigid pieces are fitted to."""
_STRAIGHT = 0.01
"""Weight of what a straight limb goes with, against the squared sine of its bend: equal at 6°."""
_ELBOW_AXES = {"left_arm": (0.0, -0.879, 0.477), "right_arm": (0.0, 0.879, -0.477)}
_KNEE_AXIS = (1.0, 0.0, 0.0)
"""Axes about which elbows and knees bend in T-pose: those of the CMU motions on body22, whose
elbows keep within 2° of it in the median and 6° in 95 % of the frames of 60 training clips."""


@dataclass(frozen=True, kw_only=True)
class _Hinge:
    """A limb's first bone, turned by the bend of its second."""

    joints: tuple[int, int, int]
    axis: tuple[float, float, float]
    toe: tuple[int, int] | None
    """Heel and toe, where the limb is a leg that has both."""


def skeleton_of_positions(
    positions: Float[Tensor, "frames joints 3"], like: Skeleton, *, name: str | None = None
) -> Skeleton:
    """Return ``like`` with the proportions of the body that moves.

    Bones get their mean length over the frames along the rest directions of ``like``; bones that
    start from one joint together keep the angles they have to each other in the clip. End sites
    scale with the body.
    Raises InvalidInputError if the number of joints differs or a bone has no length.
    """
    _check(positions, like)
    exact = positions.double()
    parents = list(like.parents[1:])
    bones = exact[:, 1:] - exact[:, parents]
    lengths = bones.norm(dim=-1).mean(0)
    if not bool((lengths > 1e-6).all()):
        joint = like.joint_names[1 + int(lengths.argmin())]
        raise InvalidInputError(f"expected bones with a length, got none for {joint!r}.")
    directions = torch.nn.functional.normalize(like.rest_offsets.double(), dim=-1)
    offsets = directions * torch.cat((lengths.new_zeros(1), lengths))[:, None]
    for joint in _junctions(like):
        own = list(like.children[joint])
        piece = _rigid_piece(exact[:, own] - exact[:, [joint]], offsets[own])
        offsets[own] = _laid_like(piece, offsets[own], _sides(like, joint))
    size = float(lengths.sum() / like.rest_offsets[1:].norm(dim=-1).sum())
    tips = tuple((joint, (size * x, size * y, size * z)) for joint, (x, y, z) in like.end_sites)
    named = name or like.name
    return replace(like, name=named, rest_offsets=offsets.float(), end_sites=tips)


def motion_of_positions(
    positions: Float[Tensor, "frames joints 3"], *, fps: float, skeleton: Skeleton
) -> Motion:
    """Return the motion of a skeleton whose joints are nearest to positions, metres.

    Bones point as in the positions; they keep the skeleton's lengths. Frames do not influence each
    other. See the module for what of the rotations is estimated.
    Raises InvalidInputError if the number of joints differs.
    """
    _check(positions, skeleton)
    exact = positions.double()
    turned = _global_rotations(exact, skeleton)
    return Motion(
        root_positions=exact[:, 0].float(),
        local_rotations=kinematics.local_rotations(turned, skeleton).float(),
        fps=fps,
        skeleton=skeleton,
    )


def _check(positions: Tensor, skeleton: Skeleton) -> None:
    if positions.shape[-2] != skeleton.num_joints:
        raise InvalidInputError(
            f"expected the {skeleton.num_joints} joints of {skeleton.name!r}, got "
            f"{positions.shape[-2]}."
        )


def _junctions(skeleton: Skeleton) -> list[int]:
    """Joints that carry several bones."""
    return [joint for joint, own in enumerate(skeleton.children) if len(own) > 1]


def _rigid_piece(
    vectors: Float[Tensor, "frames points 3"], start: Float[Tensor, "points 3"]
) -> Float[Tensor, "points 3"]:
    """Return the rigid piece that fits the vectors of the frames best, lying anyhow."""
    piece = start
    some = vectors[:: -(-len(vectors) // _FIT_FRAMES)]
    for _ in range(_FITS):
        turns = _fitted(piece, some)
        piece = (some @ turns).mean(0)  # R^T v, for rows
    length = vectors.norm(dim=-1).mean(0)
    return torch.nn.functional.normalize(piece, dim=-1) * length[:, None]


def _sides(skeleton: Skeleton, joint: int) -> list[int]:
    """Which bones of the pelvis go to the two sides; none for another joint."""
    own = skeleton.children[joint]
    return [i for i, child in enumerate(own) if skeleton.mirror[child] != child and joint == 0]


def _laid_like(
    piece: Float[Tensor, "points 3"], rest: Float[Tensor, "points 3"], sides: list[int]
) -> Float[Tensor, "points 3"]:
    """Turn a piece to lie as the rest pose does.

    The pelvis is seen from between the hips, since some bodies have its joint above them and others
    below.
    """
    here, there = piece, rest
    if sides:
        here, there = piece - piece[sides].mean(0), rest - rest[sides].mean(0)
    return piece @ _fitted(here, there[None])[0].T


def _fitted(
    piece: Float[Tensor, "points 3"], vectors: Float[Tensor, "frames points 3"]
) -> Float[Tensor, "frames 3 3"]:
    """Return the rotations that lay a piece on vectors best, longer ones counting more [Kabsch]."""
    covariance = vectors.transpose(-1, -2) @ piece
    u, _, vt = torch.linalg.svd(covariance)
    sign = torch.ones(len(vectors), 3, dtype=vectors.dtype)
    sign[:, 2] = torch.linalg.det(u @ vt).sign()
    return (u * sign[:, None, :]) @ vt


def _global_rotations(
    positions: Float[Tensor, "frames joints 3"], skeleton: Skeleton
) -> Float[Tensor, "frames joints 3 3"]:
    """Turn joint after joint, parents first."""
    rest = skeleton.rest_offsets.double()
    fixed = {
        joint: _fitted(
            rest[list(skeleton.children[joint])],
            positions[:, list(skeleton.children[joint])] - positions[:, [joint]],
        )
        for joint in _junctions(skeleton)
    }
    between = _between(skeleton, fixed)
    hinges = _hinges(skeleton)
    rows: list[Tensor] = []
    for joint, own in enumerate(skeleton.children):
        parent = skeleton.parents[joint]
        base = rows[parent] if parent >= 0 else torch.eye(3).double().expand(len(positions), 3, 3)
        if joint in fixed:
            rows.append(fixed[joint])
        elif len(own) == 1:
            base = between.get(joint, base)
            bone = positions[:, own[0]] - positions[:, joint]
            turned = _laid_along(base, rest[own[0]], bone)
            if joint in hinges:
                turned = _bent(turned, positions, bone, hinges[joint])
            rows.append(turned)
        else:
            rows.append(base)
    return torch.stack(rows, dim=1)


def _between(skeleton: Skeleton, fixed: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """Rotations of the joints between two that are known, turned by degrees."""
    found: dict[int, Tensor] = {}
    for end, turn in fixed.items():
        path = path_to(skeleton, end)[:-1]
        known = [joint for joint in path if joint in fixed]
        if not known:
            continue
        start = path.index(known[-1])
        steps = len(path) - start
        for i, joint in enumerate(path[start + 1 :], start=1):
            share = turn.new_full((len(turn),), i / steps)
            found[joint] = rotations.slerp(fixed[known[-1]], turn, share)
    return found


def _hinges(skeleton: Skeleton) -> dict[int, _Hinge]:
    """The first bones of the limbs that the skeleton's roles tell, by their joint."""
    roles = role_indices(skeleton)
    feet = chains(skeleton, roles)
    found: dict[int, _Hinge] = {}
    for name, limb in limbs(skeleton, roles).items():
        side, _, part = name.partition("_")
        axis = _KNEE_AXIS if part == "leg" else _ELBOW_AXES[name]
        foot = part == "leg" and f"{side}_foot" in feet
        toe = (roles[f"{side}_heel"], roles[f"{side}_toe"]) if foot else None
        found[limb.joints[0]] = _Hinge(joints=limb.joints, axis=axis, toe=toe)
    return found


def _laid_along(
    base: Float[Tensor, "frames 3 3"], offset: Float[Tensor, "3"], bone: Float[Tensor, "frames 3"]
) -> Float[Tensor, "frames 3 3"]:
    """Turn ``base`` as little as possible so that its ``offset`` points along the bone."""
    return rotations.shortest_arc(base @ offset, bone) @ base


def _bent(
    turned: Float[Tensor, "frames 3 3"],
    positions: Float[Tensor, "frames joints 3"],
    bone: Float[Tensor, "frames 3"],
    hinge: _Hinge,
) -> Float[Tensor, "frames 3 3"]:
    """Twist a bone so that the next one bends about its axis; the straighter, the less."""
    _, middle, end = hinge.joints
    along = torch.nn.functional.normalize(bone, dim=-1)
    lower = torch.nn.functional.normalize(positions[:, end] - positions[:, middle], dim=-1)
    now = turned @ turned.new_tensor(hinge.axis)
    bend = torch.linalg.cross(along, lower)
    weight = bend.square().sum(-1)
    guide = now
    if hinge.toe is not None:
        foot = positions[:, hinge.toe[1]] - positions[:, hinge.toe[0]]
        guide = torch.linalg.cross(torch.nn.functional.normalize(foot, dim=-1), along)
    x = weight * _cosine(bend, now, along) + _STRAIGHT * _cosine(guide, now, along)
    y = weight * _sine(bend, now, along) + _STRAIGHT * _sine(guide, now, along)
    twist = torch.atan2(y, x)
    return rotations.rotation_vector_to_matrix(along * twist[:, None]) @ turned


def _cosine(
    vector: Float[Tensor, "frames 3"],
    now: Float[Tensor, "frames 3"],
    along: Float[Tensor, "frames 3"],
) -> Float[Tensor, " frames"]:
    """Of the angle from ``now`` to the vector, seen along a bone; 0 for a vector along it."""
    flat = _across(vector, along)
    return (flat * _across(now, along)).sum(-1)


def _sine(
    vector: Float[Tensor, "frames 3"],
    now: Float[Tensor, "frames 3"],
    along: Float[Tensor, "frames 3"],
) -> Float[Tensor, " frames"]:
    """Of the same angle, positive about the bone."""
    flat = _across(vector, along)
    return (torch.linalg.cross(_across(now, along), flat) * along).sum(-1)


def _across(
    vector: Float[Tensor, "frames 3"], along: Float[Tensor, "frames 3"]
) -> Float[Tensor, "frames 3"]:
    """Direction of a vector square to a bone, of length 1 or 0."""
    flat = vector - (vector * along).sum(-1, keepdim=True) * along
    return torch.nn.functional.normalize(flat, dim=-1)
