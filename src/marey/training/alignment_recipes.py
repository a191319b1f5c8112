"""Recipes of alignment models; each returns the configuration of a run.

Sizes and steps are for two CPU cores. The evaluator shares nothing with the others but its kind:
its weights, its seeds and its data draws are its own, and nothing is chosen by its results.
"""

from collections.abc import Callable
from dataclasses import replace

from marey.errors import InvalidInputError
from marey.training.alignment import AlignmentTrainConfig
from marey.training.part_alignment import PartAlignmentTrainConfig

EVALUATOR_SEED = 7_000
"""First seed of the evaluators; other models are seeded from 0."""


def tmr() -> AlignmentTrainConfig:
    """Sentences on the whole body alone [Petrovich2023]."""
    return AlignmentTrainConfig(name="tmr", levels=1)


def htma() -> AlignmentTrainConfig:
    """Whole body, then parts, then relations, each attending to the coarser [Zhang2025, §3.3]."""
    return AlignmentTrainConfig(name="htma", levels=3)


def htma_parts() -> AlignmentTrainConfig:
    """The same without relations: KinMo's row "+ joint"."""
    return replace(htma(), name="htma-parts", levels=2)


def htma_flat() -> AlignmentTrainConfig:
    """The same without attention to coarser levels: KinMo's row "without cross-attention"."""
    return replace(htma(), name="htma-flat", cross_attention=False)


def evaluator() -> AlignmentTrainConfig:
    """A judge of generated motion: trained on all splits, for a fixed number of steps."""
    return AlignmentTrainConfig(
        name="evaluator",
        hidden=192,
        seed=EVALUATOR_SEED,
        splits=("train", "val", "test", "test_repetition"),
        keep_best=False,
    )


def evaluator_train() -> AlignmentTrainConfig:
    """Its twin that has seen the training split alone."""
    return replace(evaluator(), name="evaluator-train", splits=("train",))


def parts() -> PartAlignmentTrainConfig:
    """Every part and pair with the texts about it, as LGTM's part TMRs."""
    return PartAlignmentTrainConfig(name="parts")


ALIGNMENT_RECIPES: dict[str, Callable[[], AlignmentTrainConfig | PartAlignmentTrainConfig]] = {
    "tmr": tmr,
    "htma": htma,
    "htma-parts": htma_parts,
    "htma-flat": htma_flat,
    "parts": parts,
    "evaluator": evaluator,
    "evaluator-train": evaluator_train,
}


def alignment_recipe(name: str) -> AlignmentTrainConfig | PartAlignmentTrainConfig:
    """Return the configuration of a recipe. Raises InvalidInputError that lists the recipes."""
    if name not in ALIGNMENT_RECIPES:
        known = ", ".join(ALIGNMENT_RECIPES)
        raise InvalidInputError(f"No alignment recipe {name!r}; there are {known}.")
    return ALIGNMENT_RECIPES[name]()
