"""Facts about getting around: walking, sidestepping, turning, running, standing still."""

import math

from jaxtyping import Bool, Float
from torch import Tensor

from marey.predicates.body import REFERENCE_LEG
from marey.predicates.curve import alternations, best_mean, derivative, held
from marey.predicates.trace import LEFT, BodyTrace, Measure

WALK_DISTANCE = 0.8
BACK_DISTANCE = 0.5
SIDE_DISTANCE = 0.4
"""Metres to cover in the named direction."""
STRAIGHT_SHARE, SIDE_SHARE = 0.7, 0.6
"""Share of the path that must lead in the named direction."""
MAX_SLIDE = 0.55
"""Speed of the slower foot over that of the hips: 1 for a statue on rails, 0.1–0.3 for a walk."""
STEP_MARGIN = 0.25
"""Difference in foot speed, m/s, that tells the swinging foot from the standing one."""
RUN_SPEED = 1.8
"""Mean speed in m/s over the fastest 0.8 s."""
MIN_FLIGHT = 0.02
"""Share of the fast frames in which no foot stands: 0.0 even in fast walks, 0.03–0.4 in runs."""
TURN = math.radians(45)
TURN_SHARE = 0.2
"""Share of all turning that must be net: less is a shaking body."""
MOVING = 0.25
"""Speed in m/s above which the hips count as under way."""
STILL_ACTIVITY, STILL_RANGE, STILL_TURN = 0.2, 0.2, math.radians(15)
STILL_HANDS = 0.5
"""Metres within which the hands of a standing body stay."""
UPRIGHT = 0.85
"""Share of a straight leg at which the hips of a standing body are carried at least."""


def path_length(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Length of the hips' smoothed path on the ground, metres."""
    return trace.velocity.norm(dim=-1).sum(-1) / trace.fps


def displacement(trace: BodyTrace) -> Float[Tensor, "*batch 2"]:
    """Metres covered towards the front and towards the left, both seen from the moving body."""
    return trace.velocity.sum(-2) / trace.fps


def turned(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Net change of heading, radians, + = left."""
    return trace.heading[..., -1] - trace.heading[..., 0]


def top_speed(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Mean speed of the hips over their fastest 0.8 s, m/s."""
    return best_mean(trace.velocity.norm(dim=-1), trace.frames(0.8))


def flight_share(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Share of the frames beyond 1.4 m/s in which no foot stands."""
    speed = trace.velocity.norm(dim=-1)
    fast = speed > 0.8 * RUN_SPEED
    flying = (trace.foot_speed.amin(-1) > 0.5 * speed) & fast
    return flying.sum(-1) / fast.sum(-1).clamp(min=1)


def slide(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Mean speed of the slower foot over the mean speed of the hips, while under way."""
    speed = trace.velocity.norm(dim=-1)
    under_way = speed > MOVING
    feet = (trace.foot_speed.amin(-1) * under_way).sum(-1)
    return feet / (speed * under_way).sum(-1).clamp(min=1e-6)


def steps(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Number of swings, left and right alternating."""
    return alternations(trace.foot_speed[..., 0] - trace.foot_speed[..., 1], STEP_MARGIN).float()


def hand_travel(trace: BodyTrace) -> Float[Tensor, "*batch"]:
    """Diagonal of the larger box in which a hand moves, metres."""
    extent = trace.hands.amax(-3) - trace.hands.amin(-3)
    return extent.norm(dim=-1).amax(-1)


def _steps_along(
    trace: BodyTrace, along: Float[Tensor, "*batch frames"], distance: float, share: float
) -> Measure:
    covered = along.sum(-1) / trace.fps
    walks = (steps(trace) >= 2) & (slide(trace) <= MAX_SLIDE) & ~_is_run(trace)
    holds = (covered >= distance) & (covered >= share * path_length(trace)) & walks
    evidence = along > MOVING
    return Measure(holds=holds, value=covered, threshold=distance, unit="m", evidence=evidence)


def walk_forward(trace: BodyTrace) -> Measure:
    """Metres walked ahead: ≥ 0.8 and ≥ 70 % of the path, in ≥ 2 steps, no slide, no run."""
    return _steps_along(trace, trace.velocity[..., 0], WALK_DISTANCE, STRAIGHT_SHARE)


def walk_backward(trace: BodyTrace) -> Measure:
    """Metres walked back: ≥ 0.5 and ≥ 60 % of the path, in ≥ 2 steps, no slide, no run."""
    return _steps_along(trace, -trace.velocity[..., 0], BACK_DISTANCE, SIDE_SHARE)


def sidestep(trace: BodyTrace, side: int) -> Measure:
    """Metres stepped to a side: ≥ 0.4 and ≥ 60 % of the path, in ≥ 2 steps, no slide, no run."""
    sign = 1 if side == LEFT else -1
    return _steps_along(trace, sign * trace.velocity[..., 1], SIDE_DISTANCE, SIDE_SHARE)


def turn(trace: BodyTrace, side: int) -> Measure:
    """Net change of heading to a side, in degrees: ≥ 45, and ≥ 20 % of all turning there was.

    The head is over the hips for ≥ 80 % of the time.
    """
    angle = turned(trace) * (1 if side == LEFT else -1)
    rate = derivative(trace.heading, trace.fps, dim=-1)
    all_turning = trace.heading.diff(dim=-1).abs().sum(-1)
    evidence = (rate if side == LEFT else -rate) > math.radians(20)
    upright = (trace.head[..., 1] > trace.hips[..., 1]).float().mean(-1) > 0.8
    return Measure(
        holds=(angle >= TURN) & (angle >= TURN_SHARE * all_turning) & upright,
        value=angle.rad2deg(),
        threshold=math.degrees(TURN),
        unit="deg",
        evidence=evidence,
    )


def _is_run(trace: BodyTrace) -> Bool[Tensor, "*batch"]:
    return (top_speed(trace) >= RUN_SPEED) & (flight_share(trace) >= MIN_FLIGHT)


def run(trace: BodyTrace) -> Measure:
    """Speed over the fastest 0.8 s: ≥ 1.8 m/s, mostly ahead, ≥ 3 swings, ≥ 2 % in flight."""
    ahead = displacement(trace)[..., 0] >= SIDE_SHARE * path_length(trace)
    return Measure(
        holds=_is_run(trace) & ahead & (steps(trace) >= 3),
        value=top_speed(trace),
        threshold=RUN_SPEED,
        unit="m/s",
        evidence=trace.velocity.norm(dim=-1) >= RUN_SPEED,
    )


def stand_still(trace: BodyTrace) -> Measure:
    """Mean joint speed: ≤ 0.2 m/s, upright, hips and hands in place, no turn beyond 15°.

    The hips stay within 20 cm and each hand within 50 cm.
    """
    ground = trace.hips[..., [0, 2]]
    spread = (ground.amax(-2) - ground.amin(-2)).amax(-1)
    turning = trace.heading.amax(-1) - trace.heading.amin(-1)
    upright = trace.hips[..., 1].amin(-1) >= UPRIGHT * REFERENCE_LEG
    activity = best_mean(trace.activity, trace.frames(1.0))
    calm = (
        (hand_travel(trace) <= STILL_HANDS)
        & (activity <= STILL_ACTIVITY)
        & (spread <= STILL_RANGE)
        & (turning <= STILL_TURN)
    )
    return Measure(
        holds=calm & upright,
        value=activity,
        threshold=STILL_ACTIVITY,
        unit="m/s",
        evidence=held(trace.activity <= STILL_ACTIVITY, trace.frames(0.5)),
    )
