"""``marey data prepare amass|humanml3d``: AMASS to HumanML3D's layout, and that to a store."""

import json
import sys
from pathlib import Path
from typing import Annotated

import tyro

from marey.cli.data import InputFolder, Json, OnUnlessSaid, StoreFolder, progress_bar, show_report

OutputFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


def amass(
    folder: InputFolder,
    out: OutputFolder,
    *,
    index: Annotated[Path | None, tyro.conf.arg(metavar="FILE.csv")] = None,
    texts: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    splits: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    rest: Annotated[Path | None, tyro.conf.arg(metavar="FILE|FOLDER")] = None,
    fps: float = 20.0,
    min_seconds: float = 2.0,
    max_seconds: float = 10.0,
    mirrored: OnUnlessSaid = True,
    as_json: Json = False,
) -> None:
    """Make a folder in HumanML3D's layout from AMASS; a stopped run goes on where it stopped.

    Args:
        folder: Tree of AMASS files: SUBSET/SUBJECT/*.npz.
        out: Folder to write.
        index: HumanML3D's index.csv, or a table like it; without it every file is cut into pieces.
        texts: Captions as NAME.txt or, for whole recordings, SUBSET/SUBJECT/FILE.txt.
        splits: Folder with train.txt, val.txt and test.txt; without it persons are shared out.
        rest: Body model or rest joints, or a folder with a model per gender.
        fps: Frames per second of the result; HumanML3D's is 20.
        min_seconds: Shorter clips are dropped.
        max_seconds: Longest piece of a file that is cut up.
        mirrored: Make no mirror images of the clips.
        as_json: Print the report as JSON instead of text.
    """
    from marey.data.prepare import AmassOptions, prepare_amass

    options = AmassOptions(
        fps=fps, min_seconds=min_seconds, max_seconds=max_seconds, mirrored=mirrored
    )
    with progress_bar("files") as progress:
        report = prepare_amass(
            folder,
            out,
            index=index,
            texts=texts,
            splits=splits,
            rest=rest,
            options=options,
            progress=progress,
        )
    if as_json:
        print(json.dumps({"path": report.path, **report.to_json()}, ensure_ascii=False))
    else:
        print(f"{report.path}: {report.fps:g} fps\n\n{report.table()}")


def humanml3d(
    folder: InputFolder,
    out: StoreFolder,
    *,
    rest: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    fps: float = 20.0,
    source_fps: float | None = None,
    mirrored: bool = False,
    min_seconds: float = 1.0,
    measured: bool = False,
    as_json: Json = False,
) -> None:
    """Make a store from HumanML3D, KIT-ML or a folder like them.

    Args:
        folder: Folder with new_joints or new_joint_vecs, texts, train.txt, val.txt and test.txt.
        out: Folder of the store to write.
        rest: Body model or rest joints of the bodies that the clips come from.
        fps: Frames per second of the store.
        source_fps: Frames per second of the files, if they are not the data set's.
        mirrored: Take the mirror images M... in; training makes its own.
        min_seconds: Shorter windows are dropped.
        measured: Add training windows whose texts are written from measurements.
        as_json: Print the report as JSON instead of text.
    """
    from marey.data.prepare import HumanML3DOptions, prepare_humanml3d

    options = HumanML3DOptions(
        fps=fps,
        source_fps=source_fps,
        mirrored=mirrored,
        min_seconds=min_seconds,
        measured=measured,
    )
    with progress_bar("clips") as progress:
        report = prepare_humanml3d(folder, out, rest=rest, options=options, progress=progress)
    show_report(report, as_json=as_json)
    if "train" not in report.splits or not report.splits["train"].windows:
        need = f"texts in {folder / 'texts'} for clips of train.txt, or --measured"
        print(f"marey: warning: no window to train on; that needs {need}.", file=sys.stderr)
