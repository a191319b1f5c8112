"""What torso and head do: lean, straighten, twist; turn, tilt, nod, shake."""

import numpy as np

from marey.predicates.body import CLOCK, Body, Curve, rate, smooth
from marey.predicates.event import Event
from marey.predicates.paces import timed
from marey.predicates.spans import Move, moves, overlap, repetitions, runs

LEAN, LEANS, STRAIGHT = 14.0, 18.0, 14.0
"""Degrees: least change; least lean at the end; most lean at the end of straightening."""
SIDE_LEAN, SIDE_LEANS, SIDE_STRAIGHT = 11.0, 13.0, 8.0
TWIST, TWISTED = 25.0, 15.0
LOOK, LOOKED = 25.0, 15.0
TILT, TILTED = 20.0, 15.0
"""Degrees: least change, and least angle at the end."""
NOD, SHAKE, NOD_SECONDS, NOD_HALVES = 8.0, 12.0, 0.45, 4
STAY_RATE, STAY_SECONDS = 12.0, 1.5
"""Degrees per second up to which torso and head stay as they are, and for how long."""
_LEVEL = 0.4
"""Horizontal share of the direction that a chest faces below which it has no sideways turn."""


def trunk_events(body: Body) -> list[Event]:
    """All events of torso and head."""
    return _leans(body) + _twists(body) + _stays(body) + _head(body)


def _leans(body: Body) -> list[Event]:
    left, up, ahead = body.spine.T
    forward = _rise(ahead, np.hypot(left, up))
    aside = _rise(left, np.hypot(ahead, up))
    words = ("forward", "backward"), ("left", "right")
    found = [_lean(m, forward, words[0], LEANS, STRAIGHT) for m in moves(forward, LEAN)]
    found += [_lean(m, aside, words[1], SIDE_LEANS, SIDE_STRAIGHT) for m in moves(aside, SIDE_LEAN)]
    return [event for event in found if event is not None]


def _lean(
    move: Move, angle: Curve, words: tuple[str, str], leans: float, straight: float
) -> Event | None:
    start, end = float(angle[move.first]), float(angle[move.last])
    span = (move.start, move.end)
    if abs(end) >= leans and (abs(end) > abs(start) or start * end < 0):
        word = words[0] if end > 0 else words[1]
        return timed("torso", "leans", span, direction=word, extent=move.change)
    if abs(end) <= straight and abs(start) >= leans:
        return timed("torso", "straightens", span, extent=move.change)
    return None


def _twists(body: Body) -> list[Event]:
    chest, pelvis = _yaw(body.chest), _yaw(body.pelvis)
    twist = chest - pelvis
    twist -= 360 * np.round(twist / 360)
    level = np.minimum(_level(body.chest), _level(body.pelvis)) > _LEVEL
    found = []
    for move in moves(twist, TWIST):
        inside = slice(move.first, move.last + 1)
        away = twist[move.last] * np.sign(move.change) >= TWISTED
        if away and level[inside].all():
            way = "left" if move.change > 0 else "right"
            span = (move.start, move.end)
            found.append(timed("torso", "twists", span, direction=way, extent=move.change))
    return found


def _head(body: Body) -> list[Event]:
    left, up, ahead = body.gaze.T
    turn, tilt = np.degrees(np.arctan2(left, ahead)), _rise(up, np.hypot(left, ahead))
    shakes = _repeated(turn, "shakes", SHAKE)
    nods = [n for n in _repeated(tilt, "nods", NOD) if _apart(n, shakes)]
    found = []
    for move in moves(turn, LOOK):
        if abs(turn[move.last]) >= LOOKED or abs(turn[move.first]) >= LOOKED:
            way = "left" if move.change > 0 else "right"
            span = (move.start, move.end)
            found.append(timed("head", "turns", span, direction=way, extent=move.change))
    for move in moves(tilt, TILT):
        if abs(tilt[move.last]) >= TILTED or abs(tilt[move.first]) >= TILTED:
            way = "up" if move.change > 0 else "down"
            span = (move.start, move.end)
            found.append(timed("head", "tilts", span, direction=way, extent=move.change))
    repeated = shakes + nods
    return repeated + [event for event in found if _apart(event, repeated)]


def _repeated(curve: Curve, word: str, least: float) -> list[Event]:
    return [
        timed("head", word, (each.first, each.last), extent=each.size, count=each.cycles)
        for each in repetitions(curve, least, NOD_SECONDS * CLOCK, NOD_HALVES)
    ]


def _apart(event: Event, others: list[Event]) -> bool:
    return all(overlap((event.start, event.end), (e.start, e.end)) < 0.5 for e in others)


def _stays(body: Body) -> list[Event]:
    found = []
    for slot, direction in (("torso", body.spine), ("head", body.gaze)):
        unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True).clip(min=1e-6)
        turning = np.degrees(np.linalg.norm(rate(smooth(unit, 0.15)), axis=-1))
        for first, after in runs(turning < STAY_RATE):
            if after - first >= STAY_SECONDS * CLOCK:
                found.append(timed(slot, "stays", (first, after - 1)))
    return found


def _rise(along: Curve, across: Curve) -> Curve:
    """Degrees by which a direction rises from a plane."""
    return np.degrees(np.arctan2(along, across))


def _yaw(direction: np.ndarray) -> Curve:
    return np.degrees(np.arctan2(direction[:, 0], direction[:, 2]))


def _level(direction: np.ndarray) -> Curve:
    return np.hypot(direction[:, 0], direction[:, 2])
