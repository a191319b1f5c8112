"""The control suite: real motions meet their own constraints, refusals are told, seeds decide."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.constraints import JointTarget
from marey.data import MotionStore
from marey.evaluation import control_cases, control_suite
from marey.evaluation.clips import ClipStore
from marey.evaluation.control_cases import FAMILIES, PATHS, Case, cases_of
from marey.evaluation.control_measures import LINES, Made, seen
from marey.evaluation.manifest import Manifest
from marey.evaluation.report import SuiteReport, SuiteTable
from marey.motion import BODY22_LIMITS
from marey.rotations import axis_rotation

COUNT = 4
FEW = {name: FAMILIES[name] for name in ("in-between", "waypoints and headings")}


@pytest.fixture(scope="module", autouse=True)
def short_cases() -> Iterator[None]:
    """The windows of the made-up store last 2.5 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control_cases, "SECONDS", (1.5, 2.5))
        yield


@pytest.fixture(scope="module")
def cases(manifest: Manifest, store: MotionStore) -> dict[str, list[Case]]:
    return {name: cases_of(name, manifest, store, count=COUNT) for name in FAMILIES}


@pytest.fixture(scope="module")
def report(
    manifest: Manifest,
    store: MotionStore,
    tiny_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> SuiteReport:
    return run(manifest, store, tiny_model, tmp_path_factory.mktemp("control"))


def run(manifest: Manifest, store: MotionStore, model: Path, folder: Path) -> SuiteReport:
    """Run two of the families."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control_suite, "FAMILIES", FEW)
        clips = ClipStore.open(folder / "clips", {"steps": 2})
        return control_suite.control_suite(
            str(model), manifest, store, clips, count=2, repeats=2, steps=2
        )


def table(report: SuiteReport, start: str) -> SuiteTable:
    (found,) = (each for each in report.tables if each.title.startswith(f"{start}"))
    return found


def values(table: SuiteTable, column: str) -> dict[str, float]:
    return {name: each.value for name, each in table.columns[column].items()}


def errors_of(found: dict[str, float]) -> dict[str, float]:
    words = ("joint position", "joint rotation", "heading", "root path", "off by", "average error")
    return {k: v for k, v in found.items() if k.startswith(words) or "off by" in k}


# --- cases ---------------------------------------------------------------------------------------


def test_cases_are_always_the_same_and_fewer_are_the_first_of_more(
    cases: dict[str, list[Case]], manifest: Manifest, store: MotionStore
) -> None:
    for family, drawn in cases.items():
        again = cases_of(family, manifest, store, count=2)
        assert [case.name for case in again] == [case.name for case in drawn[:2]]
        for first, second in zip(drawn, again, strict=False):
            assert first.constraints == second.constraints
            assert first.moved == second.moved


def test_every_other_case_has_its_caption_and_some_are_moved(cases: dict[str, list[Case]]) -> None:
    for drawn in cases.values():
        assert [bool(case.script.statements) for case in drawn] == [True, False] * (COUNT // 2)
        assert drawn[0].script.prompt == drawn[0].window.caption
        for case in drawn:
            assert case.moved == (case.constraints != case.own)


def test_a_real_motion_meets_its_own_constraints_exactly(cases: dict[str, list[Case]]) -> None:
    for family, drawn in cases.items():
        for case in drawn:
            made = Made.real(case)
            found = values_of(made)
            assert made.goals
            assert made.is_met
            assert found["pins met"] == 100.0
            assert all(value < 1e-3 for value in errors_of(found).values())
            assert ("average error" in found) == (family in PATHS)
            assert ("heading" in found) >= (family == "waypoints and headings")


def test_a_moved_case_is_missed_by_the_real_motion(cases: dict[str, list[Case]]) -> None:
    moved = [case for case in cases["dense path"] if case.moved]
    assert moved
    for case in moved:
        assert not Made.of(case, case.real).is_met


# --- measures ------------------------------------------------------------------------------------


def test_errors_are_those_by_which_a_motion_was_moved(cases: dict[str, list[Case]]) -> None:
    case = next(case for case in cases["dense path"] if not case.moved)
    aside = Made.of(case, case.real.translate(torch.tensor([0.12, 0.0, 0.0])))
    found = values_of(aside)

    assert found["root path"] == pytest.approx(12, abs=0.01)
    assert found["average error"] == pytest.approx(12, abs=0.01)
    assert found["trajectories off by more than 10 cm"] == 100
    assert found["trajectories off by more than 20 cm"] == 0
    assert found["path points off by more than 10 cm"] == 100
    assert found["pins met"] == 0
    straight = values_of(Made.real(case))
    assert abs(found["pelvis from root path, 95th percentile"] - 12) < 6.1  # it sways by 6 cm
    assert straight["pelvis from root path, 95th percentile"] < 6.1


def test_a_turned_motion_misses_headings_and_rotations_by_the_turn(
    cases: dict[str, list[Case]],
) -> None:
    case = next(c for c in cases["full-body keyframes"] if not c.moved)
    turned = case.real.local_rotations.clone()
    turned[:, 0] = axis_rotation("Y", torch.tensor(0.2)) @ turned[:, 0]
    found = values_of(Made.of(case, replace(case.real, local_rotations=turned)))
    assert found["joint rotation"] == pytest.approx(11.459, abs=0.01)
    assert found["joint rotation, worst"] == pytest.approx(11.459, abs=0.01)

    facing = next(c for c in cases["waypoints and headings"] if not c.moved)
    local = facing.real.local_rotations.clone()
    local[:, 0] = axis_rotation("Y", torch.tensor(0.2)) @ local[:, 0]
    found = values_of(Made.of(facing, replace(facing.real, local_rotations=local)))
    assert found["heading"] == pytest.approx(11.459, abs=0.05)


def values_of(made: Made) -> dict[str, float]:
    found = seen(made, BODY22_LIMITS)
    names = {line.measure.name: line.pool for line in LINES}
    return {name: names[name]([each]) for name, each in found.items()}


# --- the suite -----------------------------------------------------------------------------------


def test_there_is_a_table_for_each_family_and_one_for_all(
    report: SuiteReport, tiny_model: Path
) -> None:
    titles = [each.title for each in report.tables]
    assert titles[0] == "all families"
    assert [title.split(":")[0] for title in titles[1:]] == list(FEW)
    name = tiny_model.name
    for each in report.tables:
        assert list(each.columns) == [
            "real",
            name,
            f"{name} + post",
            "text only",
            "text only + post",
            "untrained",
        ]
    assert report.manifest in report.markdown()


def test_real_motions_have_no_errors_and_corrected_ones_nearly_none(
    report: SuiteReport, tiny_model: Path
) -> None:
    whole = table(report, "all families")
    real, raw = values(whole, "real"), values(whole, tiny_model.name)
    after = values(whole, f"{tiny_model.name} + post")

    assert all(value < 1e-3 for value in errors_of(real).values())
    assert real["pins met"] == 100
    assert after["pins met"] > raw["pins met"]
    assert after["pins met"] > 95
    assert values(whole, "text only")["joint position"] > 1 > after["joint position"]


def test_the_same_seed_gives_the_same_report(
    report: SuiteReport, manifest: Manifest, store: MotionStore, tiny_model: Path, tmp_path: Path
) -> None:
    assert run(manifest, store, tiny_model, tmp_path) == report


def test_a_case_that_is_refused_is_counted_and_told(
    manifest: Manifest,
    store: MotionStore,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spoilt(family: str, *about: object, count: int) -> list[Case]:
        first, *rest = cases_of(family, manifest, store, count=count)
        away = first.real.translate(torch.tensor([1.0, 0.0, 0.0]))
        both = tuple(JointTarget.from_motion(each, "head", [3]) for each in (first.real, away))
        return [replace(first, constraints=both), *rest]

    monkeypatch.setattr(control_suite, "cases_of", spoilt)
    report = run(manifest, store, tiny_model, tmp_path)

    for family, table in zip(FEW, report.tables[1:], strict=True):
        assert table.title == f"{family}: 1 cases, 0 with text, 1 moved; 1 refused"
        (told,) = [t for t in report.markdown().splitlines() if t.startswith(f"- {family}: test")]
        assert "is refused" in told
        assert "apart" in told
