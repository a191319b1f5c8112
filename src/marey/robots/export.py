"""Export: many motions of any body as CSV files of a robot, with a report of every one."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError, MareyError
from marey.io.atomic import atomic_path
from marey.io.mujoco_csv import Quaternions, write_mujoco_csv
from marey.motion import Motion
from marey.motion.robot_motion import RobotMotion
from marey.robots.checks import check_motion
from marey.robots.foot_targets import levelled
from marey.robots.projection import project_motion
from marey.robots.retarget import retarget_to_robot
from marey.skeleton import G1


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How the CSV files are written."""

    fps: float | None = 30.0
    """Frame rate; None for the motion's own."""
    header: bool = False
    quaternions: Quaternions = "wxyz"
    level: bool = False
    """Take the lowest sole within a second for the ground, see ``retarget_to_robot``."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What became of one motion."""

    source: str
    target: str
    status: str
    """"written", "kept" (the file was there already) or "dropped"."""
    reason: str = ""
    """Why it was dropped."""
    details: Mapping[str, Any] | None = None
    """Length, what the fit or projection cost, peaks of speed and acceleration."""


def to_robot(motion: Motion, *, level: bool = False) -> tuple[RobotMotion, dict[str, Any]]:
    """Return what the Unitree G1 makes of a motion, and the report of that as JSON-like values.

    A motion of its own skeleton is projected into its hinges and limits, any other retargeted.
    ``level`` takes the lowest sole within a second for the ground, see ``retarget_to_robot``.
    Raises InvalidInputError for a body without hips, heels and hands.
    """
    if motion.skeleton == G1.skeleton:
        projected = project_motion(levelled(motion) if level else motion, G1)
        return projected.motion, {"projection": asdict(projected.report)}
    result = retarget_to_robot(motion, level=level)
    return result.motion, {"retargeting": asdict(result.report)}


def export_motion(
    motion: Motion, path: str | Path, *, options: ExportOptions, force: bool = False
) -> dict[str, Any]:
    """Write one motion for the robot and return its report as JSON-like values."""
    if options.fps is not None and options.fps < motion.fps:
        motion = motion.resample(options.fps)  # first, for there is less to fit then
    made, report = to_robot(motion, level=options.level)
    if options.fps is not None:
        made = made.resample(options.fps)
    write_mujoco_csv(
        made, path, header=options.header, quaternions=options.quaternions, force=force
    )
    check = check_motion(made)
    rows = check.hinges
    return {
        "frames": check.frames,
        "fps": check.fps,
        **report,
        "velocity": max(row.velocity for row in rows.values()),
        "acceleration": max(row.acceleration for row in rows.values()),
        "lowest_sole": check.lowest_sole,
    }


def export_all(
    sources: Iterable[tuple[Path, Path]],
    *,
    read: Callable[[Path], Motion],
    options: ExportOptions,
    force: bool = False,
    report: Callable[[Exported], None],
) -> None:
    """Write every (source, target), going on past motions that cannot be read or retargeted.

    A target that exists is kept unless ``force``, so that a run that was stopped can go on.
    ``report`` is called with every outcome as soon as it is known.
    """
    for source, target in sources:
        if target.exists() and not force:
            report(_outcome(source, target, "kept"))
            continue
        try:
            details = export_motion(read(source), target, options=options, force=force)
        except MareyError as error:
            report(_outcome(source, target, "dropped", reason=" ".join(str(error).split())))
        else:
            report(_outcome(source, target, "written", details=details))


def _outcome(source: Path, target: Path, status: str, **rest: Any) -> Exported:
    return Exported(source=str(source), target=str(target), status=status, **rest)


def targets_of(
    sources: Sequence[Path], folder: Path, *, suffixes: Sequence[str]
) -> list[tuple[Path, Path]]:
    """Return the CSV file in ``folder`` for every file, and every motion file below a folder.

    The tree below a folder is kept; what lies in the output folder itself is no motion to export.
    Raises InvalidInputError where there is no file, or where two
    would be written to one name.
    """
    rows: list[tuple[Path, Path]] = []
    for source in sources:
        if source.is_dir():
            found = [p for p in sorted(source.rglob("*")) if p.suffix.lower() in suffixes]
            paths = [
                p for p in found if p.is_file() and folder.resolve() not in p.resolve().parents
            ]
            rows += [(p, (folder / p.relative_to(source)).with_suffix(".csv")) for p in paths]
        else:
            rows.append((source, folder / f"{source.stem}.csv"))
    if not rows:
        raise InvalidInputError(
            f"Expected motion files ({', '.join(suffixes)}), found none in "
            f"{', '.join(map(str, sources))}."
            if sources
            else "Expected at least one motion file or folder to export, got none."
        )
    names: dict[Path, Path] = {}
    for source, target in rows:
        if target in names:
            raise InvalidInputError(
                f"{source} and {names[target]} would both be written to {target}. Export them to "
                "folders of their own."
            )
        names[target] = source
    return rows


def read_report(path: Path) -> dict[str, Exported]:
    """Return the outcomes of an earlier export by target; none where there is no such file.

    Raises FileFormatError for another file.
    """
    if not path.exists():
        return {}
    try:
        rows = [Exported(**row) for row in json.loads(path.read_text(encoding="utf-8"))["motions"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        fix = "Name another file: an existing one must be the report that is to be continued."
        expected = "a report of marey robot export"
        raise FileFormatError(path, "file", expected=expected, got=str(error), fix=fix) from error
    return {row.target: row for row in rows}


def write_report(rows: Mapping[str, Exported], path: Path) -> None:
    """Write outcomes as JSON, over an earlier report: they hold what it held."""
    counts = {s: sum(r.status == s for r in rows.values()) for s in ("written", "kept", "dropped")}
    content = {"counts": counts, "motions": [asdict(row) for row in rows.values()]}
    with atomic_path(path, force=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
