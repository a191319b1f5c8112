"""``marey reason``: from a sentence to sentences about the parts of the body."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from marey.cli.arguments import Outputs, check_outputs, part_texts

if TYPE_CHECKING:
    from marey.reasoning import Neighbour, Reasoner
    from marey.text import TextScript

BackEnd = Literal["writer", "nearest", "templates"]

CMU = (
    "Motions: mocap.cs.cmu.edu, created with funding from NSF EIA-0196217. Sentences: written by a "
    "language model, CC BY 4.0. Part texts: measured by marey."
)
"""What is said of data made from the CMU pack."""


def stated_source(source: str) -> str:
    """Return the source that a user states; ``cmu`` stands for the CMU pack's."""
    return CMU if source == "cmu" else source


def reason(
    text: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TEXT")],
    *,
    part: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=TEXT")
    ] = (),
    by: BackEnd = "writer",
    writer: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    bank: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    llm: Annotated[str | None, tyro.conf.arg(metavar="URL|FOLDER")] = None,
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None,
    adapter: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    seconds: float | None = None,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Say what each part of the body does in a sentence; what you say of a part stays as it is.

    The API key of an endpoint comes from the environment variable MAREY_LLM_KEY.

    Args:
        text: What the person does.
        part: Your own text for a part, such as left_arm="waves"; may be repeated.
        by: Where texts come from: a small network, the nearest captions of real motions, or rules.
        writer: Network that `marey reason train` made, instead of the bundled one.
        bank: Captions for --by nearest that `marey reason build` made, instead of the bundled ones.
        llm: Ask a language model instead: an endpoint like OpenAI's, or a transformers folder.
        model: Name of the model at the endpoint.
        adapter: What `marey reason tune` made for the model in the folder: RUN/adapter.
        seconds: Length of the clip.
        as_json: Print the script as JSON instead of a table.
    """
    from marey.errors import InvalidInputError
    from marey.text import TextScript

    if not text.strip():
        raise InvalidInputError("Expected a sentence, such as 'a person waves', got an empty one.")
    given = TextScript.from_prompt(text, parts=part_texts(part))
    _check(llm, model, adapter)
    reasoner = _asking(llm, model, adapter) if llm else _own(by, writer, bank)
    script = reasoner.reason(given, seconds)
    if as_json:
        print(json.dumps(script.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(_table(script, own=len(given.statements))))
        print("\n".join(_neighbours(reasoner, given)))


def build(
    store: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")],
    output: Outputs,
    *,
    limit: int | None = None,
    source: str = "not stated",
    force: bool = False,
) -> None:
    """Make a bank of captions from the training windows of a store.

    Args:
        store: Folder of a store.
        output: File to write (.safetensors).
        limit: At most so many captions; the most different ones stay.
        source: Where motions and sentences come from, and under which terms; cmu: the CMU pack.
        force: Overwrite a file that exists.
    """
    from rich.console import Console
    from rich.progress import Progress

    from marey.data import MotionStore
    from marey.reasoning import build_bank
    from marey.reasoning.building import LIMIT
    from marey.text import MiniLMEncoder

    check_outputs(output, (".safetensors",), force=force)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("windows", total=None)
        made = build_bank(
            MotionStore.open(store),
            MiniLMEncoder(),
            source=stated_source(source),
            limit=LIMIT if limit is None else limit,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for path in output:
        made.save(path, force=force)
        size = path.stat().st_size / 1e6
        print(f"{path}: {len(made.captions)} captions, {len(made.texts)} windows, {size:.1f} MB")


def _check(llm: str | None, model: str | None, adapter: Path | None) -> None:
    from marey.errors import InvalidInputError

    if llm is None and adapter is not None:
        raise InvalidInputError("--adapter: expected --llm FOLDER with it. Give the model, too.")
    if llm is None and model is not None:
        raise InvalidInputError("--model: expected --llm URL with it. Give the endpoint, too.")


def _own(by: BackEnd, writer: Path | None, bank: Path | None) -> "Reasoner":
    """A reasoner that needs no language model."""
    from marey.errors import InvalidInputError
    from marey.reasoning import CaptionBank, NearestReasoner, TemplateReasoner, WrittenReasoner
    from marey.reasoning.writer_file import load_writer

    for name, file, owner in (("writer", writer, "writer"), ("bank", bank, "nearest")):
        if file is not None and by != owner:
            raise InvalidInputError(f"--{name}: expected --by {owner} with it, got {by}.")
    if by == "writer":
        return WrittenReasoner(None if writer is None else load_writer(writer))
    if by == "nearest":
        return NearestReasoner(None if bank is None else CaptionBank.load(bank))
    return TemplateReasoner()


def _asking(llm: str, model: str | None, adapter: Path | None) -> "Reasoner":
    """A reasoner that asks the language model which annotation would ask, too."""
    from collections.abc import Mapping
    from typing import Any

    from marey.annotation import LocalModel, Message, OpenAIEndpoint
    from marey.errors import InvalidInputError
    from marey.reasoning import LanguageModelReasoner

    if "://" not in llm:
        asked = LocalModel(llm, adapter=adapter)
    elif adapter is not None:
        raise InvalidInputError(
            "--adapter: expected a folder as --llm, got an endpoint. Leave it out, or serve the "
            "model with its adapter there."
        )
    elif not model:
        raise InvalidInputError(f"--llm {llm}: expected --model NAME with it, got none.")
    else:
        asked = OpenAIEndpoint(llm, model)

    def ask(task: str, question: str, schema: Mapping[str, Any]) -> str:
        messages = [Message(role="system", text=task), Message(role="user", text=question)]
        return asked.ask(messages, schema).text

    return LanguageModelReasoner(ask, name=asked.name)


def _table(script: "TextScript", own: int) -> list[str]:
    """A line for each statement; a star marks those that the user gave."""
    rows = [
        (each.slot.replace("_", " ").replace("+", " + "), "*" if i < own else " ", each.text)
        for i, each in enumerate(script.statements)
    ]
    width = max(len(slot) for slot, _, _ in rows)
    return [f"{slot:{width}} {star} {text}" for slot, star, text in rows]


def _neighbours(reasoner: "Reasoner", given: "TextScript") -> list[str]:
    """What the texts come from, so that a strange one can be understood."""
    from marey.reasoning import NearestReasoner

    if not isinstance(reasoner, NearestReasoner):
        return ["", f"* yours; the rest by {reasoner.name}"]
    lines = ["", "* yours; the rest from the captions nearest to"]
    return lines + [_told(near) for near in reasoner.neighbours(given.prompt)]


def _told(near: "tuple[Neighbour, ...]") -> str:
    if not near:
        return "  (none is near enough: by rules)"
    return f"  {near[0].caption} ({near[0].likeness:.2f}), and {len(near) - 1} more"
