"""Retargeting: the same motion on another skeleton.

Rotations are carried over in the world: ``R_target = R_source @ C`` with a constant ``C`` per
joint that accounts for the two rest poses. Trunk and head keep their own rest pose, since spines
differ in build, not in pose; bones of arms (collars too) and legs point in the world as the
source's do, so that an A-pose and a T-pose skeleton move alike; feet only turn about the
vertical, since both soles lie on the ground in rest pose; hands, fingers and toes go with the
limb they belong to. Thigh and shin, upper arm and forearm are straight lines from joint to joint,
however many hinges or twist bones a skeleton has on the way; see ``joint_matching``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion.joint_matching import (
    SIDES,
    Limb,
    chains,
    limbs,
    match_joints,
    path_to,
    rest_positions,
    role_indices,
)
from marey.motion.motion import Motion
from marey.motion.soles import has_soles, rest_facing, sole, sole_heights
from marey.skeleton import Skeleton

_LEGS = tuple(f"{side}_{role}" for role in ("hip", "heel") for side in SIDES)
_MIN_LENGTH = 1e-4
_SHARED_GROUND = 0.02
"""Share of the leg's length: points of the soles that differ less in height stand together, so that
the body does not jolt when another one becomes the lowest."""


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
    """Return ``motion`` on ``skeleton``; path and height of the lower foot scale with the legs.

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
        self.target_roles = {**_lent(source, there, followers), **here}
        self.source_roles = {**_lent(target, here, matched), **there}
        self.target_limbs = limbs(target, self.target_roles)
        self.source_limbs = limbs(source, self.source_roles)

    def both_have(self, *roles: str) -> bool:
        return all(role in self.target_roles and role in self.source_roles for role in roles)


def _lent(
    skeleton: Skeleton, roles: Mapping[str, int], partners: Mapping[int, int]
) -> dict[str, int]:
    """Return the roles that the joints' partners can take over, or those of the same limb part."""
    found: dict[str, int] = {}
    groups = [group for limb in limbs(skeleton, roles).values() for group in limb.turning]
    for role, joint in roles.items():
        alike = next((group for group in groups if joint in group), (joint,))
        if partner := [partners[other] for other in (joint, *alike) if other in partners]:
            found[role] = partner[0]
    return found


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
    facing_source = rest_facing(pair.source, pair.source_roles)
    facing_target = rest_facing(pair.target, pair.target_roles)
    here = rest_positions(pair.target) @ facing_target  # both bodies face +Z, head up
    there = rest_positions(pair.source) @ facing_source
    turns = _limb_turns(pair, here, there) | _foot_turns(pair)
    rows: list[Tensor] = []
    for joint, parent in enumerate(pair.target.parents):
        inherited = rows[parent] if parent >= 0 else torch.eye(3)
        rows.append(turns.get(joint, inherited))
    return facing_source @ torch.stack(rows) @ facing_target.T


_Bone = tuple[tuple[int, ...], tuple[int, int], tuple[int, int]]
"""The target's joints that turn with a bone, its two ends, and those of the source's bone."""


def _limb_turns(
    pair: _Pair, here: Float[Tensor, "joints 3"], there: Float[Tensor, "source_joints 3"]
) -> dict[int, Tensor]:
    """Return, for the bones of arms and legs, the turn that lays the target's on the source's.

    Each turn starts from that of the bone above, so that a bent limb keeps its twist.
    """
    found: dict[int, Tensor] = {}
    for side in SIDES:
        for part in ("arm", "leg"):
            turn = torch.eye(3)
            for joints, (start, end), (first, last) in _bones(pair, side, part):
                own, other = here[end] - here[start], there[last] - there[first]
                turn = _shortest_turn(turn @ own, other) @ turn
                found |= dict.fromkeys(joints, turn)
    return found


def _bones(pair: _Pair, side: str, part: str) -> list[_Bone]:
    """Return the bones of a limb, outwards.

    Thigh and shin, upper arm and forearm are those of ``Limb.bones``; what comes before them, such
    as collars, goes from matched joint to matched joint, and so does all of a limb without middle.
    """
    name, roles = f"{side}_{part}", pair.target_roles
    chain = chains(pair.target, roles).get(name)
    if chain is None:
        return []
    start = [roles[f"{side}_hip"]] if part == "leg" else []
    end = roles[f"{side}_heel" if part == "leg" else f"{side}_hand"]
    rows = [(j, pair.matched[j]) for j in (*start, *chain.joints, end) if j in pair.matched]
    own, other = pair.target_limbs.get(name), pair.source_limbs.get(name)
    if own is None or other is None:
        return _between(rows)
    before = path_to(pair.target, own.joints[0])[:-1]
    rows = [row for row in rows if row[0] in before]
    whole = zip(own.turning[:2], own.bones, other.bones, strict=True)
    return _between([*rows, (own.joints[0], other.joints[0])]) + list(whole)


