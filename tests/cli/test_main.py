"""The frame of the command line: finding commands, help, errors and exit codes."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from marey import __version__
from marey.cli import main as cli
from marey.cli.arguments import Outputs, check_outputs
from marey.errors import InvalidInputError, MareyError

GROUPED = {
    "greet": cli.Command("cli_commands:greet", "say hello"),
    "data prepare cmu": cli.Command("cli_commands:greet", "the pack"),
    "data prepare bvh": cli.Command("cli_commands:greet", "a folder"),
    "data show": cli.Command("cli_commands:greet", "a store"),
}


def greet(name: str = "you", output: Outputs = (), *, loud: bool = False) -> int | None:
    """Say hello."""
    greeting = " ".join([f"hello {name}", *map(str, output)])
    if name == "nobody":
        raise MareyError("expected somebody,\n got nobody.")
    if name == "away":
        raise KeyboardInterrupt
    if name == "file":
        raise FileNotFoundError(2, "No such file or directory", "x.bvh")
    sys.stdout.write(f"{greeting.upper() if loud else greeting}\n")
    return 3 if name == "three" else None


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the table by one with groups, whose commands are all ``greet``."""
    monkeypatch.setitem(sys.modules, "cli_commands", sys.modules[__name__])
    monkeypatch.setattr(cli, "COMMANDS", GROUPED)


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_of_the_table_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, function = cli.COMMANDS[name].target.split(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert cli.main([*name.split(), "--help"]) == 0
    assert f"usage: marey {name}" in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"{name} " in text for name in cli.COMMANDS)
    assert all(command.summary in text for command in cli.COMMANDS.values())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"marey {__version__}\n"


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("words", "name", "rest"),
    [
        ([], "", []),
        (["greet", "data"], "greet", ["data"]),
        (["data"], "data", []),
        (["data", "prepare", "--help"], "data prepare", ["--help"]),
        (["data", "prepare", "bvh", "folder"], "data prepare bvh", ["folder"]),
        (["dat", "prepare"], "", ["dat", "prepare"]),
        (["data", "prep"], "data", ["prep"]),
    ],
)
def test_the_longest_name_wins(words: list[str], name: str, rest: list[str]) -> None:
    assert cli.split_command(words) == (name, rest)


@pytest.mark.usefixtures("commands")
def test_commands_get_typed_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["greet", "--name", "Ada", "--loud"]) == 0
    assert cli.main(["data", "prepare", "cmu", "--name", "x", "-o", "a", "-o", "b"]) == 0
    assert cli.main(["greet", "--output", "a", "-o", "b"]) == 0
    assert capsys.readouterr().out == "HELLO ADA\nhello x a b\nhello you a b\n"


@pytest.mark.usefixtures("commands")
def test_a_group_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "--help"]) == 0
    text = capsys.readouterr().out
    assert "data prepare bvh" in text
    assert "data show" in text
    assert "greet" not in text


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["gret"], 2, "marey: error: unknown command 'gret'; the commands are greet, data."),
        (["gret"], 2, "Did you mean 'greet'?"),
        (["data", "prepar"], 2, "Did you mean 'prepare'?"),
        (["--loud"], 2, "unknown option '--loud'"),
        (["greet", "--name", "nobody"], 2, "marey: error: expected somebody, got nobody.\n"),
        (["greet", "--name", "file"], 2, "x.bvh: No such file or directory"),
        (["greet", "--name", "away"], 130, "interrupted"),
        (["greet", "--volume", "3"], 2, "--volume"),
    ],
)
def test_faults_are_told_in_one_line_on_stderr(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == code
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.usefixtures("commands")
def test_a_command_may_choose_its_exit_code() -> None:
    assert cli.main(["greet", "--name", "three"]) == 3


def test_no_command_shows_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage: marey COMMAND" in capsys.readouterr().out


def test_the_installed_program_answers_without_heavy_imports() -> None:
    code = (
        "import sys; from marey.cli.main import main; code = main(['--help']);"
        "assert not {'torch', 'numpy', 'tyro', 'PIL', 'rich'} & sys.modules.keys(); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "commands:" in done.stdout


def test_a_fault_in_a_process_of_its_own_has_code_2_and_no_traceback(tmp_path: Path) -> None:
    code = "import sys; from marey.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "info", str(tmp_path / "missing.bvh")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("marey: error: ")
    assert done.stderr.count("\n") == 1


def test_outputs_are_checked_before_work(tmp_path: Path) -> None:
    old, new = tmp_path / "old.bvh", tmp_path / "new.bvh"
    old.touch()
    for outputs, message in [
        ((), "at least one"),
        ((new, new), "twice"),
        ((tmp_path / "a.fbx",), r"\.fbx"),
        ((old,), "--force"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            check_outputs(outputs, (".bvh",), force=False)
    check_outputs((old, new), (".bvh",), force=True)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = "import sys; from marey.cli.main import main; sys.exit(main(['constraints', 'schema']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # before anything is printed, as by `marey ... | head -0`
        assert process.stderr.read() == ""
    assert process.returncode == 0
