"""Motion as feature vectors."""

from marey.representations.heading_local import HeadingLocal
from marey.representations.humanml3d import HumanML3D
from marey.representations.joint_motion import JointMotion
from marey.representations.kinematic_parts import KinematicParts
from marey.representations.layout import Block, FeatureLayout
from marey.representations.legacy_smoothing import smooth_path_legacy
from marey.representations.normalizer import Normalizer
from marey.representations.representation import Observation, Representation
from marey.representations.smooth_root import RootSmoothing, SmoothRoot

__all__ = [
    "Block",
    "FeatureLayout",
    "HeadingLocal",
    "HumanML3D",
    "JointMotion",
    "KinematicParts",
    "Normalizer",
    "Observation",
    "Representation",
    "RootSmoothing",
    "SmoothRoot",
    "smooth_path_legacy",
]
