"""Soles: where the feet of a skeleton touch the ground, and which way its rest pose faces."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from marey.motion.joint_matching import SIDES, rest_positions
from marey.skeleton import Skeleton

_MIN_DROP = 1e-4


def sole(skeleton: Skeleton, roles: Mapping[str, int], side: str) -> Float[Tensor, "3"]:
    """Vector from the heel to the toe joint in rest pose, or to the foot's end site; else zero.

    Its components are along the body's axes, see ``rest_facing``.
    """
    heel, facing = roles[f"{side}_heel"], rest_facing(skeleton, roles)
    if (toe := roles.get(f"{side}_toe")) is not None:
        rest = rest_positions(skeleton)
        return (rest[toe] - rest[heel]) @ facing
    tips = [torch.tensor(tip) @ facing for joint, tip in skeleton.end_sites if joint == heel]
    return torch.stack(tips).mean(0) if tips else torch.zeros(3)


def rest_facing(skeleton: Skeleton, roles: Mapping[str, int]) -> Float[Tensor, "3 3"]:
    """Axes of the body in rest pose (left, up, forward), each snapped to a coordinate axis.

    The identity for every rest pose that follows marey's conventions, and where hips and head
    are not known.
    """
    if not {"left_hip", "right_hip", "head"} <= roles.keys():
        return torch.eye(3)
    rest = rest_positions(skeleton)
    left = rest[roles["left_hip"]] - rest[roles["right_hip"]]
    up = rest[roles["head"]] - rest[[roles["left_hip"], roles["right_hip"]]].mean(0)
    axes = []
    for vector in (left, up):
        free = vector if not axes else vector * (axes[0] == 0)
        strongest = int(free.abs().argmax())
        axes.append(torch.eye(3)[strongest] * torch.sign(free[strongest]))
    matrix = torch.stack((*axes, torch.linalg.cross(*axes)), dim=-1)
    return matrix if bool(matrix.det() > 0.5) else torch.eye(3)


def has_soles(skeleton: Skeleton, roles: Mapping[str, int]) -> bool:
    """Return whether both heels lie above the toes in rest pose, so that feet can be flat."""
    return all(float(sole(skeleton, roles, side)[1]) < -_MIN_DROP for side in SIDES)


def sole_heights(
    skeleton: Skeleton,
    roles: Mapping[str, int],
    positions: Float[Tensor, "frames joints 3"],
    turned: Float[Tensor, "frames joints 3 3"],
    *,
    flat: bool,
) -> Float[Tensor, "frames points"]:
    """Return the heights of both soles' ends, or, if they are not to be flat, of the heels, metres.

    A sole reaches from the place below the heel that is level with it in rest pose to the toe.
    """
    facing, up = rest_facing(skeleton, roles), torch.tensor([0.0, 1.0, 0.0])
    points = []
    for side in SIDES:
        heel = roles[f"{side}_heel"]
        toe = sole(skeleton, roles, side)
        for point in (toe * up, toe) if flat else (torch.zeros(3),):
            points.append((positions[:, heel] + turned[:, heel] @ facing @ point)[:, 1])
    return torch.stack(points, dim=-1)
