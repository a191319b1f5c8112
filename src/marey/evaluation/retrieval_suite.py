"""The retrieval suite: how well sentences find motions, and motions sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from marey.data import MotionStore
from marey.evaluation.clips import Progress
from marey.evaluation.manifest import MANIFEST_SPLITS, Manifest
from marey.evaluation.report import Measure, SuiteReport, SuiteTable
from marey.evaluation.retrieval_pairs import (
    PART_TEXTS,
    RetrievalPairs,
    model_similarity,
    words_similarity,
)
from marey.metrics import RECALL_DEPTHS, Estimate
from marey.models.alignment import Alignment, AlignmentModel, load_alignment
from marey.retrieval import (
    ProtocolRanks,
    chance_scores,
    median_rank_estimate,
    protocol_ranks,
    recall_estimate,
)
from marey.text import TextEncoder

DIRECTIONS = ("text to motion", "motion to text")
NOTES = (
    "Intervals are 95 % bootstraps over queries (MedR of batches: over batches). With oracle part "
    "texts, the geometric captions of the very motion, the model is told what it must find: an "
    "upper bound that leaks. Reasoned part texts follow from the sentence alone.",
)


def retrieval_suite(
    file: Path | None,
    manifest: Manifest,
    store: MotionStore,
    encoder: TextEncoder,
    *,
    count: int | None = None,
    progress: Progress | None = None,
) -> SuiteReport:
    """Rank the manifest's windows by all protocols, a table for each split and protocol.

    ``file`` is that of an alignment model; the shipped one where it is None. Raises
    InvalidInputError for a store without the manifest's windows.
    """
    model = load_alignment(file)
    train = [text.text for window in store.windows_of("train") for text in window.texts]
    tables: list[SuiteTable] = []
    for split in MANIFEST_SPLITS:
        pairs = RetrievalPairs.of_split(manifest, store, split, encoder, count=count)
        columns: dict[str, tuple[ProtocolRanks, ...]] = {}
        for name, matrix in _similarities(model, pairs, train, encoder):
            columns[name] = protocol_ranks(matrix, pairs.comparable, threshold=manifest.same_above)
            if progress is not None:
                progress(f"{split}, {name}", len(columns), len(PART_TEXTS) + 2)
        tables += _tables(split, columns, pairs, manifest.same_above)
    return SuiteReport(
        suite="retrieval",
        model=model.name,
        manifest=manifest.fingerprint,
        settings={"store": store.fingerprint, "count": count, **model.notes},
        tables=tuple(tables),
        notes=NOTES,
    )


def _similarities(
    model: AlignmentModel, pairs: RetrievalPairs, train: Sequence[str], encoder: TextEncoder
) -> Iterator[tuple[str, Tensor]]:
    """Yield baselines and the model by the texts of parts it is asked with."""
    alone = pairs.scripts("none")
    yield "bag of words", words_similarity(train, pairs)
    yield "untrained", model_similarity(_untrained(model), pairs.motions, alone, encoder)
    for parts in PART_TEXTS:
        name = model.name if parts == "none" else f"{model.name}, {parts} parts"
        if parts == "none" or model.network.config.levels > 1:
            yield name, model_similarity(model, pairs.motions, pairs.scripts(parts), encoder)


def _untrained(model: AlignmentModel) -> AlignmentModel:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = Alignment(model.network.config)
    return replace(model, network=network.eval().requires_grad_(False))


def _tables(
    split: str,
    columns: Mapping[str, tuple[ProtocolRanks, ...]],
    pairs: RetrievalPairs,
    same_above: float,
) -> list[SuiteTable]:
    chances = {
        "all": chance_scores(len(pairs.motions)),
        "threshold": chance_scores(len(pairs.motions), pairs.hits(same_above).sum(1)),
    }
    tables = []
    for protocol in dict.fromkeys(each.protocol for found in columns.values() for each in found):
        rows = {
            name: _estimates([each for each in found if each.protocol == protocol])
            for name, found in columns.items()
        }
        gallery = next(e.gallery for e in next(iter(columns.values())) if e.protocol == protocol)
        chance = chances.get(protocol, chance_scores(gallery))
        values = {f"R@{k}": value for k, value in chance.recall.items()}
        values["MedR"] = chance.median_rank
        exact = {name: Estimate(value=v, low=v, high=v) for name, v in values.items()}
        by_line = {f"{way}, {name}": each for way in DIRECTIONS for name, each in exact.items()}
        tables.append(
            SuiteTable(
                title=f"{split}, {protocol}: {gallery} candidates",
                measures=_measures(),
                columns={"chance": by_line, **rows},
            )
        )
    return tables


def _measures() -> tuple[Measure, ...]:
    lines: list[Measure] = []
    for way in DIRECTIONS:
        lines += [Measure(name=f"{way}, R@{k}", unit="%", better="higher") for k in RECALL_DEPTHS]
        lines.append(Measure(name=f"{way}, MedR", better="lower"))
    return tuple(lines)


def _estimates(found: Sequence[ProtocolRanks]) -> dict[str, Estimate]:
    values: dict[str, Estimate] = {}
    for each in found:
        for k in RECALL_DEPTHS:
            values[f"{each.direction}, R@{k}"] = recall_estimate(each, k)
        values[f"{each.direction}, MedR"] = median_rank_estimate(each)
    return values
