"""Namings: the shipped ones, saving one's own, and where they are kept."""

from pathlib import Path
from types import ModuleType

import pytest

from marey.errors import FileFormatError, InvalidInputError
from marey.rigs import (
    Naming,
    RigEntry,
    RigMap,
    damaged_namings,
    match_rig,
    naming,
    namings,
    save_naming,
    user_folder,
)
from marey.rigs.naming import plain
from marey.skeleton import BODY22


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAREY_RIGS", str(tmp_path / "rigs"))
    return tmp_path / "rigs"


def test_the_shipped_namings_cover_the_body(folder: Path) -> None:
    found = namings()
    assert sorted(found) == ["cmu", "daz", "mixamo", "rigify", "smpl", "soma", "unreal", "vrm"]
    for one in found.values():
        assert set(one.joints) == set(BODY22.joint_names)
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["mixamorig:LeftUpLeg", "mixamorig_LeftUpLeg", "hero:mixamorig9:LeftUpLeg", "LeftUpLeg"]
)
def test_namespaces_do_not_matter(name: str) -> None:
    assert plain(name) == "leftupleg"


def test_a_saved_preset_recognises_the_rig(folder: Path, rig_models: ModuleType) -> None:
    rig = rig_models.rig("vrm")
    edited = match_rig(rig).with_entry("J_Bip_C_Spine", None)
    path = save_naming(Naming.of("my-hero", edited))
    assert path == folder / "my-hero.json"
    found = match_rig(rig, known=[naming("my-hero")])
    assert found.naming == "my-hero"
    assert {e.joint for e in found.entries if e.reason == "name (my-hero)"} == set(edited.joint_map)
    with pytest.raises(InvalidInputError, match="exists and is not overwritten"):
        save_naming(Naming.of("my-hero", edited))


def test_the_users_preset_comes_first(folder: Path, rig_models: ModuleType) -> None:
    rig = rig_models.rig("vrm")
    save_naming(Naming.of("zz", match_rig(rig)))
    assert next(iter(namings())) == "zz"
    assert match_rig(rig).naming == "zz"


def test_unknown_presets_suggest_others(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="Did you mean 'mixamo'"):
        naming("miximo")


@pytest.mark.parametrize("name", ["", "../up", "a b", "x" * 65])
def test_odd_preset_names_are_refused(name: str) -> None:
    rig_map = RigMap(rig="r", entries=(RigEntry(joint="a", follows="head"),))
    with pytest.raises(InvalidInputError, match="Expected a preset name"):
        Naming.of(name, rig_map)


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"joints": {"tail": ["a"]}}', '{"joints": {"head": "a"}}']
)
def test_a_damaged_preset_stops_only_those_who_name_it(
    content: str, folder: Path, rig_models: ModuleType
) -> None:
    folder.mkdir()
    (folder / "bad.json").write_text(content)
    (folder / "cmu.json").write_text(content)
    assert match_rig(rig_models.rig("vrm")).naming == "vrm"
    assert namings()["cmu"].title != "cmu"  # the shipped one
    assert sorted(damaged_namings()) == ["bad", "cmu"]
    for name in ("bad", "cmu"):
        with pytest.raises(FileFormatError, match=rf"{name}\.json"):
            naming(name)


def test_a_preset_of_a_shipped_name_needs_force(folder: Path, rig_models: ModuleType) -> None:
    own = Naming.of("mixamo", match_rig(rig_models.rig("vrm")))
    with pytest.raises(InvalidInputError, match="'mixamo' is shipped with marey"):
        save_naming(own)
    assert not folder.exists()
    save_naming(own, force=True)
    assert naming("mixamo").joints == own.joints


def test_the_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAREY_RIGS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/settings")
    monkeypatch.setattr("sys.platform", "linux")
    assert user_folder() == Path("/settings/marey/rigs")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", "/roaming")
    assert user_folder() == Path("/roaming/marey/rigs")
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_folder().parts[-4:] == ("Library", "Application Support", "marey", "rigs")
