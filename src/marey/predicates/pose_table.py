"""The table of pose facts: what is measured, and the bins that give it words.

The edges are marey's own: read off the distribution of each quantity over the `train` windows of
the CMU set (``benchmarks/pose_facts.py`` prints it, docs/concepts/captions.md shows it), so that
the usual is one bin and the words that are worth saying are the outer ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from marey.skeleton.parts import canonical_slot

SIDES = ("left", "right")


@dataclass(frozen=True, kw_only=True)
class PoseFact:
    """One quantity of a pose and the bins it falls into."""

    name: str
    family: str
    """The name without its side: what both sides share."""
    slot: str
    """The part or the pair of parts that it is about."""
    quantity: str
    unit: str
    edges: tuple[float, ...]
    """Ascending; a value above the last edge lies in the last bin."""
    hysteresis: float
    """By how much an edge must be passed before the bin changes."""
    bins: tuple[str, ...]
    """One word or phrase per bin, from the lowest values up."""
    mirrored: str
    """The fact that it becomes when left and right are exchanged."""
    reversed: bool = False
    """Whether the value changes its sign then, so that the order of the bins turns around."""


# family, slot, quantity, unit, edges, hysteresis, bins. {side} makes two facts, {other} is the
# other side; a mirrored left-right difference changes its sign.
_Number = float | int
_Row = tuple[str, str, str, str, tuple[_Number, ...], _Number, tuple[str, ...]]

_LEAN = ("far right", "right", "neither", "left", "far left")
_SPREAD = ("at", "near", "away", "far")
_BEND = ("straight", "slightly bent", "bent", "strongly bent", "folded")
_PITCH = ("down", "slanting down", "level", "slanting up", "up")
_LIMB = ("down", "slanting down", "level", "up")
_AHEAD = ("right far ahead", "right ahead", "level", "left ahead", "left far ahead")
_HIGHER = ("right far higher", "right higher", "level", "left higher", "left far higher")

_TRUNK: tuple[_Row, ...] = (
    ("torso_tilt", "torso", "angle of hips to shoulders with the vertical", "deg",
     (20, 45, 70, 110), 3, ("upright", "tilted", "steep", "horizontal", "upside down")),
    ("torso_lean_forward", "torso", "lean of hips to shoulders to the front", "deg",
     (-30, -12, 15, 40), 3, ("far back", "back", "neither", "forward", "far forward")),
    ("torso_lean_left", "torso", "lean of hips to shoulders to the left", "deg",
     (-20, -9, 9, 20), 2, _LEAN),
    ("chest_faces_up", "torso", "elevation of the chest's front over the horizon", "deg",
     (-65, -35, 25, 60), 3, ("to the floor", "downward", "ahead", "upward", "to the sky")),
    ("torso_twist_left", "torso", "turn of the chest against the pelvis", "deg",
     (-22, -11, 11, 22), 2, _LEAN),
    ("back_bend", "torso", "forward bend of the chest against the pelvis", "deg",
     (-22, 25, 45), 3, ("arched", "straight", "rounded", "deeply rounded")),
    ("hips_height", "torso", "height of the hips over the floor", "m",
     (0.3, 0.55, 0.73, 0.95), 0.015,
     ("on the floor", "low", "lowered", "as in standing", "above standing")),
    ("gaze_up", "head", "elevation of the face over the horizon", "deg",
     (-45, -25, 20, 40), 3, ("far down", "down", "level", "up", "far up")),
    ("face_left", "head", "turn of the face from where the hips face", "deg",
     (-50, -25, 25, 50), 3, _LEAN),
    ("head_turn_left", "torso+head", "turn of the head against the chest", "deg",
     (-50, -25, 25, 50), 3, _LEAN),
    ("head_nod_down", "torso+head", "nod of the head against the chest", "deg",
     (-42, -25, 18, 32), 3, ("far back", "raised", "level", "bowed", "deeply bowed")),
    ("head_tilt_left", "torso+head", "tilt of the head against the chest", "deg",
     (-24, -13, 13, 24), 2, _LEAN),
    ("head_ahead", "torso+head", "distance of the head ahead of the shoulders", "m",
     (0.0, 0.085), 0.01, ("behind", "over", "ahead")),
)  # fmt: skip

_ARMS: tuple[_Row, ...] = (
    ("{side}_elbow_bend", "{side}_arm", "bend of the elbow, 0 = straight", "deg",
     (40, 75, 110, 140), 3, _BEND),
    ("{side}_arm_lift", "{side}_arm", "lift of the upper arm, 0 = hanging along the chest", "deg",
     (25, 50, 80, 115), 3, ("hanging", "slightly lifted", "half lifted", "level", "overhead")),
    ("{side}_arm_forward", "{side}_arm", "upper arm off the chest's plane to the front", "deg",
     (-35, -18, 25, 55), 3, ("far back", "back", "neither", "forward", "straight ahead")),
    ("{side}_arm_outward", "{side}_arm", "upper arm off the middle plane to its side", "deg",
     (-6, 25, 55), 3, ("across", "close", "outward", "straight out")),
    ("{side}_upper_arm_pitch", "{side}_arm", "elevation of the upper arm", "deg",
     (-60, -20, 20, 50), 3, _PITCH),
    ("{side}_forearm_pitch", "{side}_arm", "elevation of the forearm", "deg",
     (-60, -20, 20, 60), 3, _PITCH),
    ("{side}_hand_height", "{side}_arm", "height of the hand over the floor", "m",
     (0.2, 0.45, 0.72, 1.0, 1.3, 1.55), 0.02,
     ("at the floor", "shin height", "thigh height", "hip height", "chest height",
      "head height", "overhead height")),
    ("{side}_hand_ahead", "torso+{side}_arm", "hand ahead of the shoulders", "m",
     (-0.13, 0.23, 0.4), 0.02, ("behind", "beside", "in front", "far in front")),
    ("{side}_hand_outward", "torso+{side}_arm", "hand to its side of the middle", "m",
     (-0.03, 0.28, 0.48), 0.015, ("across", "close", "out", "far out")),
    ("{side}_hand_over_shoulders", "torso+{side}_arm", "hand over the shoulders", "m",
     (-0.38, -0.12, 0.1, 0.28), 0.02, ("waist", "chest", "shoulder", "head", "overhead")),
    ("{side}_hand_to_own_hip", "torso+{side}_arm", "distance of hand and hip of one side", "m",
     (0.12, 0.3, 0.6), 0.015, _SPREAD),
    ("{side}_hand_to_head", "head+{side}_arm", "distance of hand and head", "m",
     (0.17, 0.28, 0.5), 0.015, _SPREAD),
    ("{side}_hand_over_head", "head+{side}_arm", "hand over the head joint", "m",
     (-0.35, -0.1, 0.15), 0.02, ("far below", "below", "level", "above")),
    ("hands_distance", "left_arm+right_arm", "distance of the hands", "m",
     (0.11, 0.22, 0.55, 0.85), 0.015, ("together", "close", "apart", "wide apart", "spread")),
    ("hands_apart", "left_arm+right_arm", "left hand to the left of the right hand", "m",
     (-0.04, 0.1, 0.55), 0.015, ("crossed", "in line", "side by side", "wide")),
    ("left_hand_higher", "left_arm+right_arm", "left hand over the right hand", "m",
     (-0.35, -0.13, 0.13, 0.35), 0.02, _HIGHER),
    ("left_hand_ahead_of_right", "left_arm+right_arm", "left hand ahead of the right hand", "m",
     (-0.35, -0.16, 0.16, 0.35), 0.02, _AHEAD),
    ("{side}_hand_to_other_shoulder", "left_arm+right_arm", "hand to the other shoulder", "m",
     (0.2, 0.32), 0.015, _SPREAD[:3]),
    ("{side}_hand_to_other_elbow", "left_arm+right_arm", "hand to the other elbow", "m",
     (0.18, 0.28), 0.015, _SPREAD[:3]),
)  # fmt: skip

_LEGS: tuple[_Row, ...] = (
    ("{side}_knee_bend", "{side}_leg", "bend of the knee, 0 = straight", "deg",
     (25, 60, 95, 130), 3, _BEND),
    ("{side}_thigh_lift", "{side}_leg", "lift of the thigh, 0 = in line with the pelvis", "deg",
     (38, 65, 95), 3, ("hanging", "slightly lifted", "lifted", "raised high")),
    ("{side}_thigh_forward", "{side}_leg", "thigh off the pelvis' plane to the front", "deg",
     (-8, 35, 62), 3, ("back", "under the hips", "forward", "straight ahead")),
    ("{side}_thigh_outward", "{side}_leg", "thigh off the middle plane to its side", "deg",
     (-13, 15, 28), 2, ("across", "straight", "outward", "spread")),
    ("{side}_thigh_pitch", "{side}_leg", "elevation of the thigh", "deg",
     (-55, -25, 20), 3, _LIMB),
    ("{side}_shin_pitch", "{side}_leg", "elevation of the shin", "deg",
     (-50, -25, 20), 3, _LIMB),
    ("{side}_foot_height", "{side}_leg", "height of heel or toes, whichever is lower", "m",
     (0.05, 0.15, 0.4), 0.012,
     ("on the ground", "just off the ground", "lifted", "high")),
    ("{side}_heel_over_toe", "{side}_leg", "height of the heel over the toes", "m",
     (-0.055, 0.055), 0.01, ("toes up", "flat", "heel up")),
    ("{side}_knee_height", "{side}_leg", "height of the knee over the floor", "m",
     (0.15, 0.38, 0.57, 0.75), 0.015,
     ("on the ground", "low", "as in standing", "raised", "high")),
    ("{side}_foot_ahead", "torso+{side}_leg", "heel ahead of the hips", "m",
     (-0.25, 0.12, 0.3), 0.02, ("behind", "under", "ahead", "far ahead")),
    ("{side}_foot_outward", "torso+{side}_leg", "heel to its side of the middle", "m",
     (-0.03, 0.22, 0.36), 0.015, ("across", "under", "out", "far out")),
    ("{side}_knee_over_hip", "torso+{side}_leg", "knee over the hip of its side", "m",
     (-0.25, -0.1, 0.05), 0.015, ("far below", "below", "level", "above")),
    ("{side}_knee_to_head", "head+{side}_leg", "distance of knee and head", "m",
     (0.45, 0.7, 0.85), 0.015, _SPREAD),
    ("{side}_foot_ahead_of_head", "head+{side}_leg", "heel ahead of the head", "m",
     (-0.38, 0.1), 0.02, ("behind", "under", "ahead")),
    ("feet_distance", "left_leg+right_leg", "distance of the feet over the ground", "m",
     (0.14, 0.36, 0.6), 0.015, ("together", "hip width apart", "apart", "far apart")),
    ("feet_apart", "left_leg+right_leg", "left foot to the left of the right foot", "m",
     (-0.03, 0.09, 0.33, 0.5), 0.015,
     ("crossed", "in line", "side by side", "wide", "very wide")),
    ("left_foot_higher", "left_leg+right_leg", "left heel over the right heel", "m",
     (-0.35, -0.13, 0.13, 0.35), 0.015, _HIGHER),
    ("left_foot_ahead_of_right", "left_leg+right_leg", "left heel ahead of the right heel", "m",
     (-0.45, -0.18, 0.18, 0.45), 0.02, _AHEAD),
    ("knees_distance", "left_leg+right_leg", "distance of the knees", "m",
     (0.11, 0.32, 0.5), 0.015, ("together", "hip width apart", "apart", "far apart")),
)  # fmt: skip

_ARMS_AND_LEGS: tuple[_Row, ...] = (
    ("{side}_hand_to_own_knee", "{side}_arm+{side}_leg", "hand to the knee of its side", "m",
     (0.22, 0.34, 0.65), 0.015, _SPREAD),
    ("{side}_hand_to_other_knee", "{side}_arm+{other}_leg", "hand to the other knee", "m",
     (0.22, 0.37, 0.7), 0.015, _SPREAD),
    ("{side}_hand_to_own_foot", "{side}_arm+{side}_leg", "hand to the heel of its side", "m",
     (0.25, 0.6, 1.0), 0.02, _SPREAD),
    ("{side}_hand_to_other_foot", "{side}_arm+{other}_leg", "hand to the other heel", "m",
     (0.25, 0.62, 1.03), 0.02, _SPREAD),
    ("{side}_hand_ahead_of_own_foot", "{side}_arm+{side}_leg", "hand ahead of its foot", "m",
     (-0.08, 0.45), 0.02, ("behind", "over", "ahead")),
    ("{side}_hand_ahead_of_other_foot", "{side}_arm+{other}_leg", "hand ahead of that foot", "m",
     (-0.08, 0.45), 0.02, ("behind", "over", "ahead")),
)  # fmt: skip


def _facts(row: _Row) -> Iterator[PoseFact]:
    template, slot, quantity, unit, edges, hysteresis, bins = row
    family = template.removeprefix("{side}_")
    for side, other in (SIDES, SIDES[::-1]) if family != template else (("", ""),):
        own_slot = canonical_slot(slot.format(side=side, other=other))
        # Of facts without sides, those that name the left are signed: they turn around.
        yield PoseFact(
            name=template.format(side=side),
            family=family,
            slot=own_slot,
            quantity=quantity,
            unit=unit,
            edges=tuple(float(edge) for edge in edges),
            hysteresis=float(hysteresis),
            bins=bins,
            mirrored=template.format(side=other),
            reversed=not side and "left" in family,
        )


POSE_FACTS: tuple[PoseFact, ...] = tuple(
    fact for rows in (_TRUNK, _ARMS, _LEGS, _ARMS_AND_LEGS) for row in rows for fact in _facts(row)
)
"""All pose facts, in the order of the columns of `PoseFacts`."""

POSE_FACT_INDEX: MappingProxyType[str, int] = MappingProxyType(
    {fact.name: i for i, fact in enumerate(POSE_FACTS)}
)
"""Column of a fact, by its name."""
