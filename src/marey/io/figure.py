"""The solid figure of the preview renderer: round cones (capsules with two radii) on joints."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from marey.motion import Motion
from marey.skeleton import BODY22, Skeleton

CENTRE, LEFT, RIGHT = 0, 1, 2
_NO_OFFSET = (0.0, 0.0, 0.0)
_BODY_HEIGHT = 1.66

# joint, offset in its frame (metres), radius, at both ends; the right side is mirrored from the
# left. The sizes suit body22 and grow with a skeleton's height.
_LEFT_SIDE = (
    ("left_hip", (0.0, -0.02, 0.0), 0.083, "left_knee", (0.0, 0.02, 0.004), 0.055),
    ("left_knee", _NO_OFFSET, 0.053, "left_knee", (0.0, -0.13, -0.016), 0.054),
    ("left_knee", (0.0, -0.13, -0.016), 0.054, "left_ankle", (0.0, 0.03, -0.006), 0.035),
    ("left_ankle", (0.0, -0.006, 0.0), 0.038, "left_foot", (0.0, 0.0, 0.0), 0.031),
    ("left_ankle", (0.0, -0.036, -0.04), 0.032, "left_foot", (0.0, 0.0, 0.0), 0.031),
    ("left_foot", (-0.012, -0.002, 0.0), 0.030, "left_foot", (-0.014, -0.006, 0.062), 0.025),
    ("left_foot", (0.014, -0.004, 0.0), 0.028, "left_foot", (0.008, -0.008, 0.05), 0.022),
    ("left_collar", (0.04, -0.005, 0.012), 0.052, "left_shoulder", (0.0, -0.004, 0.0), 0.056),
    ("left_shoulder", _NO_OFFSET, 0.053, "left_elbow", (-0.01, 0.0, 0.0), 0.039),
    ("left_elbow", _NO_OFFSET, 0.040, "left_elbow", (0.07, 0.0, 0.002), 0.040),
    ("left_elbow", (0.07, 0.0, 0.002), 0.040, "left_wrist", _NO_OFFSET, 0.026),
    ("left_wrist", (0.02, 0.0, 0.012), 0.024, "left_wrist", (0.085, 0.0, 0.014), 0.022),
    ("left_wrist", (0.02, 0.0, -0.008), 0.022, "left_wrist", (0.085, 0.0, -0.014), 0.020),
    ("left_wrist", (0.085, 0.0, 0.008), 0.021, "left_wrist", (0.155, -0.012, 0.004), 0.013),
    ("left_wrist", (0.02, -0.004, 0.02), 0.017, "left_wrist", (0.08, -0.014, 0.05), 0.011),
)
_TORSO = (
    ("left_hip", (-0.015, 0.0, 0.0), 0.090, "right_hip", (0.015, 0.0, 0.0), 0.090),
    ("spine3", (0.0, 0.09, -0.02), 0.080, "neck", (0.0, 0.01, 0.0), 0.052),
    ("neck", _NO_OFFSET, 0.051, "head", (0.0, 0.02, 0.0), 0.047),
    ("head", (0.0, 0.118, -0.004), 0.092, "head", (0.0, 0.072, 0.026), 0.078),
    ("head", (0.0, 0.072, 0.026), 0.078, "head", (0.0, 0.018, 0.052), 0.044),
    ("head", (0.0, 0.085, 0.102), 0.010, "head", (0.0, 0.064, 0.114), 0.014),
)
# Trunk sections, from below: joint, height and depth of the centre in its frame, half width and
# half depth of the ellipse; metres.
_TRUNK = (
    ("pelvis", 0.05, 0.0, 0.142, 0.094),
    ("spine1", 0.02, 0.004, 0.120, 0.087),
    ("spine3", 0.03, 0.010, 0.155, 0.104),
    ("spine3", 0.10, -0.018, 0.142, 0.073),
)


class Cone(NamedTuple):
    """A round cone between two points that are fixed to joints; metres."""

    start_joint: str
    start: tuple[float, float, float]
    start_radius: float
    end_joint: str
    end: tuple[float, float, float]
    end_radius: float
    side: int = CENTRE


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Round cones that move with the joints of one skeleton."""

    joints: Int[np.ndarray, "cones 2"]
    """The joint whose frame holds each end of a cone."""
    offsets: Float[np.ndarray, "cones 2 3"]
    """Position of each end in its joint's frame, metres."""
    radii: Float[np.ndarray, "cones 2"]
    """Radius of the sphere at each end, metres."""
    sides: Int[np.ndarray, " cones"]
    """CENTRE, LEFT or RIGHT."""
    height: float
    """Height of the skeleton in its rest pose, metres."""

    def pose(self, motion: Motion) -> Float[np.ndarray, "frames cones 2 3"]:
        """World positions of the cones' ends, metres."""
        positions = motion.joint_positions.numpy()[:, self.joints]
        turns = motion.global_rotations.numpy()[:, self.joints]
        return positions + np.einsum("fceij,cej->fcei", turns, self.offsets)


