"""``marey annotate judge``: people say which texts of parts are right, and how far they agree."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.annotate import store_folder
from marey.cli.arguments import InputFile, Outputs, check_outputs

if TYPE_CHECKING:
    from marey.annotation.agreement import Agreement

Dataset = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STORE|cmu")]
Json = Annotated[bool, tyro.conf.arg(name="json")]


def make(
    dataset: Dataset,
    output: Outputs = (),
    *,
    author: str = "geometry",
    annotations: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    clips: int = 20,
    seed: int = 0,
    force: bool = False,
) -> None:
    """Write a form on which a person marks what the parts of some clips do as right or wrong.

    Args:
        dataset: Store whose windows are annotated; cmu stands for stores/cmu.
        output: Form to write: .html, a page that needs no network, or .csv, a table to fill in.
        author: Whose texts to judge: the name of a language model, or geometry.
        annotations: Folder of the annotations; the store's own by default.
        clips: How many clips to draw.
        seed: Decides which.
        force: Overwrite files that exist.
    """
    from marey.annotation import JudgeForm, annotation_path, read_annotations
    from marey.data import MotionStore
    from marey.io import atomic_path

    check_outputs(output, (".html", ".csv"), force=force)
    store = MotionStore.open(store_folder(dataset))
    lines = read_annotations(annotation_path(annotations or store.path, author))
    form = JudgeForm.sample(store, lines, clips=clips, seed=seed)
    for path in output:
        text = form.csv() if path.suffix.lower() == ".csv" else form.html()
        with atomic_path(path, force=force) as temporary:
            temporary.write_text(text, encoding="utf-8")
        print(f"{path}: {clips} clips, form {form.name}")


def read(
    first: InputFile,
    second: InputFile,
    *,
    log: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    as_json: Json = False,
) -> None:
    """Print how far two people agree on the same form (Cohen's kappa), and log it.

    Args:
        first: Judgements of one person (.json or .csv).
        second: Judgements of the other.
        log: JSON file that keeps agreement by version of the prompt; agreement.json beside FIRST
            by default.
        as_json: Print JSON instead of a table.
    """
    from marey.annotation import agreement, log_agreement, read_judgements

    one, other = read_judgements(first), read_judgements(second)
    found = agreement(one, other)
    path = log or first.with_name("agreement.json")
    is_new = log_agreement(path, one, other, found)
    if as_json:
        print(json.dumps({name: each.to_json() for name, each in found.items()}))
        return
    print(f"Statements by {one.author}, prompt {one.prompt or 'none'}, form {one.form}\n")
    judges = f"{one.judge[:12]:>13}{other.judge[:12]:>13}"
    print(f"{'part':12}{'statements':>11}{judges}{'alike':>8}{'kappa':>8}")
    for name, each in found.items():
        print(_row(name, each))
    print(f"\n{path}: {'one entry added' if is_new else 'has this entry already'}")


def _row(name: str, found: "Agreement") -> str:
    shares = "".join(f"{f'{share:.0%} right':>13}" for share in found.right)
    return f"{name:12}{found.statements:>11}{shares}{found.same:>8.0%}{found.kappa:>8.2f}"
