"""The retrieval suite: all protocols and baselines, and queries that say what they should."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.data import MotionStore
from marey.evaluation.manifest import MANIFEST_SPLITS, Manifest
from marey.evaluation.report import SuiteReport
from marey.evaluation.retrieval_pairs import PART_TEXTS, RetrievalPairs, model_similarity
from marey.evaluation.retrieval_suite import retrieval_suite
from marey.metrics import Estimate, true_ranks
from marey.models.alignment import load_alignment
from marey.text import MiniLMEncoder, TextScript

COLUMNS = [
    "chance",
    "bag of words",
    "untrained",
    "tiny",
    "tiny, oracle parts",
    "tiny, reasoned parts",
]


@pytest.fixture(scope="module")
def wide(store: MotionStore, manifest: Manifest) -> Manifest:
    """The manifest with its windows six times over, enough for a batch."""
    return replace(manifest, windows=manifest.windows * 6)


@pytest.fixture(scope="module")
def report(wide: Manifest, store: MotionStore, tiny_alignment: Path) -> SuiteReport:
    return retrieval_suite(tiny_alignment, wide, store, MiniLMEncoder())


def test_all_protocols_and_baselines_of_both_splits(report: SuiteReport) -> None:
    titles = [table.title.split(":")[0] for table in report.tables]
    protocols = ("all", "threshold", "dissimilar", "batches")
    assert titles == [f"{split}, {name}" for split in MANIFEST_SPLITS for name in protocols]
    assert all(list(table.columns) == COLUMNS for table in report.tables)


def test_chance_is_exact(report: SuiteReport) -> None:
    whole = report.tables[0]
    chance = whole.columns["chance"]["text to motion, R@1"]
    assert chance == Estimate(value=chance.value, low=chance.value, high=chance.value)
    assert chance.value == pytest.approx(100 / 36)
    threshold = report.tables[1].columns["chance"]["text to motion, R@1"]
    assert threshold.value == pytest.approx(100 / 6)  # each text is there six times


def test_intervals_hold_their_value(report: SuiteReport) -> None:
    for table in report.tables:
        for column in table.columns.values():
            assert all(each.low <= each.value <= each.high for each in column.values())


def test_oracle_parts_are_those_of_the_motion(wide: Manifest, store: MotionStore) -> None:
    pairs = RetrievalPairs.of_split(wide, store, "test", MiniLMEncoder(), count=6)
    alone, oracle, reasoned = (pairs.scripts(parts) for parts in PART_TEXTS)
    for scripts in (alone, oracle, reasoned):
        assert [script.prompt for script in scripts] == list(pairs.sentences)
    assert all(len(script.statements) == 1 for script in alone)
    raised = [
        "rises" in script.by_slot().get("left_arm", "")
        for script in oracle
        if script.prompt == "a person runs forward quickly"
    ]
    assert raised
    assert any(len(script.statements) > 1 for script in reasoned)


def test_scripts_find_their_motion_by_their_cosine(
    tiny_alignment: Path, wide: Manifest, store: MotionStore
) -> None:
    encoder, model = MiniLMEncoder(), load_alignment(tiny_alignment)
    pairs = RetrievalPairs.of_split(wide, store, "test", encoder, count=6)
    scripts = [TextScript.from_prompt(each) for each in pairs.sentences]
    found = model_similarity(model, pairs.motions, scripts, encoder)
    motions = model.embed_motions(pairs.motions)
    texts = model.embed_scripts(scripts, encoder)
    wanted = torch.cosine_similarity(texts[:, None], motions[None], dim=-1)
    torch.testing.assert_close(found, wanted)
    assert len(true_ranks(found)) == 6
