"""Prepare AMASS as HumanML3D does: a tree of NPZ files becomes a folder of features and texts."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from jaxtyping import Float
from torch import Tensor

from marey.data.prepare.amass_index import Cut, clip_stems, even_cuts, preamble, read_index
from marey.data.prepare.humanml3d_folder import FolderClip, FolderReport, HumanML3DFolder
from marey.data.prepare.humanml3d_texts import (
    SPLIT_FILES,
    TimedCaption,
    read_captions,
    read_names,
)
from marey.data.prepare.job import Progress, contents, sizes
from marey.data.records import Drop
from marey.errors import FileFormatError, InvalidInputError
from marey.io.amass import at_rate, read_amass
from marey.io.body_model import BodyModel, read_body_models
from marey.motion import Motion
from marey.motion.chain_body import HUMANML3D_BODY, ChainBody
from marey.motion.chain_features import chain_features, standardised
from marey.skeleton import HUMANML3D22

SPLIT_SHARES = {"test": 0.15, "val": 0.05}
"""Shares of the persons; the others are for training."""


@dataclass(frozen=True, kw_only=True)
class AmassOptions:
    """How a tree becomes a folder."""

    fps: float = 20.0
    min_seconds: float = 2.0
    """Shorter clips are dropped."""
    max_seconds: float = 10.0
    """Without an index, recordings are cut into pieces of equal length, none longer than this."""
    mirrored: bool = True
    """Whether every clip also comes as its mirror image, M…."""

    def __post_init__(self) -> None:
        fits = 0 < self.fps < 1000 and 0 <= self.min_seconds <= self.max_seconds < float("inf")
        if not fits or self.max_seconds * self.fps < 2:
            raise InvalidInputError(
                "AmassOptions needs a positive fps and min_seconds <= max_seconds of two frames or "
                f"more, got {self}."
            )


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What is the same for every source."""

    tree: Path
    body: ChainBody
    options: AmassOptions
    models: Mapping[str, BodyModel] | None
    texts: Path | None
    splits: Mapping[str, str] | None
    stems: Mapping[str, str]
    """What the names of clips start with, by source."""


def prepare_amass(
    tree: str | Path,
    out: str | Path,
    *,
    index: str | Path | None = None,
    texts: str | Path | None = None,
    splits: str | Path | None = None,
    rest: str | Path | None = None,
    options: AmassOptions | None = None,
    progress: Progress | None = None,
) -> FolderReport:
    """Turn the motions of ``tree`` into a folder in HumanML3D's layout, and report on it.

    ``index`` is a table of clips (see ``amass_index``). ``texts`` is a folder with the captions of
    clips (NAME.txt) or of recordings (the tree's paths with .txt). ``splits`` is a folder with
    train.txt, val.txt and test.txt; without it persons are shared out by a hash of their folder's
    name. ``rest`` is a body model or rest joints; without it everybody has body22's proportions.
    Files and clips that cannot be used are left out and counted by reason. A run that was stopped
    goes on where it stopped.
    Raises InvalidInputError if there is no clip at all or ``texts`` is no folder, FileFormatError
    for a table or body model that cannot be read.
    """
    options, tree, out = options or AmassOptions(), Path(tree), Path(out)
    sources = _sources(tree)
    if texts is not None and not Path(texts).is_dir():
        raise InvalidInputError(f"texts: expected a folder of .txt files, got {texts}, no folder.")
    cuts, drops = (None, ()) if index is None else read_index(Path(index), tree)
    job = _Job(
        tree=tree,
        body=replace(HUMANML3D_BODY, fps=options.fps),
        options=options,
        models=None if rest is None else read_body_models(rest),
        texts=None if texts is None else Path(texts),
        splits=None if splits is None else _given_splits(Path(splits)),
        stems=clip_stems(sources),
    )
    inputs = {
        "sources": sizes([(source, tree / source) for source in sources]),
        "index": None if index is None else contents([("index", Path(index))]),
        "splits": None if splits is None else contents(_files(splits, *SPLIT_FILES.values())),
        "texts": None if texts is None else sizes(_files(texts, "**/*.txt")),
        "rest": None if rest is None else sizes(_files(rest, "**/*.npz")),
    }
    folder = HumanML3DFolder(out, job.body, job={**asdict(options), **inputs})
    by_source: dict[str, list[Cut] | None] = dict.fromkeys(sources)
    if cuts is not None:
        by_source = {source: [] for source in sorted({cut.source for cut in cuts})}
        for cut in cuts:
            own = by_source[cut.source]
            assert own is not None
            own.append(cut)
        if not folder.is_done("index"):
            folder.add("index", (), drops)
    for number, (source, own) in enumerate(by_source.items(), start=1):
        if not folder.is_complete and not folder.is_done(source):
            _add(folder, job, source, own)
        if progress is not None:
            progress(number, len(by_source), source)
    return folder.finish()


