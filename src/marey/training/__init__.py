"""Training of diffusion models: recipes, the run, its folder and its loop."""

from marey.training.config import TrainConfig
from marey.training.objective import LossWeights, motion_loss
from marey.training.recipes import RECIPES, recipe
from marey.training.run import train
from marey.training.run_folder import RunFolder
from marey.training.trainer import Report, Trainer

__all__ = [
    "RECIPES",
    "LossWeights",
    "Report",
    "RunFolder",
    "TrainConfig",
    "Trainer",
    "motion_loss",
    "recipe",
    "train",
]
