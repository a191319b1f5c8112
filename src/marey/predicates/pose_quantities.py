"""What a pose measures: angles, heights, distances and relations of its parts, frame by frame.

Nothing is differentiated, so that a frame has the same values at any frame rate. Lengths are
scaled to legs of `REFERENCE_LEG`. Left and right go through the same operations, so that a
mirrored motion gives the very same numbers with the sides exchanged.
"""

import numpy as np
from jaxtyping import Float

from marey.predicates.body import (
    ELBOWS,
    FLOOR_SHARE,
    HANDS,
    HEELS,
    HIPS,
    KNEES,
    SHOULDERS,
    TOES,
    Body,
    turn,
)

X, Y, Z = 0, 1, 2
"""Components of a vector in a body's frame: to the left, up, to the front."""

Quantity = Float[np.ndarray, " frames"]
Quantities = dict[str, Quantity]
Vectors = Float[np.ndarray, "frames 3"]
Pairs = Float[np.ndarray, "frames 7 2 3"]
_OWN_SIDE = np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])


def pose_quantities(body: Body) -> Quantities:
    """Measure every quantity of the table of pose facts, by the name of the fact.

    Angles in degrees, lengths in metres.
    """
    pairs, head = body.points[:, :14].reshape(-1, 7, 2, 3), body.points[:, 14]
    heading = _heading(pairs[:, HIPS])
    middle = (pairs[:, HIPS, 0] + pairs[:, HIPS, 1]) / 2
    seen = turn(pairs - middle[:, None, None], heading[:, None, None])
    return {
        **_trunk(body, seen, heading),
        **_limbs(body, pairs),
        **_heights(_above_ground(pairs, head)),
        **_around_the_trunk(seen, turn(head - middle, heading)),
        **_between_limbs(seen),
    }


def _above_ground(pairs: Pairs, head: Vectors) -> Float[np.ndarray, "frames 7 2"]:
    """Heights over the floor: where the toes rest, or lower where another part does.

    Heels count from where the heels rest, as far above the toes as they are in this motion.
    """
    heights = pairs[..., Y]
    low = np.concatenate((heights.min(-1), head[:, Y, None]), axis=1)
    rest = np.quantile(low, FLOOR_SHARE, axis=0)
    over = np.zeros((7, 1))
    over[HEELS] = rest[HEELS] - rest[TOES]
    return heights - rest.min() - over


def _heading(hips: Float[np.ndarray, "frames 2 3"]) -> Float[np.ndarray, "frames 2"]:
    """Cosine and sine of the direction that the hips face."""
    across = (hips[:, 0] - hips[:, 1])[:, [X, Z]] * np.array([1.0, -1.0])
    return across / _length(across).clip(min=1e-12)[:, None]


def _trunk(body: Body, seen: Pairs, heading: Float[np.ndarray, "frames 2"]) -> Quantities:
    """Orientation of torso and head, to gravity and to each other."""
    axis = (seen[:, SHOULDERS, 0] + seen[:, SHOULDERS, 1]) / 2
    pelvis, chest, head = (body.axes[:, i] for i in range(3))
    spine, neck = pelvis.swapaxes(1, 2) @ chest, chest.swapaxes(1, 2) @ head
    face = turn(head[..., Z], heading)
    return {
        "torso_tilt": _angle(_length(axis[:, [X, Z]]), axis[:, Y]),
        "torso_lean_forward": _off_plane(axis, Z),
        "torso_lean_left": _off_plane(axis, X),
        "chest_faces_up": _off_plane(chest[..., Z], Y),
        "torso_twist_left": _angle(spine[:, X, Z], spine[:, Z, Z]),
        "back_bend": _angle(spine[:, Z, Y], spine[:, Y, Y]),
        "gaze_up": _off_plane(head[..., Z], Y),
        "face_left": _off_plane(face, X),
        "head_turn_left": _angle(neck[:, X, Z], neck[:, Z, Z]),
        "head_nod_down": _off_plane(-neck[..., Z], Y),
        "head_tilt_left": _off_plane(-neck[..., X], Y),
    }


def _limbs(body: Body, pairs: Pairs) -> Quantities:
    """Bend and directions of arms (first row of each pair of rows) and legs (second)."""
    upper = pairs[:, [ELBOWS, KNEES]] - pairs[:, [SHOULDERS, HIPS]]
    lower = pairs[:, [HANDS, HEELS]] - pairs[:, [ELBOWS, KNEES]]
    bend = _angle(_length(np.cross(upper, lower)), (upper * lower).sum(-1))
    pitch = _off_plane(np.stack((upper, lower), axis=1), Y)
    bases = body.axes[:, [1, 0], None]
    along = (upper[..., :, None] * bases).sum(-2)
    out = along * _OWN_SIDE
    lift = _angle(_length(along[..., [X, Z]]), -along[..., Y])
    ahead, aside = _off_plane(out, Z), _off_plane(out, X)
    return {
        **_sides("elbow_bend", bend[:, 0]),
        **_sides("knee_bend", bend[:, 1]),
        **_sides("arm_lift", lift[:, 0]),
        **_sides("thigh_lift", lift[:, 1]),
        **_sides("arm_forward", ahead[:, 0]),
        **_sides("thigh_forward", ahead[:, 1]),
        **_sides("arm_outward", aside[:, 0]),
        **_sides("thigh_outward", aside[:, 1]),
        **_sides("upper_arm_pitch", pitch[:, 0, 0]),
        **_sides("thigh_pitch", pitch[:, 0, 1]),
        **_sides("forearm_pitch", pitch[:, 1, 0]),
        **_sides("shin_pitch", pitch[:, 1, 1]),
    }


