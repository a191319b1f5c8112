"""The contract of every motion representation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.representations.layout import FeatureLayout
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Feature values that are known, and where: what a model gets to see of constraints."""

    values: Float[Tensor, "*batch frames feats"]
    """Raw (not normalised) features; 0 where nothing is observed."""
    mask: Bool[Tensor, "*batch frames feats"]
    """True where a channel is observed."""


class Representation(ABC):
    """Turns motions into feature vectors and back, for one skeleton and frame rate.

    ``decode(encode(motion))`` is the motion itself, up to its place and heading at the start
    where a representation does not hold them. The features of a turned, moved or mirrored motion
    follow from those of the motion: there is no hidden state.
    """

    def __init__(self, *, skeleton: Skeleton, fps: float) -> None:
        self.skeleton = skeleton
        self.fps = fps

    @property
    @abstractmethod
    def name(self) -> str:
        """Identifier stored in checkpoints."""

    @property
    @abstractmethod
    def layout(self) -> FeatureLayout:
        """Which channels mean what."""

    @abstractmethod
    def encode(self, motion: Motion) -> Float[Tensor, "frames feats"]:
        """Return the features of a motion.

        Raises InvalidInputError if skeleton or frame rate are not the representation's own.
        """

    @abstractmethod
    def decode(
        self,
        features: Float[Tensor, "frames feats"],
        *,
        pinned: Bool[Tensor, " frames"] | None = None,
    ) -> Motion:
        """Return the motion that features describe, with contacts where they hold them.

        Where features tell the path of the root joint more than once, the motion keeps the
        positions that they state in ``pinned`` frames.
        Raises InvalidInputError for another number of channels than the layout's.
        """

    @abstractmethod
    def canonicalise(
        self, features: Float[Tensor, "*batch frames feats"]
    ) -> Float[Tensor, "*batch frames feats"]:
        """Move the features to where models are trained: the start above the origin."""

    @abstractmethod
    def translate(
        self, features: Float[Tensor, "*batch feats"], offset: Float[Tensor, "*#batch 3"]
    ) -> Float[Tensor, "*batch feats"]:
        """Return the features of the motion moved over the ground by x and z of ``offset``."""

    @abstractmethod
    def rotate(
        self, features: Float[Tensor, "*batch feats"], angle: Float[Tensor, "*#batch"]
    ) -> Float[Tensor, "*batch feats"]:
        """Return the features of the motion turned about the vertical through the origin.

        ``angle`` is in radians, positive to the left.
        """

    @abstractmethod
    def observe(
        self, facts: WorldFacts, *, path: Float[Tensor, "frames 2"] | None = None
    ) -> Observation:
        """Return the channels that world-space facts determine.

        ``path`` is an estimate of the root's path over the ground, x and z, for features that
        cannot express a fact without one.
        Raises InvalidInputError for facts that this representation cannot express.
        """


class PlacelessRepresentation(Representation):
    """A representation that does not know where a motion is, nor which way it faces."""

    def canonicalise(
        self, features: Float[Tensor, "*batch frames feats"]
    ) -> Float[Tensor, "*batch frames feats"]:
        """Return the features as they are: they do not know where the motion starts."""
        return features

    def translate(
        self, features: Float[Tensor, "*batch feats"], offset: Float[Tensor, "*#batch 3"]
    ) -> Float[Tensor, "*batch feats"]:
        """Return the features as they are: they do not know where the motion is."""
        return features

    def rotate(
        self, features: Float[Tensor, "*batch feats"], angle: Float[Tensor, "*#batch"]
    ) -> Float[Tensor, "*batch feats"]:
        """Return the features as they are: they do not know where the motion faces."""
        return features


def check_motion(representation: Representation, motion: Motion) -> None:
    """Raise InvalidInputError unless skeleton and frame rate are the representation's own."""
    own, other = representation.skeleton, motion.skeleton
    if own == other and motion.fps == representation.fps:
        return
    twin = " (another skeleton of that name)" if own.name == other.name and own != other else ""
    raise InvalidInputError(
        f"{representation.name} encodes {own.name!r} at {representation.fps:g} fps, got "
        f"{other.name!r}{twin} at {motion.fps:g} fps; use retarget and Motion.resample first."
    )


def check_features(representation: Representation, features: Tensor) -> None:
    """Raise InvalidInputError unless features have as many channels as the layout."""
    if features.shape[-1] != representation.layout.size:
        raise InvalidInputError(
            f"{representation.name} of skeleton {representation.skeleton.name!r} has "
            f"{representation.layout.size} channels, got features of shape "
            f"{tuple(features.shape)}; decode them with the representation that made them."
        )


def check_facts(representation: Representation, facts: WorldFacts) -> None:
    """Raise InvalidInputError unless facts are about as many joints as the skeleton has."""
    joints = facts.joint_position_mask.shape[-1]
    if joints != representation.skeleton.num_joints:
        raise InvalidInputError(
            f"{representation.name} observes the {representation.skeleton.num_joints} joints of "
            f"{representation.skeleton.name!r}, got facts about {joints} joints."
        )
