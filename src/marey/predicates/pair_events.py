"""What two parts do together: meet, part, clap, touch, cross, lead, alternate."""

from itertools import combinations

import numpy as np

from marey.predicates.arm_events import bend_angle
from marey.predicates.body import (
    AHEAD,
    CLOCK,
    ELBOWS,
    HEELS,
    HIPS,
    KNEES,
    OUT,
    PALMS,
    SHOULDERS,
    UP,
    Body,
    Curve,
    rate,
)
from marey.predicates.event import Event
from marey.predicates.paces import timed
from marey.predicates.spans import edges, moves, overlap, repetitions, runs, turning_points
from marey.skeleton.parts import canonical_slot

ARMS, LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")
HANDS_SLOT, FEET_SLOT = "left_arm+right_arm", "left_leg+right_leg"
HANDS_MEET, HANDS_MOVE = 0.19, 0.25
"""Metres between the palms that have met, and by which they come together or part."""
CLAP_SIZE, CLAP_SECONDS, CLAP_HALVES = 0.08, 0.6, 3
TOUCH_SECONDS = 0.25
NEAR = {"hand": 0.16, "head": 0.22, "shoulder": 0.17, "elbow": 0.14}
NEAR |= {"hip": 0.17, "knee": 0.18, "foot": 0.22}
"""Metres between palm and joint at a touch."""
AWAY = 1.25
"""A touch ends where the distance is that many times the distance of a touch."""
HEAD_CENTRE = 0.08
"""Metres from the head joint up to the middle of the head."""
AKIMBO, REST_SPEED = 65.0, 0.25
"""Degrees that an elbow is bent at least, and m/s that a hand moves at most, while it is on a hip:
a hanging hand is near too, and a swinging one passes by."""
ARMS_CROSSED, FEET_CROSSED = 0.08, 0.02
"""Metres by which a wrist, or an ankle, lies beyond the other."""
CROSS_SECONDS = 0.3
LEAD, LEAD_SECONDS = 0.3, 0.7
"""Metres by which a standing foot is before the other, and for how long at least."""
FEET_MOVE, FEET_MEET = 0.2, 0.3
"""Metres by which feet come together or part, and between ankles that have met."""
IN_STEP = 0.6
"""Correlation of two repeated movements that go together (or, negative, by turns)."""


def pair_events(body: Body, parts: list[Event]) -> list[Event]:
    """All events of pairs, given those of the parts."""
    travel = [e for e in parts if e.action in ("walks", "runs", "sidesteps", "moves")]
    return [
        *_hands(body),
        *_touches(body),
        *_crosses(body),
        *_feet(body, travel),
        *_in_step(body, parts),
    ]


def _distance(a: np.ndarray, b: np.ndarray) -> Curve:
    return np.linalg.norm(a - b, axis=-1)


def _hands(body: Body) -> list[Event]:
    palms = body.world[:, PALMS]
    gap = _distance(palms[:, 0], palms[:, 1])
    claps = []
    for each in repetitions(gap, CLAP_SIZE, CLAP_SECONDS * CLOCK, CLAP_HALVES):
        inside = gap[each.first : each.last + 1]
        ends = inside[turning_points(inside, CLAP_SIZE)]
        if ends[ends < ends.mean()].max() < HANDS_MEET and np.median(inside) < 0.45:
            span, count = (each.first, each.last), (each.halves + 1) // 2
            claps.append(timed(HANDS_SLOT, "claps", span, extent=each.size, count=count))
    return claps + [
        event
        for event in _approaches(HANDS_SLOT, gap, HANDS_MOVE, HANDS_MEET)
        if all(overlap((event.start, event.end), (c.start, c.end)) < 0.5 for c in claps)
    ]


def _approaches(slot: str, gap: Curve, least: float, near: float) -> list[Event]:
    found = []
    for move in moves(gap, least):
        closest = float(gap[move.last if move.change < 0 else move.first])
        if closest <= near:
            word = "meet" if move.change < 0 else "part"
            found.append(timed(slot, word, (move.start, move.end), extent=move.change))
    return found


def _touches(body: Body) -> list[Event]:
    """Hands on the head, on hips, knees, feet, the other arm and each other."""
    seen = body.turned
    palms = seen[:, PALMS]
    head = body.head + np.array([0.0, HEAD_CENTRE, 0.0])
    found = _contacts(HANDS_SLOT, "hand", _distance(palms[:, 0], palms[:, 1]))
    for side in (0, 1):
        palm, own, way = palms[:, side], ARMS[side], ("left", "right")[side]
        other = 1 - side
        found += _contacts(canonical_slot(f"head+{own}"), "head", _distance(palm, head))
        for target, row in (("shoulder", SHOULDERS), ("elbow", ELBOWS)):
            gap = _distance(palm, seen[:, row, other])
            found += _contacts(HANDS_SLOT, target, gap, way)
        found += _contacts(f"torso+{own}", "hip", _to_hip(body, seen, side))
        for target, row in (("knee", KNEES), ("foot", HEELS)):
            for leg in (0, 1):
                gap = _distance(palm, seen[:, row, leg])
                found += _contacts(canonical_slot(f"{own}+{LEGS[leg]}"), target, gap)
    return found


