"""Suffixes decide formats; outputs are whole or absent and never overwrite by accident."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.io import READ_SUFFIXES, WRITE_SUFFIXES, atomic_path, load_motion, save_motion
from marey.io.formats import FORMATS, MotionFormat
from marey.motion import Motion
from marey.skeleton import BODY22


@pytest.fixture
def motion() -> Motion:
    return Motion(
        root_positions=torch.zeros(3, 3),
        local_rotations=torch.eye(3).repeat(3, 22, 1, 1),
        fps=20.0,
        skeleton=BODY22,
    )


@pytest.mark.parametrize("name", ["a.bvh", "a.npz", "A.BVH", "b.c.NPZ"])
def test_what_is_saved_can_be_loaded(motion: Motion, tmp_path: Path, name: str) -> None:
    save_motion(motion, tmp_path / name)
    back = load_motion(tmp_path / name)
    assert back.num_frames == 3
    assert back.fps == 20


@pytest.mark.parametrize("name", ["a.abc", "a", "a.png", ".bvh"])
def test_unknown_suffixes_list_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        InvalidInputError, match=", ".join(READ_SUFFIXES).replace(".", r"\.") + ", got"
    ):
        load_motion(tmp_path / name)


@pytest.mark.parametrize(
    ("own", "other"),
    [(".bvh", ".fbx"), (".bvh", ".npy"), (".glb", ".fbx"), (".fbx", ".bvh"), (".npz", ".npy")],
)
def test_content_under_anothers_suffix_is_recognised(
    motion: Motion, tmp_path: Path, own: str, other: str
) -> None:
    save_motion(motion, tmp_path / f"a{own}")
    wrong = (tmp_path / f"a{own}").rename(tmp_path / f"a{other}")
    with pytest.raises(
        FileFormatError, match=rf"looks like {own[1:].upper()}\. Rename it to \{own}"
    ):
        load_motion(wrong)


def test_damaged_content_of_the_own_suffix_is_told_as_before(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text("HIERARCHY\nROOT")
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04")
    for name in ("a.bvh", "a.npz"):
        with pytest.raises(FileFormatError) as caught:
            load_motion(tmp_path / name)
        assert "looks like" not in str(caught.value)


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="got a folder"):
        load_motion(tmp_path)


def test_save_lists_its_suffixes(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=", ".join(WRITE_SUFFIXES).replace(".", r"\.")):
        save_motion(motion, tmp_path / "a.abc")


@pytest.mark.parametrize("suffix", [".bvh", ".npz", ".glb", ".png"])
def test_no_format_overwrites_without_force(motion: Motion, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match="--force"):
        save_motion(motion, path)
    assert path.read_bytes() == b"mine"
    save_motion(motion, path, force=True)
    assert path.read_bytes() != b"mine"
    assert list(tmp_path.iterdir()) == [path]


def write_half(target: Path, *, force: bool = False) -> None:
    """Fail in the middle of writing."""
    with atomic_path(target, force=force) as temporary:
        temporary.write_text("half")
        assert temporary.suffix == target.suffix
        raise RuntimeError("stop")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    with pytest.raises(RuntimeError, match="stop"):
        write_half(target)
    assert list(target.parent.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="stop"):
        write_half(target, force=True)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def write_late(target: Path) -> None:
    """Write a file that somebody else makes meanwhile."""
    with atomic_path(target) as temporary:
        temporary.write_text("ours")
        target.write_text("theirs")


def test_a_file_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with pytest.raises(InvalidInputError, match="--force"):
        write_late(target)
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_places_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InvalidInputError, match="Cannot write"),
        atomic_path(tmp_path / "file" / "a.txt"),
    ):
        pass
    with pytest.raises(InvalidInputError, match="got a folder"), atomic_path(tmp_path):
        pass


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_format_names_functions_that_exist(form: MotionFormat) -> None:
    assert form.reader or form.writer
    for target, first in ((form.reader, "path"), (form.writer, "motion")):
        if target:
            module, name = target.split(":")
            function = getattr(importlib.import_module(module), name)
            parameters = inspect.signature(function).parameters
            assert next(iter(parameters)) == first
            assert set(form.reading) <= set(parameters) or first == "motion"


def test_formats_that_share_a_suffix_are_told_apart(motion: Motion, tmp_path: Path) -> None:
    slow = motion.resample(30.0)
    for name in ("marey", "kimodo"):
        save_motion(slow, tmp_path / f"{name}.npz", format=name)
        back = load_motion(tmp_path / f"{name}.npz")
        assert torch.allclose(back.joint_positions, slow.joint_positions, atol=1e-6)
    np.savez(tmp_path / "other.npz", weather=np.zeros(3))
    with pytest.raises(
        FileFormatError, match=r"'marey_format' \(marey\).*got arrays named weather"
    ):
        load_motion(tmp_path / "other.npz")


def test_formats_that_cannot_be_read_say_which_can(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="bvh, marey"):
        load_motion(tmp_path / "a.png", format="preview")
    with pytest.raises(InvalidInputError, match="the formats are bvh"):
        load_motion(tmp_path / "a.png", format="film")
