"""House rules that a machine can check, on the syntax tree of every source file."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "marey"
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
PROCESS_STATE = {
    "os.chdir",
    "torch.set_default_device",
    "torch.set_default_dtype",
    "np.random.seed",
    "numpy.random.seed",
    "random.seed",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Complaints = Iterator[tuple[int, str]]


def prints(tree: ast.Module) -> Complaints:
    """Calls of ``print``."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield node.lineno, "print in the library: raise, return or log"


def swallowed_errors(tree: ast.Module) -> Complaints:
    """Bare handlers, and handlers of everything that do nothing."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        idle = all(isinstance(line, ast.Pass | ast.Continue | ast.Expr) for line in node.body)
        match node.type:
            case None:
                yield node.lineno, "bare except"
            case ast.Name(id="Exception" | "BaseException") if idle:
                yield node.lineno, "an error of any kind is swallowed"


def unpickling(tree: ast.Module) -> Complaints:
    """Ways to run code that hides in a file."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if {n.name.split(".")[0] for n in names} & UNPICKLERS:
                yield node.lineno, "imports a module that unpickles"
            case ast.ImportFrom(module=str(name)) if name.split(".")[0] in UNPICKLERS:
                yield node.lineno, "imports a module that unpickles"
            case ast.Attribute(value=ast.Name(id="torch"), attr="load"):
                yield node.lineno, "torch.load: checkpoints are safetensors"
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield node.lineno, "allow_pickle=True"


def process_state(tree: ast.Module) -> Complaints:
    """Calls that change something for the whole process."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PROCESS_STATE:
            yield node.lineno, f"{ast.unparse(node.func)} changes the whole process"


def long_functions(tree: ast.Module) -> Complaints:
    """Functions with too many lines, docstring excluded."""
    for node in ast.walk(tree):
        if isinstance(node, Function) and (lines := line_count(node)) > MAX_FUNCTION_LINES:
            yield node.lineno, f"{node.name} has {lines} lines, at most {MAX_FUNCTION_LINES}"


def line_count(function: Function) -> int:
    """Lines from ``def`` to the end, without those of the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


RULES = [swallowed_errors, unpickling, process_state, long_functions, prints]


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds_in_every_file(rule: Callable[[ast.Module], Complaints]) -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {complaint}"
        for path in sorted(SOURCE.rglob("*.py"))
        if rule is not prints or path.relative_to(SOURCE).parts[0] != "cli"
        for line, complaint in rule(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)


def test_files_are_short() -> None:
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in SOURCE.rglob("*.py")}
    assert {str(path): size for path, size in sizes.items() if size > MAX_FILE_LINES} == {}


def test_names_are_nouns_not_drawers() -> None:
    assert [path for path in SOURCE.rglob("*") if path.stem in VAGUE_NAMES] == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (prints, "print(1)"),
        (swallowed_errors, "try:\n    f()\nexcept:\n    raise"),
        (swallowed_errors, "try:\n    f()\nexcept Exception:\n    pass"),
        (unpickling, "import pickle"),
        (unpickling, "from joblib import load"),
        (unpickling, "torch.load('x')"),
        (unpickling, "np.load('x', allow_pickle=True)"),
        (process_state, "import os\nos.chdir('x')"),
        (long_functions, "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES),
    ],
)
def test_the_rule_sees_a_breach(rule: Callable[[ast.Module], Complaints], code: str) -> None:
    assert len(list(rule(ast.parse(code)))) == 1


def test_a_docstring_is_no_code() -> None:
    lines = "    line\n" * MAX_FUNCTION_LINES
    assert list(long_functions(ast.parse(f'def f():\n    """\n{lines}    """\n'))) == []


SHAPED = re.compile(r'\b(?:Float|Float16|Int|UInt8|Bool|Shaped)\[\s*[\w.]+\s*,\s*"([^"]*)"')
EXPLAINED_IN_PLACE = 2
"""Files that may share the name of an axis without its being in the vocabulary."""


def test_the_names_of_axes_are_in_the_vocabulary() -> None:
    conventions = (SOURCE.parents[1] / "docs" / "conventions.md").read_text(encoding="utf-8")
    table = conventions.partition("| axis | meaning |\n|---|---|\n")[2].partition("\n\n")[0]
    names = (re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines())
    known = {name for row in names for name in row}
    files: dict[str, set[str]] = {}
    for file in SOURCE.rglob("*.py"):
        for shape in SHAPED.findall(file.read_text(encoding="utf-8")):
            for name in (word.lstrip("*#") for word in shape.split()):
                if name.isidentifier() and name != "_":
                    files.setdefault(name, set()).add(str(file.relative_to(SOURCE)))
    shared = {name for name, places in files.items() if len(places) > EXPLAINED_IN_PLACE}
    assert {"batch", "frames", "joints", "width"} <= shared
    assert sorted(shared - known) == []
    assert sorted(known - files.keys()) == []
