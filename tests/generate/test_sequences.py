"""Motions of several segments, and motions that go on from others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.constraints import FullBodyKeyframe, JointTarget, RootWaypoint, Times
from marey.errors import InvalidInputError
from marey.generate import GenerationRequest, clip_of, generate
from marey.generate.job import Job
from marey.generate.seams import next_round
from marey.io import load_motion, save_motion
from marey.motion import Motion, retarget, smooth_path
from marey.skeleton import BODY22, Skeleton
from marey.text import Statement, TextScript

THREE = TextScript(
    (
        Statement("a person walks forward", start=0, end=1.5),
        Statement("a person turns left", start=1.5, end=2.5),
        Statement("a person stands still", start=3, end=4),
    )
)
SEAMS = (30, 50, 60)


@pytest.fixture(scope="module")
def walk(tiny_model: Path) -> GenerationRequest:
    script = TextScript.from_prompt("a person walks forward")
    return GenerationRequest(script=script, seconds=2, seed=3, model=str(tiny_model), steps=2)


@pytest.fixture(scope="module")
def sequence(walk: GenerationRequest) -> GenerationRequest:
    return replace(walk, script=THREE, seconds=4, postprocess=False)


@pytest.fixture(scope="module")
def drawn(sequence: GenerationRequest) -> Motion:
    return generate(sequence).motions[0]


@pytest.fixture(scope="module")
def rig() -> Skeleton:
    """A larger body with other joint names."""
    names = tuple(f"Rig_{name}" for name in BODY22.joint_names)
    roles = {role: joint and f"Rig_{joint}" for role, joint in vars(BODY22.roles).items()}
    return replace(
        BODY22,
        name="rig",
        joint_names=names,
        rest_offsets=1.2 * BODY22.rest_offsets,
        roles=type(BODY22.roles)(**roles),
    )


def same_frames(a: Motion, b: Motion) -> torch.Tensor:
    """Frames in which two motions are the same, bit for bit."""
    root = (a.root_positions == b.root_positions).all(-1)
    return root & (a.local_rotations == b.local_rotations).flatten(1).all(-1)


def steps(motion: Motion) -> dict[str, torch.Tensor]:
    """How far the root, all joints and the rotations get from frame to frame."""
    joints = motion.joint_positions.diff(dim=0)
    local = motion.local_rotations
    return {
        "root": motion.root_positions.diff(dim=0).norm(dim=-1),
        "joints": joints.norm(dim=-1).amax(1),
        "bend of the root": motion.root_positions.diff(n=2, dim=0).norm(dim=-1),
        "rotations": rotations.geodesic_distance(local[1:], local[:-1]).amax(1),
    }


# --- segments ----------------------------------------------------------------------------------


def test_sequences_are_exactly_as_long_as_they_are_told(
    sequence: GenerationRequest, drawn: Motion
) -> None:
    assert drawn.num_frames == clip_of(sequence).frames == 80
    assert [(each.first, each.end) for each in Job.of(sequence).segments] == [
        *((0, 30), (30, 50), (50, 60), (60, 80))
    ]
    assert drawn.metadata["text"] == (
        "a person walks forward; a person turns left; a person stands still"
    )


@pytest.mark.parametrize("what", ["root", "joints", "bend of the root", "rotations"])
def test_there_is_no_jump_at_seams(drawn: Motion, what: str) -> None:
    values = steps(drawn)[what]
    near = torch.zeros(len(values), dtype=torch.bool)
    for seam in SEAMS:
        near[seam - 2 : seam + 1] = True  # steps into the seam's first frame and beside it
    assert values[near].max() <= values[~near].max()


def test_what_comes_later_does_not_change_what_was_before(
    sequence: GenerationRequest, drawn: Motion
) -> None:
    other = TextScript((*THREE.statements[:2], Statement("a person jumps", start=3, end=4)))
    same = same_frames(generate(replace(sequence, script=other)).motions[0], drawn)
    assert bool(same[:60].all())
    assert not bool(same[60:].any())


def test_a_gap_is_drawn_without_words(sequence: GenerationRequest, drawn: Motion) -> None:
    filled = TextScript((*THREE.statements, Statement("a person jumps", start=2.5, end=3)))
    same = same_frames(generate(replace(sequence, script=filled)).motions[0], drawn)
    assert bool(same[:50].all())
    assert not bool(same[50:].any())


def test_segments_draw_from_different_seeds(walk: GenerationRequest) -> None:
    twice = TextScript(
        (Statement("a person walks", start=0, end=1), Statement("a person walks", start=1, end=2))
    )
    motion = generate(replace(walk, script=twice, postprocess=False)).motions[0]
    first, second = motion.local_rotations[:20], motion.local_rotations[20:]
    assert not torch.allclose(first, second, atol=1e-2)


def test_a_long_sentence_is_drawn_in_pieces(walk: GenerationRequest) -> None:
    seen: list[tuple[int, int]] = []
    request = replace(walk, seconds=25, postprocess=False)
    result = generate(request, progress=lambda done, total: seen.append((done, total)))
    assert result.motions[0].num_frames == 500
    assert seen == [(k, 6) for k in range(1, 7)]  # three pieces of two steps
    assert result.motions[0].root_positions.isfinite().all()


def test_samples_of_a_sequence_are_as_alone(sequence: GenerationRequest, drawn: Motion) -> None:
    several = generate(replace(sequence, samples=2)).motions
    torch.testing.assert_close(several[0].joint_positions, drawn.joint_positions, atol=1e-4, rtol=0)
    assert not torch.allclose(several[1].joint_positions, drawn.joint_positions, atol=1e-2)


def test_what_is_pinned_beside_seams_is_met(sequence: GenerationRequest) -> None:
    pins = (
        RootWaypoint(
            times=Times(frames=(0, 29, 31, 58, 62)),
            points=torch.tensor([[0.0, 0.0], [0.3, 0.9], [0.3, 1.0], [0.2, 1.8], [0.2, 1.9]]),
        ),
        JointTarget(
            joint="left_wrist", times=Times(frames=(50,)), positions=torch.tensor([[0.4, 1.2, 1.6]])
        ),
    )
    result = generate(replace(sequence, constraints=pins, postprocess=True))
    assert [report.met for report in result.constraints[0]] == [True, True]


# --- going on ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def before(drawn: Motion, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Files of a motion that ends away from the origin, facing somewhere."""
    folder = tmp_path_factory.mktemp("before")
    moved = drawn.rotate(2.0).translate(torch.tensor([5.0, 0.0, -3.0]))

    def path(suffix: str) -> Path:
        file = folder / f"before{suffix}"
        if not file.exists():
            save_motion(moved, file)
        return file

    return path


