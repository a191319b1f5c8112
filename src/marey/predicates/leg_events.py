"""What legs do besides stepping: kick, raise, lower, bend, extend, swing, hold, stay."""

import numpy as np

from marey.predicates.arm_events import bend_angle
from marey.predicates.body import (
    AHEAD,
    CLOCK,
    HEELS,
    HIPS,
    KNEES,
    OUT,
    REFERENCE_LEG,
    Body,
    rate,
    smooth,
)
from marey.predicates.event import Event
from marey.predicates.paces import timed
from marey.predicates.spans import moves, overlap, repetitions, runs

LIFT, KNEE_BEND = 0.2, 35.0
"""Metres that a foot is raised or lowered by, and degrees that a knee bends or extends by."""
KICK_HEIGHT, KICK_REACH, KICK_SPEED = 0.28, 0.35, 2.2
"""Height of the ankle over the floor and distance from the hips (m), and its speed against them."""
KICK_EXTENSION = 0.75
"""Distance from hip to ankle as a share of the leg."""
STANCE_HEIGHT, STANCE_SPEED = 0.12, 0.8
"""Height (m) and speed (m/s) up to which the other foot stands."""
SWING_SIZE, SWING_SECONDS, SWING_HALVES = 0.3, 0.9, 3
HELD_HEIGHT, HELD_SPEED, HELD_SECONDS = 0.12, 0.25, 0.8
STAY_SPEED, STAY_SECONDS = 0.1, 1.5
STRUT = 0.32
"""Metres that a walking body lifts a foot by to be said to raise it."""


def leg_events(body: Body, travel: list[Event], jumps: list[Event]) -> list[Event]:
    """All events of both legs but steps, which ``travel_events`` finds.

    What legs do in travel and in jumps belongs to these, save knees that are lifted high.
    """
    return [event for side in (0, 1) for event in _one_leg(body, side, travel, jumps)]


def _one_leg(body: Body, side: int, travel: list[Event], jumps: list[Event]) -> list[Event]:
    slot = ("left_leg", "right_leg")[side]
    kicks = _kicks(body, slot, side)
    swings = [e for e in _swings(body, slot, side) if _free(e, travel)]
    lifts = [e for e in _lifts(body, slot, side) if _free(e, swings + jumps)]
    walked = [e for e in lifts if _free(e, travel) or _struts(e, travel)]
    bends = [e for e in _bends(body, slot, side) if _free(e, travel + swings + jumps)]
    return kicks + swings + walked + bends + _held(body, slot, side)


def _struts(event: Event, travel: list[Event]) -> bool:
    """Whether a foot is lifted higher than a walk needs."""
    walk = _free(event, [e for e in travel if e.action == "runs"])
    return walk and event.action == "raises" and (event.extent or 0.0) >= STRUT


def _free(event: Event, others: list[Event]) -> bool:
    return all(overlap((event.start, event.end), (e.start, e.end)) < 0.5 for e in others)


def _kicks(body: Body, slot: str, side: int) -> list[Event]:
    """Fast swings of a straight leg away from the hips, over a standing foot."""
    ankle = body.seen[:, HEELS, side]
    leg = ankle - body.seen[:, HIPS, side]
    height = body.world[:, HEELS, side, 1] - body.floor
    speed = np.linalg.norm(rate(ankle), axis=-1)
    reach = np.hypot(leg[:, OUT], leg[:, AHEAD])
    straight = np.linalg.norm(leg, axis=-1) >= KICK_EXTENSION * REFERENCE_LEG
    other = 1 - side
    stands = (body.clearance[:, other] < STANCE_HEIGHT) & (body.foot_speed[:, other] < STANCE_SPEED)
    found = []
    for first, after in runs((height >= KICK_HEIGHT) & (reach >= KICK_REACH) & straight):
        before = max(0, first - round(0.3 * CLOCK))
        near = slice(before, after)
        if speed[near].max() < KICK_SPEED or stands[near].mean() < 0.5:
            continue
        top = first + int(height[first:after].argmax())
        way = _way(float(leg[top, OUT]), float(leg[top, AHEAD]), side)
        found.append(
            timed(slot, "kicks", (before, after), direction=way, extent=float(height[top]))
        )
    return found


def _way(out: float, ahead: float, side: int) -> str:
    if abs(ahead) >= abs(out):
        return "forward" if ahead > 0 else "backward"
    return ("left", "right")[side if out > 0 else 1 - side]


def _lifts(body: Body, slot: str, side: int) -> list[Event]:
    height = body.world[:, HEELS, side, 1] - body.floor
    found = []
    for move in moves(height, LIFT):
        leg = body.seen[move.last, HEELS, side] - body.seen[move.last, HIPS, side]
        knee = body.seen[move.last, KNEES, side] - body.seen[move.last, HIPS, side]
        direction = ""
        if move.change > 0:
            ahead, out = max(float(knee[AHEAD]), float(leg[AHEAD])), float(leg[OUT])
            direction = "sideways" if out > max(0.3, ahead) else "forward"
            direction = "backward" if max(ahead, out) < 0.15 else direction
        word = "raises" if move.change > 0 else "lowers"
        span = (move.start, move.end)
        found.append(timed(slot, word, span, direction=direction, extent=move.change))
    return found


def _bends(body: Body, slot: str, side: int) -> list[Event]:
    hip, knee, ankle = (body.seen[:, row, side] for row in (HIPS, KNEES, HEELS))
    return [
        timed(slot, "bends" if m.change > 0 else "extends", (m.start, m.end), extent=m.change)
        for m in moves(bend_angle(knee - hip, ankle - knee), KNEE_BEND)
    ]


def _swings(body: Body, slot: str, side: int) -> list[Event]:
    """Pendulum swings of a leg in the air."""
    leg = body.seen[:, HEELS, side] - body.seen[:, HIPS, side]
    found = []
    for axis, direction in ((AHEAD, "forward"), (OUT, "sideways")):
        for each in repetitions(leg[:, axis], SWING_SIZE, SWING_SECONDS * CLOCK, SWING_HALVES):
            inside = slice(each.first, each.last + 1)
            if (body.clearance[inside, side] > 0.03).mean() > 0.7:
                span = (each.first, each.last)
                words = {"direction": direction, "extent": each.size, "count": each.cycles}
                found.append(timed(slot, "swings", span, **words))
    return found


def _held(body: Body, slot: str, side: int) -> list[Event]:
    foot = smooth(body.seen[:, HEELS, side], 0.1)
    speed = np.linalg.norm(rate(foot), axis=-1)
    height = body.clearance[:, side]
    found = []
    for first, after in runs((height > HELD_HEIGHT) & (speed < HELD_SPEED)):
        if after - first >= HELD_SECONDS * CLOCK:
            found.append(timed(slot, "holds", (first, after - 1), target="lifted"))
    for first, after in runs((height <= HELD_HEIGHT) & (speed < STAY_SPEED)):
        if after - first >= STAY_SECONDS * CLOCK:
            found.append(timed(slot, "stays", (first, after - 1)))
    return found
