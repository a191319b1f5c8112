"""Random constraint files for ``fuzz_constraints.py``: sound, slightly wrong, absurd, damaged.

Each kind is a function from a clip and a generator of random numbers to the content of a file.
"""

import json
import math
import random
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import torch

from marey import rotations
from marey.constraints import (
    Clip,
    FacePoint,
    FootContact,
    FullBodyKeyframe,
    HoldJoint,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootPath,
    RootWaypoint,
    constraints_to_json,
)
from marey.constraints.contact import FOOT_CHANNELS
from marey.motion import Motion
from marey.skeleton import SOMA30, Skeleton

Content = dict[str, Any]
Kind = Callable[[Clip, random.Random], bytes]

ODD_NUMBERS = (
    *(math.nan, math.inf, -math.inf, 1e308, -1e308, 1e30, 2**70, -(2**70), 1e-320, 0, -0.0, -1),
    *(0.5, 10_000, -10_000, 10_000.1, 1e6, 1e6 + 1, 2**31, 2**63, 1e-30),
)
ODD_VALUES = (
    *(None, True, False, "", "x", "0", "NaN", "pelvis", "\0", "\ud800", "é" * 201, "a" * 10**5),
    *([], [[]], [None], {}, {"": {}}, [0] * 1000, [[0, 0]] * 3, {"type": "joint"}),
)
ODD_KEYS = ("", "type", "frames", "seconds", "positions", "Frames", "joints", "\0", "x" * 1000)
FAR = (0.01, 0.5, 3.0, 100.0, 9_999.0)


# --- sound files ---------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def bodies(skeleton: Skeleton, frames: int, number: int) -> Motion:
    """Return one of some motions, smooth in time, whose joints bend by up to a radian."""
    draw = torch.Generator().manual_seed(number)
    time = torch.linspace(0, 2 * math.pi, frames)[:, None, None]
    size, phase = (torch.rand(skeleton.num_joints, 3, generator=draw) for _ in range(2))
    local = rotations.rotation_vector_to_matrix(0.6 * size * (time + 6 * phase).sin())
    root = torch.randn(3, generator=draw) * torch.tensor([3.0, 0.0, 3.0])
    way = torch.stack((time[:, 0, 0].sin(), 0 * time[:, 0, 0] + 0.9, time[:, 0, 0]), dim=1)
    return Motion(
        root_positions=root + way * torch.tensor([0.5, 1.0, frames / 120]),
        local_rotations=local,
        fps=20.0,
        skeleton=skeleton,
    )


def sound(clip: Clip, draw: random.Random) -> Content:
    """Return the content of a file that fits the clip."""
    motion = bodies(clip.skeleton, clip.frames, draw.randrange(4))
    count = draw.choice((1, 1, 2, 3, 5))
    made = [draw.choice(MAKERS)(motion, draw) for _ in range(count)]
    content = constraints_to_json(made)
    for row in content["constraints"]:
        if draw.random() < 0.3 and "frames" in row:
            row["seconds"] = [frame / clip.fps for frame in row.pop("frames")]
        if draw.random() < 0.2:
            row |= {"weight": draw.choice((0.01, 2, 1e4))}
        if draw.random() < 0.2:
            row |= {"tolerance": draw.choice((0, 0.05, 1))} if "foot" not in row else {}
    return content


def some_frames(motion: Motion, draw: random.Random) -> list[int]:
    """Draw up to ten frames."""
    count = min(draw.choice((1, 1, 2, 3, 10)), motion.num_frames)
    return sorted(draw.sample(range(motion.num_frames), count))


def interval(motion: Motion, draw: random.Random) -> Interval:
    """Draw a stretch of the motion."""
    start = draw.randrange(motion.num_frames)
    return Interval(
        start=start, end=draw.choice((None, draw.randint(start + 1, motion.num_frames)))
    )


