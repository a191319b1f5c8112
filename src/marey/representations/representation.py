"""The contract of every motion representation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from marey.constraints import WorldFacts
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

    ``decode(encode(motion))`` is the motion itself (up to ``canonicalise`` where a
    representation forgets the start), and ``encode`` after ``mirror`` or a turn of the whole
    motion is what the features of that motion are: no hidden state.
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
    def decode(self, features: Float[Tensor, "frames feats"]) -> Motion:
        """Return the motion that features describe, with contacts where they hold them."""

    @abstractmethod
    def canonicalise(
        self, features: Float[Tensor, "frames feats"]
    ) -> Float[Tensor, "frames feats"]:
        """Move the features to where models are trained: the start above the origin."""

    @abstractmethod
    def observe(self, facts: WorldFacts) -> Observation:
        """Return the channels that world-space facts determine.

        Raises InvalidInputError for facts that this representation cannot express.
        """
