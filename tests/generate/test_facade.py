import json
import math
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import marey
from marey.errors import Cancelled, InvalidInputError
from marey.generate import (
    GenerationRequest,
    GenerationResult,
    default_guidance,
    default_seconds,
    generate,
    generate_many,
)
from marey.motion import Motion
from marey.sampling import Guidance
from marey.skeleton import BODY22, Skeleton
from marey.text import Statement, TextScript

WALK = TextScript.from_prompt("a person walks forward")
WAVE = TextScript.from_prompt("a person waves", parts={"left_arm": "waves"})


@pytest.fixture
def request_(tiny_model: Path) -> GenerationRequest:
    return GenerationRequest(script=WALK, seconds=1, seed=7, model=str(tiny_model))


def same(a: Motion, b: Motion) -> bool:
    return torch.equal(a.root_positions, b.root_positions) and torch.equal(
        a.local_rotations, b.local_rotations
    )


def assert_close(a: Motion, b: Motion, *, within: float = 1e-5) -> None:
    torch.testing.assert_close(a.root_positions, b.root_positions, atol=within, rtol=0)
    torch.testing.assert_close(a.local_rotations, b.local_rotations, atol=within, rtol=0)


# --- what comes out ----------------------------------------------------------------------------


def test_a_sentence_becomes_a_motion(request_: GenerationRequest) -> None:
    result = generate(request_)
    (motion,), (report,) = result.motions, result.reports
    assert motion.skeleton == BODY22
    assert (motion.num_frames, motion.fps) == (20, 20.0)
    assert motion.metadata == {
        "text": "a person walks forward",
        "seed": 7,
        "sample": 0,
        "model": "tiny",
    }
    assert (report.frames, report.seconds, report.seed, report.sample) == (20, 1.0, 7, 0)
    assert report.path_metres >= math.hypot(report.forward_metres, report.left_metres) - 1e-4
    assert result.timings.keys() == {"load", "sampling", "finishing"}
    assert not motion.root_positions.is_inference()  # it can be used in an optimisation
    assert not motion.local_rotations.is_inference()


def test_the_bundled_model_generates(repository: Path) -> None:
    result = generate(GenerationRequest(script=WALK, seconds=1, steps=2))
    assert result.motions[0].metadata["model"] == "small"
    assert result.motions[0].joint_positions.isfinite().all()


@pytest.mark.parametrize(
    ("seconds", "frames"), [(4.1, 82), (4.12, 82), (4.13, 83), (0.01, 1), (10, 200)]
)
def test_durations_are_rounded(request_: GenerationRequest, seconds: float, frames: int) -> None:
    done = generate(replace(request_, seconds=seconds, steps=1))
    assert done.motions[0].num_frames == done.reports[0].frames == frames


def test_the_result_is_json(request_: GenerationRequest) -> None:
    content = json.loads(json.dumps(generate(replace(request_, samples=2)).to_json()))
    assert GenerationRequest.from_json(content["request"]) == replace(request_, samples=2)
    assert [m["sample"] for m in content["motions"]] == [0, 1]
    assert content["retargeting"] is None


def test_the_network_is_told_the_heading(request_: GenerationRequest) -> None:
    # A random network does not follow it; that it makes any difference is what shows.
    ahead, aside = (generate(replace(request_, heading=h)).motions[0] for h in (0.0, 2.0))
    assert not same(ahead, aside)


def test_smoothing_is_the_models_unless_stated(
    request_: GenerationRequest, tiny_model: Path, tmp_path: Path
) -> None:
    request_ = replace(request_, postprocess=False)
    raw = generate(request_).motions[0]  # the tiny model states none
    smooth = generate(replace(request_, smoothing=0.1)).motions[0]
    assert torch.equal(raw.root_positions, smooth.root_positions)
    assert not torch.allclose(raw.local_rotations, smooth.local_rotations, atol=1e-3)
    folder = Path(shutil.copytree(tiny_model, tmp_path / "smooth"))
    config = json.loads((folder / "config.json").read_text())
    config["notes"]["sampling"]["smoothing"] = 0.1
    (folder / "config.json").write_text(json.dumps(config))
    own = replace(request_, model=str(folder))
    assert same(generate(own).motions[0], smooth)
    assert same(generate(replace(own, smoothing=0)).motions[0], raw)


# --- seeds and batches -------------------------------------------------------------------------


def test_the_same_request_gives_the_same_bits(request_: GenerationRequest) -> None:
    assert same(generate(request_).motions[0], generate(request_).motions[0])
    other = generate(replace(request_, seed=8)).motions[0]
    assert not torch.allclose(generate(request_).motions[0].root_positions, other.root_positions)


def test_a_sample_does_not_depend_on_how_many_there_are(request_: GenerationRequest) -> None:
    request_ = replace(request_, postprocess=False)
    few, many = (generate(replace(request_, samples=n)).motions for n in (1, 3))
    assert_close(few[0], many[0])
    assert not torch.allclose(many[0].root_positions, many[1].root_positions, atol=1e-3)


