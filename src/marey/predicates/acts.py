"""Facts about single acts: jumps, seats, squats, raised hands, kicks."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.predicates.body import REFERENCE_LEG
from marey.predicates.curve import derivative, held, near
from marey.predicates.trace import BodyTrace, Measure

JUMP_CLEARANCE, JUMP_RISE = 0.06, 0.15
"""Metres between floor and lower foot, and between the hips' highest and lowest point nearby."""
JUMP_CLEARANCE_PER_SPEED = 0.04
"""Seconds: what a moving body must clear beyond that per m/s, since runners fly a little too."""
JUMP_SECONDS = 0.15
"""Least time off the ground."""
JUMP_GROUNDED = 0.3
"""Share of all frames in which a foot must be down: less is a body adrift."""
FREE_FALL = -5.0
"""Vertical acceleration of the hips in m/s² over 0.2 s: about -9 in a jump, -3 on a stair."""
SEAT_HEIGHT, SQUAT_HEIGHT, STANDING_HEIGHT = 0.8, 0.75, 0.85
"""Height of the hips over the ankles, as a share of the straight leg."""
SEAT_BEHIND, SQUAT_BEHIND = 0.16, 0.13
"""Metres from the ankles back to the hips: 0.19–0.4 on real seats, 0.0–0.08 in real squats."""
SEAT_SECONDS, SQUAT_SECONDS = 1.0, 0.2
DANGLING_HEIGHT = 0.35
"""Metres up to which a sitting body's ankles may hang over the floor."""
HAND_OVER_HEAD, HAND_SECONDS = 0.05, 0.3
KICK_HEIGHT, KICK_REACH, KICK_SPEED = 0.35, 0.35, 2.5
"""Height of the ankle (m), metres ahead of the hips, and its speed against them (m/s)."""
KICK_EXTENSION = 0.75
"""Distance from hips to ankle as a share of the leg: a lifted knee stays below."""
LIFT_HEIGHT, LIFT_REACH = 0.25, 0.2
"""What the other ankle may not reach: kicks by turns are a march."""
STANCE_HEIGHT, STANCE_SPEED = 0.12, 0.8
HEAD_UP = 0.3
"""Metres of the head over the hips: no handstand, flip or push-up."""
MAX_LEAN = 0.5
"""Horizontal over total distance from the hips to the head: the sine of 30 degrees."""


def clearance(trace: BodyTrace) -> Float[Tensor, "*batch frames 2"]:
    """Height of each foot's lower end over the floor, metres."""
    return torch.minimum(trace.heels[..., 1], trace.toes[..., 1])


def torso_upright(trace: BodyTrace) -> Bool[Tensor, "*batch frames"]:
    """Whether the head is carried above the hips, at most 30 degrees off the vertical."""
    up = trace.head - trace.hips
    return (up[..., 1] > 0) & (up[..., [0, 2]].norm(dim=-1) < MAX_LEAN * up.norm(dim=-1))


def ahead_of_hips(
    trace: BodyTrace, points: Float[Tensor, "*batch frames 2 3"]
) -> Float[Tensor, "*batch frames 2"]:
    """Metres that points lie before the hips, in the direction that the hips face."""
    offset = points - trace.hips[..., None, :]
    sine, cosine = trace.heading.sin()[..., None], trace.heading.cos()[..., None]
    return offset[..., 0] * sine + offset[..., 2] * cosine


def jump(trace: BodyTrace) -> Measure:
    """Clearance of the lower foot, metres: ≥ 6 cm (more at speed), with the hips in free fall.

    The flight lasts ≥ 0.15 s; the hips rise and fall by ≥ 15 cm within 0.4 s around it,
    the head is over them, and a foot is down in ≥ 30 % of all frames.
    """
    lower = clearance(trace).amin(-1)
    rise = _range_nearby(trace.hips[..., 1], trace.frames(0.4))
    least = JUMP_CLEARANCE + JUMP_CLEARANCE_PER_SPEED * trace.velocity.norm(dim=-1)
    falling = near(_acceleration(trace) <= FREE_FALL, trace.frames(0.1))
    head_up = trace.head[..., 1] > trace.hips[..., 1] + HEAD_UP
    leaping = (lower >= least) & (rise >= JUMP_RISE) & falling & head_up
    airborne = held(leaping, trace.frames(JUMP_SECONDS))
    return Measure(
        holds=airborne.any(-1) & ((lower < JUMP_CLEARANCE).float().mean(-1) >= JUMP_GROUNDED),
        value=torch.where(falling & (rise >= JUMP_RISE), lower, 0.0).amax(-1),
        threshold=JUMP_CLEARANCE,
        unit="m",
        evidence=near(airborne, trace.frames(0.2)),
    )


def _acceleration(trace: BodyTrace) -> Float[Tensor, "*batch frames"]:
    """Vertical acceleration of the hips, m/s², from heights 0.1 s apart; 0 at both ends."""
    step, height = trace.frames(0.1), trace.hips[..., 1]
    if trace.num_frames <= 2 * step:
        return torch.zeros_like(height)
    middle = height[..., step:-step]
    bend = height[..., : -2 * step] - 2 * middle + height[..., 2 * step :]
    return torch.nn.functional.pad(bend * (trace.fps / step) ** 2, (step, step))


