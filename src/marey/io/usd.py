"""USD: a skeleton, a solid body skinned to it and its animation, as UsdSkel holds them.

USD takes any axes and units and states them: here right-handed, Y up, metres; time codes are
frames. The rest pose, standing on the ground, is both rest and bind pose.
Source: Pixar, OpenUSD documentation, "UsdSkel schemas".
"""

import importlib
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from marey import rotations
from marey.errors import InvalidInputError, MissingExtraError
from marey.io.atomic import atomic_path
from marey.io.notes import notes_of
from marey.io.stick_body import SIDE_COLOURS, octahedra, standing_positions, stick_bones
from marey.motion import Motion
from marey.skeleton import Skeleton

SUFFIXES = (".usda", ".usdc", ".usd")
"""Text, binary, and binary under the common name."""

_MODULES = ("Gf", "Usd", "UsdGeom", "UsdSkel", "Vt")


def write_usd(motion: Motion, path: str | Path, *, force: bool = False) -> None:
    """Write a motion as USD; the suffix decides between text (.usda) and binary.

    In joint names, characters other than letters, digits and ``_`` become ``_``.
    Raises InvalidInputError for another suffix or, unless ``force``, for a file that exists;
    MissingExtraError without the extra ``usd``.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InvalidInputError(
            f"{path}: expected a name that ends in {', '.join(SUFFIXES)}, got "
            f"{Path(path).suffix or 'no suffix'}. Rename it."
        )
    stage = _stage(_pxr(), motion)
    with atomic_path(path, force=force) as temporary:
        stage.GetRootLayer().Export(str(temporary))


def joint_paths(skeleton: Skeleton) -> list[str]:
    """Names of the joints in the file: their paths from the root, ``pelvis/spine_1``."""
    paths: list[str] = []
    for name, parent in zip(skeleton.joint_names, skeleton.parents, strict=True):
        clean = re.sub(r"[^A-Za-z0-9_]|^(?=\d)", "_", name) or "_"
        above = f"{paths[parent]}/" if parent >= 0 else ""
        path, number = above + clean, 2
        while path in paths:
            path, number = f"{above}{clean}{number}", number + 1
        paths.append(path)
    return paths


def _pxr() -> SimpleNamespace:
    """USD's modules. Raises MissingExtraError."""
    try:
        return SimpleNamespace(
            **{name: importlib.import_module(f"pxr.{name}") for name in _MODULES}
        )
    except ImportError as error:
        raise MissingExtraError("Writing USD", extra="usd") from error


