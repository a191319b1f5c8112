"""What the whole body does without travelling: jumps, and changes of posture."""

import itertools

import numpy as np

from marey.predicates.body_curves import (
    AHEAD,
    CLOCK,
    HANDS,
    HEELS,
    KNEES,
    UP,
    BodyCurves,
    Curve,
    rate,
    smooth,
)
from marey.predicates.event import Event
from marey.predicates.paces import timed
from marey.predicates.spans import moves, runs
from marey.predicates.trace import REFERENCE_LEG

JUMP_CLEARANCE, JUMP_CLEARANCE_PER_SPEED = 0.05, 0.03
"""Metres that both feet clear, and what a travelling body must clear beyond that per m/s."""
JUMP_SECONDS = (0.13, 1.2)
FREE_FALL = -5.0
"""Vertical acceleration of the hips in m/s²: about -9 in a jump, -3 on a stair."""
JUMP_RISE = 0.1
"""Metres of the hips between take-off or landing and top."""
JUMP_WAY = 0.35
"""Metres covered in the air that make a jump go somewhere."""

STANDING, SITTING, SQUATTING, KNEELING, ALL_FOURS, LYING = range(6)
POSTURES = ("standing", "sitting", "squatting", "kneeling", "on all fours", "lying")
_WORDS = ("rises", "sits", "squats", "kneels", "", "lies")
SEAT, SQUAT, LOW = 0.78, 0.72, 0.45
"""Height of the hips over the ankles' floor, as a share of the straight leg."""
SEAT_AHEAD = 0.17
"""Metres from hips ahead to the ankles of a body on a seat."""
KNEE_DOWN, HAND_DOWN = 0.16, 0.3
"""Height over the ankles' floor of a knee, and of a hand, that bears on the ground, metres."""
LEAST_SINK = 0.1
"""Metres by which hips sink or rise with a change of posture."""
POSTURE_SECONDS, SEAT_SECONDS, HOLD_SECONDS, PASSING_SECONDS = 0.25, 0.6, 1.0, 1.6
STANCE = 0.2
"""Speed in m/s up to which hips and feet stand."""


def jump_events(curves: BodyCurves) -> list[Event]:
    """Flights of the whole body, with the hips in free fall."""
    lower = curves.clearance.min(1)
    speed = np.hypot(curves.velocity[:, 0], curves.velocity[:, 1])
    height = curves.middle[:, 1]
    fall = rate(rate(smooth(height, 0.05)))
    found = []
    for first, after in runs(lower > JUMP_CLEARANCE + JUMP_CLEARANCE_PER_SPEED * speed):
        seconds = (after - first) / CLOCK
        if not JUMP_SECONDS[0] <= seconds <= JUMP_SECONDS[1]:
            continue
        around = slice(max(0, first - round(0.3 * CLOCK)), after + round(0.3 * CLOCK))
        rise = height[first:after].max() - height[around].min()
        falling = fall[first:after].min() <= FREE_FALL
        upright = curves.spine[first:after, UP].min() > 0.1
        if falling and upright and rise >= JUMP_RISE:
            way = _jump_way(curves, first, after)
            found.append(timed("global", "jumps", (first, after), direction=way, extent=rise))
    return found


def _jump_way(curves: BodyCurves, first: int, after: int) -> str:
    covered = curves.velocity[first:after].sum(0) / CLOCK
    ahead, left = float(covered[0]), float(covered[1])
    if max(abs(ahead), abs(left)) < JUMP_WAY:
        return "up"
    if abs(ahead) >= abs(left):
        return "forward" if ahead > 0 else "backward"
    return "left" if left > 0 else "right"


def posture_events(curves: BodyCurves, flights: list[Event]) -> list[Event]:
    """Changes from one posture to another, and postures held."""
    spans = _spans(postures(curves), flights)
    height = curves.middle[:, 1] - curves.floor
    events = _stands(curves)
    for first, after, posture in spans:
        if after - first >= HOLD_SECONDS * CLOCK and posture != STANDING:
            span = (first, after - 1)
            events.append(timed("global", "holds", span, target=POSTURES[posture]))
    spans = _settled(spans)
    for (_, cut, before), (_, after, posture) in itertools.pairwise(spans):
        events += _change(height, cut, after, before, posture)
    return events


