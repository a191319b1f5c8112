"""``marey generate``: a sentence becomes an animation file."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from marey.cli.arguments import Outputs, check_outputs, part_texts
from marey.cli.control import NO_CONTROL, ControlFlags, constraints_for, script_with
from marey.cli.motion_files import read_skeleton, write_motion

if TYPE_CHECKING:
    from marey.generate import ConstraintReport, GenerationResult
    from marey.sampling import Guidance
    from marey.text import TextScript

MOST_WARNINGS = 10
"""So many are told in the terminal."""
GuidanceMode = Literal["joint", "separated"]


def generate(
    text: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SENTENCE")] = "",
    *,
    output: Outputs = (),
    seconds: float | None = None,
    samples: int = 1,
    seed: int = 0,
    part: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=TEXT")
    ] = (),
    model: str = "small",
    steps: int | None = None,
    text_weight: float | None = None,
    smoothing: float | None = None,
    guidance: GuidanceMode | None = None,
    fps: float | None = None,
    skeleton: Annotated[str | None, tyro.conf.arg(metavar="FILE|NAME")] = None,
    control: Annotated[ControlFlags, tyro.conf.OmitArgPrefixes] = NO_CONTROL,
    report: Path | None = None,
    force: bool = False,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Generate motions from a sentence; the suffix of each -o decides the format.

    Args:
        text: What the person does, such as "a person walks forward and waves".
        output: File to write (.bvh, .fbx, .glb, .npz, .npy; .csv for the G1 robot; .png,
            .webp, .gif, .mp4 for a preview); may be repeated. With several samples, _00, _01, …
            is added to the name.
        seconds: Length; without it 5 s, and 2.5 s more for each further thing to do.
        samples: How many different motions to draw.
        seed: Same seed, same motions.
        part: Text for one body part, such as left_arm="waves"; may be repeated.
        model: Bundled model or checkpoint folder.
        steps: Network steps; more is slower and a little better. The model's own if not given.
        text_weight: How strictly to follow the text; 1 = no guidance. The model's own if not
            given.
        smoothing: Seconds over which rotations are smoothed; 0 = none. The model's own if not
            given.
        guidance: Whether text and constraints are weighted together or apart. The model's own
            if not given.
        fps: Frame rate of the result; the model's own if not given.
        skeleton: File whose skeleton the motion is put on, or one of marey's own by name.
        control: Constraints, sequences and post-processing.
        report: JSON file for the whole report, every pin with its error.
        force: Overwrite existing files.
        as_json: Print the report as JSON.
    """
    from marey.generate import GenerationRequest, clip_of
    from marey.generate import generate as run
    from marey.io import WRITE_SUFFIXES, atomic_path

    motions = 1 if control.best else max(samples, 1)  # a wrong number is the request's to refuse
    targets = _targets(output, motions)
    check_outputs(tuple(path for row in targets for path in row), WRITE_SUFFIXES, force=force)
    if report is not None:
        check_outputs((report,), (".json",), force=force)
    script, length = script_with(_script(text, part, control), seconds, control)
    request = GenerationRequest(
        script=script,
        seconds=length,
        samples=samples,
        seed=seed,
        model=model,
        steps=steps,
        guidance=_guidance(model, guidance, text_weight),
        smoothing=smoothing,
        fps=fps,
        skeleton=None if skeleton is None else read_skeleton(skeleton),
        **control.request_fields(),
    )
    pinned = constraints_for(control, clip_of(request))
    request = replace(request, constraints=pinned.constraints)
    with _progress_bar(hidden=as_json) as progress:
        result = run(request, progress=progress)
    notes = [*pinned.notes, *_save_all(result, targets, fps=fps, force=force)]
    content = _report(result, targets) | {"notes": notes}
    if report is not None:
        with atomic_path(report, force=force) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    if not as_json:
        _warn(result)
    lines = [_summary(result, targets), *(f"  {note}" for note in notes)]
    print(json.dumps(content) if as_json else "\n".join(lines))


def _script(text: str, parts: tuple[str, ...], control: ControlFlags) -> "TextScript":
    """Return what the words and the NAME=TEXT pairs say. Raises InvalidInputError for nothing."""
    from marey.errors import InvalidInputError
    from marey.text import TextScript

    if not text.strip() and not (parts or control.then or control.timeline):
        raise InvalidInputError(
            'Expected a sentence, got nothing. Say what the person does: "a person walks forward".'
        )
    return TextScript.from_prompt(text, parts=part_texts(parts))


