"""Bodies that move by formula, so that each fact is true by construction."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22

FPS = 20.0
THIGH, SHANK = 0.36827, 0.45406
HIPS_OVER_FLOOR = 0.85
Angles = dict[str, tuple[str, Tensor]]


def body(angles: Angles, root: Tensor, yaw: Tensor | None = None) -> Motion:
    """A body with hanging arms, some joints turned about an axis by an angle per frame."""
    frames = len(root)
    down = torch.full((frames,), math.radians(75))
    angles = {"left_shoulder": ("Z", -down), "right_shoulder": ("Z", down), **angles}
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    for joint, (axis, angle) in angles.items():
        local[:, BODY22.index(joint)] = axis_rotation(axis, angle)
    if yaw is not None:
        local[:, 0] = axis_rotation("Y", yaw)
    return Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)


def clock(seconds: float) -> Tensor:
    return torch.arange(round(seconds * FPS)) / FPS


def standing_root(time: Tensor) -> Tensor:
    return torch.tensor([0.0, HIPS_OVER_FLOOR, 0.0]).repeat(len(time), 1)


def stride(speed: float, *, axis: str, stance: float, period: float, steps: bool = True) -> Motion:
    """Legs that swing like scissors; a standing foot stays where it is.

    ``axis`` X walks along z, Z walks along x. Without steps the body slides.
    """
    time = clock(4.0)
    reach = math.asin(speed * stance * period / 2 / (THIGH + SHANK))
    angles: Angles = {}
    for side, offset in (("left", 0.0), ("right", 0.5)):
        phase = (time / period + offset) % 1.0
        ground = 1 - 2 * phase / stance
        air = 2 * (phase - stance) / (1 - stance) - 1
        swing = torch.where(phase < stance, ground, air) * reach * steps
        angles[f"{side}_hip"] = (axis, -swing if axis == "X" else swing)
    root = standing_root(time)
    root[:, 2 if axis == "X" else 0] = speed * time
    return body(angles, root)


def bend(thigh: Tensor, shank: Tensor) -> Motion:
    """Both thighs raised ahead and both shanks tilted back, over feet that stay level."""
    root = standing_root(thigh)
    root[:, 1] -= THIGH * (1 - thigh.cos()) + SHANK * (1 - shank.cos())
    root[:, 2] = SHANK * shank.sin() - THIGH * thigh.sin()
    angles: Angles = {}
    for side in ("left", "right"):
        angles[f"{side}_hip"] = ("X", -thigh)
        angles[f"{side}_knee"] = ("X", thigh + shank)
        angles[f"{side}_ankle"] = ("X", -shank)
    return body(angles, root)


def squatting() -> Motion:
    down = (clock(4.0) - 0.5).clamp(0, 1) - (clock(4.0) - 2.5).clamp(0, 1)
    thigh = math.radians(95) * down
    return bend(thigh, (THIGH / SHANK * thigh.sin()).asin())


def sitting() -> Motion:
    thigh = math.radians(85) * (clock(4.0) - 0.5).clamp(0, 1)
    return bend(thigh, torch.zeros_like(thigh))


def turning() -> Motion:
    time = clock(4.0)
    return body({}, standing_root(time), yaw=math.radians(90) * (time - 1).clamp(0, 2) / 2)


def jumping() -> Motion:
    time = clock(3.0)
    root = standing_root(time)
    flight = time - 1.0
    root[:, 1] += (2.4 * flight - 9.81 / 2 * flight**2).clamp(min=0)
    return body({}, root)


def raising(side: str) -> Motion:
    time = clock(4.0)
    lift = math.radians(155) * ((time - 1).clamp(0, 1) - (time - 3).clamp(0, 1))
    angle = lift - math.radians(75)
    return body(
        {f"{side}_shoulder": ("Z", angle if side == "left" else -angle)}, standing_root(time)
    )


def kicking(side: str) -> Motion:
    time = clock(3.0)
    swing = math.radians(80) * torch.sin(math.pi * (time - 1).clamp(0, 0.6) / 0.6)
    return body({f"{side}_hip": ("X", -swing)}, standing_root(time))


ACTS: dict[str, Callable[[], Motion]] = {
    "walks_forward": lambda: stride(1.2, axis="X", stance=0.5, period=1.0),
    "walks_backward": lambda: stride(-0.9, axis="X", stance=0.5, period=1.0),
    "sidesteps_left": lambda: stride(0.6, axis="Z", stance=0.5, period=1.0),
    "sidesteps_right": lambda: stride(0.6, axis="Z", stance=0.5, period=1.0).mirror(),
    "turns_left": turning,
    "turns_right": lambda: turning().mirror(),
    "runs": lambda: stride(3.0, axis="X", stance=0.35, period=0.7),
    "jumps": jumping,
    "sits_down": sitting,
    "squats": squatting,
    "raises_right_hand": lambda: raising("right"),
    "raises_left_hand": lambda: raising("left"),
    "kicks_right": lambda: kicking("right"),
    "kicks_left": lambda: kicking("left"),
    "stands_still": lambda: body({}, standing_root(clock(4.0))),
}


@pytest.fixture(scope="session")
def acts() -> dict[str, Motion]:
    """One motion per fact, in which that fact holds and no other."""
    return {fact: make() for fact, make in ACTS.items()}


@pytest.fixture(scope="session")
def sliding() -> Motion:
    """A statue that moves ahead at walking speed."""
    return stride(1.2, axis="X", stance=0.5, period=1.0, steps=False)


@pytest.fixture(scope="session")
def build() -> Callable[..., Motion]:
    """The builder of bodies: angles of joints, and where the root is; see ``body``."""
    return body
