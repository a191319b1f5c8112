"""What joint names say: sides, mirror pairs, kinematic parts and roles of a BVH skeleton.

Understood are the habits of Daz/CMU, SMPL, Mixamo, MotionBuilder, 3ds Max Biped, Blender, Rigify,
Unreal, VRM, SOMA, Xsens and ASF (``LeftFoot``, ``lFoot``, ``l_foot``, ``foot.L``, ``Bip01 L Foot``,
``lfoot``). Bones that only help (twist, IK and secondary bones) play no role. What is not evident
stays empty.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from marey.skeleton import Roles

_SIDES = {
    "left": "left",
    "l": "left",
    "lft": "left",
    "right": "right",
    "r": "right",
    "rgt": "right",
}
_OTHER = {"left": "right", "right": "left"}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

_LEG = r"hip|buttock|thigh|upleg|leg|femur|knee|shin|calf|tibia|ankle|foot|feet|heel|toe|ball"
_ARM = r"shoulder|shldr|clavicle|collar|scapula|uparm|arm|humerus|elbow|fore|radius|ulna|wrist|hand"
_FINGER = r"thumb|index|mid|ring|pinky|little|finger|palm|carpal"
_HEAD = r"head|neck|skull|face|eye|jaw|brow|tongue"
_GLUED = re.compile(
    rf"^(left|right|l|r)((?:lower|upper|up|low)?(?:{_LEG}|{_ARM}|{_FINGER}|eye).*)$"
)
_THIGH = re.compile(r"hip(?!joint)|thigh|upleg|upperleg|femur")
_HELPING = {"ik", "fk", "mch", "pole", "target", "ctrl", "control", "twist", "sec", "adj"}
"""Words in the names of bones that carry no body part of their own."""
_PREFIX = {"def", "org"}
"""Words that Rigify puts before the names of the bones that deform, and of their originals."""


_EXAMPLES = {
    "hip": "LeftUpLeg, lThigh, thigh.L, left_hip, Bip01 L Thigh",
    "heel": "LeftFoot, lFoot, foot.L, left_ankle, Bip01 L Foot",
    "toe": "LeftToeBase, lToe, toe.L, left_foot, Bip01 L Toe0",
    "hand": "LeftHand, lHand, hand.L, left_wrist, Bip01 L Hand",
}
UNDERSTOOD: MappingProxyType[str, str] = MappingProxyType(
    {f"{side}_{role}": names for side in ("left", "right") for role, names in _EXAMPLES.items()}
)
"""Examples of names by role, for people whose joints have others; the left one's for both sides."""


@dataclass(frozen=True, kw_only=True)
class NamedStructure:
    """What the names of a skeleton's joints say; the fields are those of ``Skeleton``."""

    mirror: tuple[int, ...]
    roles: Roles
    parts: tuple[str, ...]


@dataclass(frozen=True)
class _Joint:
    """A joint's name without its side: ``stem`` of ``"LeftUpLeg"`` is ``"upleg"``."""

    name: str
    parent: int
    side: str
    stem: str
    helps: bool
    """Whether it is a twist, IK or secondary bone."""

    def has(self, pattern: str | re.Pattern[str]) -> bool:
        return re.search(pattern, self.stem) is not None


def read_names(names: Sequence[str], parents: Sequence[int]) -> NamedStructure:
    """Guess mirror pairs, roles and parts from joint names; joints come after their parents."""
    joints = [_joint(n, p) for n, p in zip(names, parents, strict=True)]
    parts = _parts(joints)
    roles = _roles(joints, parts)
    if not roles.head and (column := _nameless_head(joints, roles)):
        roles = replace(roles, head=joints[column[-1]].name)
        for joint in column:
            parts[joint] = "head"
    limbs = {"left_arm", "right_arm", "left_leg", "right_leg"}
    return NamedStructure(
        mirror=_mirror(joints),
        roles=roles,
        parts=tuple(parts) if limbs <= set(parts) else (),
    )


def _joint(name: str, parent: int) -> _Joint:
    """Split a name into side and the rest, in one lower-case word."""
    words = [word.lower() for word in _WORDS.findall(name.rsplit(":", 1)[-1])]
    words = words[1:] if words[:1] and words[0] in _PREFIX else words
    helps = not _HELPING.isdisjoint(words)
    sides = [word for word in words if word in _SIDES]
    side, stem = "", "".join(words)
    if len(sides) == 1:
        side, stem = _SIDES[sides[0]], "".join(word for word in words if word != sides[0])
    elif not sides and (glued := _GLUED.match(stem)):
        side, stem = _SIDES[glued[1]], glued[2]
    return _Joint(name=name, parent=parent, side=side, stem=stem, helps=helps)