@pytest.mark.parametrize(("suffix", "postprocess"), [(".npz", False), (".bvh", True)])
def test_a_motion_goes_on_where_a_file_ends(
    walk: GenerationRequest, before: Callable[[str], Path], suffix: str, postprocess: bool
) -> None:
    file = before(suffix)
    request = replace(walk, continue_from=str(file), postprocess=postprocess)
    motion = generate(request).motions[0]
    end = retarget(load_motion(file), BODY22).motion
    assert motion.num_frames == 40
    last_step = end.root_positions[-1] - end.root_positions[-2]
    step = motion.root_positions[0] - end.root_positions[-1]
    assert (step - last_step).norm() < 0.02
    assert rotations.wrap_angle(motion.heading[0] - end.heading[-1]).abs() < 0.5
    poses = rotations.geodesic_distance(motion.local_rotations[0], end.local_rotations[-1])
    assert poses.max() <= steps(end)["rotations"].max()


def test_it_goes_on_from_a_file_of_another_body(
    walk: GenerationRequest, drawn: Motion, rig: Skeleton, tmp_path: Path
) -> None:
    moved = retarget(drawn.translate(torch.tensor([50.0, 0.0, -30.0])), rig).motion
    save_motion(moved, tmp_path / "rig.bvh")
    file = load_motion(tmp_path / "rig.bvh")
    request = replace(walk, continue_from=str(tmp_path / "rig.bvh"), postprocess=False)
    end, ground = file.root_positions[-1], torch.tensor([1.0, 0.0, 1.0])
    on_own = generate(request).motions[0]
    on_rig = generate(replace(request, skeleton=file.skeleton, fps=60)).motions[0]
    assert on_own.skeleton == BODY22
    assert ((on_own.root_positions[0] - end) * ground).norm() < 0.2
    assert on_rig.num_frames == 120
    assert (on_rig.root_positions[0] - end).norm() < 0.05
    apart = (on_rig.joint_positions[0] - file.joint_positions[-1]).norm(dim=-1)
    assert apart.max() < steps(file)["joints"].max()


