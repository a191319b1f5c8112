"""Finding motions by text and texts by motion, and how well that works."""

from marey.retrieval.baselines import BagOfWords, chance_scores, motion_texts
from marey.retrieval.gallery import gallery_windows
from marey.retrieval.protocols import (
    ProtocolRanks,
    dissimilar_subset,
    median_rank_difference,
    protocol_ranks,
    recall_difference,
    retrieval_table,
)

__all__ = [
    "BagOfWords",
    "ProtocolRanks",
    "chance_scores",
    "dissimilar_subset",
    "gallery_windows",
    "median_rank_difference",
    "motion_texts",
    "protocol_ranks",
    "recall_difference",
    "retrieval_table",
]
