"""Retargeting: the same motion on another skeleton.

Rotations are carried over in the world: ``R_target = R_source @ C`` with a constant ``C`` per
joint that accounts for the two rest poses. Trunk and head keep their own rest pose, since spines
differ in build, not in pose; bones of arms (collars too) and legs point in the world as the
source's do, so that an A-pose and a T-pose skeleton move alike; feet only turn about the
vertical, since both soles lie on the ground in rest pose; hands, fingers and toes go with the
limb they belong to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion.joint_matching import chains, match_joints, path_to, role_indices
from marey.motion.motion import Motion
from marey.skeleton import Skeleton

_SIDES = ("left", "right")
_LEGS = tuple(f"{side}_{role}" for role in ("hip", "heel") for side in _SIDES)
_MIN_LENGTH = 1e-4
_UP = (0.0, 1.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class RetargetReport:
    """What became of every joint."""

    joint_map: Mapping[str, str]
    """The source joint that each mapped target joint follows."""
    unmapped: tuple[str, ...]
    """Target joints that keep their rest pose relative to their parent."""
    unused: tuple[str, ...]
    """Source joints whose own rotation reaches no target joint."""
    scale: float
    """Factor by which the path was scaled: the ratio of the leg lengths."""


@dataclass(frozen=True, kw_only=True)
class RetargetResult:
    """A motion on its new skeleton, and how it came there."""

    motion: Motion
    report: RetargetReport


def retarget(
    motion: Motion, skeleton: Skeleton, *, joint_map: Mapping[str, str] | None = None
) -> RetargetResult:
    """Return ``motion`` on ``skeleton``; the path scales with the legs and stays on the ground.

    ``joint_map`` names for target joints the source joints that they follow; without it the
    joints are matched by name or by role, see ``match_joints``. Frame rate, contacts and
    metadata stay. Raises InvalidInputError if a name is unknown, or if no joint but the root
    finds a counterpart.
    """
    source = motion.skeleton
    if skeleton == source and joint_map is None:
        matched = {joint: joint for joint in range(source.num_joints)}
        report = _report(source, skeleton, matched, scale=1.0)
        return RetargetResult(motion=replace(motion, skeleton=skeleton), report=report)
    matched = _matched(source, skeleton, joint_map)
    pair = _Pair(source=source, target=skeleton, matched=matched)
    turned = _global_rotations(motion.global_rotations, pair)
    local = kinematics.local_rotations(turned, skeleton)
    free = [joint for joint in range(skeleton.num_joints) if joint not in matched]
    local[:, free] = torch.eye(3)
    root, scale = _root_positions(motion, turned, pair)
    moved = replace(motion, root_positions=root, local_rotations=local, skeleton=skeleton)
    return RetargetResult(motion=moved, report=_report(source, skeleton, matched, scale=scale))


class _Pair:
    """Two skeletons, their matched joints, and the roles that each can lend the other."""

    def __init__(self, *, source: Skeleton, target: Skeleton, matched: dict[int, int]) -> None:
        self.source, self.target, self.matched = source, target, matched
        followers = {followed: joint for joint, followed in matched.items()}
        there, here = role_indices(source), role_indices(target)
        lent = {role: followers[joint] for role, joint in there.items() if joint in followers}
        given = {role: matched[joint] for role, joint in here.items() if joint in matched}
        self.target_roles, self.source_roles = {**lent, **here}, {**given, **there}

    def both_have(self, *roles: str) -> bool:
        return all(role in self.target_roles and role in self.source_roles for role in roles)


def _matched(
    source: Skeleton, target: Skeleton, joint_map: Mapping[str, str] | None
) -> dict[int, int]:
    """Return the matched joints by index, or say that there are none."""
    if joint_map is None:
        matched = match_joints(source, target)
    else:
        matched = {target.index(name): source.index(other) for name, other in joint_map.items()}
        matched.setdefault(0, 0)
    if len(matched) < 2 <= min(source.num_joints, target.num_joints):
        raise InvalidInputError(
            f"No joint of {target.name!r} but the root corresponds to one of {source.name!r}. "
            "Name their roles (Skeleton.roles) or pass joint_map={target joint: source joint}; "
            f"target joints: {', '.join(target.joint_names)}; "
            f"source joints: {', '.join(source.joint_names)}."
        )
    return matched


def _report(
    source: Skeleton, target: Skeleton, matched: dict[int, int], *, scale: float
) -> RetargetReport:
    carried = {joint for followed in matched.values() for joint in path_to(source, followed)}
    names, others = target.joint_names, source.joint_names
    return RetargetReport(
        joint_map={names[joint]: others[matched[joint]] for joint in sorted(matched)},
        unmapped=tuple(name for joint, name in enumerate(names) if joint not in matched),
        unused=tuple(name for joint, name in enumerate(others) if joint not in carried),
        scale=scale,
    )


# --- rotations ---------------------------------------------------------------------------------


def _global_rotations(
    turned: Float[Tensor, "frames source_joints 3 3"], pair: _Pair
) -> Float[Tensor, "frames joints 3 3"]:
    """Turn each matched joint as the joint it follows; let the others go with their parents."""
    offsets = _rest_alignment(pair)
    rows: list[Tensor] = []
    for joint, parent in enumerate(pair.target.parents):
        if joint in pair.matched:
            rows.append(turned[:, pair.matched[joint]] @ offsets[joint])
        else:
            rows.append(rows[parent] if parent >= 0 else torch.eye(3).expand(len(turned), 3, 3))
    return torch.stack(rows, dim=1)


def _rest_alignment(pair: _Pair) -> Float[Tensor, "joints 3 3"]:
    """Return ``C`` of every target joint: from its rest frame to that of the joint it follows."""
    facing_source = _facing(pair.source, pair.source_roles)
    facing_target = _facing(pair.target, pair.target_roles)
    here = _rest_positions(pair.target) @ facing_target  # both bodies face +Z, head up
    there = _rest_positions(pair.source) @ facing_source
    turns = _limb_turns(pair, here, there) | _foot_turns(pair, here, there)
    rows: list[Tensor] = []
    for joint, parent in enumerate(pair.target.parents):
        inherited = rows[parent] if parent >= 0 else torch.eye(3)
        rows.append(turns.get(joint, inherited))
    return facing_source @ torch.stack(rows) @ facing_target.T


def _limb_turns(
    pair: _Pair, here: Float[Tensor, "joints 3"], there: Float[Tensor, "source_joints 3"]
) -> dict[int, Tensor]:
    """Return, for the bones of arms and legs, the turn that lays the target's on the source's.

    Each turn starts from that of the bone above, so that a bent limb keeps its twist.
    """
    found: dict[int, Tensor] = {}
    limbs = chains(pair.target, pair.target_roles)
    for side in _SIDES:
        for name, start, end in (("arm", None, "hand"), ("leg", "hip", "heel")):
            if (limb := limbs.get(f"{side}_{name}")) is None:
                continue
            first = [] if start is None else [pair.target_roles[f"{side}_{start}"]]
            ends = (*first, *limb.joints, pair.target_roles[f"{side}_{end}"])
            joints = [joint for joint in ends if joint in pair.matched]
            turn = torch.eye(3)
            for joint, following in pairwise(joints):
                own = turn @ (here[following] - here[joint])
                other = there[pair.matched[following]] - there[pair.matched[joint]]
                turn = _shortest_turn(own, other) @ turn
                found[joint] = turn
    return found


def _foot_turns(
    pair: _Pair, here: Float[Tensor, "joints 3"], there: Float[Tensor, "source_joints 3"]
) -> dict[int, Tensor]:
    """Return the turn of each heel about the vertical that makes the feet point alike."""
    found: dict[int, Tensor] = {}
    ground = torch.tensor([1.0, 0.0, 1.0])
    for side in _SIDES:
        if not pair.both_have(f"{side}_heel"):
            continue
        own = _sole(pair.target, pair.target_roles, here, side)
        other = _sole(pair.source, pair.source_roles, there, side)
        found[pair.target_roles[f"{side}_heel"]] = _shortest_turn(own * ground, other * ground)
    return found


def _sole(
    skeleton: Skeleton, roles: Mapping[str, int], rest: Float[Tensor, "joints 3"], side: str
) -> Float[Tensor, "3"]:
    """Vector from the heel to the toe joint in rest pose, or to the foot's end site; else zero."""
    heel = roles[f"{side}_heel"]
    if (toe := roles.get(f"{side}_toe")) is not None:
        return rest[toe] - rest[heel]
    facing = _facing(skeleton, roles)
    tips = [torch.tensor(tip) @ facing for joint, tip in skeleton.end_sites if joint == heel]
    return torch.stack(tips).mean(0) if tips else torch.zeros(3)