def _stage(pxr: SimpleNamespace, motion: Motion) -> Any:
    """The scene in memory: /motion with skeleton, body and animation below it."""
    stage = pxr.Usd.Stage.CreateInMemory()
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.y)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(motion.fps)
    stage.SetFramesPerSecond(motion.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(motion.num_frames - 1)
    root = pxr.UsdSkel.Root.Define(stage, "/motion")
    stage.SetDefaultPrim(root.GetPrim())
    notes = notes_of(motion.metadata)
    root.GetPrim().SetCustomDataByKey("marey", json.dumps(notes))
    skeleton = _add_skeleton(pxr, stage, motion.skeleton)
    body = _add_body(pxr, stage, motion.skeleton)
    pxr.UsdSkel.BindingAPI.Apply(body.GetPrim()).CreateSkeletonRel().AddTarget(skeleton.GetPath())
    animation = _add_animation(pxr, stage, motion)
    binding = pxr.UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().AddTarget(animation.GetPath())
    return stage


def _add_skeleton(pxr: SimpleNamespace, stage: Any, skeleton: Skeleton) -> Any:
    places = standing_positions(skeleton).double().numpy()
    made = pxr.UsdSkel.Skeleton.Define(stage, "/motion/skeleton")
    made.CreateJointsAttr(joint_paths(skeleton))
    made.CreateBindTransformsAttr(pxr.Vt.Matrix4dArray.FromNumpy(_matrices(places)))
    steps = _matrices(_steps(skeleton, places))
    made.CreateRestTransformsAttr(pxr.Vt.Matrix4dArray.FromNumpy(steps))
    return made


def _add_body(pxr: SimpleNamespace, stage: Any, skeleton: Skeleton) -> Any:
    """Add the mesh of one octahedron per bone, each corner bound to one joint."""
    owners, sides, tips = stick_bones(skeleton)
    corners, normals = octahedra(tips)
    corners = corners + standing_positions(skeleton).numpy()[owners][:, None]
    count = corners.shape[0] * corners.shape[1]
    mesh = pxr.UsdGeom.Mesh.Define(stage, "/motion/body")
    mesh.CreatePointsAttr(pxr.Vt.Vec3fArray.FromNumpy(corners.reshape(-1, 3)))
    mesh.CreateNormalsAttr(pxr.Vt.Vec3fArray.FromNumpy(normals.reshape(-1, 3)))
    mesh.CreateFaceVertexCountsAttr([3] * (count // 3))
    mesh.CreateFaceVertexIndicesAttr(list(range(count)))
    mesh.CreateSubdivisionSchemeAttr(pxr.UsdGeom.Tokens.none)
    bounds = np.stack((corners.min((0, 1)), corners.max((0, 1))))
    mesh.CreateExtentAttr(pxr.Vt.Vec3fArray.FromNumpy(bounds))
    faces = np.repeat(np.array([SIDE_COLOURS[side] for side in sides], np.float32), 8, axis=0)
    colours = mesh.CreateDisplayColorPrimvar(pxr.UsdGeom.Tokens.uniform)
    colours.Set(pxr.Vt.Vec3fArray.FromNumpy(faces))
    binding = pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    bound = np.repeat(owners, corners.shape[1]).astype(np.int32)
    binding.CreateJointIndicesPrimvar(constant=False, elementSize=1).Set(bound.tolist())
    binding.CreateJointWeightsPrimvar(constant=False, elementSize=1).Set([1.0] * count)
    return mesh


def _add_animation(pxr: SimpleNamespace, stage: Any, motion: Motion) -> Any:
    """Add the curves: translations, rotations and scales of all joints in every frame."""
    made = pxr.UsdSkel.Animation.Define(stage, "/motion/animation")
    made.CreateJointsAttr(joint_paths(motion.skeleton))
    made.CreateScalesAttr([pxr.Gf.Vec3h(1, 1, 1)] * motion.skeleton.num_joints)
    steps = motion.skeleton.rest_offsets.detach().cpu().float().numpy()
    places = np.repeat(steps[None], motion.num_frames, axis=0)
    places[:, 0] = motion.root_positions.detach().cpu().float().numpy()
    stored = motion.local_rotations.detach().cpu().double()
    turns = torch.nn.functional.normalize(rotations.matrix_to_quaternion(stored), dim=-1)
    xyzw = turns.roll(-1, dims=-1).float().numpy()
    translations, angles = made.CreateTranslationsAttr(), made.CreateRotationsAttr()
    for frame in range(motion.num_frames):
        translations.Set(pxr.Vt.Vec3fArray.FromNumpy(places[frame]), frame)
        angles.Set(pxr.Vt.QuatfArray.FromNumpy(xyzw[frame]), frame)
    return made


def _steps(
    skeleton: Skeleton, places: Float[np.ndarray, "joints 3"]
) -> Float[np.ndarray, "joints 3"]:
    """Place of each joint in its parent's frame in rest pose; the root's in the world."""
    steps = places.copy()
    steps[1:] -= places[list(skeleton.parents[1:])]
    return steps


def _matrices(places: Float[np.ndarray, "joints 3"]) -> Float[np.ndarray, "joints 4 4"]:
    """Translations; USD's vectors are rows."""
    matrices = np.tile(np.eye(4), (len(places), 1, 1))
    matrices[:, 3, :3] = places
    return matrices
