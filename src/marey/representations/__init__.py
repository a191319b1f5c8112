"""Motion as feature vectors."""

from marey.representations.contacts import (
    BODY22_LIMITS,
    KIMODO_LIMITS,
    ContactLimits,
    foot_contacts,
)
from marey.representations.layout import Block, FeatureLayout
from marey.representations.normalizer import Normalizer
from marey.representations.path_smoothing import smooth_path
from marey.representations.representation import Observation, Representation
from marey.representations.smooth_root import SmoothRoot

__all__ = [
    "BODY22_LIMITS",
    "KIMODO_LIMITS",
    "Block",
    "ContactLimits",
    "FeatureLayout",
    "Normalizer",
    "Observation",
    "Representation",
    "SmoothRoot",
    "foot_contacts",
    "smooth_path",
]
