"""What a pose measures: angles, heights, distances and relations of its parts, frame by frame.

Nothing is differentiated, so that a frame has the same values at any frame rate. Lengths are
scaled to legs of `REFERENCE_LEG`. Left and right go through the same operations, so that a
mirrored motion gives the very same numbers with the sides exchanged.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from marey.motion import Motion
from marey.predicates.landmarks import Landmarks, landmarks
from marey.predicates.trace import FLOOR_SHARE, REFERENCE_LEG

X, Y, Z = 0, 1, 2
"""Components of a vector in a body's frame: to the left, up, to the front."""

Quantities = dict[str, Float[Tensor, " frames"]]


def pose_quantities(motion: Motion) -> Quantities:
    """Measure every quantity of the table of pose facts, by the name of the fact.

    Angles in degrees, lengths in metres. Raises InvalidInputError where the skeleton lacks a role.
    """
    marks = landmarks(motion.skeleton)
    scale = REFERENCE_LEG / marks.leg_length
    points = motion.joint_positions[:, marks.points] * scale
    pairs, head = points[:, :14].unflatten(1, (7, 2)), points[:, 14]
    ground = _above_ground(pairs, head)
    seen = _from_the_hips(points)
    return {
        **_trunk(motion, marks, seen),
        **_limbs(motion, marks, pairs),
        **_heights(ground),
        **_around_the_trunk(seen),
        **_between_limbs(seen),
    }


def _above_ground(
    pairs: Float[Tensor, "frames 7 2 3"], head: Float[Tensor, "frames 3"]
) -> Float[Tensor, "frames 7 2"]:
    """Heights over the floor: where the toes rest, or lower where another part does.

    Heels count from where the heels rest, as far above the toes as they are in this motion.
    """
    heights = pairs[..., Y]
    low = torch.cat((heights.amin(-1), head[:, Y, None]), dim=1)
    rest = low.quantile(FLOOR_SHARE, dim=0)
    heels, toes = rest[2], rest[3]
    floor = torch.minimum(toes, rest.amin())
    over = torch.zeros(7)
    over[2] = heels - toes
    return heights - floor - over[:, None]


def _from_the_hips(points: Float[Tensor, "frames 15 3"]) -> Float[Tensor, "frames 15 3"]:
    """Positions seen from the middle of the hips: metres to the left, up and ahead of them."""
    offsets = points - (points[:, :1] + points[:, 1:2]) / 2
    across = points[:, 0, [0, 2]] - points[:, 1, [0, 2]]
    left = torch.nn.functional.normalize(across, dim=-1)[:, None]
    x, y, z = offsets.unbind(-1)
    to_left = x * left[..., 0] + z * left[..., 1]
    ahead = z * left[..., 0] - x * left[..., 1]
    return torch.stack((to_left, y, ahead), dim=-1)


