from pathlib import Path

import pytest

from marey.errors import FileFormatError, InvalidInputError
from marey.skeleton.parts import PARTS
from marey.text import Statement, load_timeline


def written(folder: Path, *lines: str) -> Path:
    path = folder / "timeline.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_every_line_is_a_statement_with_a_span(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# the walk",
        "a person walks in a circle # 0.0 # 5.0 # legs",
        "",
        "  waving # 1 # 2.5 # left arm  ",
        "a person sits down # 5 # 8",
    )
    assert load_timeline(path).statements == (
        Statement("a person walks in a circle", "left_leg", start=0.0, end=5.0),
        Statement("a person walks in a circle", "right_leg", start=0.0, end=5.0),
        Statement("waving", "left_arm", start=1.0, end=2.5),
        Statement("a person sits down", start=5.0, end=8.0),
    )


@pytest.mark.parametrize(
    ("words", "slots"),
    [
        ("", ["global"]),
        ("head left arm right arm legs spine", ["global"]),
        ("head, left_arm, right_arm, legs, torso", ["global"]),
        ("spine", ["torso"]),
        ("arms", ["left_arm", "right_arm"]),
        ("Right Leg", ["right_leg"]),
        ("left arm left arm", ["left_arm"]),
        ("left arm, head", ["left_arm", "head"]),
    ],
)
def test_body_parts_in_words(tmp_path: Path, words: str, slots: list[str]) -> None:
    path = written(tmp_path, f"moves # 0 # 1 # {words}")
    found = [each.slot for each in load_timeline(path).statements]
    assert found == sorted(slots, key=lambda slot: (*PARTS, "global").index(slot))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("walks # 0", r"expected 'text # start # end # body parts', got 'walks # 0'"),
        ("walks # 0 # 1 # legs # fast", "expected 'text # start"),
        ("walks # zero # 1", "expected seconds, got 'zero'"),
        ("walks # 2 # 1", "start"),
        ("walks # -1 # 1", "start"),
        ("walks # 0 # nan", "end"),
        ("walks # 0 # 1 # tail", "expected body parts among legs, arms, spine.*got 'tail'"),
        ("walks # 0 # 1 # left tail", "got 'left'"),
    ],
)
def test_faults_name_the_file_and_the_line(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, "stands # 0 # 1", line)
    with pytest.raises(InvalidInputError, match=message) as caught:
        load_timeline(path)
    assert str(caught.value).startswith(f"{path}, line 2: ")


def test_files_without_statements_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected lines of the form"):
        load_timeline(written(tmp_path, "# nothing", "", "   "))
    with pytest.raises(FileFormatError, match="no such file"):
        load_timeline(tmp_path / "absent.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00walks")
    with pytest.raises(FileFormatError, match="UTF-8"):
        load_timeline(tmp_path / "binary.txt")