def _mirror(joints: list[_Joint]) -> tuple[int, ...]:
    """Pair joints that differ only in their side and whose parents are paired too."""
    found: dict[tuple[str, str], list[int]] = {}
    for i, joint in enumerate(joints):
        found.setdefault((joint.side, joint.stem), []).append(i)
    mirror = list(range(len(joints)))
    for i, joint in enumerate(joints):
        if joint.side != "left":
            continue
        own, others = found["left", joint.stem], found.get(("right", joint.stem), [])
        if len(own) == len(others) == 1:
            mirror[i], mirror[others[0]] = others[0], i
    # A joint whose parent has no counterpart cannot take its counterpart's place either.
    for i, joint in enumerate(joints):
        twin = mirror[i]
        parents = joint.parent, joints[twin].parent
        if twin != i and min(parents) >= 0 and mirror[parents[0]] != parents[1]:
            mirror[i], mirror[twin] = i, twin
    return tuple(mirror)


def _parts(joints: list[_Joint]) -> list[str]:
    """Assign each joint a part by its name, or else its parent's part; the root to the torso."""
    parts: list[str] = []
    for joint in joints:
        inherited = parts[joint.parent] if joint.parent >= 0 else "torso"
        parts.append(_own_part(joint, inherited))
    return parts


def _own_part(joint: _Joint, inherited: str) -> str:
    if joint.parent < 0 or joint.helps or inherited not in ("torso", "head"):
        return inherited
    if joint.has(_HEAD):
        return "head"
    if joint.side and joint.has(_ARM):
        return f"{joint.side}_arm"
    if joint.side and joint.has(_LEG):
        return f"{joint.side}_leg"
    return inherited


def _roles(joints: list[_Joint], parts: list[str]) -> Roles:
    """Name the joints that play a role; a foot without a toe joint is both heel and toe."""
    able = [(j, part) for j, part in zip(joints, parts, strict=True) if not j.helps]
    found: dict[str, str] = {}
    for side in ("left", "right"):
        leg = [j for j, part in able if part == f"{side}_leg"]
        arm = [j for j, part in able if part == f"{side}_arm"]
        foot = _first(leg, "foot|feet")
        found[f"{side}_hip"] = _first(leg, _THIGH) or _first(leg, "^leg")
        found[f"{side}_heel"] = heel = _first(leg[::-1], "ankle") or foot or _first(leg, "heel")
        found[f"{side}_toe"] = _first(leg, "toe|ball") or foot or heel
        found[f"{side}_hand"] = _first([j for j in arm if not j.has(_FINGER)], "hand|wrist")
    head = [j for j, part in able if part == "head" and not j.side]
    return Roles(head=_first(head, "head|skull"), **found)


def _nameless_head(joints: list[_Joint], roles: Roles) -> list[int]:
    """Return the joints from where the arms leave the spine up to the end of the spine.

    They are called spine or neck, as Rigify does, and each is the one with the longest way on;
    none where the hands are not known.
    """
    index = {joint.name: i for i, joint in enumerate(joints)}
    if not (roles.left_hand and roles.right_hand):
        return []
    paths = [_path(joints, index[hand]) for hand in (roles.left_hand, roles.right_hand)]
    chest = [a for a, b in zip(*paths, strict=False) if a == b][-1]
    bones = [not j.side and not j.helps and j.has("spine|neck|cervic") for j in joints]
    length = [0] * len(joints)
    for i, joint in reversed(list(enumerate(joints))):
        if bones[i] and joint.parent >= 0:
            length[joint.parent] = max(length[joint.parent], length[i] + 1)
    column, here = [], chest
    while length[here]:
        above = [i for i, j in enumerate(joints) if j.parent == here and bones[i]]
        here = max(above, key=length.__getitem__)
        column.append(here)
    return column


def _path(joints: list[_Joint], joint: int) -> list[int]:
    path = [joint]
    while joints[path[-1]].parent >= 0:
        path.append(joints[path[-1]].parent)
    return path[::-1]


def _first(joints: list[_Joint], pattern: str | re.Pattern[str]) -> str:
    return next((joint.name for joint in joints if joint.has(pattern)), "")