def _heights(ground: Float[np.ndarray, "frames 7 2"]) -> Quantities:
    """Heights over the floor."""
    heel, toe = ground[:, HEELS], ground[:, TOES]
    return {
        "hips_height": ground[:, HIPS].mean(-1),
        **_sides("hand_height", ground[:, HANDS]),
        **_sides("knee_height", ground[:, KNEES]),
        **_sides("foot_height", np.minimum(heel, toe)),
        **_sides("heel_over_toe", heel - toe),
    }


def _around_the_trunk(seen: Pairs, head: Vectors) -> Quantities:
    """Where hands and feet are, seen from torso and head."""
    knees, heels, shoulders, hands = (seen[:, i] for i in (KNEES, HEELS, SHOULDERS, HANDS))
    between = (shoulders[:, 0] + shoulders[:, 1]) / 2
    from_shoulders, from_head = hands - between[:, None], hands - head[:, None]
    return {
        "head_ahead": (head - between)[:, Z],
        **_sides("hand_ahead", from_shoulders[..., Z]),
        **_sides("hand_outward", (from_shoulders * _OWN_SIDE)[..., X]),
        **_sides("hand_over_shoulders", from_shoulders[..., Y]),
        **_sides("hand_to_own_hip", _length(hands - seen[:, HIPS])),
        **_sides("foot_ahead", heels[..., Z]),
        **_sides("foot_outward", (heels * _OWN_SIDE)[..., X]),
        **_sides("knee_over_hip", (knees - seen[:, HIPS])[..., Y]),
        **_sides("hand_to_head", _length(from_head)),
        **_sides("hand_over_head", from_head[..., Y]),
        **_sides("knee_to_head", _length(knees - head[:, None])),
        **_sides("foot_ahead_of_head", (heels - head[:, None])[..., Z]),
    }


def _between_limbs(seen: Pairs) -> Quantities:
    """How arms and legs lie to each other; differences are left less right."""
    knees, heels, shoulders, elbows, hands = (
        seen[:, i] for i in (KNEES, HEELS, SHOULDERS, ELBOWS, HANDS)
    )
    arms, legs = hands[:, 0] - hands[:, 1], heels[:, 0] - heels[:, 1]
    return {
        "hands_distance": _length(arms),
        "hands_apart": arms[:, X],
        "left_hand_higher": arms[:, Y],
        "left_hand_ahead_of_right": arms[:, Z],
        **_sides("hand_to_other_shoulder", _length(hands - shoulders[:, ::-1])),
        **_sides("hand_to_other_elbow", _length(hands - elbows[:, ::-1])),
        **_sides("hand_to_own_knee", _length(hands - knees)),
        **_sides("hand_to_other_knee", _length(hands - knees[:, ::-1])),
        **_sides("hand_to_own_foot", _length(hands - heels)),
        **_sides("hand_to_other_foot", _length(hands - heels[:, ::-1])),
        **_sides("hand_ahead_of_own_foot", (hands - heels)[..., Z]),
        **_sides("hand_ahead_of_other_foot", (hands - heels[:, ::-1])[..., Z]),
        "feet_distance": _length(legs[:, [X, Z]]),
        "feet_apart": legs[:, X],
        "left_foot_higher": legs[:, Y],
        "left_foot_ahead_of_right": legs[:, Z],
        "knees_distance": _length(knees[:, 0] - knees[:, 1]),
    }


def _sides(name: str, values: Float[np.ndarray, "frames 2"]) -> Quantities:
    return {f"left_{name}": values[:, 0], f"right_{name}": values[:, 1]}


def _length(vectors: Float[np.ndarray, "*shape dims"]) -> Float[np.ndarray, "*shape"]:
    return np.sqrt((vectors * vectors).sum(-1))


def _angle(
    opposite: Float[np.ndarray, "*shape"], adjacent: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Degrees in [-180, 180], those of ``atan2``."""
    return np.degrees(np.arctan2(opposite, adjacent))


def _off_plane(vectors: Float[np.ndarray, "*shape 3"], axis: int) -> Float[np.ndarray, "*shape"]:
    """Degrees in [-90, 90] by which vectors rise towards an axis from the plane across it."""
    others = [component for component in (X, Y, Z) if component != axis]
    return _angle(vectors[..., axis], _length(vectors[..., others]))
