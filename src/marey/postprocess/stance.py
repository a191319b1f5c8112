"""Stance: when each heel and toe stands, and where.

Goes through contacts one by one, in numpy: on arrays this small torch would take several times as
long.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

GAP_SECONDS = 0.1
"""A shorter break in a contact is closed: labels flicker where a foot rolls."""
RUN_SECONDS = 0.1
"""A shorter contact is dropped."""
STEP_SECONDS = 0.3
"""Time that a foot takes from one place to the next where a contact is split, if it has as much."""
MOST_DRAG = 0.3
"""A contact along which the foot is dragged further, in metres, is split."""
MOST_TURN = 0.7
"""A contact along which the foot turns further about the vertical, in radians, is split."""
_FLAT = 0.3
"""Share of a foot's length over the ground from which on it has a direction."""
_SAME_PLACE = 1e-3
"""Pins of one foot that lie closer, in metres, are one place to stand."""
_TOO_HIGH = 0.01
"""A foot that is told to stand comes down if it is higher than others by more, in metres."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One heel or toe standing from frame ``start`` to before ``end``.

    A label says that the joint does not move to the next frame, so that the frame after the last
    label belongs to the run.
    """

    channel: int
    """0 left heel, 1 left toe, 2 right heel, 3 right toe."""
    start: int
    end: int


def steady_contacts(contacts: Bool[Tensor, "frames 4"], fps: float) -> Bool[Tensor, "frames 4"]:
    """Close short breaks, then drop short contacts: hysteresis in time; idempotent.

    Contacts that touch the first or last frame are kept however short: they go on outside.
    """
    gap, frames = round(GAP_SECONDS * fps), len(contacts)
    steady = contacts.clone()
    for channel in range(4):
        for start, end in stretches(~steady[:, channel]):
            if end - start <= gap and start > 0 and end < frames:
                steady[start:end, channel] = True
    return without_short(steady, fps)


def without_short(contacts: Bool[Tensor, "frames 4"], fps: float) -> Bool[Tensor, "frames 4"]:
    """Drop short contacts, but those that touch the first or last frame."""
    least, kept = round(RUN_SECONDS * fps), contacts.clone()
    for channel in range(4):
        for start, end in stretches(contacts[:, channel]):
            if end - start < least and start > 0 and end < len(contacts):
                kept[start:end, channel] = False
    return kept


def runs_of(contacts: Bool[Tensor, "frames 4"]) -> list[Run]:
    """Return all contacts, in the order in which they begin."""
    runs = [
        Run(channel=channel, start=start, end=min(end + 1, len(contacts)))
        for channel in range(4)
        for start, end in stretches(contacts[:, channel])
    ]
    return sorted(runs, key=lambda run: (run.start, -run.end, run.channel))


