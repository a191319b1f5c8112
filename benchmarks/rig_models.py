"""Rigs of no one in particular, in the namings of the trade, for tests and benchmarks.

Each has the joints and names of its convention, proportions of its own (short legs, long arms, a
wide pelvis …), twist, IK and finger bones, and a rest pose in T or A. Names are facts; shapes are
made here from body22.

    rig("mixamo")  # a Skeleton
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from marey import rotations
from marey.io.bvh_names import read_names
from marey.skeleton import BODY22, Skeleton, global_rotations, joint_positions, local_rotations

Row = tuple[str, str, str]
"""A joint, its parent, and where it lies: a joint of body22, ``a>b 0.5`` on the way from a to b,
or ``a+x,y,z`` beside it (metres; x to the body's left). ``{s}`` stands for left and right."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Proportions beside body22's, and how the arms hang in rest pose."""

    thigh: float = 1.0
    shin: float = 1.0
    arm: float = 1.0
    spine: float = 1.0
    width: float = 1.0
    """Of pelvis and shoulders."""
    foot: float = 1.0
    lowered: float = 0.0
    """Angle of the arms below the horizontal, radians."""
    bent: float = 0.0
    """Bend of the elbows forwards, radians."""


@dataclass(frozen=True, kw_only=True)
class Naming:
    """A convention: its rows, and its words for the sides."""

    sides: tuple[str, str]
    rows: tuple[Row, ...]
    shape: Shape
    follows: Mapping[str, str] = field(default_factory=dict)
    """Names, with ``{s}``, of joints whose counterpart on body22 is no choice of taste."""


def _bones(text: str) -> tuple[Row, ...]:
    """Read rows ``name parent place``; a place may hold one blank."""
    rows = []
    for line in text.strip().splitlines():
        name, parent, place = line.split(maxsplit=2)
        rows.append((name, "" if parent == "-" else parent, place))
    return tuple(rows)


def _fingers(pattern: str, hand: str, names: str, joints: int, *, first: str = "1") -> str:
    """Rows of fingers: ``pattern`` with ``{finger}`` and ``{n}``."""
    lines = []
    for i, finger in enumerate(names.split()):
        parent = hand
        for k in range(joints):
            number = str(int(first) + k).zfill(len(first))
            name = pattern.format(finger=finger, n=number, s="{s}")
            aside = 0.03 if i == 0 else 0.0
            place = f"wrist+{0.05 + 0.03 * k + (0.04 if i else 0)},0,{0.03 - 0.02 * i + aside:.3f}"
            lines.append(f"{name} {parent} {place}")
            parent = name
    return "\n".join(lines)


MIXAMO = Naming(
    sides=("Left", "Right"),
    shape=Shape(thigh=0.86, shin=0.8, arm=1.15, spine=1.05),
    rows=_bones(
        """
mixamorig:Hips - pelvis
mixamorig:Spine mixamorig:Hips spine1
mixamorig:Spine1 mixamorig:Spine spine2
mixamorig:Spine2 mixamorig:Spine1 spine3
mixamorig:Neck mixamorig:Spine2 neck
mixamorig:Head mixamorig:Neck head
mixamorig:HeadTop_End mixamorig:Head head+0,0.18,0.02
mixamorig:{s}Shoulder mixamorig:Spine2 collar
mixamorig:{s}Arm mixamorig:{s}Shoulder shoulder
mixamorig:{s}ForeArm mixamorig:{s}Arm elbow
mixamorig:{s}Hand mixamorig:{s}ForeArm wrist
mixamorig:{s}UpLeg mixamorig:Hips hip
mixamorig:{s}Leg mixamorig:{s}UpLeg knee
mixamorig:{s}Foot mixamorig:{s}Leg ankle
mixamorig:{s}ToeBase mixamorig:{s}Foot foot
mixamorig:{s}Toe_End mixamorig:{s}ToeBase foot+0,-0.01,0.07
"""
        + _fingers(
            "mixamorig:{s}Hand{finger}{n}",
            "mixamorig:{s}Hand",
            "Thumb Index Middle Ring Pinky",
            4,
        )
    ),
    follows={
        "mixamorig:{s}Shoulder": "collar",
        "mixamorig:{s}Arm": "shoulder",
        "mixamorig:{s}ForeArm": "elbow",
        "mixamorig:{s}Hand": "wrist",
        "mixamorig:{s}UpLeg": "hip",
        "mixamorig:{s}Leg": "knee",
        "mixamorig:{s}Foot": "ankle",
        "mixamorig:{s}ToeBase": "foot",
        "mixamorig:Hips": "pelvis",
        "mixamorig:Spine2": "spine3",
        "mixamorig:Neck": "neck",
        "mixamorig:Head": "head",
    },
)

UNREAL = Naming(
    sides=("l", "r"),
    shape=Shape(thigh=1.1, shin=1.02, arm=0.95, width=1.1, lowered=0.8, bent=0.25),
    rows=_bones(
        """
root - ground
ik_foot_root root ground
ik_foot_{s} ik_foot_root ankle
ik_hand_root root ground
ik_hand_gun ik_hand_root ground
ik_hand_{s} ik_hand_gun wrist
interaction root ground
pelvis root pelvis
spine_01 pelvis spine1
spine_02 spine_01 spine1>spine2 0.5
spine_03 spine_02 spine2
spine_04 spine_03 spine2>spine3 0.5
spine_05 spine_04 spine3
neck_01 spine_05 neck
neck_02 neck_01 neck>head 0.5
head neck_02 head
clavicle_{s} spine_05 collar
upperarm_{s} clavicle_{s} shoulder
upperarm_twist_01_{s} upperarm_{s} shoulder>elbow 0.3
upperarm_twist_02_{s} upperarm_{s} shoulder>elbow 0.6
lowerarm_{s} upperarm_{s} elbow
lowerarm_twist_02_{s} lowerarm_{s} elbow>wrist 0.4
lowerarm_twist_01_{s} lowerarm_{s} elbow>wrist 0.8
hand_{s} lowerarm_{s} wrist
thigh_{s} pelvis hip
thigh_twist_01_{s} thigh_{s} hip>knee 0.3
calf_{s} thigh_{s} knee
calf_twist_01_{s} calf_{s} knee>ankle 0.6
foot_{s} calf_{s} ankle
ball_{s} foot_{s} foot
"""
        + _fingers("{finger}_{n}_{s}", "hand_{s}", "thumb index middle ring pinky", 3, first="01")
    ),
    follows={
        "clavicle_{s}": "collar",
        "upperarm_{s}": "shoulder",
        "lowerarm_{s}": "elbow",
        "hand_{s}": "wrist",
        "thigh_{s}": "hip",
        "calf_{s}": "knee",
        "foot_{s}": "ankle",
        "ball_{s}": "foot",
        "pelvis": "pelvis",
        "spine_05": "spine3",
        "head": "head",
    },
)

RIGIFY = Naming(
    sides=("L", "R"),
    shape=Shape(thigh=0.95, shin=1.05, arm=1.05, foot=1.2, lowered=0.6),
    rows=_bones(
        """
DEF-spine - pelvis
DEF-pelvis.{s} DEF-spine pelvis+0.1,0.05,0.03
DEF-thigh.{s} DEF-spine hip
DEF-thigh.{s}.001 DEF-thigh.{s} hip>knee 0.5
DEF-shin.{s} DEF-thigh.{s}.001 knee
DEF-shin.{s}.001 DEF-shin.{s} knee>ankle 0.5
DEF-foot.{s} DEF-shin.{s}.001 ankle
DEF-toe.{s} DEF-foot.{s} foot
DEF-spine.001 DEF-spine spine1
DEF-spine.002 DEF-spine.001 spine2
DEF-spine.003 DEF-spine.002 spine3
DEF-spine.004 DEF-spine.003 neck
DEF-spine.005 DEF-spine.004 neck>head 0.5
DEF-spine.006 DEF-spine.005 head
DEF-breast.{s} DEF-spine.003 spine3+0.1,0,0.1
DEF-shoulder.{s} DEF-spine.003 collar
DEF-upper_arm.{s} DEF-shoulder.{s} shoulder
DEF-upper_arm.{s}.001 DEF-upper_arm.{s} shoulder>elbow 0.5
DEF-forearm.{s} DEF-upper_arm.{s}.001 elbow
DEF-forearm.{s}.001 DEF-forearm.{s} elbow>wrist 0.5
DEF-hand.{s} DEF-forearm.{s}.001 wrist
MCH-foot_ik.{s} DEF-spine ankle
"""
        + _fingers("DEF-{finger}.{n}.{s}", "DEF-hand.{s}", "thumb f_index f_middle", 3, first="01")
    ),
    follows={
        "DEF-shoulder.{s}": "collar",
        "DEF-upper_arm.{s}": "shoulder",
        "DEF-forearm.{s}": "elbow",
        "DEF-hand.{s}": "wrist",
        "DEF-thigh.{s}": "hip",
        "DEF-shin.{s}": "knee",
        "DEF-foot.{s}": "ankle",
        "DEF-toe.{s}": "foot",
        "DEF-spine": "pelvis",
        "DEF-spine.003": "spine3",
        "DEF-spine.006": "head",
    },
)

METARIG = Naming(
    sides=("L", "R"),
    shape=Shape(spine=0.9, lowered=0.7),
    rows=_bones(
        """
spine - pelvis
spine.001 spine spine1
spine.002 spine.001 spine2
spine.003 spine.002 spine3
spine.004 spine.003 neck
spine.005 spine.004 neck>head 0.5
spine.006 spine.005 head
shoulder.{s} spine.003 collar
upper_arm.{s} shoulder.{s} shoulder
forearm.{s} upper_arm.{s} elbow
hand.{s} forearm.{s} wrist
pelvis.{s} spine pelvis+0.1,0.05,0.03
thigh.{s} spine hip
shin.{s} thigh.{s} knee
foot.{s} shin.{s} ankle
heel.02.{s} foot.{s} ankle+0.02,-0.04,-0.05
toe.{s} foot.{s} foot
"""
        + _fingers("{finger}.{n}.{s}", "hand.{s}", "thumb f_index", 3, first="01")
    ),
    follows={
        "forearm.{s}": "elbow",
        "hand.{s}": "wrist",
        "thigh.{s}": "hip",
        "shin.{s}": "knee",
        "foot.{s}": "ankle",
        "toe.{s}": "foot",
        "spine": "pelvis",
        "spine.006": "head",
    },
)

VRM = Naming(
    sides=("L", "R"),
    shape=Shape(thigh=0.75, shin=0.78, arm=0.8, spine=0.75, width=0.75, foot=0.8),
    rows=_bones(
        """
Root - ground
J_Bip_C_Hips Root pelvis
J_Bip_C_Spine J_Bip_C_Hips spine1
J_Bip_C_Chest J_Bip_C_Spine spine2
J_Bip_C_UpperChest J_Bip_C_Chest spine3
J_Sec_{s}_Bust1 J_Bip_C_UpperChest spine3+0.06,0.02,0.1
J_Bip_C_Neck J_Bip_C_UpperChest neck
J_Bip_C_Head J_Bip_C_Neck head
J_Adj_{s}_FaceEye J_Bip_C_Head head+0.03,0.06,0.06
J_Sec_Hair1_01 J_Bip_C_Head head+0,0.1,-0.1
J_Bip_{s}_Shoulder J_Bip_C_UpperChest collar
J_Bip_{s}_UpperArm J_Bip_{s}_Shoulder shoulder
J_Bip_{s}_LowerArm J_Bip_{s}_UpperArm elbow
J_Bip_{s}_Hand J_Bip_{s}_LowerArm wrist
J_Sec_{s}_CoatSkirtBack1_01 J_Bip_C_Hips hip+0,0,-0.1
J_Bip_{s}_UpperLeg J_Bip_C_Hips hip
J_Bip_{s}_LowerLeg J_Bip_{s}_UpperLeg knee
J_Bip_{s}_Foot J_Bip_{s}_LowerLeg ankle
J_Bip_{s}_ToeBase J_Bip_{s}_Foot foot
"""
        + _fingers("J_Bip_{s}_{finger}{n}", "J_Bip_{s}_Hand", "Thumb Index Middle Ring Little", 3)
    ),
    follows={
        "J_Bip_{s}_Shoulder": "collar",
        "J_Bip_{s}_UpperArm": "shoulder",
        "J_Bip_{s}_LowerArm": "elbow",
        "J_Bip_{s}_Hand": "wrist",
        "J_Bip_{s}_UpperLeg": "hip",
        "J_Bip_{s}_LowerLeg": "knee",
        "J_Bip_{s}_Foot": "ankle",
        "J_Bip_{s}_ToeBase": "foot",
        "J_Bip_C_Hips": "pelvis",
        "J_Bip_C_UpperChest": "spine3",
        "J_Bip_C_Head": "head",
    },
)

SMPL = Naming(
    sides=("L", "R"),
    shape=Shape(thigh=1.02, shin=0.9, arm=0.98, spine=0.95, width=0.9, foot=1.1),
    rows=_bones(
        """
m_avg_root - ground
m_avg_Pelvis m_avg_root pelvis
m_avg_{s}_Hip m_avg_Pelvis hip
m_avg_{s}_Knee m_avg_{s}_Hip knee
m_avg_{s}_Ankle m_avg_{s}_Knee ankle
m_avg_{s}_Foot m_avg_{s}_Ankle foot
m_avg_Spine1 m_avg_Pelvis spine1
m_avg_Spine2 m_avg_Spine1 spine2
m_avg_Spine3 m_avg_Spine2 spine3
m_avg_Neck m_avg_Spine3 neck
m_avg_Head m_avg_Neck head
m_avg_{s}_Collar m_avg_Spine3 collar
m_avg_{s}_Shoulder m_avg_{s}_Collar shoulder
m_avg_{s}_Elbow m_avg_{s}_Shoulder elbow
m_avg_{s}_Wrist m_avg_{s}_Elbow wrist
m_avg_{s}_Hand m_avg_{s}_Wrist wrist+0.08,0,0
"""
    ),
    follows={
        "m_avg_{s}_Collar": "collar",
        "m_avg_{s}_Shoulder": "shoulder",
        "m_avg_{s}_Elbow": "elbow",
        "m_avg_{s}_Wrist": "wrist",
        "m_avg_{s}_Hip": "hip",
        "m_avg_{s}_Knee": "knee",
        "m_avg_{s}_Ankle": "ankle",
        "m_avg_{s}_Foot": "foot",
        "m_avg_Pelvis": "pelvis",
        "m_avg_Spine1": "spine1",
        "m_avg_Head": "head",
    },
)

SOMA = Naming(
    sides=("Left", "Right"),
    shape=Shape(thigh=1.05, shin=1.0, arm=1.1, width=1.05),
    rows=_bones(
        """
Hips - pelvis
Spine1 Hips spine1
Spine2 Spine1 spine2
Chest Spine2 spine3
Neck1 Chest neck
Neck2 Neck1 neck>head 0.5
Head Neck2 head
HeadEnd Head head+0,0.18,0.02
Jaw Head head+0,0.02,0.03
{s}Eye Head head+0.03,0.06,0.06
{s}Shoulder Chest collar
{s}Arm {s}Shoulder shoulder
{s}ForeArm {s}Arm elbow
{s}Hand {s}ForeArm wrist
{s}Leg Hips hip
{s}Shin {s}Leg knee
{s}Foot {s}Shin ankle
{s}ToeBase {s}Foot foot
{s}ToeEnd {s}ToeBase foot+0,-0.01,0.07
"""
        + _fingers("{s}Hand{finger}{n}", "{s}Hand", "Thumb Index Middle Ring Pinky", 3)
    ),
    follows={
        "{s}Shoulder": "collar",
        "{s}Arm": "shoulder",
        "{s}ForeArm": "elbow",
        "{s}Hand": "wrist",
        "{s}Leg": "hip",
        "{s}Shin": "knee",
        "{s}Foot": "ankle",
        "{s}ToeBase": "foot",
        "Hips": "pelvis",
        "Chest": "spine3",
        "Head": "head",
    },
)

DAZ = Naming(
    sides=("l", "r"),
    shape=Shape(thigh=1.08, shin=0.98, arm=0.92, foot=0.9, lowered=0.75),
    rows=_bones(
        """
hip - pelvis
pelvis hip pelvis+0,0.01,0
{s}ThighBend pelvis hip
{s}ThighTwist {s}ThighBend hip>knee 0.45
{s}Shin {s}ThighTwist knee
{s}Foot {s}Shin ankle
{s}Metatarsals {s}Foot ankle>foot 0.4
{s}Toe {s}Metatarsals foot
abdomenLower hip spine1
abdomenUpper abdomenLower spine2
chestLower abdomenUpper spine2>spine3 0.6
chestUpper chestLower spine3
{s}Pectoral chestLower spine3+0.08,-0.05,0.1
{s}Collar chestUpper collar
{s}ShldrBend {s}Collar shoulder
{s}ShldrTwist {s}ShldrBend shoulder>elbow 0.45
{s}ForearmBend {s}ShldrTwist elbow
{s}ForearmTwist {s}ForearmBend elbow>wrist 0.5
{s}Hand {s}ForearmTwist wrist
neckLower chestUpper neck
neckUpper neckLower neck>head 0.5
head neckUpper head
{s}Eye head head+0.03,0.06,0.06
"""
        + _fingers("{s}{finger}{n}", "{s}Hand", "Thumb Index Mid Ring Pinky", 3)
    ),
    follows={
        "{s}Collar": "collar",
        "{s}ShldrBend": "shoulder",
        "{s}ForearmBend": "elbow",
        "{s}Hand": "wrist",
        "{s}ThighBend": "hip",
        "{s}Shin": "knee",
        "{s}Foot": "ankle",
        "{s}Toe": "foot",
        "pelvis": "pelvis",
        "head": "head",
    },
)

CMU = Naming(
    sides=("Left", "Right"),
    shape=Shape(thigh=0.97, shin=0.88, arm=1.0, width=1.1, foot=1.1),
    rows=_bones(
        """
Hips - pelvis
{t}HipJoint Hips pelvis
{s}UpLeg {t}HipJoint hip
{s}Leg {s}UpLeg knee
{s}Foot {s}Leg ankle
{s}ToeBase {s}Foot foot
LowerBack Hips pelvis>spine1 0.4
Spine LowerBack spine1
Spine1 Spine spine2
{s}Shoulder Spine1 collar
{s}Arm {s}Shoulder shoulder
{s}ForeArm {s}Arm elbow
{s}Hand {s}ForeArm wrist
{s}FingerBase {s}Hand wrist+0.05,0,0
{s}HandIndex1 {s}FingerBase wrist+0.1,0,0
{t}Thumb {s}Hand wrist+0.05,0,0.04
Neck Spine1 neck
Neck1 Neck neck>head 0.5
Head Neck1 head
"""
    ),
    follows={
        "{s}Shoulder": "collar",
        "{s}Arm": "shoulder",
        "{s}ForeArm": "elbow",
        "{s}Hand": "wrist",
        "{s}UpLeg": "hip",
        "{s}Leg": "knee",
        "{s}Foot": "ankle",
        "{s}ToeBase": "foot",
        "Hips": "pelvis",
        "Spine1": "spine3",
        "Head": "head",
    },
)

NAMINGS: dict[str, Naming] = {
    "mixamo": MIXAMO,
    "unreal": UNREAL,
    "rigify": RIGIFY,
    "vrm": VRM,
    "smpl": SMPL,
    "soma": SOMA,
    "daz": DAZ,
    "cmu": CMU,
    "metarig": METARIG,
}
"""The seven namings of the trade (Daz and CMU apart), and the rig that Rigify starts from."""


@functools.cache
def rig(name: str) -> Skeleton:
    """Return the rig of a naming, in metres, Y up, facing +Z."""
    naming = NAMINGS[name]
    places = _places(naming.shape)
    names, parents, points = [], [], []
    for own, parent, place in _expanded(naming):
        names.append(own)
        parents.append(names.index(parent) if parent else -1)
        points.append(_point(place, places))
    rest = torch.stack(points)
    offsets = rest.clone()
    offsets[1:] -= rest[parents[1:]]
    structure = read_names(names, parents)
    return Skeleton(
        name=name,
        joint_names=tuple(names),
        parents=tuple(parents),
        rest_offsets=offsets,
        mirror=structure.mirror,
        roles=structure.roles,
        parts=structure.parts,
    )


def expected(name: str) -> dict[str, str]:
    """Return which joint of body22 the joints follow about which no opinions differ."""
    found = {}
    for own, follows in NAMINGS[name].follows.items():
        if "{s}" in own:
            for side, word in zip(("left", "right"), NAMINGS[name].sides, strict=True):
                found[own.replace("{s}", word)] = f"{side}_{follows}"
        else:
            found[own] = follows
    return found


def _expanded(naming: Naming) -> Iterator[Row]:
    """Yield the rows with their sides filled in, parents first."""
    rows = naming.rows
    sided = [any("{" in word for word in row[:2]) for row in rows]
    begun: set[str] = set()
    waiting = []
    for row, both in zip(rows, sided, strict=True):
        if not both:
            waiting.append(row)
            continue
        for side, word in zip(("left", "right"), naming.sides, strict=True):
            own, parent = (text.format(s=word, t=word[0].upper()) for text in row[:2])
            waiting.append((own, parent, f"{side}:{row[2]}"))
    while waiting:
        for row in list(waiting):
            if not row[1] or row[1] in begun:
                begun.add(row[0])
                waiting.remove(row)
                yield row


def _point(place: str, places: Mapping[str, Tensor]) -> Tensor:
    """Return the position that a row describes, metres."""
    side, _, rest = place.rpartition(":")

    def at(word: str) -> Tensor:
        return places[f"{side}_{word}" if f"{side}_{word}" in places else word]

    if ">" in rest:
        ends, share = rest.split()
        start, end = (at(word) for word in ends.split(">"))
        return torch.lerp(start, end, float(share))
    word, _, beside = rest.partition("+")
    if not beside:
        return at(word)
    turn = places.get(f"{side}_{word}_turn", torch.eye(3))
    offset = torch.tensor([float(value) for value in beside.split(",")])
    if side == "right":
        offset = offset * torch.tensor([-1.0, 1.0, 1.0])
    return at(word) + turn @ offset


def _places(shape: Shape) -> dict[str, Tensor]:
    """Return where the joints of body22 would be in this shape, on the ground; also ``ground``."""
    offsets = BODY22.rest_offsets.clone()
    factors = {
        "knee": shape.thigh,
        "ankle": shape.shin,
        "elbow": shape.arm,
        "wrist": shape.arm,
        "foot": shape.foot,
        "hip": shape.width,
        "shoulder": shape.width,
        **dict.fromkeys(("spine1", "spine2", "spine3", "neck", "head"), shape.spine),
    }
    for joint, name in enumerate(BODY22.joint_names):
        offsets[joint] *= factors.get(name.split("_")[-1], 1.0)
    local = torch.eye(3).repeat(22, 1, 1)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        down = rotations.axis_rotation("Z", torch.tensor(-sign * shape.lowered))
        bend = rotations.axis_rotation("Y", torch.tensor(-sign * shape.bent))
        local[BODY22.index(f"{side}_shoulder")] = down
        local[BODY22.index(f"{side}_elbow")] = bend
    turned = global_rotations(local, BODY22)
    body = Skeleton(
        name="shape",
        joint_names=BODY22.joint_names,
        parents=BODY22.parents,
        rest_offsets=offsets,
    )
    rest = joint_positions(torch.zeros(3), turned, body)
    rest[:, 1] -= rest[:, 1].min() - 0.02
    places = dict(zip(BODY22.joint_names, rest, strict=True))
    for side in ("left", "right"):
        places[f"{side}_wrist_turn"] = turned[BODY22.index(f"{side}_wrist")]
    return {**places, "ground": torch.zeros(3)}


def with_own_axes(skeleton: Skeleton, axis: str) -> tuple[Skeleton, Tensor]:
    """Return the rig with every bone along an axis of its own, and how it stands.

    That is how Blender (Y) and Unreal (X) keep their bones: with identity rotations the rig is
    folded up, and only the local rotations returned, [joints, 3, 3], make it stand.
    """
    along = torch.eye(3)["XYZ".index(axis)]
    stance = torch.eye(3).repeat(skeleton.num_joints, 1, 1)
    for joint, children in enumerate(skeleton.children):
        if children:
            stance[joint] = rotations.shortest_arc(along, skeleton.rest_offsets[children[0]])
    return turned_bones(skeleton, stance)


def turned_bones(skeleton: Skeleton, stance: Tensor) -> tuple[Skeleton, Tensor]:
    """Return the rig with its joints' axes turned by global rotations, and these as local ones."""
    above = stance[[max(parent, 0) for parent in skeleton.parents]]
    offsets = (above.transpose(-1, -2) @ skeleton.rest_offsets[..., None])[..., 0]
    return replace(skeleton, rest_offsets=offsets), local_rotations(stance, skeleton)
