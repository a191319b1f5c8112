"""How a body gets around: steps, turns, walks, sidesteps, runs."""

import itertools
from dataclasses import dataclass

import numpy as np

from marey.predicates.body import CLOCK, HEELS, TOES, Body, smooth
from marey.predicates.event import Event
from marey.predicates.locomotion import RUN_SPEED
from marey.predicates.paces import timed
from marey.predicates.posture import ALL_FOURS
from marey.predicates.spans import Ticks, edges, moves, overlap, stretches

TURN, TURN_STEP = 40.0, 30.0
"""Degrees of a turn, and of a change of heading that ends another."""
FEET_SHARE = 0.4
"""Share of a turn of the hips that the feet must make too; else the body twists over them."""
SWING_ON, SWING_OFF = 0.6, 0.25
"""Speed in m/s that a foot reaches in a step, and that it has where a step begins and ends."""
SLIP = 0.3
"""Share of the speed of the hips that a standing foot of a fast body seems to have."""
STEP_LENGTH, STEP_LIFT = 0.12, 0.06
"""Metres to move a foot by, or else to lift it by, in a step."""
STEP_SECONDS = (0.1, 1.5)
TRAVEL_ON, TRAVEL_OFF = 0.2, 0.1
"""Speed of the hips in m/s that travel reaches, and that it has where it begins and ends."""
WALK_DISTANCE, SIDE_DISTANCE = 0.5, 0.4
"""Metres of travel that count."""
LEG_SECONDS = 0.5
"""Travel in one direction shorter than that is part of what is around it."""
FLIGHT_SHARE = 0.04
"""Share without a standing foot of the fastest ``RUN_SECONDS`` of a run."""
RUN_SECONDS = 0.8
UPRIGHT = 0.5
"""Height of the shoulders over the hips, as a share of their distance."""


@dataclass(frozen=True)
class Step:
    """A foot on its way from one place to the next, in ticks."""

    side: int
    start: float
    end: float
    first: int
    last: int
    ahead: float
    out: float
    """Metres that the foot moved, seen from the body; ``out`` to its own side."""
    lift: float

    @property
    def length(self) -> float:
        return float(np.hypot(self.ahead, self.out))

    @property
    def direction(self) -> str:
        """Which way, seen from the body."""
        if self.length < STEP_LENGTH:
            return "in place"
        if abs(self.ahead) >= abs(self.out):
            return "forward" if self.ahead > 0 else "backward"
        return ("left", "right")[self.side if self.out > 0 else 1 - self.side]


def steps(body: Body, flights: list[Event]) -> list[Step]:
    """The steps of both feet; what they do in the flight of a jump is no step."""
    jumps = [(flight.start * CLOCK, flight.end * CLOCK) for flight in flights]
    found = [step for side in (0, 1) for step in _steps(body, side)]
    return [s for s in found if all(overlap((s.start, s.end), jump) < 0.4 for jump in jumps)]


