"""Training: the loop and folder of any run; recipes, objective and runs of diffusion models."""

from marey.training.config import LoopConfig, TrainConfig
from marey.training.loop import Listen, Loop, Report
from marey.training.objective import LossWeights, motion_loss
from marey.training.recipes import RECIPES, recipe
from marey.training.run import train
from marey.training.run_folder import RunFolder
from marey.training.trainer import Trainer

__all__ = [
    "RECIPES",
    "Listen",
    "Loop",
    "LoopConfig",
    "LossWeights",
    "Report",
    "RunFolder",
    "TrainConfig",
    "Trainer",
    "motion_loss",
    "recipe",
    "train",
]
