"""``marey robot``: motions for the Unitree G1, checked and played."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from marey.cli.arguments import InputFile
from marey.cli.motion_files import AS_IS, Reading, ReadingFlags, format_read, read_motion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marey.motion import Motion
    from marey.motion.robot_motion import RobotMotion
    from marey.robots import Exported, RobotCheck

Sources = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN")]
Output = Annotated[Path, tyro.conf.arg(name="output", aliases=["-o"], metavar="OUT")]
Quaternions = Literal["wxyz", "xyzw"]


def export(
    sources: Sources,
    *,
    output: Output,
    fps: float = 30.0,
    header: bool = False,
    quaternions: Quaternions = "wxyz",
    level: bool = False,
    report: Path | None = None,
    reading: Reading = AS_IS,
    force: bool = False,
) -> int:
    """Write motions of any body as CSV files of the Unitree G1: 36 columns, angles in their limits.

    A folder is searched for motion files, and its tree is kept. Files that exist are left alone,
    so that a stopped export goes on where it was. Motions that cannot be used are dropped and
    said so.

    Args:
        sources: Motion files, or folders of them.
        output: Folder to write to; for one motion also a name that ends in .csv.
        fps: Frame rate of the CSV files, which do not hold it themselves.
        header: Write the names of the columns into the first line.
        quaternions: Order of the root's quaternion; wxyz is MuJoCo's.
        level: Take the lowest foot within a second for the ground: for captures whose floor drifts.
        report: JSON file for what became of each motion; an earlier one is continued.
        reading: How to read the motions; each flag goes to the formats that know it.
        force: Overwrite CSV files that exist.
    """
    from marey.robots import Exported, ExportOptions, export_all
    from marey.robots.export import read_report, write_report

    rows = _rows(sources, output)
    known = {} if report is None else read_report(report)
    counts = {"written": 0, "kept": 0, "dropped": 0}

    def tell(row: Exported) -> None:
        counts[row.status] += 1
        if row.status != "kept" or row.target not in known:
            known[row.target] = row
        print(outcome_line(row))
        if report is not None:
            write_report(known, report)

    options = ExportOptions(fps=fps, header=header, quaternions=quaternions, level=level)
    export_all(
        rows,
        read=lambda path: _source(path, reading, of_many=len(rows) > 1),
        options=options,
        force=force,
        report=tell,
    )
    print(", ".join(f"{count} {status}" for status, count in counts.items()))
    return 1 if counts["dropped"] == len(rows) else 0


def _rows(sources: tuple[Path, ...], output: Path) -> list[tuple[Path, Path]]:
    """Return source and target of every motion. Raises InvalidInputError before any work."""
    from marey.errors import InvalidInputError
    from marey.io import READ_SUFFIXES, WRITE_SUFFIXES
    from marey.robots.export import targets_of

    for source in sources:
        if not source.exists():
            raise InvalidInputError(f"{source}: expected a motion file or a folder, got neither.")
    if output.suffix.lower() == ".csv" and not output.is_dir():
        if len(sources) != 1 or sources[0].is_dir():
            raise InvalidInputError(f"{output}: name a folder for more than one motion.")
        return [(sources[0], output)]
    if not output.is_dir() and (output.exists() or output.suffix.lower() in WRITE_SUFFIXES):
        raise InvalidInputError(
            f"{output}: expected a folder, or for one motion a name that ends in .csv."
        )
    return targets_of(sources, output, suffixes=READ_SUFFIXES)


def _source(path: Path, reading: ReadingFlags, *, of_many: bool) -> "Motion":
    """Read a motion to export, on a rig that stands; limbs of folded ones would go astray."""
    from marey.motion.robot_motion import twists
    from marey.rigs import upright
    from marey.skeleton import G1

    motion = read_motion(path, reading, of_many=of_many)
    if format_read(path, reading) == "g1":
        poses, _ = twists(motion, G1)
        _doubt_order(path, poses, reading.source_quaternions, flag="--source-quaternions")
    return upright(motion)


def _doubt_order(path: Path, poses: "RobotMotion", stated: Quaternions, *, flag: str) -> None:
    """Warn if the robot stands better when its file is read in the other order."""
    from marey.robots.quaternion_order import likelier_order

    if other := likelier_order(poses, stated):
        print(
            f"warning: {path}: read as {stated}, the robot does not stand as well as it does as "
            f"{other}: try {flag} {other}.",
            file=sys.stderr,
        )


def check(
    file: InputFile,
    *,
    fps: float = 30.0,
    quaternions: Quaternions = "wxyz",
    limits: Path | None = None,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Tell what a CSV file asks of the Unitree G1: angles, speeds, accelerations, ground.

    Ends with status 1 if a limit is exceeded or a foot is in the ground.

    Args:
        file: CSV file of the robot's poses.
        fps: Its frame rate, which it does not hold itself.
        quaternions: Order of the root's quaternion.
        limits: JSON file with limits of speed and acceleration: {"velocity": 20}, rad/s.
        json_: Print everything as JSON.
    """
    from marey.robots import check_motion, read_hinge_limits

    motion = _poses(file, fps, quaternions)
    given = None if limits is None else read_hinge_limits(limits, motion.robot)
    result = check_motion(motion, limits=given)
    if json_:
        print(json.dumps({"passes": result.passes, **asdict(result)}, indent=1))
    else:
        _print_check(result)
    return 0 if result.passes else 1


