"""Matching a rig: its joints find those of ``body22`` by name, by role and by place in the tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from marey.io.bvh_names import read_names
from marey.motion.joint_matching import SIDES, match_joints, path_to, rest_positions, role_indices
from marey.rigs.doubts import doubts, misplaced
from marey.rigs.naming import Naming, namings
from marey.rigs.rig_map import RigEntry, RigMap
from marey.rigs.topology import guess_roles
from marey.skeleton import BODY22, Roles, Skeleton

SPINE = ("spine1", "spine2", "spine3")
NAME, ROLE, MIRROR, TOPOLOGY = "name", "role", "mirror", "topology"
_AGREED, _NAMED, _WORDS, _MIRRORED, _PLACED, _GUESSED = 0.99, 0.95, 0.9, 0.8, 0.8, 0.5
_RECOGNISED = 0.6
"""Share of the limbs' joints whose names a rig must have to be in a naming."""
_MIRROR_SLACK = 0.02
"""Share of the rig's height by which twins may differ from mirror images."""


def match_rig(skeleton: Skeleton, *, known: Sequence[Naming] | None = None) -> RigMap:
    """Return which joint of ``body22`` each joint of a rig follows, how sure, and why.

    Hips, hands, feet and head are found by the names of a naming (``known``; by default the shipped
    and the user's), else by the words in names, else as mirror images, else by the shape of the
    rest pose; what lies between them by the tree. A name counts only where it agrees with the
    tree: a knee hangs on its hip. What is not found is missing in the map, and what does not fit is
    among its warnings. Presets of the user's that are damaged are left out.
    """
    naming, named = _recognised(skeleton, list(namings().values()) if known is None else known)
    named, warnings = _consistent(skeleton, named)
    roles, reasons = _roles(skeleton, named)
    bare = replace(skeleton, roles=roles)
    placed = {} if not any(vars(roles).values()) else match_joints(BODY22, bare)
    follows = {skeleton.joint_names[j]: BODY22.joint_names[f] for j, f in placed.items()}
    for joint, other in named.items():
        if follows.get(joint) != other:  # the name knows better than the tree
            follows = {j: f for j, f in follows.items() if f != other or j in named}
        follows[joint] = other
    role_of = {joint: role for role, joint in reversed(vars(roles).items()) if joint}
    entries = []
    for joint in skeleton.joint_names:
        if joint in follows:
            index = skeleton.index(joint)
            agrees = index in placed and BODY22.joint_names[placed[index]] == follows[joint]
            reason, sure = _why(joint, naming, named, role_of, reasons, agrees=agrees)
            entries.append(
                RigEntry(joint=joint, follows=follows[joint], confidence=sure, reason=reason)
            )
    found = RigMap(
        rig=skeleton.name,
        naming=naming,
        entries=tuple(entries),
        free=tuple(name for name in skeleton.joint_names if name not in follows),
    )
    return replace(found, warnings=(*warnings, *doubts(skeleton, found)))


def with_roles(skeleton: Skeleton, rig_map: RigMap) -> Skeleton:
    """Return the skeleton with the roles that a map gives its joints.

    Raises InvalidInputError for joints that the skeleton lacks.
    """
    rig_map.check_joints(skeleton)
    return replace(skeleton, roles=rig_map.roles)


def _recognised(skeleton: Skeleton, known: Sequence[Naming]) -> tuple[str, dict[str, str]]:
    """Return the naming that reads most joints, and what it reads; nothing if that is little."""
    best, most, read = "", 0, {}
    for naming in known:
        own = naming.read(skeleton.joint_names)
        limbs = [j for j in naming.joints if j.startswith(SIDES)]
        share = sum(j in limbs for j in own.values()) / max(1, len(limbs))
        if share >= _RECOGNISED and len(own) > most:
            best, most, read = naming.name, len(own), own
            if set(SPINE) <= naming.joints.keys() and not set(SPINE) <= set(own.values()):
                # The rig has fewer joints there than the naming names: their places decide.
                read = {joint: other for joint, other in own.items() if other not in SPINE}
    return best, read


def _consistent(
    skeleton: Skeleton, named: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Drop names that contradict the tree: joints of a limb hang on the one before."""
    upper_of = dict(misplaced(skeleton, named))
    kept = {joint: follows for joint, follows in named.items() if joint not in upper_of}
    warnings = [
        f"{joint} is named as {named[joint]} but does not hang on {upper}; its name is not used."
        for joint, upper in upper_of.items()
    ]
    return kept, tuple(warnings)


@dataclass(frozen=True)
class _Source:
    reason: str
    confidence: float


def _roles(skeleton: Skeleton, named: Mapping[str, str]) -> tuple[Roles, dict[str, _Source]]:
    """Return the roles, and where each is from."""
    joint_of = {follows: joint for joint, follows in named.items()}
    by_name = {r: joint_of[j] for r, j in vars(BODY22.roles).items() if j in joint_of}
    words = read_names(skeleton.joint_names, skeleton.parents)
    steps = (
        (by_name, _Source(NAME, _NAMED)),
        (vars(skeleton.roles), _Source(ROLE, _WORDS)),
        (vars(words.roles), _Source(ROLE, _WORDS)),
        (vars(guess_roles(skeleton)), _Source(TOPOLOGY, _GUESSED)),
    )
    found: dict[str, str] = {}
    reasons: dict[str, _Source] = {}

    def take(given: Mapping[str, str], source: _Source) -> None:
        for role, joint in given.items():
            if joint and role not in found:
                found[role], reasons[role] = joint, source

    for given, source in steps:
        take(given, source)
        take(_twins(skeleton, found), _Source(MIRROR, _MIRRORED))
    return Roles(**found), reasons


def _twins(skeleton: Skeleton, found: Mapping[str, str]) -> dict[str, str]:
    """Return, for roles that one side lacks, the joint that mirrors the other side's."""
    rest = rest_positions(skeleton)
    depth = [len(path_to(skeleton, joint)) for joint in range(skeleton.num_joints)]
    slack = _MIRROR_SLACK * float(rest[:, 1].max() - rest[:, 1].min())
    middle = rest[role_indices(replace(skeleton, roles=Roles()))["pelvis"], 0]
    twins = {}
    for role, joint in found.items():
        side, _, part = role.partition("_")
        other = f"{'right' if side == 'left' else 'left'}_{part}"
        if side not in SIDES or other in found:
            continue
        own = skeleton.index(joint)
        image = rest[own] * torch.tensor([-1.0, 1.0, 1.0])
        image[0] += 2 * middle
        away = (rest - image).norm(dim=-1)
        near = [
            j
            for j in range(skeleton.num_joints)
            if j != own and depth[j] == depth[own] and float(away[j]) <= slack
        ]
        if near:
            twins[other] = skeleton.joint_names[min(near, key=lambda j: float(away[j]))]
    return twins


def _why(
    joint: str,
    naming: str,
    named: Mapping[str, str],
    role_of: Mapping[str, str],
    reasons: Mapping[str, _Source],
    *,
    agrees: bool,
) -> tuple[str, float]:
    """Return the reason of an entry and the confidence in it."""
    if joint in named:
        return f"{NAME} ({naming})", _AGREED if agrees else _NAMED
    if joint in role_of:
        role = role_of[joint]
        source = reasons[role]
        other = role.replace("left", "*").replace("right", "left").replace("*", "right")
        note = {ROLE: f" ({role})", MIRROR: f" of the {other.replace('_', ' ')}"}
        return source.reason + note.get(source.reason, ""), source.confidence
    weakest = min((source.confidence for source in reasons.values()), default=0.0)
    return TOPOLOGY, min(_PLACED, weakest)