def _range_nearby(
    curve: Float[Tensor, "*batch frames"], half: int
) -> Float[Tensor, "*batch frames"]:
    """Highest minus lowest value within ``half`` frames."""
    outer = (*curve.shape[:-1], half)
    padded = torch.cat((curve[..., :1].expand(outer), curve, curve[..., -1:].expand(outer)), -1)
    windows = padded.unfold(-1, 2 * half + 1, 1)
    return windows.amax(-1) - windows.amin(-1)


def _hip_share(trace: BodyTrace) -> Float[Tensor, "*batch frames"]:
    return trace.hips[..., 1] / REFERENCE_LEG


def sit_down(trace: BodyTrace) -> Measure:
    """Lowest height of the hips on a seat, in legs: ≤ 0.8 for ≥ 1 s, after standing (≥ 0.85).

    On a seat, both ankles lie ≥ 16 cm ahead of the hips and the torso is upright.
    """
    share, ahead = _hip_share(trace), ahead_of_hips(trace, trace.heels)
    legs_down = (trace.heels[..., 1] < DANGLING_HEIGHT).all(-1)
    before = (ahead >= SEAT_BEHIND - 0.04).all(-1) & (ahead.mean(-1) >= SEAT_BEHIND)
    on_seat = before & legs_down & torso_upright(trace)
    stood = (share >= STANDING_HEIGHT).int().cummax(-1).values.bool()
    seated = held((share <= SEAT_HEIGHT) & on_seat & stood, trace.frames(SEAT_SECONDS))
    return Measure(
        holds=seated.any(-1),
        value=torch.where(on_seat, share, 1.0).amin(-1),
        threshold=SEAT_HEIGHT,
        unit="leg",
        evidence=seated,
    )


def squat(trace: BodyTrace) -> Measure:
    """Lowest hips over the feet, in legs: ≤ 0.75 for ≥ 0.2 s in a body that also stands.

    Both feet stay down, within 13 cm of the hips in front or 40 cm behind, and no knee kneels.
    """
    share, ahead = _hip_share(trace), ahead_of_hips(trace, trace.heels)
    under = (ahead.mean(-1) <= SQUAT_BEHIND) & (ahead >= -0.4).all(-1)
    grounded = (clearance(trace) < STANCE_HEIGHT).all(-1)
    knees_up = (trace.knees[..., 1] > 0.15).all(-1)
    head_up = trace.head[..., 1] > trace.hips[..., 1] + 0.35
    over_feet = under & grounded & knees_up & head_up
    down = held((share <= SQUAT_HEIGHT) & over_feet, trace.frames(SQUAT_SECONDS))
    return Measure(
        holds=down.any(-1) & (share.amax(-1) >= STANDING_HEIGHT),
        value=torch.where(over_feet, share, 1.0).amin(-1),
        threshold=SQUAT_HEIGHT,
        unit="leg",
        evidence=down,
    )


def raise_hand(trace: BodyTrace, side: int) -> Measure:
    """Height of a hand over the head joint, metres: ≥ 5 cm for ≥ 0.3 s; the other hand never.

    Counts only while the torso is upright.
    """
    over = trace.hands[..., 1] - trace.head[..., 1, None]
    upright = torso_upright(trace)[..., None]
    frames = trace.frames(HAND_SECONDS)
    up = [held((over[..., s] >= HAND_OVER_HEAD) & upright[..., 0], frames) for s in (0, 1)]
    size = min(frames, trace.num_frames)
    value = over[..., side].unfold(-1, size, 1).amin(-1).amax(-1)
    return Measure(
        holds=up[side].any(-1) & ~up[1 - side].any(-1),
        value=value,
        threshold=HAND_OVER_HEAD,
        unit="m",
        evidence=up[side],
    )


def kick(trace: BodyTrace, side: int) -> Measure:
    """Height of an ankle swung ahead, metres: ≥ 0.35, while the other foot stands.

    The ankle comes ≥ 0.35 m before the hips on a leg that is ≥ 75 % straight, and moves at
    ≥ 2.5 m/s against the hips within 0.3 s; the other ankle is never lifted to the front.
    """
    kicking = _swings_ahead(trace, side)
    ahead = ahead_of_hips(trace, trace.heels)
    other = 1 - side
    lifted = (trace.heels[..., other, 1] >= LIFT_HEIGHT) & (ahead[..., other] >= LIFT_REACH)
    reach = ahead[..., side] >= KICK_REACH
    return Measure(
        holds=kicking.any(-1) & ~held(lifted, 2).any(-1),
        value=torch.where(reach, trace.heels[..., side, 1], 0.0).amax(-1),
        threshold=KICK_HEIGHT,
        unit="m",
        evidence=near(kicking, trace.frames(0.3)),
    )


def _swings_ahead(trace: BodyTrace, side: int) -> Bool[Tensor, "*batch frames"]:
    leg, other = trace.heels[..., side, :] - trace.hips, 1 - side
    speed = derivative(leg, trace.fps, dim=-2).norm(dim=-1)
    high = trace.heels[..., side, 1] >= KICK_HEIGHT
    ahead = ahead_of_hips(trace, trace.heels)[..., side] >= KICK_REACH
    straight = leg.norm(dim=-1) >= KICK_EXTENSION * REFERENCE_LEG
    stance = (clearance(trace)[..., other] < STANCE_HEIGHT) & (
        trace.foot_speed[..., other] < STANCE_SPEED
    )
    head_up = trace.head[..., 1] > trace.hips[..., 1] + HEAD_UP
    fast = near(speed >= KICK_SPEED, trace.frames(0.3))
    return high & ahead & straight & fast & head_up & near(stance, trace.frames(0.15))