def _sources(tree: Path) -> list[str]:
    if not tree.is_dir():
        raise InvalidInputError(f"Expected a folder of AMASS files, got {tree}, which is none.")
    found = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.npz"))
    if not found:
        raise InvalidInputError(f"{tree} holds no .npz file; give the folder above the subsets.")
    return found


def _files(place: str | Path, *patterns: str) -> list[tuple[str, Path]]:
    """The files of a folder by their path inside it, in order; a file is the only one of itself."""
    place = Path(place)
    if place.is_file():
        return [(place.suffix, place)]
    found = sorted(file for pattern in patterns for file in place.glob(pattern) if file.is_file())
    return [(file.relative_to(place).as_posix(), file) for file in found]


def _given_splits(folder: Path) -> dict[str, str]:
    """Split by clip; of a clip that two lists name the first counts."""
    found: dict[str, str] = {}
    for split, file in SPLIT_FILES.items():
        for name in read_names(folder / file):
            found.setdefault(name, split)
    return found


def _split(job: _Job, cut: Cut) -> str | None:
    if job.splits is not None:
        return job.splits.get(cut.name)
    person = PurePosixPath(cut.source).parent.as_posix()
    share = int(hashlib.sha256(person.encode()).hexdigest()[:8], 16) / 2**32
    for split, size in SPLIT_SHARES.items():
        if share < size:
            return split
        share -= size
    return "train"


def _add(folder: HumanML3DFolder, job: _Job, source: str, cuts: list[Cut] | None) -> None:
    try:
        motion = _read(job, source)
    except FileFormatError as error:
        what = str(error).removeprefix(f"{error.path}: ")
        drop = Drop(kind="file", reason=_reason(error), place=f"{source}: {what}")
        folder.add(source, (), (drop,))
        return
    first = round(preamble(source) * job.options.fps)
    positions = motion.joint_positions[first:]
    if cuts is None:
        longest = int(job.options.max_seconds * job.options.fps)
        cuts = even_cuts(source, job.stems[source], len(positions), longest)
    clips: list[FolderClip] = []
    drops: list[Drop] = []
    for cut in cuts:
        whole = replace(cut, end=min(cut.end, len(positions)))
        clip = _clip(job, whole, positions[whole.start : whole.end], drops)
        if clip is not None:
            clips.append(clip)
            drops += [] if whole == cut else [_cut_short(cut, whole)]
    notes = motion.metadata
    folder.add(source, clips, drops, rest=notes["rest"], rate=notes.get("rate", ""))


def _cut_short(cut: Cut, whole: Cut) -> Drop:
    reason = "the recording ends before the clip does (clip kept, shorter)"
    place = f"{cut.name} ({cut.source}): frame {cut.end} of {whole.end}"
    return Drop(kind="row", reason=reason, place=place)


