"""What is doubtful about constraints comes with the result, and why one is not met is said."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.constraints import Finding, HoldJoint, Interval, JointTarget, RootWaypoint, Times
from marey.generate import GenerationRequest, generate, generate_many
from marey.skeleton import BODY22
from marey.text import TextScript


@pytest.fixture(scope="module")
def walk(tiny_model: Path) -> GenerationRequest:
    script = TextScript.from_prompt("a person walks forward")
    return GenerationRequest(script=script, seconds=1, seed=3, model=str(tiny_model), steps=2)


def pinned(joint: str, *place: float, label: str = "") -> JointTarget:
    return JointTarget(
        joint=joint, times=Times(frames=(10,)), positions=torch.tensor([place]), label=label
    )


SHELF = pinned("left_wrist", 0.3, 3.2, 0.4, label="shelf")
EASY = RootWaypoint(times=Times(frames=(0, 19)), points=torch.tensor([[0.0, 0.0], [0.0, 0.6]]))
ARM = (pinned("left_shoulder", 0.2, 1.3, 0.4), pinned("left_wrist", 0.2, 1.3, 1.2))


def test_each_request_gets_its_own_warnings(walk: GenerationRequest) -> None:
    good, doubtful = (replace(walk, constraints=(each,)) for each in (EASY, SHELF))
    results = generate_many([good, doubtful, walk])
    assert [len(each.warnings) for each in results] == [0, 1, 0]
    (warning,) = results[1].warnings
    assert (warning.kind, warning.name) == ("height", "constraints[0] (JointTarget 'shelf')")


def test_warnings_are_in_the_json_of_a_result(walk: GenerationRequest) -> None:
    result = generate(replace(walk, constraints=(EASY, *ARM)))
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert tuple(map(Finding.from_json, content["warnings"])) == result.warnings
    assert [each.kind for each in result.warnings] == ["reach"]


def test_both_of_two_that_cannot_be_met_together_say_so(walk: GenerationRequest) -> None:
    result = generate(replace(walk, constraints=(EASY, *ARM)))
    easy, shoulder, wrist = result.constraints[0]
    (warning,) = result.warnings
    assert easy.met
    assert not shoulder.met
    assert not wrist.met
    assert wrist.why == warning.message
    assert shoulder.why == f"constraints[2] (JointTarget): {warning.message}"


def test_a_pin_says_its_tolerance_in_the_unit_of_its_error(walk: GenerationRequest) -> None:
    still = torch.eye(3)[None]
    exact = replace(ARM[1], rotations=still, tolerance=0.02, rotation_tolerance=0.1)
    held = HoldJoint(joint="left_foot", interval=Interval(start=3, end=5))
    (reports,) = generate(replace(walk, constraints=(exact, held))).constraints
    found = {pin.unit: pin.tolerance for report in reports for pin in report.pins}
    assert found == {"cm": 0.5, "deg": pytest.approx(5.7296, abs=1e-3), "label": 0.0}
    assert {pin.tolerance for pin in reports[0].pins} == {2.0, found["deg"]}
    for report in reports:
        assert report.worst in report.pins
        assert all(pin.met == (pin.error_after <= pin.tolerance + 1e-3) for pin in report.pins)


def test_the_worst_pin_is_that_which_is_off_by_most_tolerances(walk: GenerationRequest) -> None:
    """Half a metre is worse than forty degrees, though the number is smaller in cm than in deg."""
    turned = torch.tensor([[[-1.0, 0, 0], [0, 1, 0], [0, 0, -1]]])
    place = replace(ARM[1], rotations=turned, tolerance=0.001, rotation_tolerance=1.5)
    ((report,),) = generate(replace(walk, constraints=(place,), postprocess=False)).constraints
    worst = report.worst
    assert worst is not None
    assert (worst.kind, worst.unit) == ("joint_position", "cm")
    assert report.why == "post-processing was off"


def test_what_is_pinned_in_the_world_is_not_there_in_place(walk: GenerationRequest) -> None:
    request = replace(walk, constraints=(EASY, SHELF), in_place=True)
    result = generate(request)
    assert [(each.kind, each.constraint) for each in result.warnings] == [
        ("height", 1),
        ("in_place", 0),
        ("in_place", 1),
    ]
    assert "delivered motion is elsewhere" in result.warnings[1].message


def test_errors_are_measured_on_the_skeleton_and_frames_that_are_delivered(
    walk: GenerationRequest,
) -> None:
    names = tuple(f"Rig_{name}" for name in BODY22.joint_names)
    roles = {role: joint and f"Rig_{joint}" for role, joint in vars(BODY22.roles).items()}
    rig = replace(
        BODY22,
        name="rig",
        joint_names=names,
        rest_offsets=1.1 * BODY22.rest_offsets,
        roles=type(BODY22.roles)(**roles),
        parts=(),
    )
    wrist = pinned("Rig_left_wrist", 0.35, 1.2, 0.5)
    request = replace(walk, skeleton=rig, fps=30, constraints=(wrist,))
    for postprocess in (True, False):
        result = generate(replace(request, postprocess=postprocess))
        (motion,), ((report,),) = result.motions, result.constraints
        (pin,) = report.pins
        there = motion.joint_positions[10, rig.index("Rig_left_wrist")]
        off = 100 * float((there - torch.tensor([0.35, 1.2, 0.5])).norm())
        assert pin.error_after == pytest.approx(off, abs=0.01)
        assert pin.target == pytest.approx([0.35, 1.2, 0.5])
        assert pin.achieved_after == pytest.approx(there.tolist(), abs=1e-4)
        if not postprocess:
            assert pin.error_before == pin.error_after
            assert report.why == "post-processing was off"
