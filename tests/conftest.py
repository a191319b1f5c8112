"""Fixtures shared by all tests. None is automatic: a test that draws says so in its signature."""

from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root folder of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of motion capture data beside the repository; where it is absent, the test skips."""
    folder = REPOSITORY / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the data folder ../shared/data is not beside this checkout")
    return folder.resolve()


@pytest.fixture
def generator() -> torch.Generator:
    """A CPU generator with the same seed in every test; torch's global state is left alone."""
    return torch.Generator().manual_seed(0)