def _read(job: _Job, source: str) -> Motion:
    """Read a source at the folder's rate.

    Raises FileFormatError for what cannot be read, and for a rate below the folder's.
    """
    path = job.tree / source
    motion = read_amass(path, rest=job.models)
    if motion.fps < job.options.fps * (1 - 1e-3):
        fix = "Choose a lower fps."
        got = f"{motion.fps:g}"
        raise FileFormatError(
            path, "rate", expected=f"{job.options.fps:g} fps or more", got=got, fix=fix
        )
    return at_rate(motion, job.options.fps)


def _reason(error: FileFormatError) -> str:
    """What is wrong with a source, in words that are the same for all like it."""
    place, text = error.place, str(error)
    if place == "rate":
        return "fewer frames per second than the result"
    if place.startswith("mocap_frame"):
        return "no usable frame rate"
    if "shape.npz" in text:
        return "holds a shape and no motion"
    if "finite" in text:
        return "not-a-number or boundless values"
    return "damaged, or no NPZ" if place == "file" else "an array is missing or does not fit"


def _clip(job: _Job, cut: Cut, positions: Tensor, drops: list[Drop]) -> FolderClip | None:
    place = f"{cut.name} ({cut.source}, frames {cut.start} to {cut.end})"
    options, split = job.options, _split(job, cut)
    if split is None:
        drops.append(Drop(kind="clip", reason="no list of a split names it", place=place))
        return None
    if len(positions) < max(2, options.min_seconds * options.fps):
        reason = f"shorter than {options.min_seconds:g} s"
        drops.append(Drop(kind="clip", reason=reason, place=place))
        return None
    copies = {"": positions}
    if options.mirrored:
        copies["M"] = mirrored_positions(positions)
    try:
        features = {name: _features(own, job.body) for name, own in copies.items()}
    except InvalidInputError as error:
        drops.append(Drop(kind="clip", reason="a bone without length", place=f"{place}: {error}"))
        return None
    captions = _captions(job, cut, len(positions) / options.fps, drops)
    return FolderClip(
        cut=cut,
        split=split,
        features=features,
        captions={name: own for name, own in captions.items() if own and name in features},
    )


def mirrored_positions(
    positions: Float[Tensor, "frames joints 3"],
) -> Float[Tensor, "frames joints 3"]:
    """Exchange left and right of a body of 22 joints; an involution."""
    swapped = positions[:, list(HUMANML3D22.mirror)]
    return swapped * swapped.new_tensor([-1.0, 1.0, 1.0])


def _features(positions: Tensor, body: ChainBody) -> Tensor:
    return chain_features(standardised(positions, body), body)


def _captions(
    job: _Job, cut: Cut, seconds: float, drops: list[Drop]
) -> dict[str, list[TimedCaption]]:
    """Captions of the clip and of its mirror image; a file for the latter wins over mirroring."""
    if job.texts is None:
        return {}
    file, whole = job.texts / f"{cut.name}.txt", job.texts / f"{cut.source[:-4]}.txt"
    if file.is_file():
        own = _readable(file, drops)
    elif whole.is_file():
        start = preamble(cut.source) + cut.start / job.options.fps
        captions = (each.within(start, start + seconds) for each in _readable(whole, drops))
        own = [each for each in captions if each is not None]
    else:
        drops.append(Drop(kind="text", reason="no text file (clip kept)", place=cut.name))
        return {}
    other = job.texts / f"M{cut.name}.txt"
    given = _readable(other, drops) if other.is_file() else [each.mirrored() for each in own]
    return {"": own, "M": given}


def _readable(file: Path, drops: list[Drop]) -> list[TimedCaption]:
    try:
        captions, faults = read_captions(file)
    except FileFormatError as error:
        drops.append(Drop(kind="text", reason="unreadable", place=f"{file.name}: {error.place}"))
        return []
    drops += [
        Drop(kind="text", reason="no usable caption in a line", place=fault) for fault in faults
    ]
    return captions
