"""Finding motions by text and texts by motion, and how well that works."""

from marey.retrieval.baselines import BagOfWords, chance_scores, motion_texts
from marey.retrieval.gallery import gallery_windows
from marey.retrieval.index import MotionIndex
from marey.retrieval.indexing import IndexReport, embed_windows, update_index
from marey.retrieval.moments import Moment
from marey.retrieval.protocols import (
    ProtocolRanks,
    dissimilar_subset,
    median_rank_difference,
    median_rank_estimate,
    over_seeds,
    protocol_ranks,
    recall_difference,
    recall_estimate,
    retrieval_table,
)
from marey.retrieval.sources import open_source

__all__ = [
    "BagOfWords",
    "IndexReport",
    "Moment",
    "MotionIndex",
    "ProtocolRanks",
    "chance_scores",
    "dissimilar_subset",
    "embed_windows",
    "gallery_windows",
    "median_rank_difference",
    "median_rank_estimate",
    "motion_texts",
    "open_source",
    "over_seeds",
    "protocol_ranks",
    "recall_difference",
    "recall_estimate",
    "retrieval_table",
    "update_index",
]
