"""``marey generate``: a sentence becomes an animation file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from marey.cli.arguments import Outputs, check_outputs

if TYPE_CHECKING:
    from marey.generate import GenerationResult
    from marey.motion import Motion
    from marey.sampling import Guidance


def generate(
    text: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SENTENCE")],
    *,
    output: Outputs = (),
    seconds: float | None = None,
    samples: int = 1,
    seed: int = 0,
    part: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    model: str = "small",
    steps: int | None = None,
    text_weight: float | None = None,
    guidance: Literal["joint", "separated"] = "joint",
    fps: float | None = None,
    skeleton: Path | None = None,
    force: bool = False,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Generate motions from a sentence; the suffix of each -o decides the format.

    Args:
        text: What the person does, such as "a person walks forward and waves".
        output: File to write (.bvh, .glb, .npz; .png, .webp, .gif, .mp4 for a preview);
            may be repeated. With several samples, _00, _01, … is added to the name.
        seconds: Length; without it 5 s, and 2.5 s more for each further thing to do.
        samples: How many different motions to draw.
        seed: Same seed, same motions.
        part: Text for one body part, as NAME=TEXT; may be repeated.
        model: Bundled model or checkpoint folder.
        steps: Network steps; more is slower and a little better.
        text_weight: How strictly to follow the text; 1 = no guidance.
        guidance: Whether text and constraints are weighted together or apart.
        fps: Frame rate of the result; the model's own if not given.
        skeleton: BVH file whose skeleton the motion is put on.
        force: Overwrite existing files.
        as_json: Print the report as JSON.
    """
    from marey.generate import GenerationRequest
    from marey.generate import generate as run
    from marey.io import WRITE_SUFFIXES, read_bvh
    from marey.text import TextScript

    targets = [_sample_paths(path, samples) for path in output]
    check_outputs(tuple(p for row in targets for p in row), WRITE_SUFFIXES, force=force)
    request = GenerationRequest(
        script=TextScript.from_prompt(text, parts=_part_texts(part)),
        seconds=seconds,
        samples=samples,
        seed=seed,
        model=model,
        steps=steps,
        guidance=_guidance(guidance, text_weight),
        fps=fps,
        skeleton=None if skeleton is None else read_bvh(skeleton).skeleton,
    )
    result = run(request, progress=None if as_json else _ProgressBar())
    for row in targets:
        for path, motion in zip(row, result.motions, strict=True):
            _save(motion, path, caption=text, force=force)
    if as_json:
        print(json.dumps(result.to_json() | {"files": [str(p) for r in targets for p in r]}))
    else:
        _print_summary(result, targets)


def _part_texts(parts: tuple[str, ...]) -> dict[str, str]:
    from marey.errors import InvalidInputError

    pairs = [part.partition("=") for part in parts]
    for name, sign, _ in pairs:
        if not sign:
            raise InvalidInputError(
                f"--part needs NAME=TEXT, such as left_arm=waves; got {name!r}."
            )
    return {name: words for name, _, words in pairs}


def _guidance(mode: Literal["joint", "separated"], text_weight: float | None) -> "Guidance | None":
    """Return what the flags ask for; None, the model's own, where they ask for nothing."""
    from marey.sampling import Guidance

    if text_weight is None and mode == "joint":
        return None
    return Guidance(mode=mode) if text_weight is None else Guidance(mode=mode, text=text_weight)


def _sample_paths(path: Path, samples: int) -> list[Path]:
    if samples == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{i:02d}{path.suffix}") for i in range(samples)]


def _save(motion: "Motion", path: Path, *, caption: str, force: bool) -> None:
    from marey.io import save_motion
    from marey.io.render import PREVIEW_SUFFIXES, render_file

    if path.suffix.lower() in PREVIEW_SUFFIXES:
        render_file(motion, path, caption=caption, force=force)
    else:
        save_motion(motion, path, force=force)


class _ProgressBar:
    """Shows network steps on stderr while they run."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("generating", total=None)
        self._bar.start()

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)
        if done == total:
            self._bar.stop()


def _print_summary(result: "GenerationResult", targets: list[list[Path]]) -> None:
    for i, report in enumerate(result.reports):
        for row in targets:
            print(row[i])
        print(
            f"  {report.frames} frames, {report.seconds:.2f} s; path {report.path_metres:.2f} m, "
            f"{report.forward_metres:+.2f} m forward, {report.left_metres:+.2f} m left, turn "
            f"{report.turn_degrees:+.0f}°; skate {100 * report.skate_contacts:.1f} cm/s"
        )
    if result.retargeting is not None and result.retargeting.unmapped:
        print(f"  joints that stay at rest: {', '.join(result.retargeting.unmapped)}")
    print(
        f"  {sum(result.timings.values()):.2f} s: "
        + ", ".join(f"{name} {value:.2f}" for name, value in result.timings.items())
    )
