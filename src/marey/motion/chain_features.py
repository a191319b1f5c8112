"""HumanML3D's features of joint positions, and positions back from them [Guo2022].

Everything is in metres and Y up, and computed in float64. On four clips the same as the reference
implementation to 1e-5, but for some bone rotations that it rounds by up to 1.6e-5. Deviations:

- where a heading passes ±180° the original's yaw velocity changes its sign for one frame, and the
  body comes back turned by twice that step from there on; here the sign stays right;
- where a direction is opposite to its raw direction the original divides by zero; here the turn is
  half a turn about an axis across.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion.chain_body import ChainBody

HEADING_SIGMA = 20.0
"""Width of the filter that smooths the heading, frames."""
_GROUND = [0, 2]


def uniform_bones(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody
) -> Float[Tensor, "frames joints 3"]:
    """Give the bones the lengths of ``body`` along their own directions, metres.

    The path of the root is scaled by the ratio of the legs in the first frame.
    Raises InvalidInputError if a bone or the body has no length.
    """
    exact = positions.double()
    ends = list(body.size_bones)
    starts = [dict((b, a) for a, b in body.bones)[end] for end in ends]
    size = (exact[0, ends] - exact[0, starts]).norm(dim=-1).sum()
    scale = body.bone_lengths[ends].sum() / size.clamp(min=1e-9)
    rows: list[Tensor] = [exact[:, 0] * scale] * body.num_joints
    for start, end in body.bones:
        bone = exact[:, end] - exact[:, start]
        length = bone.norm(dim=-1, keepdim=True)
        if not bool((length > 1e-9).all()):
            name = body.skeleton.joint_names[end]
            raise InvalidInputError(f"The bone that ends in {name} has no length in some frame.")
        rows[end] = rows[start] + bone / length * body.bone_lengths[end]
    return torch.stack(rows, dim=1)


def placed_at_start(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody
) -> Float[Tensor, "frames joints 3"]:
    """Move and turn a clip so that its first frame stands above the origin and faces +Z."""
    exact = positions.double()
    moved = exact - exact[:1, :1] * exact.new_tensor([1.0, 0.0, 1.0])
    right_hip, left_hip, right_shoulder, left_shoulder = body.facing
    first = moved[:1]
    across = first[:, right_hip] - first[:, left_hip]
    across = across + first[:, right_shoulder] - first[:, left_shoulder]
    return _turned(moved, -_heading(across))


def standardised(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody
) -> Float[Tensor, "frames joints 3"]:
    """Return a clip as HumanML3D takes it in: uniform bones, on the floor, placed at the start.

    The floor is the lowest joint of the whole clip.
    """
    uniform = uniform_bones(positions, body)
    uniform = uniform - uniform[..., 1].min() * uniform.new_tensor([0.0, 1.0, 0.0])
    return placed_at_start(uniform, body)


def chain_features(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody
) -> Float[Tensor, "frames-1 feats"]:
    """Return the features of a clip that is ``placed_at_start``: one frame fewer than positions.

    Per frame: half the change of heading to the next frame, radians, positive to the right; step
    of the root over the ground, metres, seen from the next frame's heading; height of the root;
    positions of the other joints from the point below the root, seen from the heading; rotations of
    the bones (see ``chain_rotations``); steps of all joints, seen from the heading; contacts.
    Raises InvalidInputError for fewer than two frames.
    """
    if len(positions) < 2:
        raise InvalidInputError(f"expected 2 frames or more, got {len(positions)}.")
    exact = positions.double()
    heading = smooth_heading(exact, body)
    steps = exact.diff(dim=0)
    root = exact[:, :1] * exact.new_tensor([1.0, 0.0, 1.0])
    local = _turned(exact - root, -heading)[:-1]
    root_step = _turned(steps[:, :1], -heading[1:])[:, 0]
    turned = rotations.matrix_to_rotation_6d(chain_rotations(exact, heading, body))[:-1]
    parts = (
        -rotations.wrap_angle(heading.diff())[:, None] / 2,
        root_step[:, _GROUND],
        exact[:-1, 0, 1:2],
        local[:, 1:].flatten(1),
        turned.flatten(1),
        _turned(steps, -heading[:-1]).flatten(1),
        foot_labels(exact, body),
    )
    return torch.cat(parts, dim=1)


def smooth_heading(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody
) -> Float[Tensor, " frames"]:
    """Return the headings that the features use, radians; the first is 0 by decree.

    The direction is that of the shoulders *minus* that of the hips, smoothed over frames: the
    reference implementation exchanges the hips here (not so in ``placed_at_start``), and its
    features hold the result.
    """
    right_hip, left_hip, right_shoulder, left_shoulder = body.facing
    across = positions[:, left_hip] - positions[:, right_hip]
    across = across + positions[:, right_shoulder] - positions[:, left_shoulder]
    unit = torch.nn.functional.normalize(across.double(), dim=-1)
    # Smoothing acts on unit directions with their height left out, not on angles.
    smooth = gaussian_filter1d(unit.numpy(), HEADING_SIGMA, axis=0, mode="nearest")
    heading = _heading(torch.from_numpy(smooth))
    heading[0] = 0.0
    return heading


def chain_rotations(
    positions: Float[Tensor, "frames joints 3"],
    heading: Float[Tensor, " frames"],
    body: ChainBody,
) -> Float[Tensor, "frames bones 3 3"]:
    """Return, for joints 1 and up, the turn of a bone relative to the bone before it.

    A bone's own turn is the shortest from its raw direction: it has no twist. Each chain starts
    from the turn that takes the heading to +Z.
    """
    exact = positions.double()
    rows: dict[int, Tensor] = {}
    for chain in body.chains:
        before = rotations.yaw_matrix(-heading.double())
        for start, end in pairwise(chain):
            raw = exact.new_tensor(body.directions[end])
            turn = rotations.shortest_arc(raw, exact[:, end] - exact[:, start])
            rows[end] = before.transpose(-1, -2) @ turn
            before = turn
    return torch.stack([rows[joint] for joint in range(1, body.num_joints)], dim=1)


def foot_labels(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody
) -> Float[Tensor, "frames-1 4"]:
    """Return 1 where a foot joint hardly moves to the next frame, however high it is, else 0."""
    limit = body.contact_limit * body.metres_per_unit**2
    steps = positions[:, list(body.feet)].diff(dim=0).square().sum(-1)
    return (steps < limit).to(positions)


def recovered_positions(
    features: Float[Tensor, "frames feats"], body: ChainBody
) -> Float[Tensor, "frames joints 3"]:
    """Return joint positions from the root's and the position channels, as the original does.

    The body starts above the origin at heading 0; errors of the root's steps add up.
    Raises InvalidInputError for another number of channels than the layout's.
    """
    if features.shape[-1] != body.num_feats:
        raise InvalidInputError(
            f"The layout {body.name!r} has {body.num_feats} channels, got {features.shape[-1]}."
        )
    exact, at = features.double(), body.slices
    heading = -2 * _before(exact[:, at["root_yaw_velocity"]].cumsum(0))[:, 0]
    x, z = _before(exact[:, at["root_velocity"]]).unbind(-1)
    steps = torch.stack((x, torch.zeros_like(x), z), dim=-1)
    path = _turned(steps[:, None], heading)[:, 0].cumsum(0)
    others = exact[:, at["joint_positions"]].unflatten(-1, (-1, 3))
    root = exact[:, at["root_height"]] * exact.new_tensor([0.0, 1.0, 0.0])
    body_positions = torch.cat((root[:, None], _turned(others, heading)), dim=1)
    return body_positions + path[:, None]


def _before(steps: Float[Tensor, "frames axes"]) -> Float[Tensor, "frames axes"]:
    """What the frame before says; zero in frame 0."""
    return torch.nn.functional.pad(steps[:-1], (0, 0, 1, 0))


def _heading(across: Float[Tensor, "frames 3"]) -> Float[Tensor, " frames"]:
    """Direction faced by who has ``across`` from left to right, radians; 0 = +Z, + = left."""
    return torch.atan2(across[:, 2], -across[:, 0])


def _turned(
    vectors: Float[Tensor, "frames points 3"], angle: Float[Tensor, "#frames"]
) -> Float[Tensor, "frames points 3"]:
    """Turn the vectors of each frame about the vertical."""
    return vectors @ rotations.yaw_matrix(angle).transpose(-1, -2)
