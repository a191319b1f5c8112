"""Skeletons as data."""

from marey.skeleton.library.body22 import BODY22
from marey.skeleton.library.kimodo import G1_34, SOMA30, SOMA77

__all__ = ["BODY22", "G1_34", "SOMA30", "SOMA77"]
