"""Network parts without opinions about motion."""

from marey.nn.attention import Block, Resampler, SelfAttention
from marey.nn.padding import padded
from marey.nn.positions import sinusoidal

__all__ = ["Block", "Resampler", "SelfAttention", "padded", "sinusoidal"]
