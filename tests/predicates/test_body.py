import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from marey.motion import Motion
from marey.predicates.body import CLOCK, SWAY, Body
from marey.rotations import axis_rotation

FPS = 20.0
DOWN, TURNED, UP = 2.0, 3.0, 4.0
"""Seconds at which the body lies on its side, has turned there, and stands again."""
SETTLED = UP + 4 * SWAY
"""Seconds from which no filter sees the time on the floor."""
Builder = Callable[..., Motion]


def lies_down_and_turns(build: Builder, degrees: float, *, side: float = 1.0) -> Motion:
    """Lies down on a side (1 left, -1 right), turns on the spot, gets up, and turns 30° more."""
    time = torch.arange(round(7 * FPS)) / FPS
    lying = (time - 1).clamp(0, 1) * (UP - time).clamp(0, 1)
    root = torch.tensor([0.0, 0.85, 0.0]).repeat(len(time), 1)
    root[:, 1] -= 0.65 * lying
    yaw = math.radians(degrees) * (time - DOWN).clamp(0, 1) / (TURNED - DOWN)
    yaw = yaw + math.radians(30) * (time - 5).clamp(0, 1)
    motion = build({}, root, yaw=yaw)
    return _tilted(motion, side * math.pi / 2 * lying)


def _tilted(motion: Motion, angle: Tensor) -> Motion:
    local = motion.local_rotations.clone()
    local[:, 0] = local[:, 0] @ axis_rotation("Z", -angle)
    return replace(motion, local_rotations=local)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of two headings, whole turns aside, degrees."""
    return float(np.degrees(np.abs(np.angle(np.exp(1j * (one - other)))).max()))


@pytest.mark.parametrize("degrees", [-120.0, -40.0, 0.0, 40.0, 90.0, 170.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_having_lain_on_a_side_leaves_no_trace_in_the_heading(
    degrees: float, side: float, build: Builder
) -> None:
    motion = lies_down_and_turns(build, degrees, side=side)
    whole = Body.of(motion).heading
    later = Body.of(motion.crop(round(UP * FPS), motion.num_frames)).heading
    first = round(SETTLED * CLOCK)
    assert apart(whole[first:], later[first - round(UP * CLOCK) :]) < 0.01
    assert math.degrees(whole[-1]) == pytest.approx(degrees + 30, abs=0.5)


def test_on_its_side_a_body_turns_evenly_to_where_it_faces_next(build: Builder) -> None:
    heading = np.degrees(Body.of(lies_down_and_turns(build, 90.0)).heading)
    assert (np.diff(heading) > -0.01).all()
    assert np.abs(np.diff(heading)).max() * CLOCK < 90.0


def test_what_gets_up_first_faces_from_the_start_where_it_gets_up(build: Builder) -> None:
    motion = lies_down_and_turns(build, 120.0)
    heading = Body.of(motion.crop(round((DOWN + 0.3) * FPS), motion.num_frames)).heading
    assert math.degrees(heading[0]) == pytest.approx(120.0, abs=0.5)


def test_a_body_that_is_never_level_keeps_one_heading(build: Builder) -> None:
    motion = lies_down_and_turns(build, 90.0)
    lying = motion.crop(round((DOWN + 0.1) * FPS), round((TURNED - 0.1) * FPS))
    assert np.ptp(Body.of(lying).heading) == 0.0


def test_the_headings_of_mirror_images_are_opposite(build: Builder) -> None:
    motion = lies_down_and_turns(build, 100.0)
    assert np.array_equal(Body.of(motion.mirror()).heading, -Body.of(motion).heading)