def figure_for(skeleton: Skeleton) -> Figure:
    """Return a body with flesh for the joint names of body22, else a cone per bone."""
    rest = _rest_positions(skeleton)
    tips = [rest[joint] + np.array(offset) for joint, offset in skeleton.end_sites]
    heights = np.array([*rest[:, 1], *(tip[1] for tip in tips)])
    height = max(float(np.ptp(heights)), 0.1)
    fleshed = set(BODY22.joint_names) <= set(skeleton.joint_names)
    cones = _body(height / _BODY_HEIGHT) if fleshed else _bones(skeleton, rest, height)
    index = skeleton.index
    return Figure(
        joints=np.array([(index(c.start_joint), index(c.end_joint)) for c in cones]),
        offsets=np.array([(c.start, c.end) for c in cones], dtype=np.float32),
        radii=np.array([(c.start_radius, c.end_radius) for c in cones], dtype=np.float32),
        sides=np.array([c.side for c in cones]),
        height=height,
    )


def _rest_positions(skeleton: Skeleton) -> Float[np.ndarray, "joints 3"]:
    positions = skeleton.rest_offsets.numpy().copy()
    positions[0] = 0
    for joint, parent in enumerate(skeleton.parents[1:], start=1):
        positions[joint] += positions[parent]
    return positions


def _body(scale: float) -> list[Cone]:
    """The tables above at another size, with the right side mirrored from the left."""
    rows = [Cone(*row, side=LEFT) for row in _LEFT_SIDE]
    rows += [_mirrored(row) for row in rows] + [Cone(*row) for row in _TORSO] + _trunk()
    return [
        row._replace(
            start=tuple(scale * x for x in row.start),
            end=tuple(scale * x for x in row.end),
            start_radius=scale * row.start_radius,
            end_radius=scale * row.end_radius,
        )
        for row in rows
    ]


def _trunk() -> list[Cone]:
    """Elliptic sections joined by cones between circles that fit into both ellipses.

    The largest circle centred at ``u`` of an ellipse with half axes ``w > d`` has the radius
    ``d √(1 − u² / (w² − d²))``, up to ``u = (w² − d²) / w``, where it touches the vertex.
    """
    cones = []
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        discs = []
        for joint, y, z, wide, deep in _TRUNK:
            square = wide**2 - deep**2
            u = part * square / wide
            discs.append((joint, (u, y, z), deep * math.sqrt(1 - u**2 / square)))
        cones += [Cone(*lower, *upper) for lower, upper in pairwise(discs)]
    return cones


def _mirrored(cone: Cone) -> Cone:
    return cone._replace(
        start_joint=cone.start_joint.replace("left_", "right_"),
        end_joint=cone.end_joint.replace("left_", "right_"),
        start=(-cone.start[0], *cone.start[1:]),
        end=(-cone.end[0], *cone.end[1:]),
        side=RIGHT,
    )


def _bones(skeleton: Skeleton, rest: Float[np.ndarray, "joints 3"], height: float) -> list[Cone]:
    """One cone per bone and end site; long bones are thick, the trunk thicker, the head a ball."""
    names, head = skeleton.joint_names, skeleton.roles.head
    cones = []
    bones = [(p, j, _NO_OFFSET, rest[j]) for j, p in enumerate(skeleton.parents) if p >= 0]
    bones += [(j, j, tip, rest[j] + np.array(tip)) for j, tip in skeleton.end_sites]
    for start, end, offset, tip in bones:
        length = float(np.linalg.norm(tip - rest[start]))
        side = _side(skeleton, end, float(tip[0]), height)
        thick = float(np.clip(0.2 * length, 0.006 * height, 0.045 * height))
        if side == CENTRE:
            thick = max(thick, 0.05 * height)
        cones.append(Cone(names[start], _NO_OFFSET, thick, names[end], offset, 0.75 * thick, side))
    if head:
        ball = 0.055 * height
        cones.append(Cone(head, (0.0, 0.4 * ball, 0.0), ball, head, (0.0, ball, 0.0), ball))
    if not cones:
        cones.append(Cone(names[0], _NO_OFFSET, 0.05, names[0], _NO_OFFSET, 0.05))
    return cones


def _side(skeleton: Skeleton, joint: int, x: float, height: float) -> int:
    """The side that the mirror map tells, or the rest pose where no joint has a twin."""
    paired = skeleton.mirror != tuple(range(skeleton.num_joints))
    centre = skeleton.mirror[joint] == joint if paired else abs(x) < 0.03 * height
    return CENTRE if centre else LEFT if x > 0 else RIGHT
