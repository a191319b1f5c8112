"""Constraint files: exact round trips, errors with a path, and no other error for any content."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from marey.constraints import (
    Clip,
    Constraint,
    FullBodyKeyframe,
    Goal,
    JointTarget,
    RootWaypoint,
    Times,
    check_constraints,
    compile_goals,
    constraints_from_json,
    constraints_to_json,
    constraints_to_text,
    facts_from_goals,
    load_constraints,
)
from marey.errors import InvalidInputError
from marey.skeleton import BODY22


def read(row: object) -> tuple[Constraint, ...]:
    return constraints_from_json({"version": 1, "constraints": [row]})


def test_a_file_gives_back_every_constraint(
    constraints: tuple[Constraint, ...], clip: Clip, tmp_path: Path
) -> None:
    path = tmp_path / "constraints.json"
    path.write_text(constraints_to_text(constraints), encoding="utf-8")
    again = load_constraints(path)
    assert again[2:] == constraints[2:]  # the first two hold rotations, see below
    assert [type(each) for each in again] == [type(each) for each in constraints]
    for old, new in zip(compile_goals(constraints, clip), compile_goals(again, clip), strict=True):
        assert (old.quantity, old.weight, old.tolerance) == (
            new.quantity,
            new.weight,
            new.tolerance,
        )
        assert torch.equal(old.frames, new.frames)
        slack = 1e-6 if old.kind == "joint_rotation" else 0  # quaternions in float32
        torch.testing.assert_close(new.target, old.target, atol=slack, rtol=0)
    assert [each.label for each in again] == [each.label for each in constraints]


def test_writing_is_the_inverse_of_reading(constraints: tuple[Constraint, ...]) -> None:
    once = constraints_to_json(constraints)
    twice = constraints_to_json(constraints_from_json(json.loads(json.dumps(once))))
    for content in (once, twice):
        for row in content["constraints"]:
            row.pop("rotations", None)  # equal to the last digit of float32 only
    assert once == twice


def test_quaternions_are_normalised_and_may_have_either_sign() -> None:
    rows = [[2, 0, 2, 0], [-0.5, 0, -0.5, 0]]
    (target,) = read({"type": "joint", "joint": "head", "frames": [1, 2], "rotations": rows})
    assert isinstance(target, JointTarget)
    expected = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    assert target.rotations is not None
    torch.testing.assert_close(target.rotations, expected.expand(2, 3, 3))


def test_whole_numbers_may_be_written_with_a_point() -> None:
    (point,) = read({"type": "root_waypoint", "frames": [3.0], "points": [[0, 1]]})
    assert isinstance(point, RootWaypoint)
    assert point.times == Times(frames=(3,))


POINT = {"type": "root_waypoint", "frames": [1, 2], "points": [[0, 1], [2, 3]]}
JOINT = {"type": "joint", "joint": "head", "frames": [1], "positions": [[0, 1, 2]]}
HOLD = {"type": "hold", "joint": "head", "start": 1, "end": 4}
FULL = {
    "type": "full_body",
    "frames": [1],
    "joint_names": ["head", "neck"],
    "positions": [[[0, 1, 2], [0, 1, 2]]],
}
PATH = {"type": "root_path", "points": [[0, 0], [0, 1]], "speed": 1}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (3, r"constraints[0]: expected an object, got 3."),
        ({}, "constraints[0].type: expected one of full_body, joint, root_waypoint"),
        ({"type": "joints"}, 'got "joints".'),
        ({"type": []}, "got a list of 0 items."),
        (POINT | {"points": [[0, 1], [2, "x"]]}, 'points[1][1]: expected a finite number, got "x"'),
        (POINT | {"points": [[0, 1], [2, True]]}, "points[1][1]: expected a finite number"),
        (POINT | {"points": [[0, 1], [2, float("nan")]]}, "points[1][1]: expected a finite number"),
        (POINT | {"points": [[0, 1], [2, 1e7]]}, "points[1][1]: expected a number from -10000"),
        (POINT | {"points": [[0, 1], [2, 10**400]]}, "got a huge number"),
        (POINT | {"points": [[0, 1], [2]]}, "points[1]: expected a list of 2 items, got a list of"),
        (POINT | {"points": [[0, 1]]}, "points: expected a list of 2 items, as frames has"),
        (POINT | {"points": []}, "points: expected a list of 1 to 100000 items"),
        (POINT | {"points": "a"}, 'points: expected a list, got "a"'),
        (POINT | {"points": {"0": 1}}, "points: expected a list, got an object"),
        (POINT | {"seconds": [1, 2]}, "exactly one of frames, seconds, got frames and seconds."),
        ({"type": "root_waypoint", "points": [[0, 0]]}, "frames, seconds, got none."),
        (POINT | {"frames": [1, 1]}, "constraints[0].frames: expected distinct times, got 1 twice"),
        (POINT | {"frames": [1, 2.5]}, "frames[1]: expected a whole number from 0 to 1e+06"),
        (POINT | {"frames": [1, -2]}, "frames[1]: expected a whole number"),
        (POINT | {"frames": None}, "frames: expected a list, got null"),
        (POINT | {"weight": 0}, "constraints[0].weight: expected a number above 0"),
        (POINT | {"tolerance": -1}, "tolerance: expected a number from 0 to 10000, got -1"),
        (POINT | {"label": 5}, "label: expected a string, got 5"),
        (POINT | {"label": "\ud800"}, 'printable string of at most 200 characters, got "\\ud800"'),
        (POINT | {"pionts": 1}, 'unknown field "pionts"; the fields are type, frames, seconds'),
        ({"type": "root_waypoint", "frames": [1]}, "constraints[0].points: expected a value"),
        (JOINT | {"joint": ""}, "joint: expected a printable string"),
        ({**JOINT, "rotations": [[0, 0, 0, 0]]}, "rotations[0]: expected a quaternion w, x, y, z"),
        ({"type": "joint", "joint": "a", "frames": [1]}, "expected positions or rotations or both"),
        (HOLD | {"end": 1}, "constraints[0].end: expected more than start (1)"),
        (HOLD | {"start": 0.5}, "constraints[0].start: expected a frame number"),
        (HOLD | {"unit": "beats"}, 'unit: expected one of frames, seconds, got "beats"'),
        (HOLD | {"rotation": 1}, "rotation: expected true or false, got 1"),
        (FULL | {"joint_names": ["a", "a"]}, "constraints[0].joint_names: expected at least one"),
        (FULL | {"joint_names": ["a"]}, "positions[0]: expected a list of 1 item, as joint_names"),
        (FULL | {"rotations": [[[1, 0, 0, 0]]]}, "rotations[0]: expected a list of 2 items, as"),
        (PATH | {"frames": [1, 2]}, "exactly one of frames, seconds, speed, got frames and speed"),
        (PATH | {"points": [[0, 0], [0, 0]]}, "constraints[0].points[1]: expected another point"),
        (PATH | {"curve": "arc"}, 'curve: expected one of polyline, spline, got "arc"'),
        ({"type": "foot_contact", "foot": "foot"}, "foot: expected one of left_heel, left_toe"),
        ({"type": "foot_contact", "foot": "left_toe", "tolerance": 1}, 'unknown field "tolerance"'),
    ],
)
def test_faults_are_named_with_their_path(row: object, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(row)
    assert str(caught.value).startswith("constraints[0]")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected an object with fields version, constraints, got null"),
        ([], "got a list of 0 items"),
        ({"version": True, "constraints": []}, "version: expected 1, got true"),
        ({"version": 2, "constraints": []}, "Use the marey release that wrote this file"),
        ({"version": 1}, "constraints: expected a list"),
        ({"version": 1, "constraints": [{}] * 2001}, "at most 2000 constraints"),
        ({"version": 1, "constraints": [], "fps": 3}, 'unknown field "fps"'),
    ],
)
def test_other_objects_are_refused(content: object, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        constraints_from_json(content)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "expected a JSON file"),
        (b"\xff\xfe\x00", "expected a JSON file in UTF-8"),
        (b"[" * 100_000, "expected a JSON file"),
        (b'{"version": 1' + b"0" * 5000 + b"}", "expected a JSON file"),
        (b'{"version": 1, "version": 1}', 'field "version" comes twice'),
        (b'{"version": 1, "constraints": [{"type": 1e999}]}', r"constraints[0].type"),
        (
            b'{"version": 1, "constraints": [{"type": "root_waypoint", "frames": [1], '
            b'"points": [[0, Infinity]]}]}',
            "constraints[0].points[0][1]: expected a finite number, got Infinity",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(raw)
    with pytest.raises(InvalidInputError) as caught:
        load_constraints(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.json: cannot be read: No such file"):
        load_constraints(tmp_path / "none.json")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_constraints(tmp_path)


def test_a_byte_order_mark_and_the_name_of_the_schema_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"$schema": "schema.json", "version": 1, "constraints": []}')
    assert load_constraints(path) == ()


def test_only_known_constraints_are_written() -> None:
    class Wish(Constraint):
        def goals(
            self, clip: Clip, source: int = 0, beside: Sequence[Goal] = ()
        ) -> tuple[Goal, ...]:
            return ()

    with pytest.raises(InvalidInputError, match="a type that files hold, got Wish"):
        constraints_to_json([Wish()])


SURPRISES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2.5, 1e308, -1e308, 10**30, float("nan"), float("inf")),
    *("", "x", "head", "\ud800", "frames", [], {}, [[]], [[[[[]]]]], [0], [[0, 0]], [1, 2, 3]),
    *({"type": "joint"}, 59, 60, 61, [59], [0.0], "seconds", "root_path", 1e-30, 4000),
]


def mutated(content: Any, dice: random.Random) -> Any:
    """The content with a few values, keys or lengths changed, anywhere in it."""
    if isinstance(content, dict) and content and dice.random() < 0.9:
        key = dice.choice(list(content))
        changed = dict(content)
        if dice.random() < 0.1:
            del changed[key]
        elif dice.random() < 0.05:
            changed[dice.choice(["start", "end", "frames", "tolerance", "x"])] = changed.pop(key)
        else:
            changed[key] = mutated(content[key], dice)
        return changed
    if isinstance(content, list) and content and dice.random() < 0.9:
        place = dice.randrange(len(content))
        if dice.random() < 0.1:
            return content[:place] + content[place + 1 :]
        if dice.random() < 0.1:
            return [*content, content[place]]
        return [*content[:place], mutated(content[place], dice), *content[place + 1 :]]
    if isinstance(content, float) and dice.random() < 0.5:
        return content + dice.choice([-1, 1]) * 10 ** dice.uniform(-3, 4)
    return dice.choice(SURPRISES)


def survives(content: Any, clip: Clip) -> bool:
    """Read, check and compile; whether it is valid. Anything but a clear error is a failure."""
    try:
        constraints = constraints_from_json(content)
    except InvalidInputError:
        return False
    findings = check_constraints(constraints, clip)
    if any(finding.severity == "error" for finding in findings):
        return False
    facts = facts_from_goals(compile_goals(constraints, clip), clip)
    assert all(bool(value.isfinite().all()) for value in vars(facts).values())
    return True


def test_any_file_gives_constraints_or_a_clear_error(
    constraints: tuple[Constraint, ...], clip: Clip
) -> None:
    dice = random.Random(0)
    small = FullBodyKeyframe(
        times=Times(frames=(30,)),
        joint_names=("pelvis", "head"),
        positions=torch.tensor([[[4.8, 0.9, -1.4], [4.8, 1.4, -1.4]]]),
    )
    rows = constraints_to_json([small, *constraints[1:]])["constraints"]
    outcomes = []
    for _ in range(250):
        some = [json.loads(json.dumps(dice.choice(rows))) for _ in range(dice.randint(1, 3))]
        content: Any = {"version": 1, "constraints": some}
        for _ in range(dice.randint(0, 3)):
            content = mutated(content, dice)
        outcomes.append(survives(content, clip))
    assert 20 < sum(outcomes) < 230
    assert clip.skeleton == BODY22
