"""The editing suite: sources are their own, pins preserve, refusals are told, seeds decide."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.constraints import Clip, JointTarget, compile_goals
from marey.data import MotionStore
from marey.evaluation import editing_cases, editing_suite
from marey.evaluation.clips import ClipStore
from marey.evaluation.editing_cases import EDITS, Edit, EditCase, Sources, SourceWindows
from marey.evaluation.editing_suite import SOURCE, PartJudge, put_in
from marey.evaluation.manifest import Manifest
from marey.evaluation.report import SuiteReport
from marey.metrics import goal_errors
from marey.models.alignment import (
    PartAlignment,
    PartAlignmentConfig,
    PartAlignmentModel,
    slot_channels,
)
from marey.predicates import claims, find_events
from marey.representations import JointMotion, Normalizer
from marey.skeleton import BODY22
from marey.text import MiniLMEncoder

EVERY = [edit for group in EDITS.values() for edit in group]
ARM = next(edit for edit in EVERY if edit.text == "waves with the left hand")
SQUAT = next(edit for edit in EVERY if edit.text == "squats down")


@pytest.fixture(scope="module")
def windows(manifest: Manifest, store: MotionStore) -> SourceWindows:
    return SourceWindows(manifest, store)


@pytest.fixture(scope="module")
def report(
    manifest: Manifest,
    store: MotionStore,
    tiny_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> SuiteReport:
    return run(manifest, store, tiny_model, tmp_path_factory.mktemp("editing"))


def run(manifest: Manifest, store: MotionStore, model: Path, folder: Path) -> SuiteReport:
    """Edit one arm and both legs."""
    with pytest.MonkeyPatch.context() as patch:
        few = {"arms": (ARM,), "legs": (SQUAT,)}
        patch.setattr(editing_cases, "EDITS", few)
        patch.setattr(editing_suite, "EDITS", few)
        clips = ClipStore.open(folder / "clips", {"steps": 2})
        return editing_suite.editing_suite(
            str(model), manifest, store, clips, count=1, repeats=2, steps=2
        )


@pytest.fixture(scope="module")
def part_model() -> PartAlignmentModel:
    """A tiny model of parts with random weights."""
    representation = JointMotion()
    feats = representation.layout.size
    config = PartAlignmentConfig(
        text_width=384,
        channels=slot_channels(representation.layout, BODY22),
        shared=8,
        width=16,
        layers=1,
        heads=2,
        hidden=16,
        latent=8,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = PartAlignment(config)
    return PartAlignmentModel(
        name="tiny",
        network=network.eval().requires_grad_(False),
        representation=representation,
        normalizer=Normalizer(mean=torch.zeros(feats), std=torch.ones(feats)),
        text_encoder=f"{MiniLMEncoder.name} {MiniLMEncoder().version}",
    )


def case_of(windows: SourceWindows, edit: Edit) -> EditCase:
    return windows.cases(edit, 1).cases[0]


# --- cases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("edit", EVERY, ids=lambda edit: edit.text)
def test_the_text_of_an_edit_can_be_judged_and_is_about_its_parts(edit: Edit) -> None:
    said = claims(edit.text)
    assert said
    for claim in said:
        about = {part for slot in claim.slots for part in slot.split("+")}
        assert "global" in about or about & set(edit.parts)


def test_sides_are_mirror_images() -> None:
    texts = {edit.text for edit in EVERY}
    for edit in EVERY:
        swapped = edit.text.replace("left", "?").replace("right", "left").replace("?", "right")
        assert swapped in texts


def test_sources_are_always_the_same_and_none_of_them_does_it_yet(
    windows: SourceWindows, manifest: Manifest, store: MotionStore
) -> None:
    drawn = windows.cases(ARM, 3)
    again = SourceWindows(manifest, store).cases(ARM, 2)
    assert [case.name for case in again.cases] == [case.name for case in drawn.cases[:2]]
    for case in drawn.cases:
        assert not ARM.is_done(find_events(case.source))


def test_a_window_in_which_it_is_done_is_passed_over_and_counted(
    windows: SourceWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = windows.cases(ARM, 100)
    done = iter([True, False, True, False])
    monkeypatch.setattr(Edit, "is_done", lambda *_: next(done))
    some = windows.cases(ARM, 2)
    assert some.passed_over == 2
    assert [c.name for c in some.cases] == [every.cases[i].name for i in (1, 3)]


@pytest.mark.parametrize("edit", [ARM, SQUAT], ids=lambda edit: edit.text)
def test_pins_are_of_the_kept_joints_and_the_source_meets_them(
    windows: SourceWindows, edit: Edit
) -> None:
    case = case_of(windows, edit)
    goals = compile_goals(case.constraints, Clip.of(case.source))
    pinned = {goal.joint for goal in goals if goal.kind == "joint_rotation"}
    free = {j for part in edit.parts for j in case.source.skeleton.part_indices(part)}
    assert pinned | free == set(range(case.source.skeleton.num_joints))
    assert not pinned & free
    assert any(goal.kind == "joint_position" for goal in goals) != edit.frees_root
    assert all(float(goal_errors(case.source, goal).max()) < 1e-5 for goal in goals)
    assert all(len(goal.frames) == case.source.num_frames for goal in goals)
    assert case.refusal is None


def test_a_model_is_told_of_the_parts_that_it_reads_and_else_of_the_edit() -> None:
    whole = ARM.script("a person walks", ("global",))
    assert whole.prompt == "a person waves with the left hand"
    parts = ARM.script("a person walks", ("global", "left_arm"))
    assert parts.prompt == "a person walks"
    assert parts.by_slot()["left_arm"] == "waves with the left hand"


@pytest.mark.parametrize("edit", [ARM, SQUAT], ids=lambda edit: edit.text)
def test_a_part_put_in_leaves_all_others_as_they_were(windows: SourceWindows, edit: Edit) -> None:
    case = case_of(windows, edit)
    other = case.source.mirror().translate(torch.tensor([3.0, 0.0, 1.0]))
    found, kept = put_in(case, other), edit.kept(case.source)
    free = [j for j in range(found.skeleton.num_joints) if j not in kept]

    assert torch.equal(found.local_rotations[:, kept], case.source.local_rotations[:, kept])
    assert torch.equal(found.local_rotations[:, free], other.local_rotations[:, free])
    start = (found.root_positions - case.source.root_positions)[0, [0, 2]]
    assert float(start.abs().max()) < 1e-6
    stays = torch.equal(found.root_positions, case.source.root_positions)
    assert stays != edit.frees_root


# --- the suite -----------------------------------------------------------------------------------


def test_tables_are_of_all_edits_of_each_and_of_groups(
    report: SuiteReport, tiny_model: Path
) -> None:
    titles = [table.title for table in report.tables]
    assert titles == [
        "all edits: 2 cases",
        "edits done, by edit",
        "edits of arms: 1 cases",
        "edits of legs: 1 cases",
    ]
    name = tiny_model.name
    columns = [SOURCE, name, f"{name}, usual guidance", "text only", "text only, part put in"]
    for table in report.tables:
        assert list(table.columns) == [*columns, "untrained"]
    assert [m.name for m in report.tables[1].measures] == [ARM.text, SQUAT.text]
    of_source = report.tables[1].columns[SOURCE][ARM.text]
    assert (of_source.value, of_source.low) == (0, 0)
    assert of_source.high == pytest.approx(79.3, abs=0.1)  # Wilson's of 0 of 1
    assert report.tables[1].columns["untrained"][ARM.text].high < 100  # of two draws
    assert f"- {ARM.text}: 1 sources; done already in" in report.markdown()


def test_pinned_joints_are_preserved_and_those_of_the_text_alone_are_not(
    report: SuiteReport, tiny_model: Path
) -> None:
    moved = editing_suite.MOVED.name
    for table in report.tables[:1] + report.tables[2:]:
        found = {name: column[moved].value for name, column in table.columns.items()}
        assert found[SOURCE] == 0
        assert found["text only, part put in"] < 1e-3
        assert found[tiny_model.name] < 0.05 * found["text only"]
    source = report.tables[0].columns[SOURCE]
    assert source[editing_suite.DONE.name].value == 0
    assert source[editing_suite.STRAYED.name].value == 0
    assert editing_suite.STRAYED not in report.tables[3].measures


def test_the_same_seed_gives_the_same_report(
    report: SuiteReport, manifest: Manifest, store: MotionStore, tiny_model: Path, tmp_path: Path
) -> None:
    assert run(manifest, store, tiny_model, tmp_path) == report


def test_an_edit_that_is_refused_is_told_and_not_drawn(
    windows: SourceWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(windows, ARM)
    away = case.source.translate(torch.tensor([1.0, 0.0, 0.0]))
    both = tuple(JointTarget.from_motion(each, "head", [3]) for each in (case.source, away))
    spoilt = Sources(cases=(replace(case, constraints=both),), passed_over=4)
    monkeypatch.setattr(SourceWindows, "cases", lambda *_: spoilt)
    monkeypatch.setattr(editing_suite, "EDITS", {"arms": (ARM,)})
    cases, told = editing_suite._cases(windows, 1)

    assert cases == []
    assert told[0] == f"- {ARM.text}: 0 sources; done already in 4 of 5 windows."
    assert "is refused" in told[1]
    assert "apart" in told[1]


def test_parts_are_held_against_what_they_were_to_do(
    windows: SourceWindows, part_model: PartAlignmentModel
) -> None:
    judge = PartJudge(model=part_model, encoder=MiniLMEncoder())
    case = case_of(windows, ARM)
    found = judge.similarity(case, case.source)
    assert 0 <= found <= 1

    kick = next(edit for edit in EVERY if edit.text == "kicks with the left leg")
    legs_still = case.source.local_rotations.clone()
    legs_still[:, case.source.skeleton.part_indices("left_leg")[1:]] = torch.eye(3)
    other = replace(case.source, local_rotations=legs_still)
    assert judge.similarity(case, other) == pytest.approx(found, abs=1e-6)  # it sees arms alone
    about_legs = replace(case, edit=kick)
    bent = replace(case.source, local_rotations=case.source.local_rotations.roll(3, dims=1))
    assert judge.similarity(about_legs, bent) != judge.similarity(about_legs, other)
