"""Posture: what carries the body, one word per pose, decided on the bins of pose facts."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from marey.predicates.pose_facts import PoseFacts
from marey.predicates.pose_table import POSE_FACT_INDEX, POSE_FACTS, SIDES

POSTURES = (
    "standing",
    "off the floor",
    "crouching",
    "squatting",
    "sitting",
    "kneeling",
    "on all fours",
    "lying",
    "upside down",
)
"""The postures; where several fit, a later one wins."""


def postures(facts: PoseFacts) -> Int[Tensor, " frames"]:
    """Index into `POSTURES`, frame by frame; as steady as the bins, whose hysteresis it has."""
    tilt, hips = facts.code("torso_tilt"), facts.code("hips_height")
    lowered = hips < _bin("hips_height", "as in standing")
    low = hips <= _bin("hips_height", "low")
    over_floor = hips > _bin("hips_height", "on the floor")
    bowed = tilt >= _bin("torso_tilt", "tilted")
    bowed &= facts.code("chest_faces_up") <= _bin("chest_faces_up", "downward")
    flat = tilt >= _bin("torso_tilt", "horizontal")
    knees = _both(facts, "knee_height") <= _bin("left_knee_height", "on the ground")
    hand_height = _both(facts, "hand_height")
    hands = (hand_height <= _bin("left_hand_height", "at the floor")).any(1)
    hands &= (hand_height <= _bin("left_hand_height", "shin height")).all(1)
    thighs = _both(facts, "thigh_pitch")
    level = (thighs >= _bin("left_thigh_pitch", "slanting down")).all(1)
    level &= (thighs >= _bin("left_thigh_pitch", "level")).any(1)
    bent = _both(facts, "knee_bend") >= _bin("left_knee_bend", "bent")
    feet_ahead = _both(facts, "foot_ahead") >= _bin("left_foot_ahead", "ahead")
    feet = _both(facts, "foot_height")
    feet_up = (feet >= _bin("left_foot_height", "just off the ground")).all(1)
    inverted = (feet >= _bin("left_foot_height", "high")).all(1)
    inverted &= tilt >= _bin("torso_tilt", "upside down")
    seated = feet_ahead.all(1) | ~over_floor
    rules = {
        "off the floor": feet_up & (hips > _bin("hips_height", "as in standing")),
        "crouching": lowered & bent.all(1) & ~flat,
        "squatting": low & bent.all(1) & ~flat,
        "sitting": lowered & level & seated & ~flat,
        "kneeling": knees.any(1) & lowered & over_floor & ~flat,
        "on all fours": hands & bowed & lowered & bent.any(1),
        "lying": flat & (low | feet_up) & ~(hands & knees.any(1) & over_floor),
        "upside down": inverted,
    }  # fmt: skip
    return _last_that_holds(rules)


def _last_that_holds(rules: dict[str, Bool[Tensor, " frames"]]) -> Int[Tensor, " frames"]:
    found = torch.zeros_like(next(iter(rules.values())), dtype=torch.int64)
    for posture, holds in rules.items():
        found = torch.where(holds, POSTURES.index(posture), found)
    return found


def _both(facts: PoseFacts, family: str) -> Int[Tensor, "frames 2"]:
    return torch.stack([facts.code(f"{side}_{family}") for side in SIDES], dim=1)


def _bin(fact: str, word: str) -> int:
    return POSE_FACTS[POSE_FACT_INDEX[fact]].bins.index(word)
