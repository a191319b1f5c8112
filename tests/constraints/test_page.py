"""The page about constraints says what is so: its examples run and its table names every type."""

import json
import re
from pathlib import Path

import pytest

from marey.constraints import constraints_from_json
from marey.constraints.schema import ENTRIES


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/concepts/constraints.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def test_the_python_examples_run_one_after_the_other(page: str) -> None:
    names: dict[str, object] = {}
    for code in blocks(page, "python"):
        exec(compile(code, "constraints.md", "exec"), names)
    assert {"warnings", "pose", "hands", "keys"} <= names.keys()


def test_the_files_are_read(page: str) -> None:
    files = blocks(page, "json")
    assert [len(constraints_from_json(json.loads(text))) for text in files] == [5]


def test_the_table_names_every_type(page: str) -> None:
    rows = re.findall(r"^\| [^|]+ \| `(\w+)` \| `(\w+)` \|", page, flags=re.MULTILINE)
    assert rows == [(entry.made.__name__, name) for name, entry in ENTRIES.items()]
