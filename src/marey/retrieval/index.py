"""MotionIndex: the windows of a library of motions as points, on disk, and search in them.

An index is a folder:

    index.json          format version, settings, where the motions are
    shards/             see ``index_shards``
    graph.safetensors   for approximate search, once there was one: see ``graph``
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor
from torch.nn import functional as F

from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.models.alignment import AlignmentModel
from marey.retrieval.graph import Graph
from marey.retrieval.index_shards import FileRecord, Shard, newest, read_shards
from marey.retrieval.moments import Moment, best_moments

FORMAT, VERSION = "marey-motion-index", 1
HEADER, SHARDS, GRAPH = "index.json", "shards", "graph.safetensors"
_BLOCK = 1 << 14  # windows that are in float32 at a time
_WINDOWS_A_MOMENT = 32  # looked at first; more where they overlap more than that
_NEAR_WINDOWS_A_MOMENT = 8  # that the graph leads to first


@dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """What all parts of an index share."""

    model: str
    """Name of the alignment model."""
    fingerprint: str
    """Hash of what embeds motions and texts in it."""
    text_encoder: str
    width: int
    """Length of an embedding."""
    seconds: float
    """Length of a window; a shorter motion is one window."""
    stride: float
    """Seconds between the starts of two windows."""
    fps: float
    """Frame rate at which motions are looked at."""
    bvh: Mapping[str, Any] = field(default_factory=dict)
    """How BVH files are read."""

    @classmethod
    def of(
        cls, model: AlignmentModel, *, seconds: float, stride: float, bvh: Mapping[str, Any]
    ) -> "IndexSettings":
        """Settings for a model.

        Raises InvalidInputError for windows longer than what the model looks at, or a stride that
        leaves gaps.
        """
        if not (0 < stride <= seconds <= model.max_seconds):
            raise InvalidInputError(
                f"expected 0 < stride <= seconds <= {model.max_seconds:g}, which is the longest "
                f"motion that {model.name} looks at, got windows of {seconds:g} s every "
                f"{stride:g} s."
            )
        return cls(
            model=model.name,
            fingerprint=model_fingerprint(model),
            text_encoder=model.text_encoder,
            width=model.network.config.latent,
            seconds=seconds,
            stride=stride,
            fps=model.representation.fps,
            bvh=dict(bvh),
        )


@dataclass(frozen=True, kw_only=True)
class IndexHeader:
    """What ``index.json`` says."""

    settings: IndexSettings
    kind: str
    """Of the source: folder or store."""
    root: Path
    """Where the source was when it was last indexed."""

    def write(self, path: Path, *, force: bool = False) -> None:
        """Make the folder of an index, or, with ``force``, point it to another place."""
        (path / SHARDS).mkdir(parents=True, exist_ok=True)
        source = {"kind": self.kind, "root": str(self.root)}
        settings = asdict(self.settings)
        content = {"format": FORMAT, "version": VERSION, "settings": settings, "source": source}
        with atomic_path(path / HEADER, force=force) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "IndexHeader":
        """Read the header of an index. Raises FileFormatError for a folder that is none."""
        file = path / HEADER
        if not file.is_file():
            raise _not_an_index(file, "no such file")
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            found, version = content["format"], content["version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _not_an_index(file, repr(error)) from error
        if found == FORMAT and version != VERSION:
            fix = "Update marey, which made this index in a newer version, or index anew elsewhere."
            expected, got = f"{FORMAT} {VERSION}", f"{found} {version}"
            raise FileFormatError(file, "version", expected=expected, got=got, fix=fix)
        try:
            settings, source = IndexSettings(**content["settings"]), content["source"]
            return cls(settings=settings, kind=source["kind"], root=Path(source["root"]))
        except (KeyError, TypeError) as error:
            raise _not_an_index(file, repr(error)) from error


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionIndex:
    """An index in memory; rows are windows, by name of file and then by start."""

    path: Path
    header: IndexHeader
    files: tuple[FileRecord, ...]
    """Files of the source, by name, those that could not be used included."""
    owners: Int[Tensor, " rows"]
    """Place in ``files`` of each window."""
    spans: Float[Tensor, "rows 2"]
    """Start and end of each window, seconds."""
    embeddings: Float16[Tensor, "rows width"]
    """Of unit length."""

    @classmethod
    def open(cls, path: str | Path) -> "MotionIndex":
        """Read an index, finished or not. Raises FileFormatError that names a damaged file."""
        path = Path(path)
        header = IndexHeader.read(path)
        shards = read_shards(path / SHARDS)
        files = newest(shards)
        files = {name: files[name] for name in sorted(files)}
        counts = torch.tensor([record.rows for record in files.values()], dtype=torch.long)
        total, width = int(counts.sum()), header.settings.width
        starts = dict(zip(files, (counts.cumsum(0) - counts).tolist(), strict=True))
        embeddings = torch.empty(total, width, dtype=torch.half)
        spans = torch.empty(total, 2)
        for shard in shards:
            points, times = shard.tensors(width)
            for record, rows in _placed(shard):
                if files.get(record.name) is record:
                    at = starts[record.name]
                    embeddings[at : at + record.rows] = points[rows]
                    spans[at : at + record.rows] = times[rows]
        return cls(
            path=path,
            header=header,
            files=tuple(files.values()),
            owners=torch.arange(len(counts)).repeat_interleave(counts),
            spans=spans,
            embeddings=embeddings,
        )

    def require_model(self, model: AlignmentModel) -> None:
        """Raise InvalidInputError for another model than that of the index."""
        made, found = self.header.settings, model_fingerprint(model)
        if found != made.fingerprint:
            raise InvalidInputError(
                f"{self.path}: expected the model of this index, {made.model} "
                f"({made.fingerprint}), got {model.name} ({found}). Give that model, or index the "
                "motions with this one into another folder."
            )

    def search(
        self, queries: Float[Tensor, "queries width"], *, top: int = 10, approximate: bool = False
    ) -> list[Moment]:
        """Return the moments nearest to any of the queries, best first.

        Exact: every window is compared. ``approximate`` compares the windows of the clips that a
        graph of near windows leads to: it may miss a clip, the moments of the others are exact. The
        graph is made by the first such search after the index has changed, and kept beside it.

        Raises InvalidInputError for fewer than one moment; for ``approximate``, MissingExtraError
        without faiss and FileFormatError for a damaged graph.
        """
        if top < 1:
            raise InvalidInputError(f"expected top >= 1, got {top}.")
        if approximate:
            return self._search_graph(queries, top)
        scores = self.scores(queries)
        count = min(len(scores), top * _WINDOWS_A_MOMENT)
        while True:
            moments, open_end = best_moments(self._best_windows(scores, count), top)
            if not open_end or count == len(scores):
                return moments
            count = min(len(scores), 8 * count)

    def scores(self, queries: Float[Tensor, "queries width"]) -> Float[Tensor, " rows"]:
        """Return the cosine of every window with the query nearest to it."""
        unit = F.normalize(queries.float(), dim=-1).T
        scores = torch.empty(len(self.embeddings))
        # One buffer for all blocks: new memory for each takes longer than the products.
        exact = torch.empty(min(_BLOCK, len(scores)), len(unit))
        for at in range(0, len(scores), _BLOCK):
            block = self.embeddings[at : at + _BLOCK]
            scores[at : at + _BLOCK] = (exact[: len(block)].copy_(block) @ unit).amax(dim=1)
        return scores

    @cached_property
    def _graph(self) -> Graph:
        return Graph.kept(self.path / GRAPH, self.embeddings)

    def _search_graph(self, queries: Float[Tensor, "queries width"], top: int) -> list[Moment]:
        unit = F.normalize(queries.float(), dim=-1)
        graph, count = self._graph, top * _NEAR_WINDOWS_A_MOMENT
        while count < len(self.owners):
            reached, least = graph.near(unit, count)
            rows = self._rows_of_clips(reached)
            scores = (self.embeddings[rows].float() @ unit.T).amax(dim=1)
            moments, _ = best_moments(self._windows(rows, scores), top)
            if len(moments) == top and moments[-1].score > least:
                return moments
            count *= 8
        return self.search(queries, top=top)

    def _rows_of_clips(self, rows: Int[Tensor, " found"]) -> Int[Tensor, " more"]:
        """All rows of the clips that some rows belong to, ascending."""
        clips = self.owners[rows].unique()
        first = torch.searchsorted(self.owners, clips).tolist()
        after = torch.searchsorted(self.owners, clips, right=True).tolist()
        return torch.cat([torch.arange(*each) for each in zip(first, after, strict=True)])

    def _best_windows(self, scores: Float[Tensor, " rows"], count: int) -> Iterator[Moment]:
        if not count:
            return
        limit = scores.topk(count).values[-1]
        rows = (scores >= limit).nonzero()[:, 0]
        yield from self._windows(rows, scores[rows])

    def _windows(
        self, rows: Int[Tensor, " found"], scores: Float[Tensor, " found"]
    ) -> Iterator[Moment]:
        """Rows with their scores, best first."""
        order = scores.argsort(descending=True, stable=True)
        owners, spans = self.owners[rows[order]].tolist(), self.spans[rows[order]].tolist()
        for owner, (start, end), score in zip(owners, spans, scores[order].tolist(), strict=True):
            yield Moment(name=self.files[owner].name, start=start, end=end, score=score)


def model_fingerprint(model: AlignmentModel) -> str:
    """Hash everything that decides where a motion or a text lies; the decoder does not."""
    known = hashlib.sha256()
    settings = (model.text_encoder, model.representation.fps, model.max_seconds)
    known.update(repr((settings, asdict(model.network.config))).encode())
    for name, value in sorted(model.network.state_dict().items()):
        if not name.startswith("decoder."):
            known.update(name.encode() + value.float().contiguous().numpy().tobytes())
    for value in (model.normalizer.mean, model.normalizer.std):
        known.update(value.float().contiguous().numpy().tobytes())
    return known.hexdigest()[:16]


def _placed(shard: Shard) -> Iterator[tuple[FileRecord, slice]]:
    at = 0
    for record in shard.records:
        yield record, slice(at, at + record.rows)
        at += record.rows


def _not_an_index(file: Path, got: str) -> FileFormatError:
    return FileFormatError(
        file,
        "file",
        expected="an index of motions",
        got=got,
        fix="Make one with `marey search index`, in a new folder, or give the folder of one.",
    )