def split_at_pins(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    fixed: Bool[Tensor, "frames 4"],
    fps: float,
) -> Bool[Tensor, "frames 4"]:
    """End contacts between pins in different places, so that the foot can take a step there."""
    steps, paths, pinned = contacts.clone(), feet.numpy(), fixed.numpy()
    for run in runs_of(contacts):
        pins = np.flatnonzero(_within(pinned, run)) + run.start
        for last, first in pairwise(pins.tolist()):
            apart = paths[last, run.channel] - paths[first, run.channel]
            if length_of(apart) > _SAME_PLACE:
                rest = max(0, first - last - 1 - round(STEP_SECONDS * fps))
                steps[last + rest // 2 : first - (rest - rest // 2), run.channel] = False
    return steps


def split_at_drags(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    told: Bool[Tensor, "frames 4"],
    fps: float,
) -> Bool[Tensor, "frames 4"]:
    """End contacts along which the body drags or turns a foot too far; a step, and they go on.

    A foot that is ``told`` to stand does, and the body has to cope.
    """
    steps, step, paths = contacts.clone(), round(STEP_SECONDS * fps), feet.numpy()
    soles = paths[:, 1::2] - paths[:, ::2]
    for run in runs_of(contacts):
        way, sole, first = _within(paths, run), soles[run.start : run.end, run.channel // 2], 0
        while (far := _dragged(way[first:], sole[first:])).any():
            last = first + int(far.argmax()) - 1
            first = min(last + step + 1, len(way) - 1)
            end = first if first < len(way) - 1 else len(way)
            steps[run.start + last : run.start + end, run.channel] = False
    return steps | (contacts & told)


def _dragged(
    way: Float[np.ndarray, "frames 3"], sole: Float[np.ndarray, "frames 3"]
) -> Bool[np.ndarray, " frames"]:
    """Tell in which frames a joint is far from where it was in the first, or its foot turned."""
    flat = sole[:, [0, 2]]
    long = length_of(flat)
    has_direction = (long > _FLAT * length_of(sole)) & (long[0] > _FLAT * length_of(sole[0]))
    cosine = flat @ flat[0] / np.maximum(long * long[0], 1e-9)
    turned = has_direction & (cosine < math.cos(MOST_TURN))
    return (length_of(way - way[0]) > MOST_DRAG) | turned


def released(
    contacts: Bool[Tensor, "frames 4"], lost: Bool[Tensor, "frames 4"], fps: float
) -> Bool[Tensor, "frames 4"]:
    """End contacts around frames in which a foot cannot be held, for long enough to be a break."""
    reach = round(GAP_SECONDS * fps) // 2 + 1
    wide = torch.nn.functional.max_pool1d(
        lost.T.float(), kernel_size=2 * reach + 1, stride=1, padding=reach
    )
    return without_short(contacts & ~(wide.T > 0), fps)


def anchors(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    fixed: Bool[Tensor, "frames 4"],
    *,
    floor: float,
    told: Bool[Tensor, "frames 4"],
    clearance: tuple[float, float],
) -> tuple[Float[Tensor, "frames 4 3"], Bool[Tensor, "frames 4"]]:
    """Return where each heel and toe stands, and in which frames.

    A contact stands at the mean of its own path, or where it is ``fixed`` (pinned by the user).
    One that it was ``told`` comes down to the height at which the clip's other heels or toes
    stand, or to its ``clearance`` above the floor where there are none. Heel and toe of a foot
    keep their distance: the one that lands second gives way.
    """
    paths, pins, wanted = feet.numpy(), fixed.numpy(), told.numpy()
    target, locked = paths.copy(), np.zeros(contacts.shape, dtype=bool)
    runs = runs_of(contacts)
    asked = [bool(_within(wanted, run).any()) for run in runs]
    free = [run for run, own in zip(runs, asked, strict=True) if not own]
    level = _levels(paths, free, clearance, floor)
    for run, is_told in zip(runs, asked, strict=True):
        span, other = slice(run.start, run.end), run.channel ^ 1
        own, pinned = _within(paths, run), _within(pins, run)
        if pinned.any():
            place = own[pinned].mean(0)
        else:
            place = own.mean(0)
            if is_told and place[1] > level[run.channel % 2] + _TOO_HIGH:
                place[1] = level[run.channel % 2]
            place[1] = max(place[1], floor)
            together = np.flatnonzero(locked[span, other])
            if len(together):
                length = length_of(paths[run.start, run.channel] - paths[run.start, other])
                mate = target[run.start + together[0], other]
                place = at_distance(place, mate, length, floor=floor)
        target[span, run.channel] = np.where(pinned[:, None], own, place)
        locked[span, run.channel] = True
    return torch.from_numpy(target), torch.from_numpy(locked)


def at_distance(
    place: Float[np.ndarray, "*batch 3"],
    mate: Float[np.ndarray, "*batch 3"],
    length: Float[np.ndarray, "*batch"],
    *,
    floor: Float[np.ndarray, "*batch"] | float,
) -> Float[np.ndarray, "*batch 3"]:
    """Move a place along its line to ``mate`` to a distance from it, and not below the floor."""
    line = place - mate
    there = mate + line * (length / np.maximum(length_of(line), 1e-6))[..., None]
    drop = floor - mate[..., 1]
    sunk = (there[..., 1] < floor) & (np.abs(drop) <= length)
    if not sunk.any():
        return there
    across = np.sqrt(np.maximum(length**2 - drop**2, 0))
    flat = line[..., [0, 2]] * (across / np.maximum(length_of(line[..., [0, 2]]), 1e-6))[..., None]
    level = mate + np.stack((flat[..., 0], drop, flat[..., 1]), axis=-1)
    return np.where(sunk[..., None], level, there)


def stretches(flags: Bool[Tensor, " frames"]) -> list[tuple[int, int]]:
    """Return (start, end) of every run of True."""
    padded = np.zeros(len(flags) + 2, dtype=bool)
    padded[1:-1] = flags.numpy()
    changes = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(changes[::2], changes[1::2], strict=True))


def _levels(
    feet: Float[np.ndarray, "frames 4 3"],
    runs: list[Run],
    clearance: tuple[float, float],
    floor: float,
) -> list[float]:
    """Height at which heels and toes stand: the median of some contacts' means."""
    heights = [
        [float(_within(feet, r)[:, 1].mean()) for r in runs if r.channel % 2 == k] for k in (0, 1)
    ]
    return [
        sorted(own)[len(own) // 2] if own else floor + rest
        for own, rest in zip(heights, clearance, strict=True)
    ]


def _within(values: np.ndarray, run: Run) -> np.ndarray:
    return values[run.start : run.end, run.channel]


def length_of(values: Float[np.ndarray, "*batch axes"]) -> Float[np.ndarray, "*batch"]:
    """Length of vectors; ``np.linalg.norm`` takes twice as long for few."""
    return np.asarray(np.sqrt((values * values).sum(-1)))
