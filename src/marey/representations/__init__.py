"""Motion as feature vectors."""

from marey.representations.contacts import foot_contacts
from marey.representations.layout import Block, FeatureLayout
from marey.representations.normalizer import Normalizer
from marey.representations.path_smoothing import smooth_path
from marey.representations.representation import Observation, Representation
from marey.representations.smooth_root import SmoothRoot

__all__ = [
    "Block",
    "FeatureLayout",
    "Normalizer",
    "Observation",
    "Representation",
    "SmoothRoot",
    "foot_contacts",
    "smooth_path",
]
