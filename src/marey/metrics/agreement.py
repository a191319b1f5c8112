"""How well motions and their texts agree in a shared embedding space.

One value per motion, so that a caller can bootstrap over clips; the measure is the mean.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def matching_distance(
    motions: Float[Tensor, "samples width"], texts: Float[Tensor, "samples width"]
) -> Float[Tensor, " samples"]:
    """Euclidean distance of each motion's embedding from its own text's; the mean is MM-Dist.

    MultiModal Distance or matching score [Guo2022].
    """
    return (motions - texts).norm(dim=-1)


def part_similarity(
    motions: Float[Tensor, "samples *parts width"], texts: Float[Tensor, "samples *parts width"]
) -> Float[Tensor, "samples *parts"]:
    """(cosine + 1) / 2 of each motion's embedding with its own text's, in [0, 1].

    With embeddings of the whole and of the six parts, each by its own encoder, the means over
    samples are LGTM's part-level similarity [Sun2024]. 0.5 is orthogonal; unrelated pairs
    may lie above it, so give shuffled texts beside it.
    """
    return (functional.cosine_similarity(motions, texts, dim=-1) + 1) / 2


def htma_similarity(
    motions: Float[Tensor, "samples width"], texts: Float[Tensor, "samples width"]
) -> Float[Tensor, " samples"]:
    """HTMA-S: (cosine + 1) / 2 of edited motions and their edited texts in HTMA's own space.

    **In-model**: HTMA also conditions the generator that this judges [Zhang2025, tab. 3], so
    report it beside an evaluator that shares nothing with it, and mark it so. The paper gives no
    formula; the one of ``part_similarity`` is taken, on embeddings of the finest level.
    """
    return part_similarity(motions, texts)
