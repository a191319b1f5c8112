"""Seams: where one motion leads into another without a jump."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.motion import Motion, concatenate

TURN_SECONDS = 0.5
"""How long a difference of rotations at a seam takes to fade."""
PLACE_SECONDS = 1.0
"""How long a difference of the root's place takes to fade."""

STAYS_METRES = 0.3
STAYS_RADIANS = 0.5
"""A motion that gets no further than this, and turns no further, loops on the spot."""

GROUND = torch.tensor([1.0, 0.0, 1.0])
"""Keeps x and z of a place."""


def eased(motion: Motion, *, start: Motion | None = None, end: Motion | None = None) -> Motion:
    """Bend a motion so that it begins with the last frame of ``start`` and ends with the first of
    ``end``; where those have two frames, so that the root moves on as it does there.

    The differences fade over TURN_SECONDS and PLACE_SECONDS; rotations are turned along the
    shortest arc, each joint in its parent's frame, and nothing is averaged.
    """
    if end is not None:
        motion = backwards(eased(backwards(motion), start=backwards(end)))
    if start is None:
        return motion
    root = motion.root_positions
    offset = start.root_positions[-1] - root[0]
    left = _left(motion, PLACE_SECONDS)
    moved = root + _falling(left)[:, None] * offset
    if start.num_frames > 1 and motion.num_frames > 1:
        frames = torch.arange(motion.num_frames)[:, None]
        steps = start.root_positions[-1] - start.root_positions[-2] - (root[1] - root[0])
        moved = moved + frames * (left**2)[:, None] * steps
    turn = start.local_rotations[-1] @ motion.local_rotations[0].transpose(-1, -2)
    local = _turned(motion.local_rotations, turn, _falling(_left(motion, TURN_SECONDS)))
    return replace(motion, root_positions=moved, local_rotations=local)


def backwards(motion: Motion) -> Motion:
    """Return the frames of a motion in reverse order."""
    return replace(
        motion,
        root_positions=motion.root_positions.flip(0),
        local_rotations=motion.local_rotations.flip(0),
        contacts=None if motion.contacts is None else motion.contacts.flip(0),
    )


def _left(motion: Motion, seconds: float) -> Float[Tensor, " frames"]:
    """1 in the first frame, down to 0 after some seconds and in the last frame."""
    frames = min(max(1, round(seconds * motion.fps)), max(1, motion.num_frames - 1))
    return (1 - torch.arange(motion.num_frames) / frames).clamp(min=0)


def _falling(left: Float[Tensor, " frames"]) -> Float[Tensor, " frames"]:
    """A smooth step from 1 at 1 down to 0 at 0."""
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


def step_after(before: Motion, motion: Motion) -> Motion:
    """Return the last frame of ``before``, and the one that should come first in ``motion``.

    The root goes on as it did; joints turn on by the mean of their last turn there and their first
    one here, since turns tremble more.
    """
    last = before.crop(max(0, before.num_frames - 2), before.num_frames)
    turns = [
        rotations.matrix_to_rotation_vector(local[1] @ local[0].transpose(-1, -2))
        for local in (last.local_rotations, motion.local_rotations[:2])
        if len(local) > 1
    ]
    root, local = last.root_positions[-1], last.local_rotations[-1]
    if turns:
        local = rotations.rotation_vector_to_matrix(torch.stack(turns).mean(0)) @ local
    following = 2 * root - last.root_positions[0] if last.num_frames > 1 else root
    return replace(
        last,
        root_positions=torch.stack((root, following)),
        local_rotations=torch.stack((last.local_rotations[-1], local)),
        contacts=None,
    )


def step_before(after: Motion, motion: Motion) -> Motion:
    """Return the frame that should come last in ``motion``, and the first of ``after``."""
    return backwards(step_after(backwards(after), backwards(motion)))


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
    weight = _falling((1 - outside / (margin + 1)).clamp(min=0))
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
    return turned.translate((root[-1] + step - place[0]) * GROUND)


def last_round(motion: Motion, frames: int) -> Motion:
    """Return the last frames of a motion, turned and moved to where its first follows on them."""
    following = next_round(motion, 2)
    turn = float(motion.heading[0] - following.heading[0])
    moved = following.rotate(turn)
    offset = (motion.root_positions[0] - moved.root_positions[0]) * GROUND
    tail = motion.crop(max(0, motion.num_frames - frames), motion.num_frames)
    return tail.rotate(turn).translate(offset)


def goal_round(motion: Motion, frames: int) -> Motion:
    """Return the first frames of a motion, turned and moved to where they may follow its end.

    For a motion that does not yet come back to its first pose: headings are means over a second,
    and the place goes on from that of the smoothed path, so that the phase of a stride does not
    matter. A motion that stays about where it is comes back to its very beginning, or planted
    feet would have to slide.
    """
    span = min(motion.num_frames, max(1, round(motion.fps)))
    heading, head = motion.heading, motion.crop(0, min(frames, motion.num_frames))
    turn = float(_mean_angle(heading[-span:]) - _mean_angle(heading[:span]))
    path = motion.root_path
    turned = math.remainder(turn, math.tau)
    if float((path[-1] - path[0]).norm()) < STAYS_METRES and abs(turned) < STAYS_RADIANS:
        return head
    head = head.rotate(turn)
    first = head.root_path[0]
    step = path[-1] - path[-2] if len(path) > 1 else torch.zeros(2)
    x, z = (path[-1] + step - first).tolist()
    return head.translate(torch.tensor([x, 0.0, z]))


def _mean_angle(angles: Float[Tensor, " frames"]) -> Float[Tensor, ""]:
    return torch.atan2(angles.sin().mean(), angles.cos().mean())
