"""Skeletons as data."""

from marey.skeleton.library.body22 import BODY22

__all__ = ["BODY22"]