def _stands(curves: BodyCurves) -> list[Event]:
    """Spans in which an upright body neither travels nor steps."""
    planted = (curves.foot_speed.max(1) < STANCE) & (curves.clearance.max(1) < 0.1)
    still = planted & (np.linalg.norm(curves.velocity, axis=-1) < STANCE)
    return [
        timed("global", "holds", (first, after - 1), target="standing")
        for first, after in runs(still & (postures(curves) == STANDING))
        if after - first >= HOLD_SECONDS * CLOCK
    ]


def _settled(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Drop squats that only lead to another low posture, or from it."""
    kept: list[tuple[int, int, int]] = []
    for i, (first, after, posture) in enumerate(spans):
        near = [spans[j][2] for j in (i - 1, i + 1) if 0 <= j < len(spans)]
        passing = posture == SQUATTING and any(p not in (STANDING, SQUATTING) for p in near)
        if not passing or after - first >= PASSING_SECONDS * CLOCK:
            kept.append((first, after, posture))
    return kept


def postures(curves: BodyCurves) -> np.ndarray:
    """Code of the posture in every tick."""
    world, floor = curves.world, curves.floor[:, None]
    share = (curves.middle[:, 1] - curves.floor) / REFERENCE_LEG
    knees, hands = world[:, KNEES, :, 1] - floor, world[:, HANDS, :, 1] - floor
    ahead = curves.seen[:, HEELS, :, AHEAD]
    upright = curves.spine[:, UP] / np.linalg.norm(curves.spine, axis=-1).clip(min=1e-6)
    codes = np.full(curves.ticks, STANDING)
    squats = (share < SQUAT) & (upright > 0.3)
    codes[squats] = SQUATTING
    codes[(share < SEAT) & (ahead.mean(1) > SEAT_AHEAD) & (upright > 0.5)] = SITTING
    kneels = (share < SQUAT) & (knees.min(1) < KNEE_DOWN) & (ahead.min(1) < 0.1) & (upright > 0.3)
    codes[kneels] = KNEELING
    bears = (hands.max(1) < HAND_DOWN) & (share < SQUAT)
    codes[bears & (np.abs(upright) < 0.6)] = ALL_FOURS
    codes[(share < LOW) & (np.abs(upright) < 0.4) & (hands.min(1) < HAND_DOWN)] = LYING
    return codes


def _spans(codes: np.ndarray, flights: list[Event]) -> list[tuple[int, int, int]]:
    """Stretches of one posture; those too short to count, or in flight, take their forerunner's."""
    cuts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    spans: list[tuple[int, int, int]] = []
    for a, b in itertools.pairwise(cuts):
        code = int(codes[a])
        least = SEAT_SECONDS if code == SITTING else POSTURE_SECONDS
        if a == 0 or b == len(codes):
            least /= 2  # the rest of it is cut off
        flies = any(a / CLOCK < f.end + 0.4 and f.start - 0.4 < b / CLOCK for f in flights)
        brief = b - a < least * CLOCK or (flies and code == SQUATTING)
        if spans and (brief or spans[-1][2] == code):
            spans[-1] = (spans[-1][0], b, spans[-1][2])
        else:
            spans.append((a, b, STANDING if brief else code))
    return spans


def _change(height: Curve, cut: int, after: int, before: int, posture: int) -> list[Event]:
    """The move from one posture to the next, from where the hips begin to sink or to rise."""
    word = "rises" if posture < before and posture == STANDING else _WORDS[posture]
    if not word:
        return []
    back = max(0, cut - round(2.5 * CLOCK))
    forth = min(after, cut + round(1.5 * CLOCK))
    sign = 1 if word == "rises" else -1
    moved = [m for m in moves(height[back:forth], LEAST_SINK) if m.change * sign > 0]
    if not moved:
        return []
    move = min(moved, key=lambda m: abs((m.start + m.end) / 2 + back - cut))
    return [timed("global", word, (back + move.start, back + move.end), extent=move.change)]
