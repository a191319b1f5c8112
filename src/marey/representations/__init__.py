"""Motion as feature vectors."""

from marey.representations.contacts import (
    BODY22_LIMITS,
    KIMODO_LIMITS,
    ContactLimits,
    foot_contacts,
)
from marey.representations.heading_local import HeadingLocal
from marey.representations.layout import Block, FeatureLayout
from marey.representations.legacy_smoothing import smooth_path_legacy
from marey.representations.normalizer import Normalizer
from marey.representations.path_smoothing import smooth_path
from marey.representations.representation import Observation, Representation
from marey.representations.smooth_root import RootSmoothing, SmoothRoot

__all__ = [
    "BODY22_LIMITS",
    "KIMODO_LIMITS",
    "Block",
    "ContactLimits",
    "FeatureLayout",
    "HeadingLocal",
    "Normalizer",
    "Observation",
    "Representation",
    "RootSmoothing",
    "SmoothRoot",
    "foot_contacts",
    "smooth_path",
    "smooth_path_legacy",
]
