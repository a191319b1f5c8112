"""``marey evaluate``: a table of a model and its baselines."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from marey.cli.arguments import check_outputs
from marey.cli.run_display import Display

if TYPE_CHECKING:
    from marey.data import MotionStore
    from marey.evaluation.clips import ClipStore
    from marey.evaluation.manifest import Manifest
    from marey.evaluation.report import SuiteReport

SuiteName = Literal["text", "control", "editing", "retrieval"]
FLAGS: dict[SuiteName, set[str]] = {
    "text": {"count", "repeats", "steps", "split", "evaluator", "no_memorisation"},
    "control": {"count", "repeats", "steps"},
    "editing": {"count", "repeats", "steps"},
    "retrieval": {"count"},
}
"""Flags that a suite understands."""
BUNDLED_ALIGNMENT = "htma"
"""Name of the alignment model that comes with the package."""


def evaluate(
    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")],
    *,
    suite: SuiteName,
    data: Annotated[Path, tyro.conf.arg(metavar="STORE")],
    output: Annotated[
        Path | None, tyro.conf.arg(name="output", aliases=["-o"], metavar="OUT")
    ] = None,
    count: int | None = None,
    repeats: int | None = None,
    steps: int | None = None,
    split: Literal["test", "test_repetition"] | None = None,
    evaluator: Annotated[
        tuple[Path, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="FILE")
    ] = (),
    no_memorisation: bool = False,
    no_plots: bool = False,
    force: bool = False,
) -> None:
    """Measure a model beside its baselines, on the fixed windows of the package's manifest.

    Writes report.md, report.json and a picture of each table. Motions are kept in OUT/clips; the
    same command goes on after a stop.

    Args:
        model: Name of a bundled model or folder of a checkpoint; for retrieval `htma` or the file
            of an alignment model.
        suite: What to measure.
        data: Store made from the CMU pack by `marey data prepare cmu`.
        output: Folder of the results; by default evaluation/MODEL-SUITE.
        count: How many captions (or cases of a kind); all (or the suite's own number) by default.
        repeats: How often each is generated, with other seeds; the suite's own number by default.
        steps: Network steps; the model's own number by default.
        split: Which windows the text suite takes; test by default.
        evaluator: Alignment model that judges in the text suite, too, such as one of the recipe
            evaluator-train; may be repeated, also for seeds of one recipe.
        no_memorisation: In the text suite, do not compare motions with all training clips.
        no_plots: Write no pictures, which need the extra `plots`.
        force: Overwrite an earlier report; motions are kept.
    """
    from marey.data import MotionStore
    from marey.evaluation.manifest import Manifest
    from marey.evaluation.plots import require_plots, write_plots

    given = {
        "count": count,
        "repeats": repeats,
        "steps": steps,
        "split": split,
        "evaluator": evaluator or None,
        "no_memorisation": no_memorisation or None,
    }
    flags = _understood(suite, {name: each for name, each in given.items() if each is not None})
    if not no_plots:
        require_plots()
    folder = output or Path("evaluation") / f"{Path(model).resolve().name}-{suite}"
    check_outputs((folder / "report.json",), (".json",), force=force)
    with Display() as display:
        job = _Job(
            model=model,
            folder=folder,
            manifest=Manifest.shipped(),
            store=MotionStore.open(data),
            display=display,
            flags=flags,
        )
        report = SUITES[suite](job)
    paths = list(report.write(folder, force=force))
    if not no_plots:
        paths += write_plots(report, folder, force=True)
    print(report.markdown())
    print("\n".join(f"{path} written" for path in paths))


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What a suite is asked to do."""

    model: str
    folder: Path
    manifest: "Manifest"
    store: "MotionStore"
    display: Display
    flags: Mapping[str, Any]

    def clips(self, suite: SuiteName) -> "ClipStore":
        """Open the folder of motions, which belongs to these weights, windows and steps."""
        from marey.evaluation.clips import ClipStore
        from marey.models.checkpoint import checkpoint_folder

        digest = hashlib.sha256()
        for name in ("config.json", "model.safetensors"):
            digest.update((checkpoint_folder(self.model) / name).read_bytes())
        settings = {
            "suite": suite,
            "model": digest.hexdigest()[:16],
            "manifest": self.manifest.fingerprint,
            "steps": self.flags.get("steps"),
        }
        return ClipStore.open(self.folder / "clips", settings)


def _text(job: _Job) -> "SuiteReport":
    from marey.evaluation.evaluator import evaluators
    from marey.evaluation.text_suite import text_suite
    from marey.text import MiniLMEncoder

    flags = dict(job.flags)
    memorisation = not flags.pop("no_memorisation", False)
    judges = evaluators(MiniLMEncoder(), flags.pop("evaluator", ()))
    return text_suite(
        job.model,
        job.manifest,
        job.store,
        job.clips("text"),
        judges=judges,
        memorisation=memorisation,
        progress=job.display.count,
        **flags,
    )


def _control(job: _Job) -> "SuiteReport":
    from marey.evaluation.control_suite import control_suite

    clips = job.clips("control")
    return control_suite(
        job.model, job.manifest, job.store, clips, progress=job.display.count, **job.flags
    )


def _editing(job: _Job) -> "SuiteReport":
    from marey.evaluation.editing_suite import editing_suite

    clips = job.clips("editing")
    return editing_suite(
        job.model, job.manifest, job.store, clips, progress=job.display.count, **job.flags
    )


def _retrieval(job: _Job) -> "SuiteReport":
    from marey.errors import InvalidInputError
    from marey.evaluation.retrieval_suite import retrieval_suite
    from marey.text import MiniLMEncoder

    file = Path(job.model)
    if job.model != BUNDLED_ALIGNMENT and not file.is_file():
        raise InvalidInputError(
            f"{file}: expected {BUNDLED_ALIGNMENT}, or the file of an alignment model (a training "
            "run keeps it as RUN/alignment.safetensors), got no file."
        )
    return retrieval_suite(
        None if job.model == BUNDLED_ALIGNMENT else file,
        job.manifest,
        job.store,
        MiniLMEncoder(),
        progress=job.display.count,
        **job.flags,
    )


SUITES: dict[SuiteName, Callable[[_Job], "SuiteReport"]] = {
    "text": _text,
    "control": _control,
    "editing": _editing,
    "retrieval": _retrieval,
}


def _understood(suite: SuiteName, given: dict[str, Any]) -> dict[str, Any]:
    """Return the flags. Raises InvalidInputError for one that means nothing to a suite, or < 1."""
    from marey.errors import InvalidInputError

    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        if name not in FLAGS[suite]:
            suites = ", ".join(each for each, flags in FLAGS.items() if name in flags)
            raise InvalidInputError(
                f"{flag}: means nothing to the suite {suite}, only to {suites}. Leave it out."
            )
        if name in ("count", "repeats", "steps") and value < 1:
            raise InvalidInputError(f"{flag}: expected 1 or more, got {value}.")
    return given