def test_a_single_pose_can_be_gone_on_from(
    walk: GenerationRequest, drawn: Motion, tmp_path: Path
) -> None:
    save_motion(drawn.crop(7, 8), tmp_path / "pose.npz")
    request = replace(walk, continue_from=str(tmp_path / "pose.npz"), postprocess=False)
    motion = generate(request).motions[0]
    assert motion.num_frames == 40
    assert (motion.root_positions[0] - drawn.root_positions[7]).norm() < 0.1


def test_it_goes_on_at_another_frame_rate(
    walk: GenerationRequest, before: Callable[[str], Path]
) -> None:
    file = before(".npz")
    request = replace(walk, continue_from=str(file), fps=30, postprocess=False)
    motion, end = generate(request).motions[0], load_motion(file)
    assert (motion.num_frames, clip_of(request).frames) == (60, 60)
    speed = (end.root_positions[-1] - end.root_positions[-2]) * 20
    assert ((motion.root_positions[0] - end.root_positions[-1]) * 30 - speed).norm() < 0.3


def test_constraints_of_a_continued_motion_are_in_its_own_frames(
    walk: GenerationRequest, before: Callable[[str], Path]
) -> None:
    end = load_motion(before(".npz")).root_positions[-1]
    goal = torch.tensor([[float(end[0]) + 0.4, float(end[2]) - 0.6]])
    request = replace(
        walk,
        continue_from=str(before(".npz")),
        constraints=(RootWaypoint(times=Times(frames=(39,)), points=goal),),
    )
    result = generate(request)
    path = smooth_path(result.motions[0].root_positions[:, [0, 2]])
    torch.testing.assert_close(path[39:], goal, atol=5.1e-3, rtol=0)
    assert (result.motions[0].root_positions[0] - end).norm() < 0.1


# --- loops and treadmills ----------------------------------------------------------------------


@pytest.mark.parametrize("postprocess", [False, True])
def test_a_loop_leads_back_to_its_beginning(walk: GenerationRequest, postprocess: bool) -> None:
    motion = generate(replace(walk, seconds=3, loop=True, postprocess=postprocess)).motions[0]
    plain = generate(replace(walk, seconds=3, postprocess=postprocess)).motions[0]
    assert motion.num_frames == plain.num_frames == 60
    bits = same_frames(motion, plain)
    assert postprocess or bool(bits[:36].all())  # only the last second is drawn anew

    def gap(one: Motion) -> float:
        following = next_round(one, 2)
        apart = rotations.geodesic_distance(following.local_rotations[0], one.local_rotations[-1])
        return float(apart[1:].mean())

    usual = rotations.geodesic_distance(motion.local_rotations[1:], motion.local_rotations[:-1])
    assert gap(motion) <= 1.2 * float(usual[:, 1:].mean())
    assert gap(motion) < 0.7 * gap(plain)


@pytest.mark.parametrize("loop", [False, True])
def test_a_motion_in_place_stays_there(walk: GenerationRequest, loop: bool) -> None:
    request = replace(walk, seconds=3, loop=loop, postprocess=False)
    plain = generate(request).motions[0]
    motion = generate(replace(request, in_place=True)).motions[0]
    ground = motion.root_positions[:, [0, 2]]
    # The path of a loop has no ends, at which the smoothing of a clip differs.
    assert smooth_path(ground).norm(dim=-1).max() < (0.06 if loop else 0.02)
    assert torch.equal(motion.root_positions[:, 1], plain.root_positions[:, 1])
    assert torch.equal(motion.local_rotations, plain.local_rotations)


def test_a_loop_in_place_closes(walk: GenerationRequest) -> None:
    request = replace(walk, seconds=3, loop=True, in_place=True, postprocess=False)
    motion = generate(request).motions[0]
    ground = motion.root_positions[:, [0, 2]]
    turn = rotations.yaw_matrix(motion.heading[-1] - motion.heading[0])
    first = (turn @ motion.root_positions[0])[[0, 2]]
    assert (first - ground[-1]).norm() < 0.03


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_very_short_loops_are_made(walk: GenerationRequest, frames: int) -> None:
    motion = generate(replace(walk, seconds=frames / 20, loop=True, in_place=True)).motions[0]
    assert motion.num_frames == frames


