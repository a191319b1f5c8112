"""What arms do: raise, lower, bend, extend, wave, circle, swing, hold, stay."""

from itertools import permutations

import numpy as np

from marey.predicates.body import (
    AHEAD,
    CLOCK,
    ELBOWS,
    HANDS,
    OUT,
    SHOULDERS,
    UP,
    Body,
    Curve,
    rate,
    smooth,
)
from marey.predicates.event import Event
from marey.predicates.paces import timed
from marey.predicates.spans import Move, Repetition, moves, overlap, repetitions, runs

RISE = 0.2
"""Metres by which a hand must rise or sink against its shoulder."""
LEAST_RATE = 0.1
"""Mean m/s below which a hand drifts."""
OVERHEAD = 0.05
"""Metres over the head joint."""
HEAD, SHOULDER, CHEST = 0.1, -0.12, -0.3
"""Least heights over the shoulder of a hand at head, shoulder and chest height, metres."""
BEND = 40.0
"""Degrees by which an elbow must bend or extend."""
TO_AND_FRO = 0.1
"""Metres of a half cycle of a hand that waves, circles or swings."""
SWING_SECONDS, WAVE_SECONDS = 0.9, 0.42
"""Longest half cycle."""
HALVES = 4
"""Half cycles that make a wave or a swing."""
ROUNDNESS, CIRCLE_HALVES, CIRCLE_SIZE = 0.55, 3, 0.2
"""Area inside a hand's path over that of the ellipse of its size, and least size in metres."""
STILL_SPEED, STILL_SECONDS, HOLD_SECONDS = 0.15, 1.5, 0.6
"""Speed in m/s against the shoulder of a hand that is held or stays, and for how long."""
_AXES = {OUT: "sideways", UP: "up", AHEAD: "forward"}
_PLANES = {(UP, AHEAD): "forward", (OUT, UP): "sideways", (OUT, AHEAD): "level"}


def arm_events(body: Body) -> list[Event]:
    """All events of both arms."""
    return [event for side in (0, 1) for event in _one_arm(body, side)]


def _one_arm(body: Body, side: int) -> list[Event]:
    slot = ("left_arm", "right_arm")[side]
    hand = body.seen[:, HANDS, side] - body.seen[:, SHOULDERS, side]
    elbow = body.seen[:, ELBOWS, side] - body.seen[:, SHOULDERS, side]
    over_head = body.seen[:, HANDS, side, UP] - body.head[:, UP]
    repeated = _repeated(slot, hand, elbow)
    single = _raises(slot, hand, over_head) + _bends(slot, hand, elbow)
    return repeated + [e for e in single if _stands_out(e, repeated)] + _held(slot, hand, over_head)


def _stands_out(event: Event, repeated: list[Event]) -> bool:
    """Whether a single move is more than a part of a repeated one."""
    if event.target in ("shoulder", "head", "overhead") and event.action == "raises":
        repeated = [e for e in repeated if e.action != "swings" or e.direction == "up"]
    span = (event.start, event.end)
    return all(overlap(span, (e.start, e.end)) < 0.5 for e in repeated)


def hand_level(height: float, over_head: float) -> str:
    """Name of a height over the shoulder."""
    if over_head >= OVERHEAD:
        return "overhead"
    bounds = (("head", HEAD), ("shoulder", SHOULDER), ("chest", CHEST))
    return next((name for name, least in bounds if height >= least), "waist")


def bend_angle(first: np.ndarray, second: np.ndarray) -> Curve:
    """Degrees between two bones."""
    cross = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.degrees(np.arctan2(cross, (first * second).sum(-1)))


def _raises(slot: str, hand: np.ndarray, over_head: Curve) -> list[Event]:
    found = []
    for move in moves(hand[:, UP], RISE):
        if abs(move.change) < LEAST_RATE * (move.end - move.start) / CLOCK:
            continue
        end = hand[move.last]
        target = hand_level(end[UP], over_head[move.last])
        rising = move.change > 0
        found.append(
            timed(
                slot,
                "raises" if rising else "lowers",
                (move.start, move.end),
                direction=_aside(end) if rising and target != "overhead" else "",
                target=target,
                extent=move.change,
            )
        )
    return found


