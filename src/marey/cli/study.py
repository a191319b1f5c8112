"""``marey study``: people rate clips of several models, and what they think of each."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from marey.cli.arguments import check_outputs

if TYPE_CHECKING:
    from marey.evaluation import OpinionScore

Models = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(name="model", metavar="NAME=FOLDER"),
]


def make(
    output: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT.html")],
    *,
    models: Models = (),
    prompts: Annotated[Path | None, tyro.conf.arg(metavar="TABLE.csv")] = None,
    seed: int = 0,
    force: bool = False,
) -> None:
    """Write a page on which people rate clips of several models without knowing whose they are.

    Args:
        output: Page to write; it needs no network.
        models: A model and the folder of its motion files (.npz or .bvh); once for each model.
        prompts: CSV table with the columns file and prompt; by default a prompt is the text in the
            metadata of an NPZ file.
        seed: Decides the order of the clips; give every rater a page of their own.
        force: Overwrite a file that exists.
    """
    from marey.evaluation import Study, read_prompts
    from marey.io import atomic_path

    check_outputs((output,), (".html",), force=force)
    table = read_prompts(prompts) if prompts else None
    study = Study.of_folders(_folders(models), table)
    with atomic_path(output, force=force) as temporary:
        temporary.write_text(study.html(seed=seed), encoding="utf-8")
    print(f"{output}: {len(study.clips)} clips of {len(models)} models, study {study.name}")


def read(
    answers: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="ANSWERS")],
    *,
    seed: int = 0,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Print mean opinion scores of each model with 95 % intervals over clips and raters.

    Args:
        answers: Files that the raters saved on pages of one study.
        seed: Decides the draws behind the intervals.
        as_json: Print JSON instead of a table.
    """
    from marey.evaluation import opinion_scores, read_answers

    scores = opinion_scores([read_answers(path) for path in answers], seed=seed)
    if as_json:
        print(json.dumps([_plain(asdict(each)) for each in scores]))
        return
    width = max(len("model"), *(len(each.model) for each in scores))
    print(f"{'model':{width}}  {'question':10} score  95 % interval  clips  raters  ratings")
    for each in scores:
        print(_row(each, width))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with null for what is no number."""
    return {
        name: _plain(each) if isinstance(each, dict) else None if each != each else each
        for name, each in values.items()
    }


def _row(each: "OpinionScore", width: int) -> str:
    score = each.score
    interval = f"{score.low:.2f} to {score.high:.2f}"
    return (
        f"{each.model:{width}}  {each.question:10} {score.value:5.2f}  {interval:>13}  "
        f"{each.clips:5}  {each.raters:6}  {each.ratings:7}"
    )


def _folders(models: tuple[str, ...]) -> dict[str, Path]:
    from marey.errors import InvalidInputError

    folders: dict[str, Path] = {}
    for each in models:
        name, sign, folder = each.partition("=")
        if not sign or not name or name in folders:
            raise InvalidInputError(
                f"--model: expected NAME=FOLDER with a name of its own, got {each!r}."
            )
        folders[name] = Path(folder)
    return folders