def _steps(body: Body, side: int) -> list[Step]:
    speed = body.foot_speed[:, side] - SLIP * body.speed
    foot = (body.world[:, HEELS, side] + body.world[:, TOES, side]) / 2
    found = []
    for run in stretches(speed, SWING_ON, SWING_OFF):
        first, last = max(run[0] - 1, 0), min(run[1], body.ticks - 1)
        seconds = (last - first) / CLOCK
        if not STEP_SECONDS[0] <= seconds <= STEP_SECONDS[1]:
            continue
        moved = foot[last] - foot[first]
        heading = body.heading[(first + last) // 2]
        left = moved[0] * np.cos(heading) - moved[2] * np.sin(heading)
        ahead = float(moved[0] * np.sin(heading) + moved[2] * np.cos(heading))
        out = float(left if side == 0 else -left)
        lift = float(np.ptp(body.clearance[first : last + 1, side]))
        step = Step(side, *edges(speed, run, SWING_OFF), first, last, ahead, out, lift)
        if step.length >= STEP_LENGTH or lift >= STEP_LIFT:
            found.append(step)
    return found


def step_events(found: list[Step]) -> list[Event]:
    """Steps as events of the legs."""
    return [
        timed(
            ("left_leg", "right_leg")[step.side],
            "steps",
            (step.start, step.end),
            direction=step.direction,
            extent=step.length,
        )
        for step in found
    ]


def turn_events(body: Body) -> list[Event]:
    """Turns of the whole body, feet and all; over feet that stay it is the torso that twists."""
    degrees = np.degrees(body.heading)
    feet = _feet_heading(body)
    upright = body.spine[:, 1] > UPRIGHT * np.linalg.norm(body.spine, axis=-1)
    found = []
    for move in moves(degrees, TURN_STEP):
        after = min(move.last + round(0.3 * CLOCK), body.ticks - 1)
        with_feet = (feet[after] - feet[move.first]) / move.change
        stands = upright[move.first : move.last + 1].mean() > 0.7
        if abs(move.change) >= TURN and stands:
            way = "left" if move.change > 0 else "right"
            slot, word = ("global", "turns") if with_feet >= FEET_SHARE else ("torso", "twists")
            span = (move.start, move.end)
            found.append(timed(slot, word, span, direction=way, extent=move.change))
    return found


def _feet_heading(body: Body) -> np.ndarray:
    """Direction in which the feet point on average, degrees, unwrapped."""
    along = body.world[:, TOES] - body.world[:, HEELS]
    mean = smooth(along[:, 0] + along[:, 1], 0.1)
    turns = np.diff(np.arctan2(mean[:, 0], mean[:, 2]))
    turns -= 2 * np.pi * np.round(turns / (2 * np.pi))
    return np.degrees(np.concatenate((np.zeros(1), np.cumsum(turns))))


def travel_events(body: Body, found: list[Step], codes: np.ndarray) -> list[Event]:
    """Walks, sidesteps, runs and crawls; travel without steps is said to move."""
    on_fours = codes == ALL_FOURS
    events = []
    for run in stretches(body.speed, TRAVEL_ON, TRAVEL_OFF, round(LEG_SECONDS * CLOCK)):
        start, end = edges(body.speed, run, TRAVEL_OFF)
        for first, after, way in _directions(body.velocity, run):
            span = (start if first == run[0] else first, end if after == run[1] else after)
            crawls = bool(on_fours[first:after].mean() > 0.5)
            events += _travel(body, found, span, (first, after), way, crawls=crawls)
    return events


def _directions(velocity: np.ndarray, run: tuple[int, int]) -> list[tuple[int, int, int]]:
    """Pieces of a run by direction: 0 ahead, 1 left, 2 back, 3 right; short ones are absorbed."""
    first, after = run
    ahead, left = velocity[first:after, 0], velocity[first:after, 1]
    along = np.abs(ahead) >= np.abs(left)
    ways = np.where(along, np.where(ahead > 0, 0, 2), np.where(left > 0, 1, 3))
    cuts = [0, *(np.flatnonzero(np.diff(ways)) + 1).tolist(), after - first]
    pieces = [(a, b, int(ways[a])) for a, b in itertools.pairwise(cuts)]
    while len(pieces) > 1:
        shortest = min(range(len(pieces)), key=lambda i: pieces[i][1] - pieces[i][0])
        if pieces[shortest][1] - pieces[shortest][0] >= LEG_SECONDS * CLOCK:
            break
        pieces = _absorbed(pieces, shortest)
    return [(first + a, first + b, way) for a, b, way in pieces]


def _absorbed(pieces: list[tuple[int, int, int]], which: int) -> list[tuple[int, int, int]]:
    """Give a piece to its longer neighbour, and join neighbours of one direction."""
    near = [i for i in (which - 1, which + 1) if 0 <= i < len(pieces)]
    heir = max(near, key=lambda i: pieces[i][1] - pieces[i][0])
    a, b, _ = pieces[which]
    renamed = [*pieces[:which], (a, b, pieces[heir][2]), *pieces[which + 1 :]]
    joined: list[tuple[int, int, int]] = []
    for piece in renamed:
        if joined and joined[-1][2] == piece[2]:
            joined[-1] = (joined[-1][0], piece[1], piece[2])
        else:
            joined.append(piece)
    return joined


def _travel(
    body: Body,
    found: list[Step],
    span: tuple[Ticks, Ticks],
    ticks: tuple[int, int],
    way: int,
    *,
    crawls: bool,
) -> list[Event]:
    inside = slice(*ticks)
    speed = body.speed[inside]
    along = body.velocity[inside, way % 2] * (1 if way < 2 else -1)
    distance = along.sum() / CLOCK
    if distance < (SIDE_DISTANCE if way % 2 else WALK_DISTANCE):
        return []
    own = [s for s in found if s.length >= STEP_LENGTH and overlap((s.start, s.end), span) > 0.5]
    flying = (body.foot_speed[inside].min(1) > 0.5 * speed) & (speed > 1.2)
    size = min(round(RUN_SECONDS * CLOCK), len(speed))
    fastest = np.convolve(speed, np.full(size, 1 / size), mode="valid").max()
    running = fastest >= RUN_SPEED and flying.mean() >= FLIGHT_SHARE
    walks = {s.side for s in own} == {0, 1}
    word = "moves" if not walks else "sidesteps" if way % 2 else "walks"
    action = "crawls" if crawls else "runs" if running and walks else word
    direction = ("forward", "left", "backward", "right")[way]
    return [
        timed("global", action, span, direction=direction, extent=distance, count=len(own) or None)
    ]
