"""Training: the loop and folder of any run; recipes, objective and runs of diffusion models."""

from marey.training.alignment import AlignmentTrainConfig, train_alignment
from marey.training.alignment_recipes import ALIGNMENT_RECIPES, alignment_recipe
from marey.training.config import LoopConfig, TrainConfig
from marey.training.loop import Listen, Loop, Report
from marey.training.objective import LossWeights, motion_loss
from marey.training.part_alignment import PartAlignmentTrainConfig, train_part_alignment
from marey.training.recipes import RECIPES, recipe
from marey.training.run import train
from marey.training.run_folder import RunFolder, data_fingerprint
from marey.training.trainer import Trainer

__all__ = [
    "ALIGNMENT_RECIPES",
    "RECIPES",
    "AlignmentTrainConfig",
    "Listen",
    "Loop",
    "LoopConfig",
    "LossWeights",
    "PartAlignmentTrainConfig",
    "Report",
    "RunFolder",
    "TrainConfig",
    "Trainer",
    "alignment_recipe",
    "data_fingerprint",
    "motion_loss",
    "recipe",
    "train",
    "train_alignment",
    "train_part_alignment",
]
