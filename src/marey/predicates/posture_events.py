"""What the whole body does without travelling: jumps, and changes of posture."""

import itertools

import numpy as np

from marey.predicates.body import CLOCK, UP, Body, Curve, rate, smooth
from marey.predicates.event import Event
from marey.predicates.paces import timed
from marey.predicates.posture import KNEELING, LYING, POSTURES, SITTING, SQUATTING, STANDING
from marey.predicates.spans import moves, runs

JUMP_CLEARANCE, JUMP_CLEARANCE_PER_SPEED = 0.05, 0.03
"""Metres that both feet clear, and what a travelling body must clear beyond that per m/s."""
JUMP_SECONDS = (0.13, 1.2)
FREE_FALL = -5.0
"""Vertical acceleration of the hips in m/s²: about -9 in a jump, -3 on a stair."""
JUMP_RISE = 0.1
"""Metres of the hips between take-off or landing and top."""
JUMP_WAY = 0.35
"""Metres covered in the air that make a jump go somewhere."""

_WORDS = {STANDING: "rises", SITTING: "sits", SQUATTING: "squats"}
_WORDS |= {KNEELING: "kneels", LYING: "lies"}
"""What a body does that comes to a posture."""
LEAST_SINK = 0.1
"""Metres by which hips sink or rise with a change of posture."""
POSTURE_SECONDS, SEAT_SECONDS, HOLD_SECONDS, PASSING_SECONDS = 0.25, 0.6, 1.0, 1.6
STANCE = 0.2
"""Speed in m/s up to which hips and feet stand."""


def jump_events(body: Body) -> list[Event]:
    """Flights of the whole body, with the hips in free fall."""
    lower = body.clearance.min(1)
    height = body.middle[:, 1]
    fall = rate(rate(smooth(height, 0.05)))
    found = []
    for first, after in runs(lower > JUMP_CLEARANCE + JUMP_CLEARANCE_PER_SPEED * body.speed):
        seconds = (after - first) / CLOCK
        if not JUMP_SECONDS[0] <= seconds <= JUMP_SECONDS[1]:
            continue
        around = slice(max(0, first - round(0.3 * CLOCK)), after + round(0.3 * CLOCK))
        rise = height[first:after].max() - height[around].min()
        falling = fall[first:after].min() <= FREE_FALL
        upright = body.spine[first:after, UP].min() > 0.1
        if falling and upright and rise >= JUMP_RISE:
            way = _jump_way(body, first, after)
            found.append(timed("global", "jumps", (first, after), direction=way, extent=rise))
    return found


def _jump_way(body: Body, first: int, after: int) -> str:
    covered = body.velocity[first:after].sum(0) / CLOCK
    ahead, left = float(covered[0]), float(covered[1])
    if max(abs(ahead), abs(left)) < JUMP_WAY:
        return "up"
    if abs(ahead) >= abs(left):
        return "forward" if ahead > 0 else "backward"
    return "left" if left > 0 else "right"


def posture_events(body: Body, codes: np.ndarray, flights: list[Event]) -> list[Event]:
    """Changes from one posture to another, and postures held."""
    carried = np.where(codes < SITTING, STANDING, codes)
    spans = _spans(carried, flights)
    height = body.middle[:, 1] - body.floor
    events = _stands(body, carried == STANDING)
    for first, after, posture in spans:
        if after - first >= HOLD_SECONDS * CLOCK and posture != STANDING:
            span = (first, after - 1)
            events.append(timed("global", "holds", span, target=POSTURES[posture]))
    spans = _settled(spans)
    for (_, cut, _), (_, after, posture) in itertools.pairwise(spans):
        events += _change(height, cut, after, posture)
    return events


def _stands(body: Body, upright: np.ndarray) -> list[Event]:
    """Spans in which an upright body neither travels nor steps."""
    planted = (body.foot_speed.max(1) < STANCE) & (body.clearance.max(1) < 0.1)
    still = planted & (body.speed < STANCE)
    return [
        timed("global", "holds", (first, after - 1), target="standing")
        for first, after in runs(still & upright)
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


def _change(height: Curve, cut: int, after: int, posture: int) -> list[Event]:
    """The move from one posture to the next, from where the hips begin to sink or to rise."""
    if posture not in _WORDS:
        return []
    word = _WORDS[posture]
    back = max(0, cut - round(2.5 * CLOCK))
    forth = min(after, cut + round(1.5 * CLOCK))
    sign = 1 if word == "rises" else -1
    moved = [m for m in moves(height[back:forth], LEAST_SINK) if m.change * sign > 0]
    if not moved:
        return []
    move = min(moved, key=lambda m: abs((m.start + m.end) / 2 + back - cut))
    return [timed("global", word, (back + move.start, back + move.end), extent=move.change)]
