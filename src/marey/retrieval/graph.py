"""Graph: which windows lie near which, for search that looks at few of them [Malkov2018]."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor

from marey.errors import FileFormatError, MissingExtraError
from marey.io.tensor_file import read_tensors, write_tensors
from marey.retrieval.index_shards import checksum

if TYPE_CHECKING:
    import faiss

KIND, VERSION = "marey-motion-index-graph", "1"
FIX = "Delete it: the next approximate search makes it anew."
_NEIGHBOURS = 32  # of a window; the bottom layer has twice as many
_BREADTH = 320  # windows that a search keeps in sight, at least
_BLOCK = 1 << 14  # windows that are in float32 at a time


class Graph:
    """An HNSW graph over points of unit length, by their inner products."""

    def __init__(self, index: "faiss.Index") -> None:
        self._index = index

    @classmethod
    def build(cls, points: Float16[Tensor, "rows width"]) -> "Graph":
        """Link every point to others near it. Raises MissingExtraError without faiss."""
        faiss = _import_faiss()
        kind = f"HNSW{_NEIGHBOURS}_SQfp16"
        index = faiss.index_factory(points.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        for block in points.split(_BLOCK):
            index.add(block.float().numpy())
        return cls(index)

    @classmethod
    def kept(cls, file: Path, points: Float16[Tensor, "rows width"]) -> "Graph":
        """Read the graph of these points from a file; write it there if it is not.

        Raises MissingExtraError without faiss, FileFormatError for a damaged file.
        """
        faiss = _import_faiss()
        points_sum = str(checksum(points))
        if file.exists():
            tensors, notes = read_tensors(file, kind=KIND, version=VERSION, fix=FIX)
            found, expected = str(checksum(tensors["graph"])), notes["checksum"]
            if found != expected:  # faiss would follow damaged links out of its memory
                raise FileFormatError(file, "checksum", expected=expected, got=found, fix=FIX)
            if notes["points"] == points_sum:
                return cls(faiss.deserialize_index(tensors["graph"].numpy()))
        graph = cls.build(points)
        content = torch.from_numpy(faiss.serialize_index(graph._index))
        notes = {"points": points_sum, "checksum": str(checksum(content))}
        write_tensors(file, {"graph": content}, notes, kind=KIND, version=VERSION, force=True)
        return graph

    def near(
        self, queries: Float[Tensor, "queries width"], count: int
    ) -> tuple[Int[Tensor, " found"], float]:
        """Return rows among the ``count`` nearest of a query, ascending, and their least cosine.

        Queries are of unit length. Most of the others are farther from all queries than that.
        """
        breadth = _import_faiss().SearchParametersHNSW(efSearch=max(count, _BREADTH))
        scores, rows = self._index.search(queries.float().numpy(), count, params=breadth)
        found = torch.from_numpy(rows).unique()
        return found[found >= 0], float(scores[:, -1].max())  # -1 stands for none


def _import_faiss() -> ModuleType:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("Approximate search", extra="search") from error
    return faiss