def _aside(hand: np.ndarray) -> str:
    """Which way a raised hand is from its shoulder."""
    out, ahead = float(hand[OUT]), float(hand[AHEAD])
    if max(abs(out), abs(ahead)) < 0.15:
        return ""
    if out > abs(ahead):
        return "sideways"
    return "" if abs(ahead) <= abs(out) else "forward" if ahead > 0 else "backward"


def _bends(slot: str, hand: np.ndarray, elbow: np.ndarray) -> list[Event]:
    found = moves(bend_angle(elbow, hand - elbow), BEND)
    return [timed(slot, _bend_word(m), (m.start, m.end), extent=m.change) for m in found]


def _bend_word(move: Move) -> str:
    return "bends" if move.change > 0 else "extends"


def _repeated(slot: str, hand: np.ndarray, elbow: np.ndarray) -> list[Event]:
    """Circles, waves and swings; where several overlap, the largest."""
    ranked = sorted(
        _circles(slot, hand) + _swings(slot, hand, elbow),
        key=lambda e: (-(e.action == "circles"), -(e.extent or 0.0), e.start),
    )
    kept: list[Event] = []
    for event in ranked:
        if all(overlap((event.start, event.end), (e.start, e.end)) < 0.3 for e in kept):
            kept.append(event)
    return kept


def _swings(slot: str, hand: np.ndarray, elbow: np.ndarray) -> list[Event]:
    upright = smooth((hand - elbow)[:, UP], 0.2)
    found = []
    for axis, direction in _AXES.items():
        for each in repetitions(hand[:, axis], TO_AND_FRO, SWING_SECONDS * CLOCK, HALVES):
            inside = slice(each.first, each.last + 1)
            quick = each.last - each.first <= WAVE_SECONDS * CLOCK * each.halves
            high = hand[inside, UP].mean() > CHEST + 0.15 and upright[inside].mean() > 0.08
            wave = quick and high and axis != UP
            found.append(
                timed(
                    slot,
                    "waves" if wave else "swings",
                    (each.first, each.last),
                    direction="" if wave else direction,
                    extent=each.size,
                    count=each.cycles,
                )
            )
    return found


def _circles(slot: str, hand: np.ndarray) -> list[Event]:
    longest = SWING_SECONDS * CLOCK
    repeated = [repetitions(axis, CIRCLE_SIZE, longest, CIRCLE_HALVES) for axis in hand.T]
    found = []
    for (a, b), direction in _PLANES.items():
        for axis, other in permutations((a, b)):
            for each in repeated[axis]:
                if _round(hand[:, axis], hand[:, other], each):
                    found.append(
                        timed(
                            slot,
                            "circles",
                            (each.first, each.last),
                            direction=direction,
                            extent=each.size,
                            count=each.cycles,
                        )
                    )
    return found


def _round(x: Curve, y: Curve, each: Repetition) -> bool:
    """Whether a path goes around, rather than to and fro."""
    inside = slice(each.first, each.last + 1)
    x, y = x[inside] - x[inside].mean(), y[inside] - y[inside].mean()
    width, height = np.ptp(x), np.ptp(y)
    if height < max(CIRCLE_SIZE, 0.35 * width):
        return False
    area = abs((x[:-1] * np.diff(y) - y[:-1] * np.diff(x)).sum()) / 2
    return bool(area >= ROUNDNESS * np.pi / 4 * width * height * each.halves / 2)


def _held(slot: str, hand: np.ndarray, over_head: Curve) -> list[Event]:
    """Hands kept overhead, moving or not, and hands that do not move elsewhere."""
    speed = np.linalg.norm(rate(smooth(hand, 0.1)), axis=-1)
    found = [
        timed(slot, "holds", (first, after - 1), target="overhead")
        for first, after in runs(over_head >= OVERHEAD)
        if after - first >= HOLD_SECONDS * CLOCK
    ]
    heights = np.stack((hand[:, UP], over_head), axis=1)
    for first, after in runs(speed < STILL_SPEED):
        seconds = (after - first) / CLOCK
        if seconds < HOLD_SECONDS:
            continue
        target = hand_level(*np.median(heights[first:after], axis=0).tolist())
        if target not in ("waist", "overhead"):
            found.append(timed(slot, "holds", (first, after - 1), target=target))
        elif target == "waist" and seconds >= STILL_SECONDS:
            found.append(timed(slot, "stays", (first, after - 1)))
    return found
