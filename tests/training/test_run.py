import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.errors import FileFormatError, InvalidInputError
from marey.models import DiffusionModel, load_diffusion_model
from marey.training import RECIPES, Report, recipe, train


@pytest.fixture(scope="module")
def trained(
    store: MotionStore, worker: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    train(worker.tiny(steps=2, ema_every=1), store.path, run, encoder=worker.WordEncoder())
    return run


def test_a_run_leaves_all_that_is_needed_to_use_and_repeat_it(
    trained: Path, store: MotionStore
) -> None:
    run = json.loads((trained / "run.json").read_text())
    assert run["config"]["name"] == "tiny"
    assert run["data"] == store.fingerprint
    assert {"revision", "torch", "marey", "machine", "origin"} <= run.keys()
    metrics = (trained / "metrics.csv").read_text().splitlines()
    assert metrics[0] == "step,name,value"
    assert any(line.startswith("1,validation,") for line in metrics)
    assert not list(trained.glob("**/.*"))
    with Image.open(trained / "samples" / "step_000002.png") as sheet:
        assert sheet.width > 300


def test_the_checkpoint_is_a_model_of_the_data(trained: Path, store: MotionStore) -> None:
    model = load_diffusion_model(trained / "checkpoint")
    assert (model.name, model.text_encoder, model.fps) == ("tiny", "words", store.fps)
    assert model.representation.skeleton == store.skeleton
    assert model.max_seconds == 10.0


def test_the_listener_hears_of_texts_clips_and_steps(
    store: MotionStore, worker: SimpleNamespace, tmp_path: Path
) -> None:
    notes: list[str] = []
    reports: list[Report] = []
    train(
        worker.tiny(steps=2),
        store.path,
        tmp_path / "run",
        encoder=worker.WordEncoder(),
        samples=False,
        listen=reports.append,
        note=lambda what, done, total: notes.append(what),
    )
    assert set(notes) == {"texts", "clips"}
    assert [r.step for r in reports] == [0, 1]
    assert reports[-1].progress == 1


def test_fine_tuning_starts_at_the_model(
    trained: Path, store: MotionStore, worker: SimpleNamespace, tmp_path: Path
) -> None:
    model = load_diffusion_model(trained / "checkpoint")
    config = worker.tiny(steps=1, learning_rate=1e-9)
    tuned = train(
        config,
        store.path,
        tmp_path / "run",
        encoder=worker.WordEncoder(),
        start_from=model,
        samples=False,
    )
    assert torch.equal(tuned.normalizer.mean, model.normalizer.mean)
    assert tuned.representation is model.representation
    before = model.denoiser.state_dict()
    for name, value in tuned.denoiser.state_dict().items():
        torch.testing.assert_close(value, before[name], atol=1e-6, rtol=0)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["origin"]
    with pytest.raises(InvalidInputError, match="another model to start from"):
        train(config, store.path, tmp_path / "run", encoder=worker.WordEncoder())


def test_what_does_not_fit_the_model_is_refused(
    trained: Path, store: MotionStore, worker: SimpleNamespace, tmp_path: Path
) -> None:
    model = load_diffusion_model(trained / "checkpoint")

    def attempt(model: DiffusionModel, **changes: object) -> None:
        train(
            worker.tiny(steps=1, **changes),
            store.path,
            tmp_path / "run",
            encoder=worker.WordEncoder(),
            start_from=model,
        )

    with pytest.raises(InvalidInputError, match="text encoder other, this run words"):
        attempt(replace(model, text_encoder="other"))
    with pytest.raises(InvalidInputError, match="smoothing exact, this run none"):
        attempt(model, smoothing="none")
    with pytest.raises(InvalidInputError, match="registers is 4, the recipe's 5"):
        attempt(model, registers=5)


def test_another_frame_rate_than_the_models_is_refused(
    trained: Path, worker: SimpleNamespace, tmp_path: Path
) -> None:
    other = make_store_of_one_clip(worker, tmp_path / "store", split="train", fps=30.0)
    with pytest.raises(InvalidInputError, match=r"fps 20.0, this run 30.0.*--fps"):
        train(
            worker.tiny(),
            other.path,
            tmp_path / "run",
            encoder=worker.WordEncoder(),
            start_from=load_diffusion_model(trained / "checkpoint"),
        )


def test_a_store_without_training_windows_is_refused(
    worker: SimpleNamespace, tmp_path: Path
) -> None:
    other = make_store_of_one_clip(worker, tmp_path / "store", split="test", fps=20.0)
    with pytest.raises(InvalidInputError, match="no window of the split 'train'"):
        train(worker.tiny(), other.path, tmp_path / "run", encoder=worker.WordEncoder())
    with pytest.raises(FileFormatError, match="a finished motion store"):
        train(worker.tiny(), tmp_path, tmp_path / "run", encoder=worker.WordEncoder())


def make_store_of_one_clip(
    worker: SimpleNamespace, path: Path, *, split: str, fps: float
) -> MotionStore:
    motion = replace(worker.swinging(60, speed=1.0), fps=fps)
    spec = StoreSpec(fps=fps, skeleton=motion.skeleton, fingerprint="one", options={})
    writer = StoreWriter.open(path, spec)
    record = ClipRecord(clip_id="a", shard=0, start=0, length=60, source_fps=fps, split=split)
    texts = (WindowText(text="a person walks", source="user"),)
    window = WindowRecord(clip_id="a", start=0, end=60, split=split, texts=texts)
    writer.append("a", motion, record=record, windows=(window,))
    return writer.finish()


def test_recipes_have_their_names() -> None:
    for name in RECIPES:
        assert recipe(name).name == name
    with pytest.raises(InvalidInputError, match="'huge'; the recipes are tiny, small, base"):
        recipe("huge")
