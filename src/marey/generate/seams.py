"""Seams: where one motion leads into another without a jump."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.motion import Motion, concatenate, smooth_path

EASE_SECONDS = 0.5
"""How long a difference at a seam takes to fade."""

_GROUND = torch.tensor([1.0, 0.0, 1.0])


def eased(motion: Motion, *, start: Motion | None = None, end: Motion | None = None) -> Motion:
    """Bend a motion so that its first pose is that of ``start`` and its last that of ``end``.

    Both are single frames. The difference fades over EASE_SECONDS; rotations are turned along the
    shortest arc, each joint in its parent's frame, and nothing is averaged.
    """
    root, local = motion.root_positions, motion.local_rotations
    frames = min(max(1, round(EASE_SECONDS * motion.fps)), max(1, motion.num_frames - 1))
    fading = _fading(motion.num_frames, frames)
    for goal, at, weight in ((start, 0, fading), (end, -1, fading.flip(0))):
        if goal is not None:
            offset = goal.root_positions[0] - motion.root_positions[at]
            turn = goal.local_rotations[0] @ motion.local_rotations[at].transpose(-1, -2)
            root = root + weight[:, None] * offset
            local = _turned(local, turn, weight)
    return replace(motion, root_positions=root, local_rotations=local)


def _fading(length: int, frames: int) -> Float[Tensor, " frames"]:
    """1 in the first frame, 0 from ``frames`` on, level at both."""
    left = (1 - torch.arange(length) / frames).clamp(min=0)
    return left * left * (3 - 2 * left)


def _turned(
    local: Float[Tensor, "frames joints 3 3"],
    turn: Float[Tensor, "joints 3 3"],
    weight: Float[Tensor, " frames"],
) -> Float[Tensor, "frames joints 3 3"]:
    """Turn rotations by a share of ``turn``; those of no weight stay as they are."""
    bent = weight.nonzero().flatten()
    vectors = weight[bent, None, None] * rotations.matrix_to_rotation_vector(turn)
    turned = local.clone()
    turned[bent] = rotations.rotation_vector_to_matrix(vectors) @ local[bent]
    return turned


def put_between(base: Motion, drawn: Motion, first: int, end: int, *, margin: int) -> Motion:
    """Return ``base`` with frames ``first`` to before ``end`` of ``drawn``; both are as long.

    Over ``margin`` frames on either side one passes into the other; beyond, the base stays bit
    for bit. A base without contacts takes those of ``drawn``.
    """
    contacts = drawn.contacts if base.contacts is None else base.contacts
    base = replace(base, contacts=contacts)
    start, stop = max(0, first - margin), min(base.num_frames, end + margin)
    times = torch.arange(start, stop)
    outside = torch.maximum(first - times, times - (end - 1)).clamp(min=0)
    weight = _fading(margin + 2, margin + 1)[outside]
    there, here = base.crop(start, stop), drawn.crop(start, stop)
    mixed = replace(
        here,
        root_positions=torch.lerp(there.root_positions, here.root_positions, weight[:, None]),
        local_rotations=rotations.slerp(
            there.local_rotations, here.local_rotations, weight[:, None]
        ),
    )
    parts = [base.crop(0, start)] if start else []
    parts += [mixed, *([base.crop(stop, base.num_frames)] if stop < base.num_frames else [])]
    return concatenate(parts)


# --- loops ---------------------------------------------------------------------------------------


def next_round(motion: Motion, frames: int) -> Motion:
    """Return the first frames of a motion, turned and moved to where they follow on its last.

    Position and heading go on by the mean of the last step and the first one.
    """
    head = motion.crop(0, min(frames, motion.num_frames))
    if motion.num_frames < 2:
        return head
    heading, root = motion.heading, motion.root_positions
    step = rotations.wrap_angle(heading[[-1, 1]] - heading[[-2, 0]]).mean()
    turned = head.rotate(float(heading[-1] + step - heading[0]))
    place = turned.root_positions
    step = (root[-1] - root[-2] + place[1] - place[0]) / 2
    return turned.translate((root[-1] + step - place[0]) * _GROUND)


def last_round(motion: Motion, frames: int) -> Motion:
    """Return the last frames of a motion, turned and moved to where its first follows on them."""
    following = next_round(motion, 2)
    turn = float(motion.heading[0] - following.heading[0])
    moved = following.rotate(turn)
    offset = (motion.root_positions[0] - moved.root_positions[0]) * _GROUND
    tail = motion.crop(max(0, motion.num_frames - frames), motion.num_frames)
    return tail.rotate(turn).translate(offset)


def goal_round(motion: Motion, frames: int) -> Motion:
    """Return the first frames of a motion, turned and moved to where they may follow its end.

    For a motion that does not yet come back to its first pose: headings are means over a second,
    and the place goes on from that of the smoothed path, so that the phase of a stride does not
    matter.
    """
    span = min(motion.num_frames, max(1, round(motion.fps)))
    heading = motion.heading
    turn = _mean_angle(heading[-span:]) - _mean_angle(heading[:span])
    head = motion.crop(0, min(frames, motion.num_frames)).rotate(float(turn))
    path = smooth_path(motion.root_positions[:, [0, 2]])
    first = smooth_path(head.root_positions[:, [0, 2]])[0]
    step = path[-1] - path[-2] if len(path) > 1 else torch.zeros(2)
    x, z = (path[-1] + step - first).tolist()
    return head.translate(torch.tensor([x, 0.0, z]))


def _mean_angle(angles: Float[Tensor, " frames"]) -> Float[Tensor, ""]:
    return torch.atan2(angles.sin().mean(), angles.cos().mean())