def _trunk(motion: Motion, marks: Landmarks, seen: Float[Tensor, "frames 15 3"]) -> Quantities:
    """Orientation of torso and head, to gravity and to each other."""
    axis = (seen[:, 8] + seen[:, 9]) / 2
    turned = motion.global_rotations[:, [marks.pelvis, marks.chest, marks.head]]
    pelvis, chest, head = turned.unbind(1)
    spine, neck = pelvis.transpose(1, 2) @ chest, chest.transpose(1, 2) @ head
    face = _face_seen(head[..., Z], motion.heading)
    return {
        "torso_tilt": _angle(axis[:, [X, Z]].norm(dim=-1), axis[:, Y]),
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


def _face_seen(
    face: Float[Tensor, "frames 3"], heading: Float[Tensor, " frames"]
) -> Float[Tensor, "frames 3"]:
    """Direction of the face, seen from the heading of the hips."""
    sine, cosine = heading.sin(), heading.cos()
    x, y, z = face.unbind(-1)
    return torch.stack((x * cosine - z * sine, y, x * sine + z * cosine), dim=-1)


def _limbs(motion: Motion, marks: Landmarks, pairs: Float[Tensor, "frames 7 2 3"]) -> Quantities:
    """Bend and directions of arms (first row of each pair of rows) and legs (second)."""
    upper = pairs[:, [5, 1]] - pairs[:, [4, 0]]
    lower = pairs[:, [6, 2]] - pairs[:, [5, 1]]
    bend = _angle(torch.linalg.cross(upper, lower).norm(dim=-1), (upper * lower).sum(-1))
    pitch = _off_plane(torch.stack((upper, lower), dim=1), Y)
    bases = motion.global_rotations[:, [marks.chest, marks.pelvis], None]
    along = (upper[..., :, None] * bases).sum(-2)
    out = along * torch.tensor([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
    lift = _angle(along[..., [X, Z]].norm(dim=-1), -along[..., Y])
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


def _heights(ground: Float[Tensor, "frames 7 2"]) -> Quantities:
    """Heights over the floor."""
    heel, toe = ground[:, 2], ground[:, 3]
    return {
        "hips_height": ground[:, 0].mean(-1),
        **_sides("hand_height", ground[:, 6]),
        **_sides("knee_height", ground[:, 1]),
        **_sides("foot_height", torch.minimum(heel, toe)),
        **_sides("heel_over_toe", heel - toe),
    }


def _around_the_trunk(seen: Float[Tensor, "frames 15 3"]) -> Quantities:
    """Where hands and feet are, seen from torso and head."""
    pairs, head = seen[:, :14].unflatten(1, (7, 2)), seen[:, 14:]
    hips, knees, heels, shoulders, hands = (pairs[:, i] for i in (0, 1, 2, 4, 6))
    outward = torch.tensor([1.0, -1.0])
    from_shoulders = hands - (shoulders[:, :1] + shoulders[:, 1:]) / 2
    return {
        "head_ahead": (head[:, 0] - (shoulders[:, 0] + shoulders[:, 1]) / 2)[:, Z],
        **_sides("hand_ahead", from_shoulders[..., Z]),
        **_sides("hand_outward", from_shoulders[..., X] * outward),
        **_sides("hand_over_shoulders", from_shoulders[..., Y]),
        **_sides("hand_to_own_hip", (hands - hips).norm(dim=-1)),
        **_sides("foot_ahead", heels[..., Z]),
        **_sides("foot_outward", heels[..., X] * outward),
        **_sides("knee_over_hip", (knees - hips)[..., Y]),
        **_sides("hand_to_head", (hands - head).norm(dim=-1)),
        **_sides("hand_over_head", (hands - head)[..., Y]),
        **_sides("knee_to_head", (knees - head).norm(dim=-1)),
        **_sides("foot_ahead_of_head", (heels - head)[..., Z]),
    }


def _between_limbs(seen: Float[Tensor, "frames 15 3"]) -> Quantities:
    """How arms and legs lie to each other; differences are left less right."""
    pairs = seen[:, :14].unflatten(1, (7, 2))
    knees, heels, shoulders, elbows, hands = (pairs[:, i] for i in (1, 2, 4, 5, 6))
    arms, legs = hands[:, 0] - hands[:, 1], heels[:, 0] - heels[:, 1]
    return {
        "hands_distance": arms.norm(dim=-1),
        "hands_apart": arms[:, X],
        "left_hand_higher": arms[:, Y],
        "left_hand_ahead_of_right": arms[:, Z],
        **_sides("hand_to_other_shoulder", (hands - shoulders.flip(1)).norm(dim=-1)),
        **_sides("hand_to_other_elbow", (hands - elbows.flip(1)).norm(dim=-1)),
        **_sides("hand_to_own_knee", (hands - knees).norm(dim=-1)),
        **_sides("hand_to_other_knee", (hands - knees.flip(1)).norm(dim=-1)),
        **_sides("hand_to_own_foot", (hands - heels).norm(dim=-1)),
        **_sides("hand_to_other_foot", (hands - heels.flip(1)).norm(dim=-1)),
        **_sides("hand_ahead_of_own_foot", (hands - heels)[..., Z]),
        **_sides("hand_ahead_of_other_foot", (hands - heels.flip(1))[..., Z]),
        "feet_distance": legs[:, [X, Z]].norm(dim=-1),
        "feet_apart": legs[:, X],
        "left_foot_higher": legs[:, Y],
        "left_foot_ahead_of_right": legs[:, Z],
        "knees_distance": (knees[:, 0] - knees[:, 1]).norm(dim=-1),
    }


def _sides(name: str, values: Float[Tensor, "frames 2"]) -> Quantities:
    return {f"left_{name}": values[:, 0], f"right_{name}": values[:, 1]}


def _angle(
    opposite: Float[Tensor, "*shape"], adjacent: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Degrees in [-180, 180], those of ``atan2``."""
    return torch.atan2(opposite, adjacent).rad2deg()


def _off_plane(vectors: Float[Tensor, "*shape 3"], axis: int) -> Float[Tensor, "*shape"]:
    """Degrees in [-90, 90] by which vectors rise towards an axis from the plane across it."""
    others = [component for component in (X, Y, Z) if component != axis]
    return _angle(vectors[..., axis], vectors[..., others].norm(dim=-1))
