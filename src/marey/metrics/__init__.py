"""Measures of motion that need no model: feet, ground, smoothness, errors of constraints."""

from marey.metrics.constraint_errors import heading_errors, position_errors, rotation_errors
from marey.metrics.feet import (
    contact_accuracy,
    foot_skate_from_contacts,
    foot_skate_from_height,
    foot_skate_ratio,
)
from marey.metrics.goal_errors import achieved, goal_errors
from marey.metrics.ground import ground_penetration
from marey.metrics.smoothness import jerk, path_length
from marey.metrics.summary import Summary

__all__ = [
    "Summary",
    "achieved",
    "contact_accuracy",
    "foot_skate_from_contacts",
    "foot_skate_from_height",
    "foot_skate_ratio",
    "goal_errors",
    "ground_penetration",
    "heading_errors",
    "jerk",
    "path_length",
    "position_errors",
    "rotation_errors",
]
