"""How far apart the bones let two joints be, and pins that ask for more or for less."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey.constraints.goal import Goal, per_pin
from marey.motion.path_smoothing import DEFAULT_MARGIN
from marey.skeleton import Skeleton

_FRAMES_AT_ONCE = 256
_PATH_PINS_AT_ONCE = 16_384
_SOURCES = 1_000_000  # more than the constraints of any request
_ROUNDING = 1e-4  # metres, of float32 far from the origin


@dataclass(frozen=True, kw_only=True, eq=False)
class Reach:
    """Least and greatest distance of every two joints, metres, whatever the pose."""

    least: Float[Tensor, "joints joints"]
    most: Float[Tensor, "joints joints"]


@lru_cache(maxsize=8)
def reach_of(skeleton: Skeleton) -> Reach:
    """Return the reach of a skeleton whose joints turn freely.

    Two joints hang together by links: bones, and where the way between them turns round at a
    joint, the fixed distance of that joint's two children. Links of lengths l reach from
    ``2 max(l) − sum(l)``, but not below 0, to ``sum(l)``.
    """
    count = skeleton.num_joints
    total, longest = torch.zeros(count, count), torch.zeros(count, count)
    offsets = skeleton.rest_offsets
    ways = [_way_to_root(skeleton, joint) for joint in range(count)]
    for a in range(count):
        for b in range(a):
            links = _links(ways[a], ways[b], offsets)
            total[a, b] = total[b, a] = links.sum()
            longest[a, b] = longest[b, a] = links.amax()
    return Reach(least=(2 * longest - total).clamp(min=0), most=total)


def standing_reach(skeleton: Skeleton) -> Float[Tensor, " joints"]:
    """How high each joint comes, metres, while a toe is on the ground; infinite without toes."""
    toes = [name for name in (skeleton.roles.left_toe, skeleton.roles.right_toe) if name]
    if not toes:
        return torch.full((skeleton.num_joints,), torch.inf)
    return reach_of(skeleton).most[skeleton.indices(tuple(toes))].amax(dim=0)


def _way_to_root(skeleton: Skeleton, joint: int) -> list[int]:
    way = [joint]
    while skeleton.parents[way[-1]] >= 0:
        way.append(skeleton.parents[way[-1]])
    return way


def _links(
    first: list[int], second: list[int], offsets: Float[Tensor, "joints 3"]
) -> Float[Tensor, " links"]:
    """Lengths of the links between two joints, given their ways to the root."""
    shared = len(set(first) & set(second))
    up, down = first[: len(first) - shared], second[: len(second) - shared]
    if up and down:  # the way turns round: the last bones of both sides are one rigid link
        rigid = (offsets[up[-1]] - offsets[down[-1]])[None]
        return torch.cat((offsets[up[:-1]], offsets[down[:-1]], rigid)).norm(dim=1)
    return offsets[up + down].norm(dim=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pins:
    """Pinned joint positions of some frames; where two pin the same, the later counts."""

    frames: Int[Tensor, " frames"]
    positions: Float[Tensor, "frames joints 3"]
    known: Bool[Tensor, "frames joints"]
    slack: Float[Tensor, "frames joints"]
    """Tolerance, metres."""
    source: Int[Tensor, "frames joints"]

    @classmethod
    def of(cls, goals: Sequence[Goal], joints: int) -> "Pins":
        """Gather the joint positions among goals."""
        pinned = [goal for goal in goals if goal.kind == "joint_position"]
        none = torch.zeros(0, dtype=torch.long)
        numbers = torch.cat([none, *(goal.frames for goal in pinned)])
        frames, rows = torch.unique(numbers, return_inverse=True)
        place = rows * joints + per_pin(pinned, [goal.joint for goal in pinned]).long()
        pin = torch.arange(len(place))
        last = torch.full((len(frames) * joints,), -1).scatter_reduce(0, place, pin, "amax")
        known = last >= 0
        last = last.clamp(min=0)

        def table(values: Tensor) -> Tensor:
            empty = values.new_zeros(len(last), *values.shape[1:])
            if len(values):
                empty[known] = values[last[known]]
            return empty.unflatten(0, (len(frames), joints))

        return cls(
            frames=frames,
            positions=table(torch.cat([torch.zeros(0, 3), *(goal.target for goal in pinned)])),
            known=known.unflatten(0, (len(frames), joints)),
            slack=table(per_pin(pinned, [goal.tolerance for goal in pinned])),
            source=table(per_pin(pinned, [goal.source for goal in pinned]).long()),
        )


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """Two joints pinned at a distance that the bones do not allow: the worst of one kind."""

    frame: int
    joint: int
    other: int
    source: int
    """Constraint that pins ``joint``."""
    other_source: int
    distance: float
    """Metres."""
    limit: float
    """The nearest distance that is possible, metres."""
    count: int
    """How many such pairs of pins these two constraints have."""


def misfits(pins: Pins, reach: Reach) -> Iterator[Misfit]:
    """Yield pairs of joints that cannot both be where they are pinned in one frame.

    Many frames are looked at in pieces; each piece yields the worst of every two constraints.
    """
    for start in range(0, len(pins.frames), _FRAMES_AT_ONCE):
        rows = slice(start, start + _FRAMES_AT_ONCE)
        places, known, slack = pins.positions[rows], pins.known[rows], pins.slack[rows]
        distance = (places[:, :, None] - places[:, None]).norm(dim=-1)
        room = slack[:, :, None] + slack[:, None]
        limit = distance.clamp(min=reach.least, max=reach.most)
        excess = (distance - limit).abs() - room
        wrong = (excess > _ROUNDING) & (known[:, :, None] & known[:, None]).triu(diagonal=1)
        row, other, joint = wrong.nonzero(as_tuple=True)
        source, other_source = pins.source[rows][row, joint], pins.source[rows][row, other]
        for i, count in worst_of_pairs(source, other_source, excess[wrong]):
            yield Misfit(
                frame=int(pins.frames[start + row[i]]),
                joint=int(joint[i]),
                other=int(other[i]),
                source=int(source[i]),
                other_source=int(other_source[i]),
                distance=float(distance[row[i], joint[i], other[i]]),
                limit=float(limit[row[i], joint[i], other[i]]),
                count=count,
            )


def far_from_path(pins: Pins, goals: Sequence[Goal], reach: Reach) -> Iterator[Misfit]:
    """Yield joints pinned out of reach of a pelvis within ``DEFAULT_MARGIN`` of the root path.

    ``other`` is 0, the root joint, in what is yielded; distances are over the ground. The root
    joint itself may be no further from the path than the margin.
    """
    paths = [goal for goal in goals if goal.kind == "root_path"]
    if not paths or not len(pins.frames):
        return
    frames = torch.cat([goal.frames for goal in paths])
    path = torch.cat([goal.target for goal in paths])
    room = per_pin(paths, [goal.tolerance for goal in paths])
    base = per_pin(paths, [goal.source for goal in paths])
    rows = torch.searchsorted(pins.frames, frames).clamp(max=len(pins.frames) - 1)
    shared = (pins.frames[rows] == frames).nonzero().flatten()
    for some in shared.split(_PATH_PINS_AT_ONCE):
        at = rows[some]
        distance = (pins.positions[at][:, :, [0, 2]] - path[some, None]).norm(dim=-1)
        limit = (reach.most[0] + DEFAULT_MARGIN).expand_as(distance)
        excess = distance - limit - pins.slack[at] - room[some, None]
        wrong = (excess > _ROUNDING) & pins.known[at]
        row, joint = wrong.nonzero(as_tuple=True)
        source, other_source = pins.source[at[row], joint], base[some[row]]
        for i, count in worst_of_pairs(source, other_source, excess[wrong]):
            yield Misfit(
                frame=int(pins.frames[at[row[i]]]),
                joint=int(joint[i]),
                other=0,
                source=int(source[i]),
                other_source=int(other_source[i]),
                distance=float(distance[row[i], joint[i]]),
                limit=float(limit[row[i], joint[i]]),
                count=count,
            )


@dataclass(frozen=True, kw_only=True)
class OffGround:
    """A joint pinned too high above the ground or below it: the worst of one constraint."""

    frame: int
    joint: int
    source: int
    height: float
    """Metres."""
    limit: float
    """The nearest height that is possible, metres."""
    count: int
    """How many such pins this constraint has."""


def out_of_heights(
    pins: Pins, goals: Sequence[Goal], most: Float[Tensor, " joints"], deepest: float
) -> Iterator[OffGround]:
    """Yield joints, and root heights, pinned above ``most`` or more than ``deepest`` below 0."""
    roots = [goal for goal in goals if goal.kind == "root_height"]
    row, joint = pins.known.nonzero(as_tuple=True)
    slack = per_pin(roots, [goal.tolerance for goal in roots])
    own = per_pin(roots, [goal.source for goal in roots]).long()
    frames = torch.cat([pins.frames[row], *(goal.frames for goal in roots)])
    height = torch.cat([pins.positions[row, joint, 1], *(goal.target for goal in roots)])
    joint = torch.cat([joint, torch.zeros_like(own)])
    source = torch.cat([pins.source[row, joint[: len(row)]], own])
    limit = height.clamp(min=torch.tensor(-deepest), max=most[joint])
    excess = (height - limit).abs() - torch.cat([pins.slack[row, joint[: len(row)]], slack])
    wrong = (excess > _ROUNDING).nonzero().flatten()
    for k, count in worst_of_pairs(source[wrong], source[wrong], excess[wrong]):
        i = int(wrong[k])
        yield OffGround(
            frame=int(frames[i]),
            joint=int(joint[i]),
            source=int(source[i]),
            height=float(height[i]),
            limit=float(limit[i]),
            count=count,
        )


def worst_of_pairs(
    first: Int[Tensor, " faults"], second: Int[Tensor, " faults"], excess: Float[Tensor, " faults"]
) -> list[tuple[int, int]]:
    """Return for every two constraints the index of their worst fault and how many they have."""
    pair = torch.minimum(first, second) * _SOURCES + torch.maximum(first, second)
    pairs, which, counts = torch.unique(pair, return_inverse=True, return_counts=True)
    most = excess.new_full((len(pairs),), -torch.inf).scatter_reduce(0, which, excess, "amax")
    is_worst = (excess == most[which]).nonzero().flatten()
    worst = torch.zeros_like(counts).scatter_reduce(0, which[is_worst], is_worst, "amax")
    return list(zip(worst.tolist(), counts.tolist(), strict=True))
