"""Entry point of the ``marey`` command: finds the command, runs it, turns errors into one line.

A command is a typed function in a file of its own; tyro makes the arguments from its signature
and the help from its docstring (first sentence, then ``Args:`` with a line per parameter)::

    # cli/greet.py
    def greet(name: tyro.conf.Positional[str], *, loud: bool = False) -> None: ...

and a line of ``COMMANDS``: ``"greet": Command("marey.cli.greet:greet", "say hello")``. A name of
several words (``"data prepare bvh"``) makes a group; ``marey data --help`` lists what is in it.
The module is imported when its command is called, so that ``marey --help`` stays quick; inside,
anything that needs torch is imported in the function. A function may return an exit code. It
prints results to stdout and raises MareyError for what the user can mend: that becomes one line
on stderr and exit code 2. Shared arguments (``-o`` more than once) are in ``cli/arguments.py``.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from marey import __version__
from marey.errors import MareyError


class Command(NamedTuple):
    """Where a command's function is, as ``module:function``, and what it does in a few words."""

    target: str
    summary: str


COMMANDS: dict[str, Command] = {
    "annotate": Command(
        "marey.cli.annotate:annotate", "write what every part does in the windows of a store"
    ),
    "annotate judge make": Command(
        "marey.cli.annotate_judge:make", "write a form on which people judge annotations"
    ),
    "annotate judge read": Command(
        "marey.cli.annotate_judge:read", "tell how far two people agree on a form"
    ),
    "caption": Command("marey.cli.caption:caption", "put a motion file into words"),
    "constraints check": Command(
        "marey.cli.constraints:check", "tell what is wrong with a constraint file"
    ),
    "constraints extract": Command(
        "marey.cli.constraints:extract", "write what a motion does as a constraint file"
    ),
    "constraints schema": Command(
        "marey.cli.constraints:schema", "print the JSON schema of constraint files"
    ),
    "convert": Command("marey.cli.convert:convert", "turn a motion file into another format"),
    "data info": Command("marey.cli.data:store_info", "tell what is in a store of motions"),
    "data prepare amass": Command(
        "marey.cli.data_humanml3d:amass", "make a folder in HumanML3D's layout from AMASS"
    ),
    "data prepare bvh": Command("marey.cli.data:bvh", "make a store from your own BVH files"),
    "data prepare cmu": Command("marey.cli.data:cmu", "make a store from the CMU pack"),
    "data prepare humanml3d": Command(
        "marey.cli.data_humanml3d:humanml3d", "make a store from HumanML3D or KIT-ML"
    ),
    "evaluate": Command(
        "marey.cli.evaluate:evaluate", "measure a model beside its baselines, on fixed windows"
    ),
    "generate": Command("marey.cli.generate:generate", "make a motion from a sentence"),
    "generate kimodo": Command(
        "marey.cli.generate_kimodo:generate", "make the motion that a Kimodo folder asks for"
    ),
    "info": Command("marey.cli.info:info", "tell what is in a motion file"),
    "model pack": Command("marey.cli.model:pack", "write a trained model as packages ship it"),
    "reason": Command("marey.cli.reason:reason", "say what each part does in a sentence"),
    "reason build": Command(
        "marey.cli.reason:build", "make the captions that marey reason looks sentences up in"
    ),
    "reason train": Command(
        "marey.cli.reason_train:train", "train the network that writes texts of parts"
    ),
    "reason tune": Command(
        "marey.cli.reason_tune:tune", "teach a language model to write part texts"
    ),
    "render": Command("marey.cli.render:render", "draw a motion: contact sheet, animation, video"),
    "rig match": Command("marey.cli.rig:match", "tell which joint of a rig follows which"),
    "rig presets": Command("marey.cli.rig:presets", "list the namings of rigs that are known"),
    "rig save": Command("marey.cli.rig:save", "keep the joint names of a rig as a preset"),
    "rig show": Command("marey.cli.rig:show", "print the joint names of a preset"),
    "robot check": Command("marey.cli.robot:check", "tell what a CSV file asks of the Unitree G1"),
    "robot export": Command("marey.cli.robot:export", "write motions for the Unitree G1 as CSV"),
    "robot play": Command("marey.cli.robot:play", "draw a CSV file of the Unitree G1 with MuJoCo"),
    "search index": Command(
        "marey.cli.search:index", "make motions findable, or bring their index up to date"
    ),
    "search query": Command("marey.cli.search:query", "find motions by a sentence"),
    "search similar": Command("marey.cli.search:similar", "find motions like a motion"),
    "study make": Command(
        "marey.cli.study:make", "write a page on which people rate clips of several models"
    ),
    "study read": Command("marey.cli.study:read", "print mean opinion scores of a study"),
    "train": Command("marey.cli.train:train", "train a model on a store of motions"),
    "train alignment": Command(
        "marey.cli.train_alignment:train", "bring motions and sentences into one space"
    ),
}

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
_DESCRIPTION = "Human motion from text, body-part text and spatial constraints."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the process's own) and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except SystemExit as stop:  # tyro's --help and complaints
        return stop.code if isinstance(stop.code, int) else EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("marey: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # who reads the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (MareyError, OSError) as error:
        told = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            told = f"{error.filename}: {error.strerror}"
        message = " ".join(told.split())
        print(f"marey: error: {message}", file=sys.stderr)
        return EXIT_USER_ERROR


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        print(f"marey {__version__}")
        return 0
    name, rest = split_command(words)
    if name in COMMANDS:
        return _call(name, rest)
    if not rest or rest[0] in ("-h", "--help"):
        print(_help(name))
        return 0 if rest else EXIT_USER_ERROR
    raise MareyError(_unknown(name, rest[0]))


def split_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """Split off the longest beginning of ``words`` that names a command or a group."""
    taken = 0
    while taken < len(words) and _below(" ".join(words[: taken + 1])):
        taken += 1
    return " ".join(words[:taken]), list(words[taken:])


def _below(name: str) -> dict[str, Command]:
    """The command ``name``, or the commands of the group ``name``; all for the empty name."""
    prefix = f"{name} " if name else ""
    return {n: command for n, command in COMMANDS.items() if f"{n} ".startswith(prefix)}


def _call(name: str, arguments: list[str]) -> int:
    import tyro

    module, function = COMMANDS[name].target.split(":")
    command = getattr(importlib.import_module(module), function)
    code = tyro.cli(
        command, prog=f"marey {name}", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
    )
    return int(code or 0)


def _help(group: str) -> str:
    listed = _below(group)
    width = max(map(len, (*listed, "-h, --help"))) + 2
    lines = [
        f"usage: {' '.join(['marey', *group.split()])} COMMAND ...",
        *(() if group else ("", _DESCRIPTION)),
        "",
        "commands:",
        *(f"  {name:{width}}{command.summary}" for name, command in listed.items()),
        "",
        "options:",
        f"  {'-h, --help':{width}}show this help; 'marey COMMAND --help' explains a command",
        *(() if group else (f"  {'--version':{width}}show the version",)),
    ]
    return "\n".join(lines)


def _unknown(group: str, word: str) -> str:
    skip = len(group.split())
    choices = list(dict.fromkeys(name.split()[skip] for name in _below(group)))
    close = difflib.get_close_matches(word, choices, n=1)
    kind = "option" if word.startswith("-") else "command"
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"unknown {kind} {word!r}; the commands are {', '.join(choices)}.{hint}"
