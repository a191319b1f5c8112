"""How near a generated motion is to the nearest motion it was trained on.

Bodies are compared pose by pose: every frame is moved so that its root joint stands over the
origin and turned to heading 0; height and pose stay, the way over the ground does not count. A
sample slides along a training clip in steps of one frame, wherever at least ``overlap`` of the
shorter of the two lies within the other; the distance of the two is the least, over these
places, of the mean joint distance (metres) over the frames that overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from marey import rotations
from marey.errors import InvalidInputError
from marey.skeleton import Skeleton, heading_angle

_FRAMES_AT_ONCE = 2048  # of training clips in one product: what stays in a processor's cache
_CLIPS_AT_ONCE = 8  # candidates measured before looking at the bounds of the others again
_ROUNDING = 1e-3  # metres by which float32 may misjudge a small distance made from squares


@dataclass(frozen=True, kw_only=True)
class NearestClip:
    """The training clip most like a sample, and where the two meet."""

    clip: int
    """Index among the training clips."""
    distance: float
    """Mean joint distance over the frames that overlap, metres."""
    offset: int
    """Frame of the clip at which the sample starts; negative where it starts before."""
    frames: int
    """Number of frames that overlap."""


def facing_poses(
    joint_positions: Float[Tensor, "frames joints 3"], skeleton: Skeleton
) -> Float[Tensor, "frames joints 3"]:
    """Each frame by itself, moved over the origin and turned to heading 0; heights are kept."""
    ground = joint_positions[:, :1] * joint_positions.new_tensor([1.0, 0.0, 1.0])
    turn = rotations.yaw_matrix(-heading_angle(joint_positions, skeleton))
    return (joint_positions - ground) @ turn.transpose(-1, -2)


def nearest_clips(
    samples: Sequence[Tensor],
    training: Sequence[Tensor],
    skeleton: Skeleton,
    *,
    overlap: float = 0.75,
) -> list[NearestClip]:
    """Find the nearest training clip of each sample, by exact search.

    Both are joint positions, frames × joints × 3, of one skeleton and frame rate; ten frames per
    second are enough. Mirrored training clips count only if they are given too. Clips are measured
    in the order of a lower bound, the distances of the centres of the body's parts, until it
    exceeds the least distance found. Raises InvalidInputError if there is no training clip, or
    for an overlap outside (0, 1].
    """
    if not training or not 0 < overlap <= 1:
        raise InvalidInputError(
            f"A nearest clip needs training clips and 0 < overlap <= 1, got {len(training)} clips "
            f"and an overlap of {overlap}."
        )
    # A point's weight is its length: the distances of one frame's points then add up to a mean.
    clips = [facing_poses(c.float(), skeleton) / skeleton.num_joints for c in training]
    centres = _part_sums(skeleton)
    stacks = _stacks([centres @ clip for clip in clips])
    found = []
    for sample in samples:
        poses = facing_poses(sample.float(), skeleton) / skeleton.num_joints
        bounds = torch.empty(len(clips))
        for rows, stack in stacks:
            bounds[rows] = _slide(centres @ poses, stack, overlap)[0]
        found.append(_nearest(poses, clips, bounds, overlap))
    return found


@dataclass(frozen=True)
class _Stack:
    """Clips padded to one length, as the right factors of products that give squared distances."""

    factors: Float[Tensor, "points 5 columns"]
    lengths: Float[Tensor, "clips 1"]

    @classmethod
    def of(cls, clips: Sequence[Tensor]) -> "_Stack":
        padded = pad_sequence(list(clips), batch_first=True)
        real = pad_sequence([torch.ones(len(c), c.shape[1], 1) for c in clips], batch_first=True)
        # Padding is 0 throughout, so that its products and distances are 0.
        factors = torch.cat((real, padded.square().sum(-1, keepdim=True), -2 * padded), dim=-1)
        lengths = torch.tensor([[float(len(c))] for c in clips])
        return cls(factors.flatten(0, 1).permute(1, 2, 0).contiguous(), lengths)


def _part_sums(skeleton: Skeleton) -> Float[Tensor, "parts joints"]:
    """Matrix that adds up the joints of each part; of the whole body where none are named.

    The length of a sum is at most the sum of lengths: hence the bound.
    """
    names = skeleton.parts or ("body",) * skeleton.num_joints
    return torch.tensor([[float(own == part) for own in names] for part in sorted(set(names))])


def _stacks(clips: list[Tensor]) -> list[tuple[list[int], _Stack]]:
    """All clips in stacks of similar lengths, with the indices of their clips."""
    order = sorted(range(len(clips)), key=lambda i: len(clips[i]))
    groups: list[list[int]] = [[]]
    for index in order:
        if groups[-1] and (len(groups[-1]) + 1) * len(clips[index]) > _FRAMES_AT_ONCE:
            groups.append([])
        groups[-1].append(index)
    return [(rows, _Stack.of([clips[i] for i in rows])) for rows in groups]


def _nearest(poses: Tensor, clips: list[Tensor], bounds: Tensor, overlap: float) -> NearestClip:
    """The clip of least distance, measured in the order of the bounds."""
    least, place = torch.inf, (0, 0)
    for rows in bounds.argsort().split(_CLIPS_AT_ONCE):
        if bounds[rows[0]] > least + _ROUNDING:
            break
        distances, offsets = _slide(poses, _Stack.of([clips[i] for i in rows]), overlap)
        best = int(distances.argmin())
        if distances[best] < least:
            least, place = float(distances[best]), (int(rows[best]), int(offsets[best]))
    clip, offset = place
    start, end = max(0, -offset), min(len(poses), len(clips[clip]) - offset)
    apart = poses[start:end] - clips[clip][start + offset : end + offset]
    distance = float(apart.double().norm(dim=-1).sum(-1).mean())
    return NearestClip(clip=clip, distance=distance, offset=offset, frames=end - start)


def _slide(poses: Tensor, stack: _Stack, overlap: float) -> tuple[Tensor, Tensor]:
    """Least mean distance from each clip of a stack over all places, and its offset there."""
    frames, clips = len(poses), len(stack.lengths)
    apart = _frame_distances(poses.flip(0), stack).view(frames, clips, -1)
    # Row after row shifted by one: a column then holds the distances of one place.
    rows = functional.pad(apart, (0, frames)).flatten()
    width = rows.numel() // frames
    sums = rows[: frames * (width - 1)].view(frames, width - 1).sum(0)
    sums = functional.pad(sums, (0, 1)).view(clips, -1)
    offsets = torch.arange(sums.shape[1]) - (frames - 1)
    counts = (stack.lengths - offsets).clamp(max=frames) - (-offsets).clamp(min=0)
    enough = counts >= overlap * stack.lengths.clamp(max=frames)
    means = torch.where(enough, sums / counts, torch.inf)
    least = means.min(dim=1)
    return least.values, offsets[least.indices]


def _frame_distances(poses: Tensor, stack: _Stack) -> Float[Tensor, "frames columns"]:
    """Sum over points of the distances of each frame from each frame of a stack."""
    squares = poses.square().sum(-1, keepdim=True)
    left = torch.cat((squares, torch.ones_like(squares), poses), dim=-1).transpose(0, 1)
    total = poses.new_zeros(len(poses), stack.factors.shape[-1])
    each = torch.empty_like(total)
    for own, other in zip(left, stack.factors, strict=True):
        total += torch.mm(own, other, out=each).clamp_(min=0).sqrt_()
    return total
