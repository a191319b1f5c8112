"""Playback: MuJoCo's picture of a robot in motion, drawn off screen (the ``robot`` extra)."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from marey.errors import FileFormatError, InvalidInputError, MareyError, MissingExtraError
from marey.io.animation import counted, write_animation
from marey.io.mujoco_csv import to_qpos
from marey.io.video import write_mp4
from marey.motion.robot_motion import RobotMotion
from marey.robots.mjcf import to_mjcf

PLAYBACK_SUFFIXES = (".webp", ".gif", ".mp4")
"""Files that ``play`` writes."""
PLAYBACK_FPS = 20.0
"""Frame rate of playback, or the motion's own where that is lower."""

_DISTANCE, _AZIMUTH, _ELEVATION, _HEIGHT = 2.6, 140.0, -12.0, 0.65
_GL = (
    "Choose how MuJoCo draws with the environment variable MUJOCO_GL: egl (on Debian: apt install "
    "libegl1) or osmesa (apt install libosmesa6)."
)


def play(
    motion: RobotMotion,
    path: str | Path,
    *,
    model: str | Path | None = None,
    size: tuple[int, int] = (480, 480),
    fps: float | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write an animation of a robot; the suffix decides: .webp, .gif or .mp4.

    Raises InvalidInputError for another suffix or a file that exists, and as ``play_frames`` does.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PLAYBACK_SUFFIXES:
        raise InvalidInputError(
            f"{path}: expected a name that ends in {', '.join(PLAYBACK_SUFFIXES)}, got "
            f"{suffix or 'no suffix'}."
        )
    rate = min(PLAYBACK_FPS, motion.fps) if fps is None else fps
    shown = motion.resample(rate)
    images = counted(play_frames(shown, model=model, size=size), shown.num_frames, progress)
    if suffix == ".mp4":
        write_mp4(images, path, fps=rate, force=force)
    else:
        write_animation(images, path, frames=shown.num_frames, fps=rate, force=force)


def play_frames(
    motion: RobotMotion, *, model: str | Path | None = None, size: tuple[int, int] = (480, 480)
) -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
    """Draw every frame, from a camera that follows the robot; ``size`` is width and height.

    ``model`` is an MJCF or URDF file whose hinges bear the robot's names in their order; without
    it the robot is drawn as capsules. Raises MissingExtraError without MuJoCo, MareyError with
    what to install where it finds no way to draw, FileFormatError for a model that does not fit.
    """
    mujoco = _mujoco()
    loaded = _loaded(mujoco, motion, model)
    state, camera, options = mujoco.MjData(loaded), mujoco.MjvCamera(), mujoco.MjvOption()
    options.geomgroup[:] = 1  # of a model without meshes the shapes for collisions remain
    camera.distance, camera.azimuth, camera.elevation = _DISTANCE, _AZIMUTH, _ELEVATION
    with _renderer(mujoco, loaded, size) as renderer:
        for pose in to_qpos(motion):
            state.qpos[:] = pose
            mujoco.mj_kinematics(loaded, state)
            mujoco.mj_comPos(loaded, state)
            mujoco.mj_camlight(loaded, state)
            camera.lookat[:] = pose[0], pose[1], _HEIGHT
            renderer.update_scene(state, camera, options)
            yield renderer.render()


def _mujoco() -> Any:
    try:
        return importlib.import_module("mujoco")
    except ImportError as error:
        raise MissingExtraError("Playing a robot's motion", extra="robot") from error
    except Exception as error:  # a MUJOCO_GL that is not there
        raise _no_way_to_draw(error) from error


def _loaded(mujoco: Any, motion: RobotMotion, path: str | Path | None) -> Any:
    """Load the user's model, or that of the robot's table."""
    if path is None:
        return mujoco.MjModel.from_xml_string(to_mjcf(motion.robot))
    fix = "Name the MJCF file of the robot; its meshes must lie where it says, or be left out."
    try:
        loaded = mujoco.MjModel.from_xml_path(str(path))
    except (ValueError, OSError, mujoco.FatalError) as error:
        got = " ".join(str(error).split())[:200]
        raise FileFormatError(path, "file", expected="a MuJoCo model", got=got, fix=fix) from error
    names = tuple(loaded.joint(k).name for k in range(loaded.njnt))[1:]
    if names != motion.robot.hinge_names or loaded.nq != 7 + len(names):
        expected = f"a free joint and the {motion.robot.num_hinges} hinges of {motion.robot.name}"
        got = f"{loaded.njnt} joints: {', '.join(names)[:120]} …"
        raise FileFormatError(path, "joints", expected=expected, got=got, fix=fix)
    return loaded


def _renderer(mujoco: Any, loaded: Any, size: tuple[int, int]) -> Any:
    width, height = size
    loaded.vis.global_.offwidth, loaded.vis.global_.offheight = width, height
    try:
        return mujoco.Renderer(loaded, height, width)
    except Exception as error:  # OpenGL bindings raise whatever they like
        raise _no_way_to_draw(error) from error


def _no_way_to_draw(error: Exception) -> MareyError:
    return MareyError(f"MuJoCo found no way to draw off screen: {error}. {_GL}")
