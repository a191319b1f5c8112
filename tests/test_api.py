"""The public names are written by hand, frozen here, and cheap to import.

After a wanted change of the interface, write the snapshot anew and review its diff:

    .venv/bin/python tests/test_api.py
"""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "marey"
SNAPSHOT = Path(__file__).with_name("public_names.json")
HEAVY = {
    *("transformers", "sentence_transformers", "sklearn", "peft"),
    *("tensorboard", "matplotlib", "av", "pandas", "IPython"),
    *("fastapi", "uvicorn", "faiss", "mujoco", "ray"),
}


def listed_names(path: Path) -> list[str] | None:
    """The literal ``__all__`` of a file; None where there is none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return list(ast.literal_eval(value))
    return None


def offers_names(path: Path) -> bool:
    """Whether a file defines or imports a public name, so that it needs an ``__all__``."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Expr() | ast.Assign(targets=[ast.Name(id="__version__" | "__all__")]):
                continue
            case _:
                return True
    return False


def public_names() -> dict[str, list[str]]:
    """Sorted public names of every package of marey that lists some."""
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("__init__.py")):
        package = ".".join(["marey", *path.parent.relative_to(SOURCE).parts])
        if names := listed_names(path):
            found[package] = sorted(names)
    return found


def write_snapshot() -> None:
    """Freeze the names as they are now."""
    SNAPSHOT.write_text(json.dumps(public_names(), indent=2) + "\n", encoding="utf-8")


def test_every_package_lists_its_names() -> None:
    silent = [
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.rglob("__init__.py"))
        if offers_names(path) and listed_names(path) is None
    ]
    assert silent == [], "these files need a hand-written, literal __all__"


def test_public_names_are_those_of_the_snapshot() -> None:
    frozen = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    now = public_names()
    differences = [
        f"{package}: new {sorted(new)}, gone {sorted(gone)}"
        for package in sorted(frozen.keys() | now.keys())
        if (new := set(now.get(package, [])) - set(frozen.get(package, [])))
        | (gone := set(frozen.get(package, [])) - set(now.get(package, [])))
    ]
    assert not differences, "\n".join([*differences, "Wanted? Run tests/test_api.py as a script."])


@pytest.mark.parametrize("package", sorted(public_names()))
def test_every_public_name_exists_once(package: str) -> None:
    names = public_names()[package]
    module = importlib.import_module(package)
    assert [name for name in names if not hasattr(module, name)] == []
    assert len(names) == len(set(names))


def test_import_is_light() -> None:
    code = f"import sys, marey; print(*({HEAVY!r} & sys.modules.keys()))"
    # -I: neither the environment nor the working directory may change what is imported.
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == []


if __name__ == "__main__":
    write_snapshot()
