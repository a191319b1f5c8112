"""Skeletons as data."""

from marey.skeleton.library.body22 import BODY22
from marey.skeleton.library.g1 import G1
from marey.skeleton.library.humanml3d import HUMANML3D22, KIT21
from marey.skeleton.library.kimodo import G1_34, SOMA30, SOMA77

__all__ = ["BODY22", "G1", "G1_34", "HUMANML3D22", "KIT21", "SOMA30", "SOMA77"]
