import csv
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from marey.data.bank import Batch, FeatureBank
from marey.errors import Cancelled, FileFormatError, InvalidInputError, MareyError
from marey.models import load_diffusion_model
from marey.training import Report, RunFolder, Trainer
from marey.training.distributed import Group

MakeTrainer = Callable[..., Trainer]


def total_losses(trainer: Trainer, *, until: int | None = None) -> list[float]:
    """Train and return the total loss of each step; stop without saving after ``until`` steps."""
    found: list[float] = []

    def listen(report: Report) -> None:
        found.append(report.losses["total"])
        if until is not None and len(found) == until:
            raise RuntimeError("stopped by the test")

    if until is None:
        trainer.run(listen)
    else:
        with pytest.raises(RuntimeError, match="stopped"):
            trainer.run(listen)
    trainer.folder.close()
    return found


def logged(run: Path, name: str) -> dict[int, float]:
    with (run / "metrics.csv").open(newline="") as file:
        return {int(step): float(v) for step, key, v in list(csv.reader(file))[1:] if key == name}


def one_batch(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the trainer see the same batch and the same noise at every step."""
    batch = trainer.bank.batch(0, size=8, seed=0, text_dropout=0.0)
    losses = trainer.losses
    monkeypatch.setattr(type(trainer.bank), "batch", lambda *_, **__: batch)
    monkeypatch.setattr(
        trainer, "losses", lambda given, **more: losses(given, **{**more, "step": 0})
    )


def test_it_overfits_one_batch(
    make_trainer: MakeTrainer, worker: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(worker.tiny(steps=50, learning_rate=1e-2, log_every=50))
    one_batch(trainer, monkeypatch)
    found = total_losses(trainer)
    assert found[-1] < found[0] / 3


def test_the_first_losses_are_those_of_the_seed(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    trainer = make_trainer(worker.tiny(steps=3))
    found = total_losses(trainer)
    torch.testing.assert_close(found, FIRST_LOSSES, rtol=1e-3, atol=0)


FIRST_LOSSES = [16.351709, 17.340630, 19.783411]


def test_every_optimizer_variant_and_phase_takes_steps(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    runs = (
        {"variant": "one_stage"},
        {"variant": "two_stage_global", "optimizer": "adam_atan2"},
        {"phase2_from": 0.0, "dropout": 0.1},
        {"frames_per_token": 1, "registers": 2, "dropout": 0.1},
        {"precision": "bfloat16"},
    )
    for number, changes in enumerate(runs):
        trainer = make_trainer(worker.tiny(steps=1, **changes), folder=f"run{number}")
        assert all(0 < loss < 1e3 for loss in total_losses(trainer)), changes


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    config = worker.tiny(steps=6, save_minutes=0.0, dropout=0.1, phase2_from=0.5, ema_every=2)
    unbroken = make_trainer(config, folder="whole")
    wanted = total_losses(unbroken)
    total_losses(make_trainer(config, folder="broken"), until=4)
    resumed = make_trainer(config, folder="broken")
    # The step in which the listener raised was taken, but not saved.
    assert resumed.loop.clock.step == 3
    assert total_losses(resumed) == wanted[3:]
    for name, value in unbroken.loop.average.values.items():
        assert torch.equal(value, resumed.loop.average.values[name]), name


def test_metrics_after_the_saved_step_are_taken_again(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    config = worker.tiny(steps=6, save_minutes=1e9)
    trainer = make_trainer(config)
    total_losses(trainer, until=4)
    run = trainer.folder.path
    assert list(logged(run, "total")) == [0, 1, 2, 3]
    again = make_trainer(config)
    assert logged(run, "total") == {}
    total_losses(again)
    assert list(logged(run, "total")) == [0, 1, 2, 3, 4, 5]


def test_a_finished_run_stays_as_it_is(make_trainer: MakeTrainer, worker: SimpleNamespace) -> None:
    config = worker.tiny(steps=2)
    first = make_trainer(config)
    total_losses(first)
    saved = first.folder.state_file.stat().st_mtime_ns
    again = make_trainer(config)
    assert total_losses(again) == []
    assert again.folder.state_file.stat().st_mtime_ns == saved


def test_a_listener_that_cancels_leaves_a_saved_run(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    config = worker.tiny(steps=9)

    def listen(report: Report) -> None:
        if report.step == 2:
            raise Cancelled("enough")

    trainer = make_trainer(config)
    with pytest.raises(Cancelled, match="step 2"):
        trainer.run(listen)
    assert make_trainer(config).loop.clock.step == 3


def test_time_ends_a_run(
    make_trainer: MakeTrainer, worker: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(
        worker.tiny(steps=10_000, hours=10 / 3600, cooldown=0.5, warmup=0, learning_rate=1.0)
    )
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: 0.9 * next(ticks))  # two ticks a step and more
    monkeypatch.setattr(trainer.loop, "step", lambda losses, rate: {"total": 1.0})
    rates: list[float] = []
    trainer.run(lambda report: rates.append(report.learning_rate))
    assert len(rates) == 12
    assert trainer.loop.progress == 1
    assert trainer.loop.clock.seconds == pytest.approx(10.8)
    assert rates[:6] == [1.0] * 6
    assert rates[6:] == pytest.approx([0.92, 0.74, 0.56, 0.38, 0.2, 0.02])


def test_the_learning_rate_rises_stays_and_falls(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    trainer = make_trainer(worker.tiny(steps=100, warmup=10, cooldown=0.3, learning_rate=1.0))
    rates = []
    for step in range(100):
        trainer.loop.clock.step = step
        rates.append(trainer.loop.learning_rate())
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert set(rates[10:71]) == {1.0}
    assert rates[71:] == sorted(rates[71:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 30)


def test_another_configuration_does_not_enter_the_same_folder(
    make_trainer: MakeTrainer, worker: SimpleNamespace, tmp_path: Path
) -> None:
    make_trainer(worker.tiny())
    with pytest.raises(InvalidInputError, match=r"another batch_size \(8 there, 4 now\)"):
        make_trainer(worker.tiny(batch_size=4))
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(InvalidInputError, match="another data"):
        folder.open(worker.tiny(), fingerprint="other")
    with pytest.raises(InvalidInputError, match="another model to start from"):
        folder.open(worker.tiny(), fingerprint="test", origin="abc")
    folder.open(worker.tiny(save_minutes=1.0, log_every=7), fingerprint="test")
    (folder.path / "run.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"run\.json"):
        folder.open(worker.tiny(), fingerprint="test")


def test_a_folder_with_other_things_is_no_run_folder(
    worker: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("dear diary")
    with pytest.raises(InvalidInputError, match="neither empty nor a run folder"):
        RunFolder(tmp_path).open(worker.tiny(), fingerprint="test")


def test_a_damaged_state_says_so(make_trainer: MakeTrainer, worker: SimpleNamespace) -> None:
    config = worker.tiny(steps=2)
    trainer = make_trainer(config)
    total_losses(trainer)
    file = trainer.folder.state_file
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match=r"state\.safetensors"):
        make_trainer(config)


def test_the_checkpoint_is_the_average(make_trainer: MakeTrainer, worker: SimpleNamespace) -> None:
    trainer = make_trainer(worker.tiny(steps=6, ema_every=1, learning_rate=1e-2))
    model = trainer.run()
    loaded = load_diffusion_model(trainer.folder.checkpoint)
    assert loaded.notes["steps"] == 6
    for name, value in loaded.denoiser.named_parameters():
        assert torch.equal(value, trainer.loop.average.values[name])
        assert torch.equal(value, dict(model.denoiser.named_parameters())[name])
    now = dict(trainer.denoiser.named_parameters())
    assert any(not torch.equal(now[k], v) for k, v in trainer.loop.average.values.items())


def test_validation_leaves_the_model_as_it_is(
    make_trainer: MakeTrainer, worker: SimpleNamespace, bank: FeatureBank
) -> None:
    trainer = make_trainer(worker.tiny(steps=3, ema_every=1), validation=bank)
    trainer.run()
    before = {k: v.clone() for k, v in trainer.denoiser.state_dict().items()}
    assert trainer.validation_loss() == trainer.validation_loss()
    assert all(torch.equal(before[k], v) for k, v in trainer.denoiser.state_dict().items())
    assert list(logged(trainer.folder.path, "validation")) == [2]


def test_building_a_trainer_leaves_torch_draws_alone(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    state = torch.random.get_rng_state()
    trainer = make_trainer(worker.tiny())
    trainer.loop.step(trainer.step_losses, 1e-3)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_gradient_that_is_not_finite_ends_the_run(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    trainer = make_trainer(worker.tiny())
    with torch.no_grad():
        next(trainer.denoiser.parameters()).fill_(torch.nan)
    with pytest.raises(MareyError, match="diverged"):
        trainer.loop.step(trainer.step_losses, 1e-3)


def test_processes_share_a_batch_evenly(make_trainer: MakeTrainer, worker: SimpleNamespace) -> None:
    with pytest.raises(InvalidInputError, match="multiple of the number of processes, 3"):
        make_trainer(worker.tiny(), group=Group(rank=0, world=3))


def test_the_loss_of_a_batch_is_the_mean_of_the_losses_of_its_halves(
    make_trainer: MakeTrainer, worker: SimpleNamespace
) -> None:
    trainer = make_trainer(worker.tiny())
    batch: Batch = trainer.bank.batch(0, size=8, seed=1, text_dropout=0.5)
    with torch.no_grad():
        whole = trainer.losses(batch, seed=1, step=4, observe=True)
        halves = [
            trainer.losses(batch, seed=1, step=4, observe=True, group=Group(rank=r, world=2))
            for r in (0, 1)
        ]
    for name, value in whole.items():
        torch.testing.assert_close(value, (halves[0][name] + halves[1][name]) / 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("batch_size", 0), ("hours", -1.0), ("learning_rate", 0.0), ("dropout", 2.0)],
)
def test_settings_out_of_range(worker: SimpleNamespace, name: str, value: float) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} must be"):
        worker.tiny(**{name: value})


@pytest.mark.parametrize("name", ["precision", "optimizer", "variant", "smoothing"])
def test_an_unknown_choice_is_no_default(worker: SimpleNamespace, name: str) -> None:
    config = worker.tiny()
    object.__setattr__(config, name, "half")  # past the type check, which runs in tests only
    with pytest.raises(InvalidInputError, match=f"{name} must be one of .*, got half"):
        config.__post_init__()