# --- one segment anew --------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "number"), [(".npz", 0), (".bvh", 1), (".npz", 3)])
def test_only_one_segment_is_drawn_anew(
    sequence: GenerationRequest, drawn: Motion, tmp_path: Path, suffix: str, number: int
) -> None:
    save_motion(drawn, tmp_path / f"base{suffix}")
    base = load_motion(tmp_path / f"base{suffix}")
    request = replace(
        sequence, base=str(tmp_path / f"base{suffix}"), regenerate=number, seed=4, postprocess=True
    )
    motion = generate(request).motions[0]
    order = [base.skeleton.index(name) for name in BODY22.joint_names]
    base = replace(base, local_rotations=base.local_rotations[:, order], skeleton=BODY22)
    same = same_frames(motion, base)
    first, end = [(0, 30), (30, 50), (50, 60), (60, 80)][number]
    assert bool(same[: max(0, first - 5)].all())
    assert bool(same[end + 5 :].all())
    assert not bool(same[first:end].any())
    values, usual = steps(motion), steps(drawn)
    assert values["rotations"].max() <= 1.5 * usual["rotations"].max()


def test_another_seed_gives_another_segment(
    sequence: GenerationRequest, drawn: Motion, tmp_path: Path
) -> None:
    save_motion(drawn, tmp_path / "base.npz")
    request = replace(sequence, base=str(tmp_path / "base.npz"), regenerate=1, seconds=None)
    one, other = (generate(replace(request, seed=seed)).motions[0] for seed in (4, 5))
    assert not torch.allclose(one.joint_positions[30:50], other.joint_positions[30:50], atol=1e-2)
    assert bool(same_frames(one, generate(replace(request, seed=4)).motions[0]).all())


def test_pins_hold_in_a_segment_that_is_drawn_anew(
    sequence: GenerationRequest, tmp_path: Path
) -> None:
    sequence = replace(sequence, model="small")  # a random body strikes no pose at ease
    key = FullBodyKeyframe.from_motion(generate(sequence).motions[0], [40])
    request = replace(sequence, constraints=(replace(key, root_path=None),), postprocess=True)
    save_motion(generate(request).motions[0], tmp_path / "base.npz")
    again = replace(request, base=str(tmp_path / "base.npz"), regenerate=1, seed=9)
    assert [report.met for report in generate(again).constraints[0]] == [True]


def test_another_rate_keeps_the_base(walk: GenerationRequest, tmp_path: Path) -> None:
    script = TextScript((Statement("walks", start=0, end=1), Statement("sits", start=1, end=2)))
    request = replace(walk, script=script, fps=30)
    base = generate(request).motions[0]
    save_motion(base, tmp_path / "base.npz")
    again = replace(request, base=str(tmp_path / "base.npz"), regenerate=0, seed=1)
    motion = generate(again).motions[0]
    assert (motion.fps, motion.num_frames) == (30.0, base.num_frames)
    assert bool(same_frames(motion, base)[40:].all())


BAD = [
    ({"regenerate": 4}, "regenerate: expected the number of a segment from 0 to 3, got 4"),
    ({"regenerate": None}, "base and regenerate go together"),
    ({"fps": 30}, "body22' at 20 fps, the request 'body22' at 30; give the same skeleton and fps"),
    ({"seconds": 6}, "lasts 4 s, the request 6 s; give the same sentences"),
    ({"loop": True}, "loop: expected false where a segment of base is drawn anew"),
    ({"in_place": True}, "in_place: expected false"),
    ({"base": "absent.npz"}, "absent.npz"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_what_cannot_be_drawn_anew_is_refused(
    sequence: GenerationRequest, drawn: Motion, tmp_path: Path, changes: dict, message: str
) -> None:
    save_motion(drawn, tmp_path / "base.npz")
    given = {"base": str(tmp_path / "base.npz"), "regenerate": 1} | changes
    with pytest.raises((InvalidInputError, ValueError), match=message):
        generate(replace(sequence, **given))
