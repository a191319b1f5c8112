"""Stance: when each heel and toe stands, and where."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

GAP_SECONDS = 0.1
"""A shorter break in a contact is closed: labels flicker where a foot rolls."""
RUN_SECONDS = 0.1
"""A shorter contact is dropped."""


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
    gap, least = round(GAP_SECONDS * fps), round(RUN_SECONDS * fps)
    steady = contacts.clone()
    frames = len(contacts)
    for channel in range(4):
        for start, end in _stretches(~steady[:, channel]):
            if end - start <= gap and start > 0 and end < frames:
                steady[start:end, channel] = True
        for start, end in _stretches(steady[:, channel]):
            if end - start < least and start > 0 and end < frames:
                steady[start:end, channel] = False
    return steady


def runs_of(contacts: Bool[Tensor, "frames 4"]) -> list[Run]:
    """Return all contacts, in the order in which they begin."""
    runs = [
        Run(channel=channel, start=start, end=min(end + 1, len(contacts)))
        for channel in range(4)
        for start, end in _stretches(contacts[:, channel])
    ]
    return sorted(runs, key=lambda run: (run.start, -run.end, run.channel))


def anchors(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    fixed: Bool[Tensor, "frames 4"],
    *,
    floor: float = 0.0,
) -> tuple[Float[Tensor, "frames 4 3"], Bool[Tensor, "frames 4"]]:
    """Return where each heel and toe stands, and in which frames.

    A contact stands at the mean of its own path, or where it is ``fixed`` (pinned by the user);
    fixed in two places further apart than a centimetre it is not locked. Heel and toe of a foot
    keep their distance: the one that lands second gives way.
    """
    target, locked = feet.clone(), contacts & False
    for run in runs_of(contacts):
        span = slice(run.start, run.end)
        own = feet[span, run.channel]
        pins = own[fixed[span, run.channel]]
        if len(pins) and float((pins - pins[0]).norm(dim=-1).max()) > 0.01:
            continue
        place = pins[0].clone() if len(pins) else own.mean(0)
        place[1] = place[1].clamp(min=floor)
        other = run.channel ^ 1
        together = locked[span, other]
        if bool(together.any()) and not len(pins):
            place = _at_bone_length(place, target[span, other][together][0], feet, run)
        target[span, run.channel] = place
        locked[span, run.channel] = True
    return target, locked


def _at_bone_length(place: Tensor, mate: Tensor, feet: Tensor, run: Run) -> Tensor:
    """Move a place along its line to the foot's other joint, to the distance the two have."""
    length = (feet[run.start, run.channel] - feet[run.start, run.channel ^ 1]).norm()
    line = place - mate
    return mate + line * (length / line.norm().clamp(min=1e-6))


def _stretches(flags: Bool[Tensor, " frames"]) -> list[tuple[int, int]]:
    """Return (start, end) of every run of True."""
    padded = torch.nn.functional.pad(flags.int(), (1, 1))
    change = padded.diff()
    starts, ends = (change == 1).nonzero()[:, 0], (change == -1).nonzero()[:, 0]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
