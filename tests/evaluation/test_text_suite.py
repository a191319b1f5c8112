"""The text suite: own captions beat others, and a run that was stopped ends the same."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marey.data import MotionStore
from marey.errors import Cancelled, InvalidInputError
from marey.evaluation import text_suite as module
from marey.evaluation.clips import ClipStore
from marey.evaluation.embedding_measures import fit_to_texts, floor, likeness, variety
from marey.evaluation.evaluator import Evaluator, evaluators
from marey.evaluation.facts_said import facts_held
from marey.evaluation.manifest import Manifest
from marey.evaluation.report import SuiteReport
from marey.evaluation.text_baselines import distances_to_training, nearest_in_training
from marey.evaluation.text_suite import model_column, text_suite
from marey.models.alignment import load_alignment
from marey.predicates import Event, find_events
from marey.text import MiniLMEncoder, TextSimilarity

COLUMNS = ["real", "tiny", "shuffled text", "nearest in training", "unconditional", "untrained"]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VARIETY_DRAWS", 2)
    monkeypatch.setattr(module, "VARIETY_TEXTS", 2)


@pytest.fixture(scope="session")
def judge(tiny_alignment: Path) -> Evaluator:
    return Evaluator(models=(load_alignment(tiny_alignment),) * 2, encoder=MiniLMEncoder())


def run(
    folder: Path, model: Path, manifest: Manifest, store: MotionStore, judge: Evaluator, **more
) -> SuiteReport:
    return text_suite(
        str(model),
        manifest,
        store,
        ClipStore.open(folder, {}),
        count=4,
        repeats=2,
        steps=1,
        judges={"judged": judge},
        **more,
    )


# --- the suite -----------------------------------------------------------------------------------


def test_a_stopped_run_ends_with_the_same_report(
    tmp_path: Path, tiny_model: Path, manifest: Manifest, store: MotionStore, judge: Evaluator
) -> None:
    whole = run(tmp_path / "whole", tiny_model, manifest, store, judge)

    def stop(what: str, done: int, total: int) -> None:
        if what == "unconditional, repeat 1":
            raise Cancelled(what)

    with pytest.raises(Cancelled):
        run(tmp_path / "stopped", tiny_model, manifest, store, judge, progress=stop)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").rglob("*.npz")}
    again = run(tmp_path / "stopped", tiny_model, manifest, store, judge)

    assert len(made) == 3 * 4
    assert made == {path: path.stat().st_mtime_ns for path in made}
    assert again == whole


def test_it_has_every_baseline_and_no_empty_line(
    tmp_path: Path, tiny_model: Path, manifest: Manifest, store: MotionStore, judge: Evaluator
) -> None:
    report = run(tmp_path, tiny_model, manifest, store, judge)
    judged, bare = report.tables

    assert list(judged.columns) == list(bare.columns) == COLUMNS
    for table in report.tables:
        for column in table.columns.values():
            assert set(column) <= {each.name for each in table.measures}
            assert all(e.low <= e.value <= e.high for e in column.values())
    for measure in bare.measures:
        assert any(measure.name in column for column in bare.columns.values())
    assert set(judged.columns["shuffled text"]) == {"R@1, all", "R@3, all", "R@10, all", "MM-Dist"}
    assert set(bare.columns["shuffled text"]) == {module.FACTS.name}
    assert "MultiModality" not in judged.columns["real"]
    assert judged.columns["tiny"]["MultiModality"].value > 0
    assert module.DISTANCE.name not in bare.columns["untrained"]
    assert bare.columns["real"][module.DISTANCE.name].value == pytest.approx(0.0, abs=0.1)
    assert "shuffled text" in report.markdown()


def test_it_says_what_is_missing(
    tmp_path: Path, tiny_model: Path, manifest: Manifest, store: MotionStore, judge: Evaluator
) -> None:
    with pytest.raises(InvalidInputError, match=r"are missing.*marey data prepare cmu"):
        run(tmp_path, tiny_model, Manifest.shipped(), store, judge)
    with pytest.raises(InvalidInputError, match="1 to 6 windows"):
        text_suite(
            str(tiny_model),
            manifest,
            store,
            ClipStore.open(tmp_path, {}),
            count=7,
            judges={"judged": judge},
        )
    assert not list(tmp_path.rglob("*.npz"))


def test_an_evaluator_that_is_absent_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marey.evaluation import evaluator

    monkeypatch.setattr(evaluator.resources, "files", lambda name: tmp_path)
    with pytest.raises(InvalidInputError, match=r"evaluator-0\.safetensors.*--evaluator"):
        evaluators(MiniLMEncoder())


def test_evaluators_of_files_stand_beside_the_shipped_one(tiny_alignment: Path) -> None:
    judges = evaluators(MiniLMEncoder(), [tiny_alignment, tiny_alignment])
    assert {name: len(each.models) for name, each in judges.items()} == {"evaluator": 3, "tiny": 2}
    assert all("test" in each.notes["splits"] for each in judges["evaluator"].models)


@pytest.mark.parametrize(
    ("model", "column"),
    [("small", "small"), ("runs/walker", "walker"), ("x/untrained", "model untrained")],
)
def test_the_models_column_is_none_of_the_baselines(model: str, column: str) -> None:
    assert model_column(model) == column


# --- measures ------------------------------------------------------------------------------------


def points(generator: torch.Generator, count: int, *, models: int = 2) -> Tensor:
    drawn = torch.randn(models, count, 16, generator=generator)
    return torch.nn.functional.normalize(drawn, dim=-1)


def near(first: Tensor, generator: torch.Generator, *, noise: float = 0.1) -> Tensor:
    moved = first + noise * torch.randn(first.shape, generator=generator)
    return torch.nn.functional.normalize(moved, dim=-1)


@pytest.mark.parametrize("repeats", [1, 3])
def test_own_texts_beat_those_of_others(repeats: int, generator: torch.Generator) -> None:
    texts = points(generator, 40)
    motions = [near(texts, generator) for _ in range(repeats)]
    alone = torch.eye(40).bool()

    own = fit_to_texts(texts, motions, alone)
    other = fit_to_texts(texts.roll(1, dims=1), motions, alone)

    assert own["R@1, all"].value == own["R-precision top 1, batches of 32"].value == 100
    assert other["R@1, all"].high < 20
    assert other["R-precision top 3, batches of 32"].high < 30
    assert own["MM-Dist"].high < other["MM-Dist"].low


def test_texts_that_say_the_same_find_each_others_motions(generator: torch.Generator) -> None:
    texts = points(generator, 40)
    hits = torch.eye(40).bool()
    hits[0, 1] = hits[1, 0] = True
    swapped = texts.clone()
    swapped[:, [0, 1]] = texts[:, [1, 0]]

    assert fit_to_texts(texts, [swapped], torch.eye(40).bool())["R@1, all"].value == 95
    assert fit_to_texts(texts, [swapped], hits)["R@1, all"].value == 100


def test_fewer_than_a_batch_have_no_precision(generator: torch.Generator) -> None:
    texts = points(generator, 31)

    assert not [n for n in fit_to_texts(texts, [texts], torch.eye(31).bool()) if "batches" in n]


@pytest.mark.parametrize("repeats", [1, 3])
def test_more_noise_is_less_like_the_real_motions(repeats: int, generator: torch.Generator) -> None:
    centre = torch.zeros(16)
    centre[0] = 1.0
    real = near(centre.expand(2, 60, 16), generator, noise=0.2)
    found = [
        likeness([near(real, generator, noise=noise) for _ in range(repeats)], real)
        for noise in (0.01, 0.3, 0.6)
    ]

    for name in ("FID × 100", "KID × 100"):
        values = [each[name].value for each in found]
        assert values == sorted(values)
        assert found[0][name].high < found[2][name].low
    least = floor(real)
    assert least["KID × 100"].low <= 0 <= least["KID × 100"].high
    assert least["FID × 100"].value < found[1]["FID × 100"].value
    assert found[0]["Diversity"].value == pytest.approx(least["Diversity"].value, rel=0.02)


def test_variety_is_zero_where_every_draw_is_the_same(generator: torch.Generator) -> None:
    motions = points(generator, 5)
    several = [near(motions, generator, noise=0.5) for _ in range(4)]

    assert variety([motions] * 4)["MultiModality"].value == 0.0
    assert variety(several)["MultiModality"].value > 0.3
    assert variety([motions]) == {}


def events_of(store: MotionStore, numbers: Sequence[int]) -> list[tuple[Event, ...]]:
    windows = [w for w in store.windows_of("test") if w.end == 50]
    return [find_events(store.window_motion(windows[number])) for number in numbers]


def test_facts_are_counted_by_claim(store: MotionStore) -> None:
    forward, backward = events_of(store, [5, 0])
    captions = ["a person moves forward", "a person moves forward", "it is not moving", "abc"]

    found = facts_held(captions, [forward, backward, forward, forward])

    assert [each.count for each in found] == [1, 1, 0, 0]
    assert [each.mean for each in found[:2]] == [1.0, 0.0]


def test_the_nearest_training_motion_has_the_nearest_caption(store: MotionStore) -> None:
    similarity = TextSimilarity()
    texts = ["someone walks forward", "a person is running quickly", "a man waves 9 times"]

    found = nearest_in_training(store, similarity.prepare(texts), similarity)

    assert [each.split for each in found] == ["train"] * 3
    assert [each.clip_id for each in found[:2]] == ["train0", "train4"]


def test_a_training_clip_and_its_mirror_image_are_remembered(store: MotionStore) -> None:
    clip = store.motion("train1")
    other = store.motion("train5")

    apart = distances_to_training([clip, clip.mirror()], store)

    assert apart.max() < 1e-3
    assert torch.equal(apart, distances_to_training([clip, clip.mirror(), other], store)[:2])
