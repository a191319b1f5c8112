"""MJCF: a robot's table of hinges as a MuJoCo model, with simple shapes to look at.

Kinematics and limits only: every body weighs the same kilogram, so simulate with the maker's model.
"""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from marey import rotations
from marey.io.mujoco_csv import TO_MUJOCO
from marey.skeleton.robot import Robot

_RADII = {"torso": 0.07, "head": 0.05, "arm": 0.035, "leg": 0.045}
_SHORTEST = 0.02  # of a bone that is drawn, metres
_COLOURS = {"left": "0.26 0.52 0.84 1", "right": "0.93 0.49 0.24 1", "": "0.84 0.85 0.87 1"}
_PELVIS = ("pelvis_skel", "ellipsoid", (0.0, -0.05, 0.0), (0.11, 0.09, 0.08))
_CHEST = ("waist_pitch_skel", "box", (0.0, 0.15, 0.0), (0.11, 0.11, 0.08))
_NECK = ("waist_pitch_skel", "ellipsoid", (0.0, 0.31, 0.01), (0.04, 0.1, 0.04))
_HEAD = ("waist_pitch_skel", "sphere", (0.0, 0.40, 0.02), (0.08, 0.08, 0.08))
_SHAPES = (
    *(_PELVIS, _CHEST, _NECK, _HEAD),
    *((f"{s}_ankle_roll_skel", "box", (0.0, -0.026, 0.04), (0.03, 0.009, 0.09)) for s in _COLOURS),
)
"""Bodies besides bones, for joints of these names: shape, centre and half sizes (x, y, z), m."""


def to_mjcf(robot: Robot) -> str:
    """Return a model whose positions (qpos) are those of ``marey.io.mujoco_csv.to_qpos``."""
    root = Element("mujoco", model=robot.name)
    SubElement(root, "compiler", angle="radian")
    SubElement(root, "statistic", extent="2", center="0 0 0.7")  # fits shadows to the robot
    SubElement(SubElement(root, "visual"), "quality", shadowsize="4096")
    _floor(root)
    world = SubElement(root, "worldbody")
    SubElement(world, "geom", type="plane", size="0 0 0.05", material="floor")
    bodies: list[Element] = []
    for joint, parent in enumerate(robot.skeleton.parents):
        bodies.append(_body(robot, joint, world if parent < 0 else bodies[parent]))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def _floor(root: Element) -> None:
    assets = SubElement(root, "asset")
    sky = {"type": "skybox", "builtin": "gradient", "rgb1": "1 1 1", "rgb2": "0.8 0.85 0.9"}
    SubElement(assets, "texture", sky, width="64", height="64")
    check = {"type": "2d", "builtin": "checker", "rgb1": "0.80 0.82 0.84", "rgb2": "0.7 0.72 0.75"}
    SubElement(assets, "texture", check, name="floor", width="256", height="256")
    SubElement(
        assets, "material", name="floor", texture="floor", texrepeat="1 1", texuniform="true"
    )


def _body(robot: Robot, joint: int, above: Element) -> Element:
    skeleton = robot.skeleton
    name, offset = skeleton.joint_names[joint], skeleton.rest_offsets[joint].tolist()
    w, *vector = rotations.matrix_to_quaternion(robot.zero_rotations[joint]).tolist()
    tilt = _text([w, *_axes(vector)])
    body = SubElement(above, "body", name=name, pos=_text(_axes(offset)), quat=tilt)
    SubElement(body, "inertial", pos="0 0 0", mass="1", diaginertia="0.01 0.01 0.01")
    if skeleton.parents[joint] < 0:
        SubElement(body, "freejoint")
        light = {"mode": "trackcom", "pos": "0 0 3", "dir": "0 0 -1", "directional": "true"}
        SubElement(body, "light", light)
    if joint in robot.hinge_joints:
        hinge = robot.hinge_joints.index(joint)
        SubElement(
            body,
            "joint",
            name=robot.hinge_names[hinge],
            axis=_text(_axes(robot.axes[hinge].tolist())),
            range=_text([float(robot.lower[hinge]), float(robot.upper[hinge])]),
        )
    _shapes(robot, joint, body)
    return body


def _shapes(robot: Robot, joint: int, body: Element) -> None:
    skeleton = robot.skeleton
    name, part = skeleton.joint_names[joint], skeleton.parts[joint]
    look = {"rgba": _COLOURS[part.rpartition("_")[0]], "contype": "0", "conaffinity": "0"}
    radius = str(_RADII[part.rpartition("_")[2]])
    for child in skeleton.children[joint]:
        bone = skeleton.rest_offsets[child]
        same = skeleton.parts[child] == part
        if same and float(bone.norm()) > _SHORTEST and not name.endswith("ankle_roll_skel"):
            ends = _text([0.0, 0.0, 0.0, *_axes(bone.tolist())])
            SubElement(body, "geom", look, type="capsule", fromto=ends, size=radius)
    for owner, shape, centre, half in _SHAPES:
        if owner == name:
            size, place = _text(_axes(half)), _text(_axes(centre))
            SubElement(body, "geom", look, type=shape, pos=place, size=size)


def _axes(vector: Sequence[float]) -> list[float]:
    return [vector[k] for k in TO_MUJOCO]


def _text(numbers: Iterable[float]) -> str:
    return " ".join(repr(float(number)) for number in numbers)
