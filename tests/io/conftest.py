"""Motions to write, and programs that open our files; a test skips where one is absent."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from marey import rotations
from marey.motion import Motion
from marey.skeleton import Skeleton

CHECK = Path(__file__).with_name("glb_check")


def run(command: list[str]) -> Any:
    """Run a program and return the JSON in the last line that it prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def wander(generator: torch.Generator) -> Callable[[Skeleton, int], Motion]:
    """Makes smooth random motions, of so many frames, whose joints turn past the half-turn."""

    def make(skeleton: Skeleton, frames: int) -> Motion:
        speed = torch.randn(1, skeleton.num_joints, 3, generator=generator)
        turn = torch.linspace(0, 4, frames)[:, None, None] * speed
        path = torch.randn(frames, 3, generator=generator).cumsum(0) * 0.02
        return Motion(
            root_positions=path + torch.tensor([0.0, 1.0, 0.0]),
            local_rotations=rotations.rotation_vector_to_matrix(turn),
            fps=30.0,
            skeleton=skeleton,
            metadata={"text": "a person wanders “here” – 左", "seed": 7, "source": "somewhere"},
        )

    return make


@pytest.fixture(scope="session")
def node() -> Callable[..., Any]:
    """Run a script of ``glb_check`` with arguments; returns what it prints."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    if not (CHECK / "node_modules").is_dir():
        pytest.skip("node packages are not installed: npm ci --prefix tests/io/glb_check")
    return lambda script, *arguments: run([program, str(CHECK / script), *arguments])


@pytest.fixture(scope="session")
def three(node: Callable[..., Any]) -> Callable[..., Any]:
    """What three.js in Chromium shows of a file at times in seconds."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")

    def see(path: Path, times: Sequence[float]) -> Any:
        return node("three.mjs", program, str(path), ",".join(map(str, times)))

    return see


@pytest.fixture(scope="session")
def blender() -> Callable[..., Any]:
    """What Blender shows of a file in its first frames, read into a scene of a frame rate.

    Further arguments are files into which it exports the scene.
    """
    program = os.environ.get("MAREY_BLENDER_PYTHON")
    if not program:
        pytest.skip("MAREY_BLENDER_PYTHON names no Python that has Blender's bpy")

    def see(path: Path, frames: int, rate: float, *out: Path) -> Any:
        numbers = (str(frames), str(rate))
        return run([program, str(CHECK / "blender.py"), str(path), *numbers, *map(str, out)])

    return see
