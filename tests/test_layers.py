"""Imports only point down the stack (the table of docs/conventions.md, "Layers")."""

import ast
from pathlib import Path

import pytest

PACKAGE = "marey"
SOURCE = Path(__file__).resolve().parents[1] / "src" / PACKAGE
LAYERS: list[set[str]] = [  # low to high; parts on one row may not import each other
    {"errors"},
    {"rotations"},
    {"skeleton"},
    {"motion"},
    {"io", "constraints", "predicates"},
    {"representations", "metrics", "postprocess"},
    {"text", "nn", "robots", "rigs"},
    {"data", "models"},
    {"sampling"},
    {"editing", "training", "retrieval"},
    {"reasoning", "annotation"},
    {"generate"},
    {"evaluation"},
    {"cli", "server", "studio"},
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
FREE_NAMES = {"__version__"}  # the only names that a part may take from the package itself


def parts(source: Path = SOURCE) -> set[str]:
    """Names of the top-level modules and folders of the package that hold code."""
    folders = {path.relative_to(source).parts[0] for path in source.glob("*/**/*.py")}
    modules = {path.stem for path in source.glob("*.py")}
    return (folders | modules) - {"__init__", "__main__"}


def module_name(path: Path, source: Path = SOURCE) -> list[str]:
    """Dotted name of the package that relative imports of a file start from."""
    return [PACKAGE, *path.relative_to(source).parts[:-1]]


def imported_modules(code: str, package: list[str]) -> set[str]:
    """Dotted names that the code imports, with relative imports resolved against ``package``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{stem}.{alias.name}" for alias in node.names}
    return names


def imported_parts(code: str, package: list[str]) -> set[str]:
    """Top-level parts of the package that the code imports."""
    modules = imported_modules(code, package)
    own = {name.split(".")[1] for name in modules if name.startswith(f"{PACKAGE}.")}
    return own - FREE_NAMES


def upward_imports(code: str, path: Path, source: Path = SOURCE) -> list[str]:
    """Complaints about the imports of one file; empty when all of them point down."""
    part = path.relative_to(source).parts[0].removesuffix(".py")
    complaints = []
    for other in sorted(imported_parts(code, module_name(path, source)) - {part}):
        if other not in RANK:
            complaints.append(f"{part} imports {PACKAGE}.{other}, which is no part in the table")
        elif RANK[other] >= RANK[part]:
            complaints.append(f"{part} imports {other}, which is not below it")
    return complaints


def test_every_part_is_in_the_table() -> None:
    assert parts() <= RANK.keys()


def test_imports_point_down() -> None:
    complaints = [
        f"{path.relative_to(SOURCE)}: {complaint}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.parent != SOURCE or path.stem in RANK
        for complaint in upward_imports(path.read_text(encoding="utf-8"), path)
    ]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("file", "code", "allowed"),
    [
        ("io/bvh.py", "from marey.motion import Motion", True),
        ("io/bvh.py", "from ..motion import Motion", True),
        ("io/bvh.py", "from .. import motion, rotations", True),
        ("io/bvh.py", "from .npz import save", True),
        ("io/bvh.py", "from marey import __version__", True),
        ("data/prepare/cmu.py", "from ...io import bvh", True),
        ("data/prepare/cmu.py", "from ..clip import Clip", True),
        ("motion.py", "from .errors import InvalidInputError", True),
        ("motion.py", "from .io import save", False),
        ("io/bvh.py", "from ..constraints import Keyframe", False),
        ("io/bvh.py", "from .. import generate", False),
        ("io/bvh.py", "def f():\n    import marey.models.diffusion", False),
        ("data/prepare/cmu.py", "from ...models import checkpoint", False),
        ("io/bvh.py", "from marey import Motion", False),
    ],
)
def test_the_check_sees_every_kind_of_import(file: str, code: str, allowed: bool) -> None:
    assert (upward_imports(code, SOURCE / file) == []) is allowed