def target(motion: Motion, draw: random.Random) -> JointTarget:
    """Pin a joint in some way."""
    both = draw.choice(((True, False), (False, True), (True, True)))
    return JointTarget.from_motion(
        motion,
        draw.choice(motion.skeleton.joint_names),
        some_frames(motion, draw),
        positions=both[0],
        rotations=both[1],
        root_path=draw.random() < 0.5,
    )


def curve(motion: Motion, draw: random.Random) -> RootPath:
    """Pin the way over the ground in some way."""
    if draw.random() < 0.5:
        return RootPath.from_motion(motion, some_frames(motion, draw))
    points = torch.tensor([[draw.uniform(-3, 3), draw.uniform(-3, 3)] for _ in range(3)])
    shape = draw.choice(("polyline", "spline"))
    return RootPath(points=points, speed=draw.choice((1.0, 20.0, 500.0)), curve=shape)


MAKERS: tuple[Callable[[Motion, random.Random], Any], ...] = (
    lambda m, d: FullBodyKeyframe.from_motion(m, some_frames(m, d), rotations=d.random() < 0.5),
    target,
    lambda m, d: RootWaypoint.from_motion(m, some_frames(m, d)),
    curve,
    lambda m, d: RootHeading.from_motion(m, some_frames(m, d)),
    lambda m, d: PelvisHeight.from_motion(m, some_frames(m, d)),
    lambda m, d: FootContact(
        foot=d.choice(list(FOOT_CHANNELS)), interval=interval(m, d), contact=d.random() < 0.5
    ),
    lambda m, d: HoldJoint(
        joint=d.choice(m.skeleton.joint_names), interval=interval(m, d), rotation=d.random() < 0.5
    ),
    lambda m, d: FacePoint(
        point=torch.tensor([d.uniform(-9, 9), d.uniform(-9, 9)]), interval=interval(m, d)
    ),
)


def kimodo(clip: Clip, draw: random.Random) -> list[Content]:
    """Return the content of a Kimodo file that fits the clip."""
    motion = bodies(SOMA30, clip.frames, draw.randrange(4))
    vectors = rotations.matrix_to_rotation_vector(motion.local_rotations)
    rows: list[Content] = []
    for _ in range(draw.choice((1, 2, 3))):
        frames = some_frames(motion, draw)
        ground = motion.root_positions[frames][:, [0, 2]].tolist()
        kind = draw.choice(("root2d", "fullbody", "left-hand", "right-foot", "end-effector"))
        row: Content = {"type": kind, "frame_indices": frames, "smooth_root_2d": ground}
        if kind != "root2d":
            row["local_joints_rot"] = vectors[frames].tolist()
            row["root_positions"] = motion.root_positions[frames].tolist()
        elif draw.random() < 0.5:
            row["global_root_heading"] = [[1.0, 0.0]] * len(frames)
        if kind == "end-effector":
            row["joint_names"] = draw.sample(["LeftHand", "RightFoot", "Hips"], 2)
        rows.append(row)
    return rows