def test_many_requests_are_each_as_alone(
    request_: GenerationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_ = replace(request_, postprocess=False)  # a contact at its limit is rounding's to tell
    requests = [
        request_,
        replace(request_, script=WAVE, seconds=2.2, samples=2, seed=1),
        replace(request_, script=TextScript(), seconds=0.5),
        replace(request_, steps=2),
        replace(request_, guidance=Guidance(text=1.0), heading=1.0),
    ]
    alone = [generate(each) for each in requests]
    monkeypatch.setattr("marey.generate.drawing.BATCH_FRAMES", 60)  # some share, some do not
    together = generate_many(requests)
    for one, other in zip(alone, together, strict=True):
        assert one.request is other.request
        assert len(one.motions) == len(other.motions)
        for a, b in zip(one.motions, other.motions, strict=True):
            assert_close(a, b)
            assert a.metadata == b.metadata
    assert len({id(result.timings) for result in together}) == 1


def test_threads_do_not_disturb_each_other(request_: GenerationRequest) -> None:
    requests = [replace(request_, seed=s, script=t) for s in (1, 2) for t in (WALK, WAVE)]
    alone = [generate(each) for each in requests]
    with ThreadPoolExecutor(max_workers=2) as pool:
        together = list(pool.map(generate, requests))
    for one, other in zip(alone, together, strict=True):
        assert same(one.motions[0], other.motions[0])


def test_the_global_generator_is_left_alone(request_: GenerationRequest) -> None:
    before = torch.get_rng_state()
    generate(request_)
    assert torch.equal(before, torch.get_rng_state())


def test_a_checkpoint_that_changed_is_loaded_anew(
    request_: GenerationRequest, tiny_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    request = replace(request_, model=str(folder))
    assert generate(request).motions[0].metadata["model"] == "tiny"
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"tiny"', '"later"'))
    assert generate(request).motions[0].metadata["model"] == "later"


# --- callbacks ---------------------------------------------------------------------------------


def test_progress_counts_every_network_step_once(
    request_: GenerationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr("marey.generate.drawing.BATCH_FRAMES", 40)
    requests = [replace(request_, samples=3), replace(request_, steps=2)]
    generate_many(requests, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 8) for k in range(1, 9)]  # 2 batches of 3 steps and one of 2


def test_progress_can_cancel(request_: GenerationRequest) -> None:
    seen = []

    def stop_at_two(done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        generate(request_, progress=stop_at_two)
    assert seen == [1, 2]
    assert generate(request_).motions  # nothing is left locked or half done


# --- export ------------------------------------------------------------------------------------


@pytest.fixture
def tall() -> Skeleton:
    """The same body, a tenth larger and with other joint names at the ends of the arms."""
    names = tuple(n.replace("wrist", "hand") for n in BODY22.joint_names)
    roles = replace(BODY22.roles, left_hand="left_hand", right_hand="right_hand")
    return replace(
        BODY22, name="tall", joint_names=names, rest_offsets=1.1 * BODY22.rest_offsets, roles=roles
    )


def test_skeleton_and_fps_of_the_result(request_: GenerationRequest, tall: Skeleton) -> None:
    request_ = replace(request_, postprocess=False)
    plain = generate(request_)
    result = generate(replace(request_, skeleton=tall, fps=60, samples=2))
    assert [m.skeleton for m in result.motions] == [tall, tall]
    assert [(m.fps, m.num_frames) for m in result.motions] == [(60.0, 58)] * 2
    torch.testing.assert_close(
        result.motions[0].root_positions[::3, [0, 2]],
        1.1 * plain.motions[0].root_positions[:, [0, 2]],
        atol=1e-4,
        rtol=1e-4,
    )
    assert result.retargeting is not None
    assert result.retargeting.scale == pytest.approx(1.1)
    report, expected = result.reports[0], plain.reports[0]  # measured as it is delivered
    assert (report.frames, report.seconds) == (58, pytest.approx(58 / 60))
    assert report.forward_metres == pytest.approx(1.1 * expected.forward_metres, abs=1e-3)
    assert json.dumps(result.to_json())


def refused(request: GenerationRequest) -> Iterator[int]:
    """Steps that are taken before the request is refused."""
    steps: list[int] = []
    with pytest.raises(InvalidInputError):
        generate_many(
            [replace(request, skeleton=None, seconds=1), request],
            progress=lambda done, _: steps.append(done),
        )
    return iter(steps)


def test_a_skeleton_without_counterpart_is_refused_before_work(
    request_: GenerationRequest,
) -> None:
    snake = Skeleton(
        name="snake",
        joint_names=("a1", "b2", "c3"),
        parents=(-1, 0, 1),
        rest_offsets=torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 0, 1]]),
        mirror=(0, 1, 2),
    )
    assert list(refused(replace(request_, skeleton=snake))) == []


# --- what is refused ---------------------------------------------------------------------------


