"""How different generated motions are from each other: over texts, and for one text.

The unit is that of the embeddings. Closer to the value of real motion is better, not larger.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError


def diversity(
    embeddings: Float[Tensor, "samples width"],
    *,
    generator: torch.Generator,
    pairs: int = 300,
    draws: int = 20,
) -> float:
    """Mean Euclidean distance of random pairs of samples, ``pairs`` at a time, over ``draws``.

    Diversity [Guo2022], with two deviations: pairs of one draw share no sample, where
    the original draws two lists apart and now and then compares a sample with itself; and sets
    of fewer than twice ``pairs`` give half as many pairs as samples. Raises InvalidInputError for
    fewer than two samples.
    """
    _need_pair(len(embeddings), "Diversity needs two or more samples")
    take = min(pairs, len(embeddings) // 2)
    means = [_pair_distances(embeddings, take, generator).mean() for _ in range(draws)]
    return float(torch.stack(means).mean())


def multimodality(
    embeddings: Float[Tensor, "texts repeats width"],
    *,
    generator: torch.Generator,
    pairs: int = 10,
) -> Float[Tensor, " texts"]:
    """Mean Euclidean distance of random pairs among the motions made for each text.

    Its mean over about 100 texts with 30 motions each is MultiModality [Guo2022]. The
    pairs of a text share no motion, with the deviations of ``diversity``. Raises
    InvalidInputError for fewer than two motions a text.
    """
    _need_pair(embeddings.shape[1], "MultiModality needs two or more motions of a text")
    take = min(pairs, embeddings.shape[1] // 2)
    return torch.stack([_pair_distances(made, take, generator).mean() for made in embeddings])


def _pair_distances(samples: Tensor, pairs: int, generator: torch.Generator) -> Tensor:
    order = torch.randperm(len(samples), generator=generator)
    first, second = samples[order[:pairs]], samples[order[pairs : 2 * pairs]]
    return (first.double() - second.double()).norm(dim=-1)


def _need_pair(count: int, need: str) -> None:
    if count < 2:
        raise InvalidInputError(f"{need}, got {count}.")
