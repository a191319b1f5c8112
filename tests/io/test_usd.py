"""USD files: what UsdSkel itself makes of them."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marey.errors import InvalidInputError, MissingExtraError
from marey.io.bvh import read_bvh
from marey.io.usd import joint_paths, write_usd
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA77, Skeleton

NAMES = Skeleton(
    name="names",
    joint_names=("a:root", "first finger", "first_finger", "3rd"),
    parents=(-1, 0, 0, 0),
    rest_offsets=torch.tensor([[0.0] * 3, [0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1]]),
)


@pytest.fixture(scope="module")
def pxr() -> Any:
    """USD's Python package."""
    package = pytest.importorskip("pxr", reason="usd-core is not installed: the extra usd")
    for name in ("Usd", "UsdGeom", "UsdSkel"):
        importlib.import_module(f"pxr.{name}")
    return package


def joint_places(pxr: Any, path: Path) -> tuple[np.ndarray, Any]:
    """Place of each joint in each frame, as UsdSkel computes it, and the scene."""
    stage = pxr.Usd.Stage.Open(str(path))
    root = pxr.UsdSkel.Root(stage.GetDefaultPrim())
    cache = pxr.UsdSkel.Cache()
    cache.Populate(root, pxr.Usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(pxr.UsdSkel.Skeleton(stage.GetPrimAtPath("/motion/skeleton")))
    times = range(int(stage.GetStartTimeCode()), int(stage.GetEndTimeCode()) + 1)
    places = [np.array(query.ComputeJointSkelTransforms(time))[:, 3, :3] for time in times]
    return np.array(places), stage


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usd"])
@pytest.mark.parametrize("skeleton", [BODY22, SOMA77, G1_34, NAMES], ids=lambda s: s.name)
def test_usdskel_sees_the_joints(
    skeleton: Skeleton,
    suffix: str,
    pxr: Any,
    wander: Callable[[Skeleton, int], Motion],
    tmp_path: Path,
) -> None:
    motion = wander(skeleton, 20)
    write_usd(motion, tmp_path / f"walk{suffix}")
    places, stage = joint_places(pxr, tmp_path / f"walk{suffix}")
    np.testing.assert_allclose(places, motion.joint_positions, atol=2e-6)
    assert stage.GetTimeCodesPerSecond() == 30.0
    assert pxr.UsdGeom.GetStageUpAxis(stage) == "Y"
    assert pxr.UsdGeom.GetStageMetersPerUnit(stage) == 1.0


def test_usdskel_sees_a_captured_motion(pxr: Any, shared_data: Path, tmp_path: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu/02_01.bvh")
    write_usd(motion, tmp_path / "walk.usd")
    places, _ = joint_places(pxr, tmp_path / "walk.usd")
    np.testing.assert_allclose(places, motion.joint_positions, atol=2e-6)


def test_blender_shows_the_joints_within_a_tenth_of_a_millimetre(
    pxr: Any, blender: Callable[..., Any], wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    del pxr
    motion = wander(BODY22, 20)
    write_usd(motion, tmp_path / "walk.usd")
    seen = blender(tmp_path / "walk.usd", 20, motion.fps)
    order = [seen["names"].index(name) for name in BODY22.joint_names]
    places = torch.tensor(seen["positions"])[:, order]
    assert float((places - motion.joint_positions).norm(dim=-1).max()) < 1e-4


def test_the_body_follows_the_joints(
    pxr: Any, wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    """The first corner of each bone of the mesh lies in its joint once UsdSkel has skinned it."""
    motion = wander(BODY22, 20)
    write_usd(motion, tmp_path / "walk.usd")
    _, stage = joint_places(pxr, tmp_path / "walk.usd")
    mesh = pxr.UsdGeom.Mesh(stage.GetPrimAtPath("/motion/body"))
    owners = np.array(pxr.UsdSkel.BindingAPI(mesh).GetJointIndicesAttr().Get())
    pxr.UsdSkel.BakeSkinning(pxr.UsdSkel.Root(stage.GetDefaultPrim()))
    for frame in (0, 19):
        points = np.array(mesh.GetPointsAttr().Get(frame))
        places = motion.joint_positions[frame, owners[::24]]
        np.testing.assert_allclose(points[::24], places, atol=1e-5)


def test_names_are_cleaned_and_differ() -> None:
    assert joint_paths(NAMES) == [
        "a_root",
        "a_root/first_finger",
        "a_root/first_finger2",
        "a_root/_3rd",
    ]


def test_same_motion_gives_the_same_bytes(
    pxr: Any, wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    del pxr
    motion = wander(BODY22, 5)
    for name in ("one.usda", "two.usda", "one.usdc", "two.usdc"):
        write_usd(motion, tmp_path / name)
    for suffix in ("usda", "usdc"):
        one, two = (tmp_path / f"{name}.{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_existing_and_other_files_are_refused(
    pxr: Any, wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    del pxr
    motion, path = wander(BODY22, 2), tmp_path / "walk.usda"
    path.write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match=r"walk\.usda"):
        write_usd(motion, path)
    assert path.read_bytes() == b"mine"
    with pytest.raises(InvalidInputError, match=r"\.usda, \.usdc, \.usd"):
        write_usd(motion, tmp_path / "walk.usdz")


def test_the_extra_is_named_where_it_is_missing(
    wander: Callable[[Skeleton, int], Motion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str, *rest: Any) -> Any:
        raise ImportError(name, *rest)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"marey\[usd\]"):
        write_usd(wander(BODY22, 2), tmp_path / "walk.usda")