def _to_hip(body: Body, seen: np.ndarray, side: int) -> Curve:
    """Distance of a palm to the side of the hips; far while the arm hangs."""
    shoulder, elbow, palm = (seen[:, row, side] for row in (SHOULDERS, ELBOWS, PALMS))
    sign = 1 if side == 0 else -1
    hip = seen[:, HIPS, side] + np.array([0.06 * sign, 0.08, 0.0])
    bent = bend_angle(elbow - shoulder, palm - elbow) >= AKIMBO
    rests = np.linalg.norm(rate(palm), axis=-1) <= REST_SPEED
    return np.where(bent & rests, _distance(palm, hip), 1.0)


def _contacts(slot: str, target: str, gap: Curve, direction: str = "") -> list[Event]:
    near = NEAR[target]
    found = []
    for first, after in runs(gap < near * AWAY) if gap.min() < near else []:
        if gap[first:after].min() < near and after - first >= TOUCH_SECONDS * CLOCK:
            span = edges(-gap, (first, after), -near * AWAY)
            found.append(timed(slot, "touches", span, direction=direction, target=target))
    return found


def _crosses(body: Body) -> list[Event]:
    found = []
    shoulders, palms, heels = (body.seen[:, row] for row in (SHOULDERS, PALMS, HEELS))
    beyond = -palms[..., OUT].sum(1)
    before = (palms[..., AHEAD] - shoulders[..., AHEAD]).min(1) > 0.05
    beside = np.abs(palms[:, 0, UP] - palms[:, 1, UP]) < 0.3
    for first, after in runs((beyond > ARMS_CROSSED) & before & beside):
        if after - first >= CROSS_SECONDS * CLOCK:
            found.append(timed(HANDS_SLOT, "crosses", (first, after - 1)))
    down = body.clearance.max(1) < 0.08
    for first, after in runs((-heels[..., OUT].sum(1) > FEET_CROSSED) & down):
        if after - first >= CROSS_SECONDS * CLOCK:
            lead = float((heels[first:after, 0, AHEAD] - heels[first:after, 1, AHEAD]).mean())
            way = "left" if lead > 0 else "right"
            found.append(timed(FEET_SLOT, "crosses", (first, after - 1), direction=way))
    return found


def _feet(body: Body, travel: list[Event]) -> list[Event]:
    """Feet that come together, part, or stand one before the other, unless they walk."""
    heels = body.seen[:, HEELS]
    ahead = heels[:, 0, AHEAD] - heels[:, 1, AHEAD]
    gap = np.hypot(ahead, heels[..., OUT].sum(1))
    down = (body.clearance.max(1) < 0.1) & (body.foot_speed.max(1) < 0.25)
    found = _approaches(FEET_SLOT, gap, FEET_MOVE, FEET_MEET)
    for side, sign in ((0, 1), (1, -1)):
        for first, after in runs((sign * ahead > LEAD) & down):
            if after - first >= LEAD_SECONDS * CLOCK:
                extent = float((sign * ahead[first:after]).mean())
                way = ("left", "right")[side]
                span = (first, after - 1)
                found.append(timed(FEET_SLOT, "leads", span, direction=way, extent=extent))
    return [
        e for e in found if all(overlap((e.start, e.end), (t.start, t.end)) < 0.5 for t in travel)
    ]


def _in_step(body: Body, parts: list[Event]) -> list[Event]:
    """Limbs that go together or by turns in travel, and arms that are raised together."""
    travel = [e for e in parts if e.action in ("walks", "runs")]
    found = []
    for event in travel:
        inside = slice(round(event.start * CLOCK), round(event.end * CLOCK) + 1)
        limbs = {name: body.seen[inside, PALMS, i, AHEAD] for i, name in enumerate(ARMS)}
        limbs |= {name: body.seen[inside, HEELS, i, AHEAD] for i, name in enumerate(LEGS)}
        found += _phases(event, limbs)
    return found + _raised_together([e for e in parts if e.action == "raises"])


def _phases(event: Event, limbs: dict[str, Curve]) -> list[Event]:
    found = []
    swinging = [name for name, along in limbs.items() if np.ptp(along) >= 0.12]
    if event.seconds < 0.8 or len(swinging) < 2:
        return []
    alike = np.corrcoef([limbs[name] for name in swinging])
    for a, b in combinations(swinging, 2):
        like = float(alike[swinging.index(a), swinging.index(b)])
        if abs(like) >= IN_STEP:
            word = "moves together" if like > 0 else "alternates"
            span = (event.start * CLOCK, event.end * CLOCK)
            found.append(timed(canonical_slot(f"{a}+{b}"), word, span))
    return found


def _raised_together(raises: list[Event]) -> list[Event]:
    found = []
    for left in (e for e in raises if e.slot == ARMS[0]):
        for right in (e for e in raises if e.slot == ARMS[1]):
            spans = (left.start, left.end), (right.start, right.end)
            if overlap(*spans) > 0.5:
                start, end = min(left.start, right.start), max(left.end, right.end)
                span = (start * CLOCK, end * CLOCK)
                found.append(timed(HANDS_SLOT, "moves together", span))
    return found