def _guidance(model: str, mode: GuidanceMode | None, weight: float | None) -> "Guidance | None":
    """Return the model's own guidance with what the flags change; None if they change nothing."""
    if mode is None and weight is None:
        return None
    from marey.generate import default_guidance

    own = default_guidance(model)
    return replace(own, mode=mode or own.mode, text=own.text if weight is None else weight)


def _targets(outputs: tuple[Path, ...], samples: int) -> list[list[Path]]:
    """Return the files of each sample, numbered where there are several."""
    if samples == 1:
        return [list(outputs)]
    return [[p.with_name(f"{p.stem}_{i:02d}{p.suffix}") for p in outputs] for i in range(samples)]


def _save_all(
    result: "GenerationResult", targets: list[list[Path]], *, fps: float | None, force: bool
) -> Iterator[str]:
    """Write every motion to its files, and yield what their formats made necessary."""
    from marey.io.render import PREVIEW_SUFFIXES, render_file

    for motion, row in zip(result.motions, targets, strict=True):
        for path in row:
            if path.suffix.lower() in PREVIEW_SUFFIXES:
                caption = str(motion.metadata["text"]) or None
                render_file(motion, path, caption=caption, force=force)
            else:
                yield from write_motion(motion, path, fps=fps, force=force)


@contextmanager
def _progress_bar(*, hidden: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show network steps on stderr while they run, if somebody looks at it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("generating", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _warn(result: "GenerationResult") -> None:
    """Tell on stderr what is doubtful about the constraints."""
    for each in result.warnings[:MOST_WARNINGS]:
        print(f"marey: warning: {each}", file=sys.stderr)
    more = len(result.warnings) - MOST_WARNINGS
    if more > 0:
        print(f"marey: and {more} more warnings; --report has them all", file=sys.stderr)


def _report(result: "GenerationResult", targets: list[list[Path]]) -> dict[str, object]:
    content = result.to_json()
    for measured, row in zip(content["motions"], targets, strict=True):
        measured["files"] = [str(path) for path in row]
    return content


def _outcome(report: "ConstraintReport") -> str:
    """Say in a line what became of a constraint."""
    worst = report.worst
    if worst is None:
        return f"{report.name}: nothing to pin in this clip"
    units = {pin.unit for pin in report.pins}
    parts = []
    for unit in sorted(units):
        pins = [pin for pin in report.pins if pin.unit == unit]
        before, after = (max(p.error_before for p in pins), max(p.error_after for p in pins))
        parts.append(f"{before:.1f} → {after:.2f} {unit}")
    errors = f"worst error {', '.join(parts)}"
    if report.met:
        return f"{report.name}: met ({errors})"
    missed = sum(not pin.met for pin in report.pins)
    what = worst.joint or worst.kind.replace("_", " ")
    return (
        f"{report.name}: NOT met in {missed} of {len(report.pins)} pins ({errors}), worst {what} "
        f"in frame {worst.frame}: {report.why}"
    )


def _summary(result: "GenerationResult", targets: list[list[Path]]) -> str:
    lines = []
    rows = zip(result.motions, result.reports, result.constraints, targets, strict=True)
    for motion, report, constraints, row in rows:
        lines += map(str, row)
        lines.append(
            f"  {motion.num_frames} frames at {motion.fps:g} fps, {motion.seconds:.2f} s; "
            f"path {report.path_metres:.2f} m, {report.forward_metres:+.2f} m forward, "
            f"{report.left_metres:+.2f} m left, turn {report.turn_degrees:+.0f}°; "
            f"skate {100 * report.skate_contacts:.1f} cm/s"
        )
        lines += [f"  {_outcome(each)}" for each in constraints]
    if result.retargeting is not None and result.retargeting.unmapped:
        lines.append(f"  joints that stay at rest: {', '.join(result.retargeting.unmapped)}")
    spent = ", ".join(f"{name} {seconds:.2f}" for name, seconds in result.timings.items())
    lines.append(f"  {sum(result.timings.values()):.2f} s: {spent}")
    return "\n".join(lines)
