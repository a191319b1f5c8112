import json
from collections.abc import Callable
from pathlib import Path

import pytest

from marey.cli.main import main


def test_the_pack_becomes_a_store(
    pack_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "store")
    command = ["data", "prepare", "cmu", str(pack_folder), out, "--no-include-12hz"]
    assert main(command) == 0
    prepared = capsys.readouterr().out
    assert "left out by include_12hz=False" in prepared
    assert main(["data", "info", out]) == 0
    assert capsys.readouterr().out == prepared
    assert main(["data", "info", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"]["val"]["clips"] == 1


def test_a_library_becomes_a_store(
    library: Callable[..., tuple[Path, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, table = library("a.bvh,0,2,a person walks,train", "nope.bvh,0,2,walks,train")
    command = ["data", "prepare", "bvh", str(folder), str(tmp_path / "s"), "--texts", str(table)]
    assert main([*command, "--strict"]) == 2
    assert "texts.csv, line 3" in capsys.readouterr().err
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dropped"]["row: the folder has no such file"] == 1


def test_a_folder_that_is_no_store_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "info", str(tmp_path)]) == 2
    assert "expected a finished motion store" in capsys.readouterr().err