def play(
    file: InputFile,
    *,
    output: Output,
    fps: float = 30.0,
    quaternions: Quaternions = "wxyz",
    model: Path | None = None,
    size: tuple[int, int] = (480, 480),
    force: bool = False,
) -> None:
    """Draw a CSV file of the Unitree G1 with MuJoCo, off screen.

    Args:
        file: CSV file of the robot's poses.
        output: File to write: .webp, .gif or .mp4.
        fps: Frame rate of the CSV file, which it does not hold itself.
        quaternions: Order of the root's quaternion.
        model: MJCF file of the robot; capsules if not given.
        size: Width and height, pixels.
        force: Overwrite OUT if it exists.
    """
    from rich.console import Console
    from rich.progress import Progress

    from marey import robots

    if sys.platform == "linux" and "DISPLAY" not in os.environ:
        os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo's own choice needs a screen
    motion = _poses(file, fps, quaternions)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(output.name, total=None)
        robots.play(
            motion,
            output,
            model=model,
            size=size,
            force=force,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    print(output)


def _poses(file: Path, fps: float, quaternions: Quaternions) -> "RobotMotion":
    """Read a CSV file of the robot's poses. Raises InvalidInputError for a motion file."""
    from marey.errors import InvalidInputError
    from marey.io import READ_SUFFIXES
    from marey.io.mujoco_csv import read_robot_csv

    suffix = file.suffix.lower()
    if suffix in READ_SUFFIXES and suffix != ".csv" and file.exists():
        raise InvalidInputError(
            f"{file}: expected a CSV file of the robot's poses. Make one of this motion: "
            f"marey robot export {file} -o {file.stem}.csv"
        )
    motion = read_robot_csv(file, fps=fps, quaternions=quaternions)
    _doubt_order(file, motion, quaternions, flag="--quaternions")
    return motion


def outcome_line(row: "Exported") -> str:
    """Return what became of a motion, in a user's words."""
    if row.status == "dropped":
        return f"{row.source}: dropped: {row.reason}"
    if row.status == "kept" or row.details is None:
        return f"{row.target}: exists, kept"
    details = row.details
    words = [f"{details['frames']} frames"]
    if made := details.get("retargeting"):
        words += fit_words(made)
    if made := details.get("projection"):
        words.append(f"joints moved {100 * made['projected_mean']:.2f} cm")
        words[-1] += f" (at most {100 * made['projected_max']:.1f})"
        if made["projected_speed"] > 2 * made["twist_speed"]:
            words.append(f"hinges jump: the motion itself has {made['twist_speed']:.1f} rad/s")
    words.append(f"up to {details['velocity']:.1f} rad/s")
    return f"{row.target}: {', '.join(words)}"


def fit_words(made: "Mapping[str, Any]") -> list[str]:
    """Return what retargeting to the robot cost, in a user's words, from its report as JSON."""
    slide = f"feet slide {100 * made['skate_after']:.1f} cm/s"
    return [
        f"hands {100 * made['hands_mean']:.1f} cm off (at most {100 * made['hands_max']:.1f})",
        slide if made["touching"] else "no foot touches the ground: try --level",
    ]


def _print_check(result: "RobotCheck") -> None:
    print(f"{'hinge':20} {'angles (rad)':>17} {'beyond':>15} {'rad/s':>13} {'rad/s²':>13}")
    for name, row in result.hinges.items():
        angles = f"{row.lowest:+.3f} … {row.highest:+.3f}"
        beyond = f"{row.frames_beyond:.1%} {row.most_beyond:.3f}" if row.most_beyond else "–"
        speed = _with_share(f"{row.velocity:.1f}", row.too_fast)
        jolt = _with_share(f"{row.acceleration:.0f}", row.too_sudden)
        print(f"{name.removesuffix('_joint'):20} {angles} {beyond:>15} {speed:>13} {jolt:>13}")
    print(f"{result.frames} frames at {result.fps:g} fps")
    side = "below" if result.lowest_sole < 0 else "above"
    print(f"lowest corner of a sole: {1000 * abs(result.lowest_sole):.1f} mm {side} the ground")
    lowest = f"{1000 * result.lowest_height:.0f} mm ({result.lowest_joint})"
    print(f"lowest joint besides the feet: {lowest}")
    if result.frames_sunk:
        print(f"soles are more than 5 mm in the ground in {result.frames_sunk:.1%} of the frames")
    print("passes" if result.passes else "FAILS")


def _with_share(value: str, above: float) -> str:
    """Add the share of the steps above the limit, where there are any."""
    return f"{value} ({above:.1%})" if above else value
