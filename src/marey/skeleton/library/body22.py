"""body22: the 22 SMPL joint names and parents with Daz proportions, marey's canonical body.

The offsets are those of the CMU motions as retargeted by B. Hahne (cgspeed); the pelvis lies
2.6 cm below the hips, so never mix them with offsets of SMPL or HumanML3D. "ankle" plays the
heel and "foot" the toe, as in HumanML3D.
"""

import torch

from marey.skeleton.parts import MIRRORED_PART
from marey.skeleton.skeleton import Roles, Skeleton

# joint, parent, kinematic part, rest offset from the parent (metres; left, up, forward)
_CENTRE_AND_LEFT = (
    ("pelvis", "", "torso", (0.0, 0.0, 0.0)),
    ("left_hip", "pelvis", "left_leg", (0.08778, 0.02644, -0.00975)),
    ("spine1", "pelvis", "torso", (0.0, 0.20688, -0.00732)),
    ("left_knee", "left_hip", "left_leg", (0.0, -0.36827, 0.0)),
    ("spine2", "spine1", "torso", (0.0, 0.11704, -0.00488)),
    ("left_ankle", "left_knee", "left_leg", (0.0, -0.45406, 0.0)),
    ("spine3", "spine2", "torso", (0.0, 0.07766, -0.00769)),
    ("left_foot", "left_ankle", "left_leg", (0.01122, -0.03699, 0.12103)),
    ("neck", "spine3", "head", (0.0, 0.14423, -0.01427)),
    ("left_collar", "spine3", "left_arm", (0.02682, 0.11497, -0.04109)),
    ("head", "neck", "head", (0.0, 0.07076, 0.01219)),
    ("left_shoulder", "left_collar", "left_arm", (0.09111, 0.0, 0.0)),
    ("left_elbow", "left_shoulder", "left_arm", (0.2823, 0.0, 0.0)),
    ("left_wrist", "left_elbow", "left_arm", (0.23682, 0.0, 0.0)),
)


def _twin(name: str) -> str:
    return name.replace("left_", "right_")


def _build() -> Skeleton:
    names, parents, parts, offsets = [], [], [], []
    for name, parent, part, (x, y, z) in _CENTRE_AND_LEFT:
        names.append(name)
        parents.append(parent)
        parts.append(part)
        offsets.append((x, y, z))
        if name.startswith("left_"):
            names.append(_twin(name))
            parents.append(_twin(parent))
            parts.append(MIRRORED_PART[part])
            offsets.append((-x, y, z))
    index = {name: i for i, name in enumerate(names)}
    twins = {n: _twin(n) if n.startswith("left_") else n.replace("right_", "left_") for n in names}
    tip = {"head": (0.0, 0.18, 0.02), "wrist": (0.16, 0.0, 0.0), "foot": (0.0, -0.01, 0.07)}
    return Skeleton(
        name="body22",
        joint_names=tuple(names),
        parents=tuple(index[p] if p else -1 for p in parents),
        rest_offsets=torch.tensor(offsets),
        mirror=tuple(index[twins[n]] for n in names),
        roles=Roles(
            left_hip="left_hip",
            right_hip="right_hip",
            left_hand="left_wrist",
            right_hand="right_wrist",
            left_heel="left_ankle",
            left_toe="left_foot",
            right_heel="right_ankle",
            right_toe="right_foot",
            head="head",
        ),
        parts=tuple(parts),
        end_sites=(
            (index["head"], tip["head"]),
            (index["left_wrist"], tip["wrist"]),
            (index["right_wrist"], (-tip["wrist"][0], 0.0, 0.0)),
            (index["left_foot"], tip["foot"]),
            (index["right_foot"], tip["foot"]),
        ),
    )


BODY22 = _build()
"""The canonical body: joint names and order of SMPL-22, T-pose at identity rotations."""

TOE_HEIGHT = 0.02
"""How high the lowest toe joint of a clip lies above the floor, metres: the median of CMU's."""
