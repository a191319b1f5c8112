"""Evaluator: alignment models of one recipe and several seeds, which judge motions together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from marey.errors import InvalidInputError
from marey.models.alignment import AlignmentModel, load_alignment
from marey.motion import Motion
from marey.text import TextEncoder, TextScript

SHIPPED = "evaluator"
"""Recipe of the models that ship."""
SEEDS = (0, 1, 2)
"""Seeds of the recipe whose models ship."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluator:
    """Judges by embeddings; whatever it measures is the mean over its models.

    Raises InvalidInputError for no model, or models of different text encoders.
    """

    models: tuple[AlignmentModel, ...]
    encoder: TextEncoder

    def __post_init__(self) -> None:
        if not self.models:
            raise InvalidInputError("expected an alignment model or more, got none.")
        first = self.models[0]
        for model in self.models:
            model.require_encoder(self.encoder)
            shapes = [
                (each.name, each.representation.fps, each.max_seconds, each.network.config)
                for each in (first, model)
            ]
            if shapes[0] != shapes[1]:
                raise InvalidInputError(
                    f"expected models of one recipe, got {first.name} and {model.name} with other "
                    "settings. Judge by seeds of one recipe."
                )

    def positions(self, motions: Sequence[Motion]) -> list[Float[Tensor, "_ joints 3"]]:
        """Return the joint positions of motions as the models see them."""
        return [self.models[0].representation.positions(each) for each in motions]

    def embed_positions(
        self, positions: Sequence[Float[Tensor, "_ joints 3"]]
    ) -> Float[Tensor, "models motions latent"]:
        """Return each model's embeddings of motions, of unit length."""
        return torch.stack(
            [F.normalize(model.embed_positions(positions), dim=-1) for model in self.models]
        )

    def embed_sentences(self, sentences: Sequence[str]) -> Float[Tensor, "models sentences latent"]:
        """Return each model's embeddings of sentences, of unit length."""
        scripts = [TextScript.from_prompt(each) for each in sentences]
        found = [model.embed_scripts(scripts, self.encoder) for model in self.models]
        return F.normalize(torch.stack(found), dim=-1)


def evaluators(encoder: TextEncoder, files: Sequence[Path] = ()) -> dict[str, Evaluator]:
    """Return the evaluator that comes with the package, and those of further files, by recipe.

    Files of one recipe are its seeds; those of the shipped one's recipe stand in its place. Raises
    FileFormatError for a damaged file, InvalidInputError where the package's weights are absent.
    """
    own = groupby(sorted(map(load_alignment, files), key=_recipe), key=_recipe)
    given = {name: Evaluator(models=tuple(group), encoder=encoder) for name, group in own}
    return given if SHIPPED in given else {SHIPPED: _shipped(encoder), **given}


def _recipe(model: AlignmentModel) -> str:
    return model.name


def _shipped(encoder: TextEncoder) -> Evaluator:
    folder = Path(str(resources.files("marey.evaluation") / "data"))
    paths = [folder / f"{SHIPPED}-{seed}.safetensors" for seed in SEEDS]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise InvalidInputError(
            f"expected the evaluator's weights in {folder}, got none of {', '.join(missing)}. "
            f"Install the package anew, or train one (marey train alignment {SHIPPED} --data STORE "
            "--run RUN) and name it with --evaluator RUN/alignment.safetensors."
        )
    return Evaluator(models=tuple(map(load_alignment, paths)), encoder=encoder)


def mean_over_models(
    measure: Callable[[Tensor, Tensor], float],
    first: Float[Tensor, "models _ latent"],
    second: Float[Tensor, "models _ latent"],
) -> float:
    """Return the mean over models of a measure of two sets of embeddings."""
    values = [measure(a, b) for a, b in zip(first, second, strict=True)]
    return sum(values) / len(values)


def similarity(
    texts: Float[Tensor, "models texts latent"], motions: Float[Tensor, "models motions latent"]
) -> Float[Tensor, "texts motions"]:
    """Return the mean over models of the cosine of every text and motion."""
    return torch.einsum("ktd,kmd->ktm", texts, motions).mean(0)
