"""``marey search``: motions by sentence, or by an example, out of an index."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from marey.cli.arguments import (
    AS_BVH,
    BvhFlags,
    BvhReading,
    InputFile,
    check_outputs,
    part_texts,
)
from marey.cli.motion_files import AS_IS, Reading, read_motion

if TYPE_CHECKING:
    from marey.motion import Motion
    from marey.retrieval import IndexReport, Moment, MotionIndex

Model = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Index = Annotated[Path, tyro.conf.arg(metavar="INDEX")]
Root = Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")]
Sheet = Annotated[Path | None, tyro.conf.arg(metavar="OUT.png")]
AsJson = Annotated[bool, tyro.conf.arg(name="json")]

_LISTED = 20  # files that cannot be used


def index(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER|STORE")],
    *,
    model: Model = None,
    output: Annotated[
        Path | None, tyro.conf.arg(name="output", aliases=["-o"], metavar="INDEX")
    ] = None,
    seconds: float = 4.0,
    stride: float = 2.0,
    moved: bool = False,
    bvh: BvhReading = AS_BVH,
) -> None:
    """Make an index of all motions in a folder, or bring it up to date.

    Only what is new or has changed is read. The same command goes on with an index that was stopped
    or killed. Files that cannot be used are listed on stderr.

    Args:
        source: Folder of motion files (.bvh, .npz, in folders too), or a store.
        model: Alignment model of `marey train alignment`; by default the shipped one.
        output: Folder of the index; the source's name with .index, beside it, by default.
        seconds: Length of a window; moments in long motions are found as windows.
        stride: Seconds from one window to the next.
        moved: The source of the index is now at another place: FOLDER.
        bvh: How to read BVH files.
    """
    from rich.console import Console
    from rich.progress import Progress

    from marey.models.alignment import load_alignment
    from marey.retrieval import open_source, update_index

    opened = open_source(source, bvh=_changed(bvh))
    where = source.resolve()
    path = output or where.with_name(f"{where.name}.index")
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("motions", total=None)
        report = update_index(
            path,
            opened,
            load_alignment(model),
            seconds=seconds,
            stride=stride,
            moved=moved,
            progress=lambda done, total, _: bar.update(task, completed=done, total=total),
        )
    _tell(path, report)


def query(
    text: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TEXT")],
    *,
    index: Index,
    model: Model = None,
    part: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=TEXT")
    ] = (),
    top: int = 10,
    approximate: bool = False,
    as_json: AsJson = False,
    sheet: Sheet = None,
    root: Root = None,
    force: bool = False,
) -> None:
    """Find the moments that a sentence describes.

    Args:
        text: What the person does.
        index: Folder that `marey search index` made.
        model: Alignment model that the index was made with; the shipped one by default.
        part: What a part of the body does, such as left_arm="raised"; may be repeated.
        top: How many moments.
        approximate: Look at few windows; some answers may be missed. The first time after the index
            has changed takes longer.
        as_json: Print JSON instead of a table.
        sheet: Picture of the moments to write besides.
        root: Where the indexed motions are now, if they were moved.
        force: Overwrite a picture that exists.
    """
    from marey.errors import InvalidInputError
    from marey.models.alignment import load_alignment
    from marey.retrieval import MotionIndex
    from marey.text import TextScript
    from marey.text.encoders import load_encoder

    if not text.strip():
        raise InvalidInputError("Expected a sentence, such as 'a person waves', got an empty one.")
    script = TextScript.from_prompt(text, parts=part_texts(part))
    _check_sheet(sheet, force=force)
    opened, aligned = MotionIndex.open(index), load_alignment(model)
    opened.require_model(aligned)
    points = aligned.embed_scripts([script], load_encoder(aligned.encoder_name))
    moments = opened.search(points, top=top, approximate=approximate)
    _answer(opened, moments, as_json=as_json, sheet=sheet, root=root, force=force)


def similar(
    file: InputFile,
    *,
    index: Index,
    model: Model = None,
    top: int = 10,
    approximate: bool = False,
    as_json: AsJson = False,
    sheet: Sheet = None,
    root: Root = None,
    reading: Reading = AS_IS,
    force: bool = False,
) -> None:
    """Find the moments most similar to a motion, or to any moment of it if it is long.

    Args:
        file: Motion to read.
        index: Folder that `marey search index` made.
        model: Alignment model that the index was made with; the shipped one by default.
        top: How many moments.
        approximate: Look at few windows; some answers may be missed. The first time after the index
            has changed takes longer.
        as_json: Print JSON instead of a table.
        sheet: Picture of the moments to write besides.
        root: Where the indexed motions are now, if they were moved.
        reading: How to read FILE.
        force: Overwrite a picture that exists.
    """
    from marey.models.alignment import load_alignment
    from marey.motion.retarget import retarget
    from marey.retrieval import MotionIndex, embed_windows
    from marey.rigs.standing import upright
    from marey.skeleton import BODY22

    _check_sheet(sheet, force=force)
    motion = retarget(upright(read_motion(file, reading)), BODY22).motion
    opened, aligned = MotionIndex.open(index), load_alignment(model)
    opened.require_model(aligned)
    points, _ = embed_windows(motion, aligned, opened.header.settings)
    moments = opened.search(points, top=top, approximate=approximate)
    _answer(opened, moments, as_json=as_json, sheet=sheet, root=root, force=force)


def _changed(bvh: BvhFlags) -> dict[str, Any]:
    return {name: value for name, value in vars(bvh).items() if value != getattr(AS_BVH, name)}


def _check_sheet(sheet: Path | None, *, force: bool) -> None:
    if sheet is not None:
        check_outputs((sheet,), (".png",), force=force)


def _tell(path: Path, report: "IndexReport") -> None:
    print(
        f"{path}: {report.files} motions, {report.windows} windows; {report.new} new, "
        f"{report.changed} changed, {report.removed} removed, {len(report.errors)} not usable"
    )
    lines = [f"{name}: {error}" for name, error in report.errors.items()]
    for line in lines[:_LISTED]:
        print(f"warning: {line}", file=sys.stderr)
    if len(lines) > _LISTED:
        print(f"warning: and {len(lines) - _LISTED} more", file=sys.stderr)


def _answer(
    index: "MotionIndex",
    moments: "list[Moment]",
    *,
    as_json: bool,
    sheet: Path | None,
    root: Path | None,
    force: bool,
) -> None:
    """Print the moments, and draw them if that is wanted."""
    if sheet is not None:
        _draw(index, moments, sheet, root, force=force)
    if as_json:
        print(json.dumps([asdict(each) for each in moments], indent=2))
        return
    print(f"{'score':>6}  {'seconds':>15}  motion")
    for each in moments:
        print(f"{each.score:6.3f}  {each.start:6.1f} – {each.end:6.1f}  {each.name}")


def _draw(
    index: "MotionIndex", moments: "list[Moment]", sheet: Path, root: Path | None, *, force: bool
) -> None:
    from marey.errors import InvalidInputError
    from marey.io import atomic_path
    from marey.io.render import contact_sheets
    from marey.retrieval import open_source

    place = root or index.header.root
    if not place.is_dir():
        raise InvalidInputError(
            f"--sheet: expected the indexed motions in {place}, which is no folder. If they were "
            "moved, say where they are with --root."
        )
    source = open_source(place, bvh=index.header.settings.bvh)
    rows = [(_label(each), _cut(source.motion(each.name), each)) for each in moments]
    picture = contact_sheets(rows)
    with atomic_path(sheet, force=force) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def _label(moment: "Moment") -> str:
    return f"{moment.score:.3f}  {moment.name}  {moment.start:.1f} to {moment.end:.1f} s"


def _cut(motion: "Motion", moment: "Moment") -> "Motion":
    start, end = (round(second * motion.fps) for second in (moment.start, moment.end))
    return motion.crop(
        min(start, motion.num_frames - 1), min(max(end, start + 1), motion.num_frames)
    )