# --- faults --------------------------------------------------------------------------------------


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Yield container and key of every value inside of some content."""
    for key, value in list(content.items() if isinstance(content, dict) else enumerate(content)):
        yield content, key
        if isinstance(value, dict | list):
            yield from places(value)


def numbers(content: Any) -> list[tuple[Any, Any]]:
    """Return container and key of every number but the version."""
    return [
        (top, key)
        for top, key in places(content)
        if isinstance(top[key], int | float) and not isinstance(top[key], bool) and key != "version"
    ]


def break_one(content: Any, draw: random.Random) -> None:
    """Make one thing wrong, or at least different."""
    found = list(places(content))
    if not found:
        return
    flat = [(top, key) for top, key in found if isinstance(top, dict)] or found
    top, key = draw.choice(flat if draw.random() < 0.6 else found)
    match draw.randrange(6):
        case 0:
            del top[key]
        case 1:
            top[key] = copied(draw.choice(ODD_VALUES))
        case 2:
            top[key] = draw.choice(ODD_NUMBERS)
        case 3 if isinstance(top, dict):
            top[draw.choice(ODD_KEYS)] = top[key] if draw.random() < 0.5 else top.pop(key)
        case 4 if isinstance(top, list):
            top.insert(key, copied(top[key]))
        case _:
            other, at = draw.choice(found)
            top[key] = copied(other[at])  # no content is inside of itself


def copied(content: Any) -> Any:
    """Return content that shares nothing."""
    return json.loads(json.dumps(content))


def written(content: Any) -> bytes:
    """Return the JSON of some content."""
    return json.dumps(content).encode()


def broken(clip: Clip, draw: random.Random, *, faults: tuple[int, ...]) -> bytes:
    """So many things are wrong."""
    content = sound(clip, draw)
    for _ in range(draw.choice(faults)):
        break_one(content, draw)
    return written(content)


def odd_numbers(clip: Clip, draw: random.Random) -> bytes:
    """Numbers are replaced by absurd ones."""
    content = sound(clip, draw)
    found = numbers(content)
    for top, key in draw.sample(found, min(len(found), draw.choice((1, 1, 3, 1000)))):
        top[key] = draw.choice(ODD_NUMBERS)
    return written(content)


def shifted_numbers(clip: Clip, draw: random.Random) -> bytes:
    """Legal numbers that nobody would ask for: far, tiny, negative, all the same."""
    content = sound(clip, draw)
    change: Callable[[float], float] = draw.choice(
        (
            lambda v: v + draw.choice(FAR),
            lambda v: -v,
            lambda v: v * draw.choice((0.0, 1e-6, 1e-3, 10, 1e3)),
            lambda v: 0.0,
            lambda v: draw.uniform(-10_000, 10_000),
            lambda v: draw.choice((-1e-7, 0.0, 1e-7)),
        )
    )
    held = ("frames", "seconds") if draw.random() < 0.8 else ()
    for row in content["constraints"]:
        for name, value in row.items():
            if isinstance(value, list) and name not in held and name != "joint_names":
                for top, key in numbers(value):
                    top[key] = change(top[key])
    return written(content)


def empty(clip: Clip, draw: random.Random) -> bytes:
    """Hardly anything, or only brackets."""
    frame: Content = {"version": 1, "constraints": []}
    whole = (b"", b" ", b"{}", b"[]", b"null", b"0", b'""', b"NaN", b"[[]]", b"[{}]", b"\xff\xfe")
    deep = b"[" * draw.choice((10, 10**3, 10**5)), b'{"constraints":' * 10**4
    inner = [[], {}, None, "", [{}], [[]], [None], [{"type": None}], [{"type": "joint"}]]
    framed = [written(frame | {"constraints": each}) for each in inner]
    return draw.choice((*whole, *deep, *framed))


def contradictory(clip: Clip, draw: random.Random) -> bytes:
    """The same again, elsewhere."""
    content = sound(clip, draw)
    row = copied(draw.choice(content["constraints"]))
    off = draw.choice((0.001, 0.02, *FAR))
    for name, value in row.items():
        if name in ("positions", "points", "root_path", "angles", "heights", "point"):
            for top, key in numbers(value):
                top[key] += off
        elif name == "contact":
            row[name] = not value
    content["constraints"].append(row)
    return written(content)


def unreachable(clip: Clip, draw: random.Random) -> bytes:
    """One joint far from the others, or the root far from one frame to the next."""
    motion = bodies(clip.skeleton, clip.frames, draw.randrange(4))
    names, frames = motion.skeleton.joint_names, some_frames(motion, draw)
    joints = names[0], draw.choice(names)
    base, away = (JointTarget.from_motion(motion, joint, frames) for joint in joints)
    content = constraints_to_json([base, away, *([curve(motion, draw)] * draw.randrange(2))])
    for top, key in numbers(content["constraints"][1]["positions"]):
        top[key] += draw.uniform(-1, 1) * draw.choice(FAR)
    if draw.random() < 0.3:
        del content["constraints"][0]
    return written(content)


def wrong_frames(clip: Clip, draw: random.Random) -> bytes:
    """Frames twice, outside of the clip, descending, or fractions."""
    content = sound(clip, draw)
    odd = (-1, clip.frames, clip.frames - 1, 10**6, 10**6 + 1, 0.5, clip.seconds, 1e-9)
    for row in content["constraints"]:
        for name in ("frames", "seconds"):
            if times := row.get(name):
                row[name] = draw.choice(
                    (
                        times[::-1],
                        [times[0]] * len(times),
                        [draw.choice(odd), *times[1:]],
                        [*times, draw.choice((times[0], *odd))],
                    )
                )
        for name in ("start", "end"):
            if draw.random() < 0.5 and name in row:
                row[name] = draw.choice(odd)
    return written(content)


def unknown_joints(clip: Clip, draw: random.Random) -> bytes:
    """Joints that no skeleton has."""
    content = sound(clip, draw)
    names = (
        "tail",
        "",
        "LeftHand",
        "Pelvis",
        "left_wrist ",
        "0",
        "pelvis",
        "左手",
        "\n",
        "x" * 200,
    )
    for row in content["constraints"]:
        for name in {"joint", "foot"} & row.keys():
            row[name] = draw.choice(names)
        if "joint_names" in row:
            row["joint_names"][draw.randrange(len(row["joint_names"]))] = draw.choice(names)
    return written(content)


def thousands(clip: Clip, draw: random.Random) -> bytes:
    """Many constraints, or few with many keys."""
    content = sound(clip, draw)
    many = draw.choice((100, 1000, 2000, 2001, 5000))
    if draw.random() < 0.3:
        rows = [{"type": "root_waypoint", "frames": list(range(many)), "points": [[0, 0]] * many}]
    else:
        rows = content["constraints"] * (many // len(content["constraints"]))
    return written(content | {"constraints": rows})


def damaged(clip: Clip, draw: random.Random) -> bytes:
    """Bytes cut off, flipped or put in."""
    content = bytearray(written(draw.choice((sound, kimodo))(clip, draw)))
    at = draw.randrange(len(content))
    match draw.randrange(4):
        case 0:
            del content[at:]
        case 1:
            content[at] ^= 1 << draw.randrange(8)
        case 2:
            content[at:at] = draw.choice(
                (b",", b"]", b"}", b'"', b"\0", b"NaN", b"1e999", b"9" * 999)
            )
        case _:
            del content[at : at + draw.choice((1, 5, 50))]
    return bytes(content)


def from_kimodo(clip: Clip, draw: random.Random) -> bytes:
    """Kimodo's format, with and without faults."""
    content = kimodo(clip, draw)
    for _ in range(draw.choice((0, 0, 1, 1, 3))):
        break_one(content, draw)
    if draw.random() < 0.2:
        for top, key in numbers(content):
            top[key] = draw.choice(ODD_NUMBERS)
            if draw.random() < 0.5:
                break
    return written(content)


KINDS: dict[str, tuple[Kind, float]] = {
    "valid": (partial(broken, faults=(0,)), 3),
    "one fault": (partial(broken, faults=(1,)), 3),
    "many faults": (partial(broken, faults=(2, 5, 20)), 1),
    "odd numbers": (odd_numbers, 2),
    "shifted numbers": (shifted_numbers, 3),
    "empty": (empty, 0.5),
    "contradictory": (contradictory, 2),
    "unreachable": (unreachable, 2),
    "wrong frames": (wrong_frames, 2),
    "unknown joints": (unknown_joints, 1),
    "thousands": (thousands, 0.2),
    "damaged bytes": (damaged, 1),
    "Kimodo's": (from_kimodo, 2),
}
"""Every kind with how often it is drawn."""


def random_file(clip: Clip, draw: random.Random) -> tuple[str, bytes]:
    """Return the kind and the content of a random file for a clip."""
    name = draw.choices(list(KINDS), [share for _, share in KINDS.values()])[0]
    return name, KINDS[name][0](clip, draw)