def _shortest_turn(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """Return the smallest rotation that points ``start`` along ``end``; identity for no length."""
    a, b = start.double(), end.double()
    if min(a.norm(), b.norm()) < _MIN_LENGTH:
        return torch.eye(3)
    a, b = a / a.norm(), b / b.norm()
    real = 1 + a @ b
    axis = torch.linalg.cross(a, b)
    if real < 1e-9:  # opposite: half a turn about anything across
        axis = torch.linalg.cross(a, torch.eye(3, dtype=a.dtype)[int(a.abs().argmin())])
        real = torch.zeros_like(real)
    return rotations.quaternion_to_matrix(torch.cat((real[None], axis))).float()


# --- rest pose ---------------------------------------------------------------------------------


def _rest_positions(skeleton: Skeleton) -> Float[Tensor, "joints 3"]:
    identity = torch.eye(3).expand(skeleton.num_joints, 3, 3)
    return kinematics.joint_positions(torch.zeros(3), identity, skeleton)


def _facing(skeleton: Skeleton, roles: Mapping[str, int]) -> Float[Tensor, "3 3"]:
    """Axes of the body in rest pose (left, up, forward), each snapped to a coordinate axis.

    The identity for every rest pose that follows marey's conventions, and where hips and head
    are not known.
    """
    if not {"left_hip", "right_hip", "head"} <= roles.keys():
        return torch.eye(3)
    rest = _rest_positions(skeleton)
    left = rest[roles["left_hip"]] - rest[roles["right_hip"]]
    up = rest[roles["head"]] - rest[[roles["left_hip"], roles["right_hip"]]].mean(0)
    axes = []
    for vector in (left, up):
        free = vector if not axes else vector * (axes[0] == 0)
        strongest = int(free.abs().argmax())
        axes.append(torch.eye(3)[strongest] * torch.sign(free[strongest]))
    matrix = torch.stack((*axes, torch.linalg.cross(*axes)), dim=-1)
    return matrix if bool(matrix.det() > 0.5) else torch.eye(3)


# --- root --------------------------------------------------------------------------------------


def _root_positions(
    motion: Motion, turned: Float[Tensor, "frames joints 3 3"], pair: _Pair
) -> tuple[Float[Tensor, "frames 3"], float]:
    """Place the hips at the source's height in units of the leg, and return the scale as well.

    Where both feet have a sole, its depth below the heel is not scaled but exchanged, so that
    a flat foot stays on the ground. Without legs the root scales with its height in rest pose.
    """
    posed = kinematics.joint_positions(torch.zeros(len(turned), 3), turned, pair.target)
    up = torch.tensor(_UP)
    if not pair.both_have(*_LEGS):
        scale = _root_height(pair.target) / _root_height(pair.source)
        follower = pair.target_roles["pelvis"]
        goal = motion.joint_positions[:, pair.source_roles["pelvis"]] * scale
        return goal - posed[:, follower], scale
    own, other = pair.target_roles, pair.source_roles
    leg, depth = _leg_measures(pair.target, own)
    source_leg, source_depth = _leg_measures(pair.source, other)
    scale = leg / source_leg
    lift = depth - scale * source_depth if depth and source_depth else 0.0
    hips = motion.joint_positions[:, [other["left_hip"], other["right_hip"]]].mean(1)
    goal = hips * scale + up * lift
    return goal - posed[:, [own["left_hip"], own["right_hip"]]].mean(1), scale


def _leg_measures(skeleton: Skeleton, roles: Mapping[str, int]) -> tuple[float, float]:
    """Return the length of the leg from hip to heel and the sole's depth below the heel, metres.

    Both are means of the two sides; the depth is 0 if a foot has neither toe nor end site.
    """
    facing = _facing(skeleton, roles)
    rest = _rest_positions(skeleton) @ facing
    lengths, depths = [], []
    for side in _SIDES:
        path = path_to(skeleton, roles[f"{side}_heel"])
        bones = path[path.index(roles[f"{side}_hip"]) + 1 :]
        lengths.append(float(skeleton.rest_offsets[bones].norm(dim=-1).sum()))
        depths.append(-float(_sole(skeleton, roles, rest, side)[1]))
    length = sum(lengths) / 2
    if length < _MIN_LENGTH:
        raise InvalidInputError(f"The legs of skeleton {skeleton.name!r} have no length.")
    return length, sum(depths) / 2 if all(depths) else 0.0


def _root_height(skeleton: Skeleton) -> float:
    """Height of the root above the lowest joint in rest pose, metres."""
    rest = _rest_positions(skeleton)[:, 1]
    height = float(rest[0] - rest.min())
    if height < _MIN_LENGTH:
        raise InvalidInputError(
            f"Skeleton {skeleton.name!r} names no hips and heels, and no joint lies below its "
            "root, so that its size is not known; give Skeleton.roles."
        )
    return height
