"""A small store of motions made by formula, and everything that trains on it."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from marey.data import MotionStore
from marey.data.bank import FeatureBank
from marey.motion import BODY22_LIMITS
from marey.representations import SmoothRoot
from marey.training import RunFolder, TrainConfig, Trainer

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(scope="session")
def worker() -> SimpleNamespace:
    """What ``worker.py`` defines; ``path`` is its file."""
    return SimpleNamespace(**runpy.run_path(str(WORKER)), path=WORKER)


@pytest.fixture(scope="session")
def store(worker: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    return worker.make_store(tmp_path_factory.mktemp("data") / "store")


@pytest.fixture(scope="session")
def bank(store: MotionStore, worker: SimpleNamespace) -> FeatureBank:
    representation = SmoothRoot(
        skeleton=store.skeleton, fps=store.fps, contact_limits=BODY22_LIMITS
    )
    return FeatureBank(store, store.windows_of("train"), representation, worker.WordEncoder())


@pytest.fixture
def make_trainer(bank: FeatureBank, tmp_path: Path) -> Callable[..., Trainer]:
    """Makes a trainer in a folder of its own."""

    def make(config: TrainConfig, *, folder: str = "run", **more: object) -> Trainer:
        run = RunFolder(tmp_path / folder)
        run.open(config, fingerprint="test")
        return Trainer(config, bank, run, text_encoder="words", **more)

    return make
