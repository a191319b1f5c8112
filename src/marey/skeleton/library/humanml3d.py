"""The bodies of HumanML3D (22 joints) and of its KIT-ML layout (21 joints) [Guo2022], in T-pose.

Both data sets hold joint positions and no rest pose. HUMANML3D22 has the bone lengths to which
every HumanML3D clip is scaled, along the rest directions of body22. KIT21 has the proportions of
body22, since those of KIT-ML are not at hand: of it only names, tree and directions matter.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.skeleton.library.body22 import BODY22
from marey.skeleton.parts import MIRRORED_PART
from marey.skeleton.skeleton import Roles, Skeleton

_HUMANML3D_LENGTHS = (  # metres, joint by joint; left and right differ in the data set too
    *(0.0, 0.1030739, 0.1098834, 0.1315683, 0.3936231, 0.3901881, 0.1431903, 0.4324330),
    *(0.4256433, 0.0573647, 0.1433817, 0.1494187, 0.2193600, 0.1374868, 0.1433828, 0.1030393),
    *(0.1316140, 0.1229843, 0.2568398, 0.2630919, 0.2660119, 0.2698763),
)

# joint, parent, kinematic part, rest offset from the parent (metres; left, up, forward). The chains
# that KIT-ML lists first, [0, 11..15] and [5, 6, 7], are right where the body faces +Z.
_KIT21 = (
    ("pelvis", "", "torso", (0.0, 0.0, 0.0)),
    ("spine1", "pelvis", "torso", (0.0, 0.21, 0.0)),
    ("spine2", "spine1", "torso", (0.0, 0.12, 0.0)),
    ("spine3", "spine2", "torso", (0.0, 0.19, 0.0)),
    ("head", "spine3", "head", (0.0, 0.10, 0.0)),
    ("right_shoulder", "spine3", "right_arm", (-0.12, -0.03, 0.0)),
    ("right_elbow", "right_shoulder", "right_arm", (-0.28, 0.0, 0.0)),
    ("right_wrist", "right_elbow", "right_arm", (-0.24, 0.0, 0.0)),
    ("left_shoulder", "spine3", "left_arm", (0.12, -0.03, 0.0)),
    ("left_elbow", "left_shoulder", "left_arm", (0.28, 0.0, 0.0)),
    ("left_wrist", "left_elbow", "left_arm", (0.24, 0.0, 0.0)),
    ("right_hip", "pelvis", "right_leg", (-0.09, 0.0, 0.0)),
    ("right_knee", "right_hip", "right_leg", (0.0, -0.37, 0.0)),
    ("right_ankle", "right_knee", "right_leg", (0.0, -0.45, 0.0)),
    ("right_foot", "right_ankle", "right_leg", (0.0, -0.04, 0.12)),
    ("right_toe", "right_foot", "right_leg", (0.0, 0.0, 0.06)),
    ("left_hip", "pelvis", "left_leg", (0.09, 0.0, 0.0)),
    ("left_knee", "left_hip", "left_leg", (0.0, -0.37, 0.0)),
    ("left_ankle", "left_knee", "left_leg", (0.0, -0.45, 0.0)),
    ("left_foot", "left_ankle", "left_leg", (0.0, -0.04, 0.12)),
    ("left_toe", "left_foot", "left_leg", (0.0, 0.0, 0.06)),
)


def with_bone_lengths(
    skeleton: Skeleton, lengths: Float[Tensor, " joints"], *, name: str
) -> Skeleton:
    """Return the skeleton with other bone lengths, metres, along the same rest directions."""
    directions = torch.nn.functional.normalize(skeleton.rest_offsets.double(), dim=-1)
    offsets = (directions * lengths.double()[:, None]).float()
    return replace(skeleton, name=name, rest_offsets=offsets)


def _kit21() -> Skeleton:
    names = tuple(name for name, *_ in _KIT21)
    twin = {"left": "right", "right": "left"}
    mirrored = ["_".join(twin.get(w, w) for w in name.split("_")) for name in names]
    parts = tuple(part for _, _, part, _ in _KIT21)
    assert all(
        parts[names.index(m)] == MIRRORED_PART[p] for m, p in zip(mirrored, parts, strict=True)
    )
    roles = {
        f"{side}_{role}": f"{side}_{joint}"
        for side in ("left", "right")
        for role, joint in (("hip", "hip"), ("hand", "wrist"), ("heel", "ankle"), ("toe", "toe"))
    }
    return Skeleton(
        name="kit21",
        joint_names=names,
        parents=tuple(names.index(parent) if parent else -1 for _, parent, _, _ in _KIT21),
        rest_offsets=torch.tensor([offset for *_, offset in _KIT21]),
        mirror=tuple(names.index(name) for name in mirrored),
        roles=Roles(head="head", **roles),
        parts=parts,
    )


HUMANML3D22 = with_bone_lengths(BODY22, torch.tensor(_HUMANML3D_LENGTHS), name="humanml3d22")
"""body22's tree and rest directions with HumanML3D's bone lengths."""

KIT21 = _kit21()
"""KIT-ML's 21 joints; its proportions are body22's."""
