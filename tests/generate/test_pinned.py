"""What the user pins is what the user gets, and is told of."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.constraints import (
    Constraint,
    FacePoint,
    FootContact,
    FullBodyKeyframe,
    HoldJoint,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootPath,
    RootWaypoint,
    Times,
    constraints_to_json,
)
from marey.errors import InvalidInputError
from marey.generate import GenerationRequest, GenerationResult, clip_of, generate, generate_many
from marey.motion import Motion
from marey.skeleton import BODY22, Roles, Skeleton
from marey.text import TextScript


@pytest.fixture(scope="module")
def walk(tiny_model: Path) -> GenerationRequest:
    script = TextScript.from_prompt("a person walks forward")
    return GenerationRequest(script=script, seconds=2, seed=3, model=str(tiny_model), steps=2)


@pytest.fixture(scope="module")
def body(walk: GenerationRequest) -> GenerationRequest:
    """The same from the shipped model, whose bodies stand on their feet."""
    return replace(walk, model="small", steps=4)


@pytest.fixture(scope="module")
def rig() -> Skeleton:
    """A body with longer legs, shorter arms and other joint names."""
    scale = torch.ones(BODY22.num_joints, 1)
    for joint, part in enumerate(BODY22.parts):
        scale[joint] = {"left_leg": 1.15, "right_leg": 1.15}.get(part, 0.9)
    names = tuple(f"Rig_{name}" for name in BODY22.joint_names)
    roles = {role: joint and f"Rig_{joint}" for role, joint in vars(BODY22.roles).items()}
    return replace(
        BODY22,
        name="rig",
        joint_names=names,
        rest_offsets=scale * BODY22.rest_offsets,
        roles=Roles(**roles),
        parts=(),
    )


def waypoints(*points: tuple[int, float, float]) -> RootWaypoint:
    frames, places = [row[0] for row in points], [row[1:] for row in points]
    return RootWaypoint(times=Times(frames=tuple(frames)), points=torch.tensor(places))


def on_the_way(prefix: str = "") -> tuple[Constraint, ...]:
    """Constraints of where the body goes and what it looks at, that 40 frames can meet."""
    return (
        replace(waypoints((0, 0.1, 0.2), (39, 0.2, 0.8)), tolerance=0.01),
        RootHeading(times=Times(seconds=(1.2,)), angles=torch.tensor([0.4])),
        FootContact(foot="left_foot", interval=Interval(start=5, end=12)),
        HoldJoint(joint=f"{prefix}left_wrist", interval=Interval(start=20, end=24)),
        FacePoint(
            point=torch.tensor([0.0, 9.0]), interval=Interval(start=1.7, end=1.9, unit="seconds")
        ),
    )


def of_the_body(prefix: str = "") -> tuple[Constraint, ...]:
    """Constraints of single joints and heights."""
    return (
        JointTarget(
            joint=f"{prefix}right_wrist",
            times=Times(frames=(15,)),
            positions=torch.tensor([[-0.25, 1.1, 0.6]]),
            tolerance=0.01,
            label="reach",
        ),
        PelvisHeight(times=Times(frames=(30,)), heights=torch.tensor([0.8])),
    )


def every_kind() -> tuple[Constraint, ...]:
    return (*on_the_way(), *of_the_body())


@pytest.fixture(scope="module")
def way(body: GenerationRequest) -> GenerationResult:
    return generate(replace(body, constraints=on_the_way(), samples=2))


@pytest.fixture(scope="module")
def reach(body: GenerationRequest) -> GenerationResult:
    return generate(replace(body, constraints=of_the_body()))


def moved(constraint: Constraint, offset: torch.Tensor) -> Constraint:
    """The same constraint elsewhere in the world."""
    changes = {}
    for name in ("points", "point", "positions", "root_path"):
        value = getattr(constraint, name, None)
        if value is not None:
            changes[name] = value + (offset if value.shape[-1] == 3 else offset[[0, 2]])
    return replace(constraint, **changes)


def same(a: Motion, b: Motion, *, within: float = 1e-5) -> bool:
    return torch.allclose(a.joint_positions, b.joint_positions, atol=within, rtol=0)


# --- what is delivered ---------------------------------------------------------------------------


def test_every_constraint_is_met(way: GenerationResult, reach: GenerationResult) -> None:
    for reports in (*way.constraints, *reach.constraints):
        assert [(each.number, each.met, each.why) for each in reports] == [
            (number, True, "") for number in range(len(reports))
        ]


def test_every_pin_is_reported_before_and_after(reach: GenerationResult) -> None:
    (motion,), (reports,) = reach.motions, reach.constraints
    assert reports[0].name == "constraints[0] (JointTarget 'reach')"
    (pin,) = reports[0].pins
    assert (pin.kind, pin.joint, pin.frame) == ("joint_position", "right_wrist", 15)
    wrist = motion.joint_positions[15, BODY22.index("right_wrist")]
    off = 100 * float((wrist - torch.tensor([-0.25, 1.1, 0.6])).norm())
    assert (pin.error_after, pin.unit) == (pytest.approx(off, abs=0.01), "cm")
    assert off <= 1 < pin.error_before
    assert pin.target == pytest.approx([-0.25, 1.1, 0.6])
    assert pin.achieved_after == pytest.approx(wrist.tolist(), abs=1e-4)
    assert pin.achieved_before != pin.achieved_after


def test_constraints_are_about_the_delivered_skeleton_and_rate(
    body: GenerationRequest, rig: Skeleton
) -> None:
    request = replace(body, skeleton=rig, fps=30, constraints=on_the_way("Rig_"))
    pose = replace(request, constraints=of_the_body("Rig_")[:1])
    for result in generate_many([request, pose]):
        (motion,), (reports,) = result.motions, result.constraints
        assert motion.skeleton.joint_names == rig.joint_names
        assert (motion.fps, motion.num_frames) == (30.0, clip_of(request).frames)
        assert all(report.met for report in reports)
        if len(reports) == 1:
            wrist = motion.joint_positions[15, rig.index("Rig_right_wrist")]
            assert (wrist - torch.tensor([-0.25, 1.1, 0.6])).norm() <= 0.01
        else:
            assert reports[1].pins[0].frame == 36  # 1.2 s


def test_a_pose_of_another_motion_is_struck(walk: GenerationRequest) -> None:
    pose = generate(replace(walk, seed=9)).motions[0].rotate(1.0)
    key = FullBodyKeyframe.from_motion(pose, [12], at=[25])
    result = generate(replace(walk, constraints=(replace(key, root_path=None),)))
    (motion,), ((report,),) = result.motions, result.constraints
    assert report.met
    torch.testing.assert_close(
        motion.joint_positions[25], pose.joint_positions[12], atol=5.1e-3, rtol=0
    )
    turned = rotations.geodesic_distance(motion.global_rotations[25], pose.global_rotations[12])
    assert turned.max() <= math.radians(1.01)


def test_holds_contacts_and_points_to_face(way: GenerationResult) -> None:
    motion = way.motions[0]
    wrist = motion.joint_positions[20:24, BODY22.index("left_wrist")]
    assert (wrist - wrist[0]).norm(dim=-1).max() <= 0.01
    assert motion.contacts is not None
    assert bool(motion.contacts[5:12, :2].all())
    towards = torch.tensor([0.0, 9.0]) - motion.root_positions[34:38, [0, 2]]
    angle = torch.atan2(towards[:, 0], towards[:, 1])
    assert rotations.wrap_angle(motion.heading[34:38] - angle).abs().max() <= math.radians(2)


# --- the world -----------------------------------------------------------------------------------


@pytest.mark.parametrize("postprocess", [False, True])
def test_the_motion_moves_along_with_its_constraints(
    walk: GenerationRequest, postprocess: bool
) -> None:
    offset = torch.tensor([50.0, 0.0, -30.0])
    request = replace(walk, constraints=every_kind(), postprocess=postprocess)
    here = generate(request).motions[0]
    away = replace(request, constraints=tuple(moved(c, offset) for c in every_kind()))
    there = generate(away).motions[0].translate(-offset)
    assert same(here, there, within=2e-3)  # float32 resolves 4 micrometres there


# --- batches -------------------------------------------------------------------------------------


def test_constraints_of_a_batch_do_not_mix(walk: GenerationRequest) -> None:
    walk = replace(walk, postprocess=False)
    requests = [
        walk,
        replace(walk, constraints=(waypoints((0, 3.0, 1.0), (39, 3.0, 2.0)),)),
        replace(walk, constraints=every_kind(), samples=2),
        replace(walk, constraints=of_the_body()[:1], seconds=1.5),
    ]
    together = generate_many(requests)
    for one, request in zip(together, requests, strict=True):
        alone = generate(request)
        assert len(one.constraints) == request.samples
        for a, b in zip(one.motions, alone.motions, strict=True):
            assert same(a, b, within=1e-4)
    assert not same(together[0].motions[0], together[1].motions[0], within=0.1)


def test_best_keeps_the_sample_that_met_constraints_best(walk: GenerationRequest) -> None:
    request = replace(walk, constraints=(on_the_way()[0], of_the_body()[0]), samples=4)
    request = replace(request, postprocess=False)  # the rank is the model's own
    each, (best,) = generate(request), [generate(replace(request, best=True))]
    assert len(best.motions) == len(best.reports) == len(best.constraints) == 1

    def off(sample: int) -> float:
        pins = [pin for report in each.constraints[sample] for pin in report.pins]
        allowed = {0: 0.5, 1: 1.0}  # cm
        over = [
            pin.error_before / allowed[report.number]
            for report in each.constraints[sample]
            for pin in report.pins
        ]
        return sum(over) / len(pins)

    smallest = min(range(4), key=off)
    assert best.reports[0].sample == smallest
    assert best.motions[0].metadata["sample"] == smallest
    assert same(best.motions[0], each.motions[smallest], within=1e-6)


def test_best_without_constraints_keeps_the_one_that_slides_least(walk: GenerationRequest) -> None:
    request = replace(walk, samples=4, postprocess=False)
    slides = [report.skate_height for report in generate(request).reports]
    best = generate(replace(request, best=True)).reports[0]
    assert best.sample == min(range(4), key=slides.__getitem__)


# --- what is refused, and what is not met --------------------------------------------------------


REFUSED: list[tuple[tuple[Constraint, ...], str]] = [
    (
        (waypoints((5, 0.0, 0.0)), waypoints((5, 1.0, 0.0))),
        r"constraints\[1\] \(RootWaypoint\).*contradicts constraints\[0\]",
    ),
    ((waypoints((40, 0.0, 0.0)),), r"expected a frame in \[0, 39\], got 40"),
    (
        (HoldJoint(joint="tail", interval=Interval()),),
        r"constraints\[0\] \(HoldJoint\).*no joint 'tail'",
    ),
]


@pytest.mark.parametrize(("constraints", "message"), REFUSED)
def test_what_cannot_be_met_is_refused_before_the_network_runs(
    walk: GenerationRequest, constraints: tuple[Constraint, ...], message: str
) -> None:
    steps: list[int] = []
    with pytest.raises(InvalidInputError, match=message):
        generate_many(
            [walk, replace(walk, constraints=constraints)],
            progress=lambda done, _: steps.append(done),
        )
    assert steps == []


def test_frames_are_those_of_the_result(walk: GenerationRequest) -> None:
    request = replace(walk, fps=40, constraints=(waypoints((0, 0.0, 0.0), (78, 0.0, 1.0)),))
    assert clip_of(request).frames == 79
    result = generate(request)
    assert result.constraints[0][0].met
    assert [pin.frame for pin in result.constraints[0][0].pins] == [0, 78]


def test_without_post_processing_the_report_says_so(walk: GenerationRequest) -> None:
    request = replace(walk, constraints=every_kind()[:2], postprocess=False)
    for report in generate(request).constraints[0]:
        assert (report.met, report.why) == (False, "post-processing was off")
        assert all(pin.error_before == pin.error_after for pin in report.pins)
        assert report.worst is not None
        assert not report.worst.met


def test_a_skeleton_without_feet_takes_no_constraints(walk: GenerationRequest) -> None:
    stick = Skeleton(
        name="stick",
        joint_names=("pelvis", "spine1", "head", "stand"),
        parents=(-1, 0, 1, 0),
        rest_offsets=torch.tensor([[0.0, 0, 0], [0, 0.4, 0], [0, 0.4, 0], [0, -0.9, 0]]),
    )
    assert generate(replace(walk, skeleton=stick)).motions[0].skeleton.name == "stick"
    with pytest.raises(InvalidInputError, match=r"'stick' names no hips and feet"):
        generate(replace(walk, skeleton=stick, constraints=(waypoints((0, 0.0, 0.0)),)))


# --- requests and reports as JSON ----------------------------------------------------------------


def test_a_request_with_everything_survives_json(walk: GenerationRequest) -> None:
    path = RootPath(points=torch.tensor([[0.0, 0.0], [0.5, 1.0]]), speed=1.1, curve="spline")
    request = replace(
        walk,
        constraints=(*every_kind(), path),
        postprocess=False,
        best=True,
        continue_from="before.bvh",
        loop=True,
        in_place=True,
    )
    content = json.loads(json.dumps(request.to_json()))
    again = GenerationRequest.from_json(content)
    assert again.to_json() == content
    assert constraints_to_json(again.constraints) == constraints_to_json(request.constraints)
    assert replace(again, constraints=()) == replace(request, constraints=())
    redrawn = replace(walk, base="all.npz", regenerate=2)
    assert GenerationRequest.from_json(json.loads(json.dumps(redrawn.to_json()))) == redrawn


def test_the_same_motion_comes_of_a_request_from_json(way: GenerationResult) -> None:
    again = GenerationRequest.from_json(json.loads(json.dumps(way.request.to_json())))
    assert same(generate(again).motions[1], way.motions[1], within=1e-6)


def test_the_report_is_json(way: GenerationResult) -> None:
    content = json.loads(json.dumps(way.to_json(), allow_nan=False))
    assert len(content["motions"]) == 2
    for measured in content["motions"]:
        assert {"skate_contacts", "penetration", "jerk"} <= measured.keys()
        assert [each["number"] for each in measured["constraints"]] == list(range(5))
        for pin in measured["constraints"][0]["pins"]:
            assert pin.keys() == {
                *("kind", "joint", "frame", "target", "achieved_before", "achieved_after"),
                *("error_before", "error_after", "unit", "tolerance", "met"),
            }


BAD = [
    ("constraints", [], "constraint"),
    ("constraints", {"version": 1, "constraints": [{"type": "wish"}]}, r"constraints\[0\]\.type"),
    ("best", 1, "expected true or false"),
    ("postprocess", "no", "expected true or false"),
    ("continue_from", 5, "expected a file's path"),
    ("regenerate", 1, "base and regenerate go together"),
    ("base", "a.npz", "base and regenerate go together"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD)
def test_json_that_is_refused(field: str, value: object, message: str) -> None:
    content = {"script": TextScript().to_json(), field: value}
    with pytest.raises(InvalidInputError, match=message):
        GenerationRequest.from_json(content)


def test_constraints_of_another_type_are_refused() -> None:
    request = object.__new__(GenerationRequest)  # past the type checks that run in tests alone
    for name, value in vars(GenerationRequest(script=TextScript())).items():
        object.__setattr__(request, name, value)
    object.__setattr__(request, "constraints", ("walk there",))
    with pytest.raises(InvalidInputError, match=r"constraints\[0\]: expected a Constraint"):
        request.__post_init__()
