"""Facts about single acts: jumps, seats, squats, raised hands, kicks."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.predicates.curve import held, near
from marey.predicates.measure import Measure
from marey.predicates.trace import REFERENCE_LEG, BodyTrace

JUMP_CLEARANCE, JUMP_RISE = 0.06, 0.15
"""Metres between floor and lower foot, and between the hips' highest and lowest point nearby."""
SEAT_HEIGHT, SQUAT_HEIGHT, STANDING_HEIGHT = 0.7, 0.7, 0.85
"""Height of the hips over the ankles, as a share of the straight leg."""
SEAT_BEHIND, SQUAT_BEHIND = 0.2, 0.3
"""Metres from the ankles back to the hips."""
HAND_OVER_HEAD, HAND_SECONDS = 0.02, 0.3
KICK_HEIGHT, KICK_SPEED, KICK_REACH = 0.35, 2.5, 0.3
"""Height of the ankle (m), its speed against the hips (m/s), and metres ahead of the hips."""
STANCE_HEIGHT, STANCE_SPEED = 0.1, 0.8
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
    """Clearance of the lower foot, in metres: ≥ 6 cm while the hips rise and fall by ≥ 15 cm."""
    lower = clearance(trace).amin(-1)
    half = trace.frames(0.4)
    rise = _window_range(trace.hips[..., 1], half)
    airborne = held(lower >= JUMP_CLEARANCE, 2) & (rise >= JUMP_RISE)
    return Measure(
        holds=airborne.any(-1),
        value=torch.where(rise >= JUMP_RISE, lower, 0.0).amax(-1),
        threshold=JUMP_CLEARANCE,
        unit="m",
        evidence=near(airborne, trace.frames(0.2)),
    )


def _window_range(
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
    """Height of the hips in the last half second: ≤ 70 % of the leg, from ≥ 85 % before.

    The hips end ≥ 20 cm behind the ankles, the torso upright, the body at rest.
    """
    share, tail = _hip_share(trace), trace.frames(0.5)
    behind = ahead_of_hips(trace, trace.heels).mean(-1)
    end = share[..., -tail:].mean(-1)
    seated = (share <= SEAT_HEIGHT) & (behind >= SEAT_BEHIND) & torso_upright(trace)
    low_end = seated[..., -tail:].float().mean(-1) > 0.7
    from_standing = held(share >= STANDING_HEIGHT, trace.frames(0.1)).any(-1)
    return Measure(
        holds=low_end & from_standing & (end <= SEAT_HEIGHT),
        value=end,
        threshold=SEAT_HEIGHT,
        unit="leg",
        evidence=seated,
    )


def squat(trace: BodyTrace) -> Measure:
    """Lowest height of the hips: ≤ 70 % of the leg for ≥ 0.2 s, over feet that stay down."""
    share = _hip_share(trace)
    ahead = ahead_of_hips(trace, trace.heels)
    under = (ahead.abs() <= SQUAT_BEHIND).all(-1)
    grounded = (clearance(trace) < STANCE_HEIGHT).all(-1)
    knees_up = (trace.knees[..., 1] > 0.15).all(-1)
    head_up = trace.head[..., 1] > trace.hips[..., 1] + 0.2
    low = (share <= SQUAT_HEIGHT) & under & grounded & knees_up & head_up
    down = held(low, trace.frames(0.2))
    return Measure(
        holds=down.any(-1) & (share.amax(-1) >= STANDING_HEIGHT),
        value=torch.where(low, share, 1.0).amin(-1),
        threshold=SQUAT_HEIGHT,
        unit="leg",
        evidence=down,
    )


def raise_hand(trace: BodyTrace, side: int) -> Measure:
    """Height of a hand over the head joint, metres: ≥ 2 cm for ≥ 0.3 s; the other hand never.

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
    """Height of an ankle swung forward, metres: ≥ 0.35, fast, while the other foot stands.

    The ankle moves at ≥ 2.5 m/s against the hips within 0.3 s and comes ≥ 0.3 m ahead of them.
    The other foot never does so.
    """
    seen = [_kicking(trace, s) for s in (0, 1)]
    reach = ahead_of_hips(trace, trace.heels)[..., side] >= KICK_REACH
    height = torch.where(reach, trace.heels[..., side, 1], 0.0).amax(-1)
    return Measure(
        holds=seen[side].any(-1) & ~seen[1 - side].any(-1),
        value=height,
        threshold=KICK_HEIGHT,
        unit="m",
        evidence=near(seen[side], trace.frames(0.3)),
    )


def _kicking(trace: BodyTrace, side: int) -> Bool[Tensor, "*batch frames"]:
    relative = trace.heels[..., side, :] - trace.hips
    speed = torch.gradient(relative, spacing=1 / trace.fps, dim=-2)[0].norm(dim=-1)
    fast = near(speed >= KICK_SPEED, trace.frames(0.3))
    high = trace.heels[..., side, 1] >= KICK_HEIGHT
    ahead = ahead_of_hips(trace, trace.heels)[..., side] >= KICK_REACH
    other = 1 - side
    low, slow = clearance(trace)[..., other], trace.foot_speed[..., other]
    stands = (low < STANCE_HEIGHT) & (slow < STANCE_SPEED)
    return fast & high & ahead & stands & (trace.head[..., 1] > trace.hips[..., 1] + 0.3)