def test_an_endless_length_is_refused_before_work(request_: GenerationRequest) -> None:
    with pytest.raises(InvalidInputError, match=r"at most 600 s, got 601.*continue_from"):
        generate(replace(request_, seconds=601))
    assert list(refused(replace(request_, seconds=601))) == []


def test_text_that_a_model_does_not_follow_is_refused(request_: GenerationRequest) -> None:
    part = TextScript.from_prompt("walks", parts={"left_arm": "waves"})
    with pytest.raises(InvalidInputError, match=r"on text for 'left_arm', only for global"):
        generate(replace(request_, script=part, model="small"))


def test_an_unknown_model_is_refused(request_: GenerationRequest) -> None:
    for call in (
        lambda: generate(replace(request_, model="huge")),
        lambda: default_guidance("huge"),
    ):
        with pytest.raises(InvalidInputError, match=r"No model 'huge'.*small"):
            call()


def test_a_bare_sentence_is_refused_with_the_way_to_a_script() -> None:
    request = object.__new__(GenerationRequest)  # past the type checks that run in tests alone
    object.__setattr__(request, "script", "a person walks")
    with pytest.raises(InvalidInputError, match=r"script: expected.*TextScript\.from_prompt"):
        request.__post_init__()


def test_no_requests_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        generate_many([])


BAD = [
    ("samples", 0, "at least 1"),
    ("samples", 1.5, "whole number"),
    ("samples", True, "whole number"),
    ("seed", "7", "whole number"),
    ("steps", 0, "at least 1, at most 1000"),
    ("steps", 1001, "at least 1, at most 1000"),
    ("seconds", 0, "positive, finite"),
    ("seconds", math.nan, "positive, finite"),
    ("seconds", "5", "positive, finite"),
    ("fps", -20, "positive, finite"),
    ("heading", math.inf, "finite"),
    ("smoothing", -0.1, "at least 0 s"),
    ("guidance", {"text": math.nan}, r"guidance\.text"),
    ("guidance", {"mode": "both"}, "'joint' or 'separated'"),
    ("guidance", {"texts": 1}, "unknown field 'texts'"),
    ("guidance", 2.5, "expected an object"),
    ("model", 5, "expected a string"),
    ("skeleton", "body22", "skeleton"),
    ("script", "walk", "script"),
    ("step", 5, "unknown field 'step'"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD)
def test_json_that_is_refused(field: str, value: object, message: str) -> None:
    content = {"script": WALK.to_json(), field: value}
    with pytest.raises(InvalidInputError, match=message) as caught:
        GenerationRequest.from_json(content)
    assert field in str(caught.value)


def test_requests_survive_json(tall: Skeleton) -> None:
    request = GenerationRequest(
        script=WAVE,
        seconds=2,
        samples=3,
        seed=-4,
        model="folder",
        steps=7,
        guidance=Guidance(mode="separated", text=3.0),
        smoothing=0.05,
        heading=0.5,
        fps=30,
        skeleton=tall,
    )
    assert GenerationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert GenerationRequest.from_json({"script": WALK.to_json()}) == GenerationRequest(script=WALK)


# --- defaults ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        ("a person walks", 5.0),
        ("", 5.0),
        ("a person walks 1.5 metres.", 5.0),
        ("a person walks and waves", 5.0),
        ("a person walks, then sits down", 7.5),
        ("a person walks; then sits down", 7.5),
        ("a person walks. And then he sits down!", 7.5),
        ("He walks. He sits down. He stands up", 10.0),
        ("a person jumps before kicking", 7.5),
        ("one; two; three; four; five", 10.0),
    ],
)
def test_a_length_is_chosen_by_the_things_to_do(prompt: str, seconds: float) -> None:
    assert default_seconds(TextScript.from_prompt(prompt), most=10.0) == seconds


def test_spans_choose_the_length() -> None:
    script = TextScript((Statement("walks", start=0, end=2), Statement("waves", start=1, end=3.5)))
    assert default_seconds(script, most=10.0) == 3.5


def test_steps_guidance_and_length_default_to_the_models(request_: GenerationRequest) -> None:
    seen: list[int] = []
    own = generate(replace(request_, seconds=None), progress=lambda _, total: seen.append(total))
    assert seen == [3, 3, 3]
    assert own.motions[0].num_frames == 100
    assert default_guidance(request_.model) == Guidance(text=1.5)
    stated = replace(request_, seconds=5.0, steps=3, guidance=Guidance(text=1.5))
    assert same(own.motions[0], generate(stated).motions[0])


# --- the package's own names -------------------------------------------------------------------


def test_names_of_the_package_are_those_of_their_homes() -> None:
    assert marey.GenerationRequest is GenerationRequest
    assert marey.GenerationResult is GenerationResult
    assert marey.Motion is Motion
    assert set(marey.__all__) <= set(dir(marey))
    with pytest.raises(AttributeError, match="'marey' has no attribute 'nothing'"):
        _ = marey.nothing
