"""Clips on disk: what was made stays, what is missing is made, and nothing else gets in."""

from pathlib import Path

import pytest
import torch

from marey.errors import Cancelled, FileFormatError, InvalidInputError
from marey.evaluation import clips as module
from marey.evaluation.clips import ClipStore
from marey.evaluation.untrained import write_untrained
from marey.generate import GenerationRequest
from marey.models import load_diffusion_model
from marey.motion import Motion
from marey.text import TextScript


@pytest.fixture
def requests(tiny_model: Path) -> dict[str, GenerationRequest]:
    return {
        f"01_0{number}:0-{20 + 4 * number}": GenerationRequest(
            script=TextScript.from_prompt("a person walks"),
            seconds=1.0 + 0.2 * (number % 3),
            seed=number,
            model=str(tiny_model),
            steps=1,
        )
        for number in range(5)
    }


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)


def same(first: list[Motion], second: list[Motion]) -> bool:
    return all(
        torch.equal(a.root_positions, b.root_positions)
        and torch.equal(a.local_rotations, b.local_rotations)
        for a, b in zip(first, second, strict=True)
    )


def test_what_is_there_is_not_made_again(
    tmp_path: Path, requests: dict[str, GenerationRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = ClipStore.open(tmp_path, {"model": "tiny"})
    made = clips.motions("tiny", 0, requests)
    assert (tmp_path / "tiny" / "0" / "01_00_0-20.npz").is_file()
    assert made[0].metadata["text"] == "a person walks"

    def never(*args: object) -> None:
        raise AssertionError("generated again")

    monkeypatch.setattr(module, "generate_many", never)
    again = ClipStore.open(tmp_path, {"model": "tiny"}).motions("tiny", 0, requests)

    assert same(made, again)


def test_a_stopped_run_ends_with_the_same_motions(
    tmp_path: Path, requests: dict[str, GenerationRequest]
) -> None:
    whole = ClipStore.open(tmp_path / "whole", {}).motions("tiny", 0, requests)

    def stop(what: str, done: int, total: int) -> None:
        if done >= 4:
            raise Cancelled(what)

    clips = ClipStore.open(tmp_path / "stopped", {})
    with pytest.raises(Cancelled, match="tiny, repeat 0"):
        clips.motions("tiny", 0, requests, progress=stop)
    kept = sorted((tmp_path / "stopped" / "tiny" / "0").iterdir())
    assert len(kept) == 4
    kept[0].unlink()  # as if it had been killed in the middle of a batch

    assert same(whole, clips.motions("tiny", 0, requests))


def test_other_settings_want_another_folder(tmp_path: Path) -> None:
    ClipStore.open(tmp_path, {"model": "small", "steps": 20})
    ClipStore.open(tmp_path, {"steps": 20, "model": "small"})
    with pytest.raises(InvalidInputError, match=r"steps 20 instead of 5\. Choose another folder"):
        ClipStore.open(tmp_path, {"model": "small", "steps": 5})

    (tmp_path / "settings.json").write_text("broken")
    with pytest.raises(FileFormatError, match="JSON object"):
        ClipStore.open(tmp_path, {})


def test_a_motion_of_another_request_is_noticed(
    tmp_path: Path, requests: dict[str, GenerationRequest]
) -> None:
    clips = ClipStore.open(tmp_path, {})
    clips.motions("tiny", 0, requests)
    key, first = next(iter(requests.items()))
    changed = GenerationRequest.from_json(first.to_json() | {"seed": 99})

    with pytest.raises(InvalidInputError, match="another one"):
        clips.motions("tiny", 0, requests | {key: changed})


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden/.."])
def test_names_stay_inside_the_folder(
    tmp_path: Path, requests: dict[str, GenerationRequest], name: str
) -> None:
    with pytest.raises(InvalidInputError, match="name of letters"):
        ClipStore.open(tmp_path, {}).motions(name, 0, requests)


def test_the_untrained_model_is_the_same_network_with_other_weights(
    tmp_path: Path, tiny_model: Path
) -> None:
    state = torch.random.get_rng_state()
    for name in "ab":
        write_untrained(tiny_model, tmp_path / name)
    trained, first, second = (
        load_diffusion_model(folder).denoiser
        for folder in (tiny_model, tmp_path / "a", tmp_path / "b")
    )

    assert first.config == trained.config
    weights = dict(trained.named_parameters())
    for (name, a), b in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.numel() == 1 or not torch.equal(a, weights[name])
    assert torch.equal(state, torch.random.get_rng_state())
