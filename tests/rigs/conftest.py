"""Rigs in the namings of the trade, as benchmarks/rig_models.py makes them."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def rig_models(repository: Path) -> ModuleType:
    """The module that makes them: ``rig_models.rig("mixamo")`` is a Skeleton."""
    sys.path.insert(0, str(repository / "benchmarks"))
    try:
        return importlib.import_module("rig_models")
    finally:
        sys.path.remove(str(repository / "benchmarks"))
