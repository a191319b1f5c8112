"""Posture: what carries the body, one word per tick of the clock."""

import numpy as np
from jaxtyping import Int

from marey.predicates.body import AHEAD, HANDS, HEELS, HIPS, KNEES, REFERENCE_LEG, UP, Body

POSTURES = (
    "standing",
    "off the floor",
    "crouching",
    "upside down",
    "sitting",
    "squatting",
    "kneeling",
    "on all fours",
    "lying",
)
"""The postures. The first four are those of legs that carry a body, or of none that does."""
STANDING, OFF_THE_FLOOR, CROUCHING, UPSIDE_DOWN = range(4)
SITTING, SQUATTING, KNEELING, ALL_FOURS, LYING = range(4, 9)
BEARING = (POSTURES[STANDING], *POSTURES[SITTING:])
"""The postures that events tell of: every other one is a way to stand there."""

SEAT, SQUAT, LOW = 0.78, 0.72, 0.45
"""Height of the hips over the ankles' floor, as a share of the straight leg."""
CROUCH, HIGH = 0.84, 1.08
"""The same over the floor of the whole motion: the most of a crouch, the least off the floor."""
SEAT_AHEAD = 0.17
"""Metres from hips ahead to the ankles of a body on a seat."""
KNEE_DOWN, HAND_DOWN = 0.16, 0.3
"""Height over the ankles' floor of a knee, and of a hand, that bears on the ground, metres."""
KNEES_BENT = 0.87
"""Distance from hip to ankle as a share of the leg, with a knee bent by some 60 degrees."""
FOOT_UP = 0.05
"""Height of a foot over the floor, metres, from which on it does not stand."""


def posture_codes(body: Body) -> Int[np.ndarray, " ticks"]:
    """Index into `POSTURES` in every tick; where several fit, the last one below."""
    world, floor = body.world, body.floor[:, None]
    share = (body.middle[:, 1] - body.floor) / REFERENCE_LEG
    # share is over the floor nearby, which stairs raise, hips over that of the whole motion.
    hips = share + (body.lift - body.clearance)[:, 0] / REFERENCE_LEG
    knees, hands = world[:, KNEES, :, 1] - floor, world[:, HANDS, :, 1] - floor
    heels = body.seen[:, HEELS]
    ahead = heels[..., AHEAD]
    upright = body.spine[:, UP] / np.linalg.norm(body.spine, axis=-1).clip(min=1e-6)
    legs = np.linalg.norm(world[:, HIPS] - world[:, HEELS], axis=-1) / REFERENCE_LEG
    codes = np.full(body.ticks, STANDING)
    codes[(hips < CROUCH) & (legs.max(1) < KNEES_BENT)] = CROUCHING
    codes[(body.lift.min(1) > FOOT_UP) & (hips > HIGH)] = OFF_THE_FLOOR
    codes[(heels[..., UP].min(1) > 0) & (upright < -0.3)] = UPSIDE_DOWN
    codes[(share < SQUAT) & (upright > 0.3)] = SQUATTING
    codes[(share < SEAT) & (ahead.mean(1) > SEAT_AHEAD) & (upright > 0.5)] = SITTING
    kneels = (share < SQUAT) & (knees.min(1) < KNEE_DOWN) & (ahead.min(1) < 0.1) & (upright > 0.3)
    codes[kneels] = KNEELING
    bears = (hands.max(1) < HAND_DOWN) & (share < SQUAT)
    codes[bears & (np.abs(upright) < 0.6)] = ALL_FOURS
    codes[(share < LOW) & (np.abs(upright) < 0.4) & (hands.min(1) < HAND_DOWN)] = LYING
    return codes