def _between(rows: Sequence[tuple[int, int]]) -> list[_Bone]:
    """Return the bones from matched joint to matched joint."""
    return [((a,), (a, b), (c, d)) for (a, c), (b, d) in pairwise(rows)]


def _foot_turns(pair: _Pair) -> dict[int, Tensor]:
    """Return the turn of each heel about the vertical that makes the feet point alike."""
    found: dict[int, Tensor] = {}
    ground = torch.tensor([1.0, 0.0, 1.0])
    for side in SIDES:
        if not pair.both_have(f"{side}_heel"):
            continue
        own = sole(pair.target, pair.target_roles, side)
        other = sole(pair.source, pair.source_roles, side)
        heel = pair.target_roles[f"{side}_heel"]
        found[heel] = _shortest_turn(own * ground, other * ground)
    return found


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


# --- root --------------------------------------------------------------------------------------


def _root_positions(
    motion: Motion, turned: Float[Tensor, "frames joints 3 3"], pair: _Pair
) -> tuple[Float[Tensor, "frames 3"], float]:
    """Place the root, and return the scale as well.

    The hips go to their place over the ground, scaled. In height the soles stay where they are in
    units of the leg: at the height of the hips, thighs and shins of other proportions would take
    the feet of bent legs into the ground. Without legs the root scales with its height in rest
    pose.
    """
    posed = kinematics.joint_positions(torch.zeros(len(turned), 3), turned, pair.target)
    own, other = pair.target_roles, pair.source_roles
    if not pair.both_have(*_LEGS):
        scale = _root_height(pair.target) / _root_height(pair.source)
        goal = motion.joint_positions[:, other["pelvis"]] * scale
        return goal - posed[:, own["pelvis"]], scale
    leg = _leg_length(pair.target, own, pair.target_limbs)
    source_leg = _leg_length(pair.source, other, pair.source_limbs)
    scale = leg / source_leg
    hips = motion.joint_positions[:, [other["left_hip"], other["right_hip"]]].mean(1)
    root = hips * scale - posed[:, [own["left_hip"], own["right_hip"]]].mean(1)
    flat = has_soles(pair.source, other) and has_soles(pair.target, own)
    places, turns = motion.joint_positions, motion.global_rotations
    there = sole_heights(pair.source, other, places, turns, flat=flat)
    here = sole_heights(pair.target, own, posed, turned, flat=flat)
    there, here = _lowest(there, source_leg), _lowest(here, leg)
    root[:, 1] = scale * there - here
    return root, scale


def _lowest(heights: Float[Tensor, "frames points"], leg: float) -> Float[Tensor, " frames"]:
    """Return a smooth minimum of the heights, metres."""
    width = _SHARED_GROUND * leg
    return -width * torch.logsumexp(-heights / width, dim=-1)


def _leg_length(skeleton: Skeleton, roles: Mapping[str, int], found: Mapping[str, Limb]) -> float:
    """Return the length of hip to knee to heel in straight lines, metres, as the sides' mean."""
    rest = rest_positions(skeleton)
    length = 0.0
    for side in SIDES:
        limb = found.get(f"{side}_leg")
        knees = [] if limb is None else [limb.joints[1]]
        ends = [roles[f"{side}_hip"], *knees, roles[f"{side}_heel"]]
        length += float(rest[ends].diff(dim=0).norm(dim=-1).sum()) / 2
    if length < _MIN_LENGTH:
        raise InvalidInputError(f"The legs of skeleton {skeleton.name!r} have no length.")
    return length


def _root_height(skeleton: Skeleton) -> float:
    """Height of the root above the lowest joint in rest pose, metres."""
    rest = rest_positions(skeleton)[:, 1]
    height = float(rest[0] - rest.min())
    if height < _MIN_LENGTH:
        raise InvalidInputError(
            f"Skeleton {skeleton.name!r} names no hips and heels, and no joint lies below its "
            "root, so that its size is not known; give Skeleton.roles."
        )
    return height
