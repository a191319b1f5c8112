"""``marey search``: index a folder, ask it, and what is told when something is wrong."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from marey.cli.main import main
from marey.io import save_motion
from marey.motion import Motion
from marey.rotations import rotation_vector_to_matrix
from marey.skeleton import BODY22


def standing(angle: float, frames: int = 60) -> Motion:
    """A body that stands with bent elbows and knees, turning on the spot."""
    turns = torch.zeros(frames, 22, 3)
    turns[:, [4, 5, 18, 19], 0] = angle
    turns[:, 0, 1] = torch.linspace(0, angle, frames)
    return Motion(
        root_positions=torch.tensor([0.0, 0.95, 0.0]).repeat(frames, 1),
        local_rotations=rotation_vector_to_matrix(turns),
        fps=20.0,
        skeleton=BODY22,
    )


@pytest.fixture
def indexed(tmp_path: Path, tiny_alignment: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Folder with the motions of an index, which lies beside it."""
    for i in range(3):
        save_motion(standing(0.6 * i), tmp_path / f"motions/{i}.npz")
    save_motion(standing(1.0, frames=200), tmp_path / "motions/long.npz")
    assert main(["search", "index", str(tmp_path / "motions"), "--model", str(tiny_alignment)]) == 0
    assert "4 motions, 7 windows; 4 new" in capsys.readouterr().out
    return tmp_path / "motions"


@pytest.fixture
def words(indexed: Path, tiny_alignment: Path) -> list[str]:
    """What follows every question."""
    return ["--index", f"{indexed}.index", "--model", str(tiny_alignment)]


def test_a_sentence_finds_moments(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "query", "a person turns", *words, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert {each["name"] for each in plain} == {"0.npz", "1.npz", "2.npz", "long.npz"}
    scores = [each["score"] for each in plain]
    assert scores == sorted(scores, reverse=True)
    assert main(["search", "query", "a person turns", *words, "--json", "--approximate"]) == 0
    assert json.loads(capsys.readouterr().out) == plain
    part = ["--part", "left_arm=raised"]
    assert main(["search", "query", "a person turns", *words, *part, "--json"]) == 0
    assert [each["score"] for each in json.loads(capsys.readouterr().out)] != scores
    assert main(["search", "query", "a person turns", *words, "--top", "1"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2
    assert plain[0]["name"] in table[1]


def test_a_motion_finds_itself(
    words: list[str], indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(indexed / "2.npz")
    assert main(["search", "similar", file, *words, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["start"], first["end"]) == ("2.npz", 0, 3)
    assert first["score"] == pytest.approx(1, abs=1e-3)


def test_moments_are_drawn_also_when_moved(
    words: list[str], indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    ask = ["search", "query", "a person turns", *words, "--top", "2", "--sheet", str(sheet)]
    assert main(ask) == 0
    before = sheet.read_bytes()
    with Image.open(sheet) as picture:
        assert picture.height > 2 * 165
    assert main(ask) == 2  # it exists
    moved = indexed.rename(tmp_path / "elsewhere")
    capsys.readouterr()
    assert main([*ask, "--force"]) == 2
    assert "--root" in capsys.readouterr().err
    assert main([*ask, "--force", "--root", str(moved)]) == 0
    assert sheet.read_bytes() == before


def test_an_update_tells_what_it_did(
    indexed: Path, tiny_alignment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (indexed / "broken.bvh").write_text("no motion")
    (indexed / "0.npz").unlink()
    assert main(["search", "index", str(indexed), "--model", str(tiny_alignment)]) == 0
    told = capsys.readouterr()
    assert "1 new, 0 changed, 1 removed, 1 not usable" in told.out
    assert "broken.bvh: " in told.err


def test_faults_are_told_in_one_line(
    words: list[str], indexed: Path, tiny_alignment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ask, told in (
        (["search", "query", " ", *words], "empty"),
        (["search", "query", "a person turns", *words, "--part", "tail=wags"], "tail"),
        (["search", "query", "a person turns", *words, "--sheet", "a.jpg"], ".png"),
        (["search", "query", "a person turns", "--index", str(indexed), *words[2:]], "index.json"),
        (["search", "index", f"{indexed}/none", "--model", str(tiny_alignment)], "no folder"),
    ):
        assert main(ask) == 2
        assert told in capsys.readouterr().err
