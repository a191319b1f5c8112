"""Measures that need no model: of motions, of constraints, of embeddings and rankings."""

from marey.metrics.agreement import htma_similarity, matching_distance, part_similarity
from marey.metrics.constraint_errors import heading_errors, position_errors, rotation_errors
from marey.metrics.distributions import (
    frechet_distance,
    gaussian_distance,
    kernel_distance,
    shrunk_covariance,
    split_half,
)
from marey.metrics.feet import (
    contact_accuracy,
    foot_skate_from_contacts,
    foot_skate_from_height,
    foot_skate_ratio,
    skating_ratio,
)
from marey.metrics.goal_errors import achieved, goal_errors
from marey.metrics.ground import ground_penetration
from marey.metrics.intervals import (
    Estimate,
    bootstrap,
    bootstrap_mean,
    bootstrap_rows,
    percentile_interval,
    repeats_interval,
    wilson_interval,
)
from marey.metrics.memorisation import NearestClip, facing_poses, nearest_clips
from marey.metrics.preservation import kept_joints, preservation_error
from marey.metrics.ranking import (
    PRECISION_BATCH,
    RECALL_DEPTHS,
    RetrievalScores,
    batch_indices,
    batch_ranks,
    median_rank,
    r_precision,
    recall_at,
    retrieval_scores,
    true_ranks,
)
from marey.metrics.smoothness import jerk, path_length
from marey.metrics.spread import diversity, multimodality
from marey.metrics.summary import Summary
from marey.metrics.trajectory_errors import (
    TRAJECTORY_THRESHOLDS,
    average_errors,
    location_failures,
    percentile_error,
    trajectory_failures,
)

__all__ = [
    "PRECISION_BATCH",
    "RECALL_DEPTHS",
    "TRAJECTORY_THRESHOLDS",
    "Estimate",
    "NearestClip",
    "RetrievalScores",
    "Summary",
    "achieved",
    "average_errors",
    "batch_indices",
    "batch_ranks",
    "bootstrap",
    "bootstrap_mean",
    "bootstrap_rows",
    "contact_accuracy",
    "diversity",
    "facing_poses",
    "foot_skate_from_contacts",
    "foot_skate_from_height",
    "foot_skate_ratio",
    "frechet_distance",
    "gaussian_distance",
    "goal_errors",
    "ground_penetration",
    "heading_errors",
    "htma_similarity",
    "jerk",
    "kept_joints",
    "kernel_distance",
    "location_failures",
    "matching_distance",
    "median_rank",
    "multimodality",
    "nearest_clips",
    "part_similarity",
    "path_length",
    "percentile_error",
    "percentile_interval",
    "position_errors",
    "preservation_error",
    "r_precision",
    "recall_at",
    "repeats_interval",
    "retrieval_scores",
    "rotation_errors",
    "shrunk_covariance",
    "skating_ratio",
    "split_half",
    "trajectory_failures",
    "true_ranks",
    "wilson_interval",
]
