"""Pairs of a retrieval test: motions, their sentences, and texts of parts to ask with besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from marey.data import MotionStore
from marey.evaluation.manifest import Manifest
from marey.models.alignment import PART_SLOTS, AlignmentModel, PartAlignmentModel
from marey.motion import Motion
from marey.reasoning import WrittenReasoner
from marey.retrieval import BagOfWords, motion_texts
from marey.skeleton.parts import GLOBAL_SLOT
from marey.text import ComparableTexts, TextEncoder, TextScript, TextSimilarity, caption

PartTexts = Literal["none", "oracle", "reasoned"]
PART_TEXTS: tuple[PartTexts, ...] = ("none", "oracle", "reasoned")
"""Sentence alone; with what parts do in the very motion, which leaks; with what follows from it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RetrievalPairs:
    """Motions and their sentences, item i of either belonging to item i of the other."""

    motions: tuple[Motion, ...]
    sentences: tuple[str, ...]
    comparable: ComparableTexts

    @classmethod
    def of_split(
        cls,
        manifest: Manifest,
        store: MotionStore,
        split: str,
        encoder: TextEncoder,
        *,
        count: int | None = None,
    ) -> "RetrievalPairs":
        """Read the motions of the first ``count`` windows of a split; all by default.

        Raises InvalidInputError for a store without them.
        """
        windows = manifest.windows_of(split, count)
        records = manifest.records(store, windows)
        sentences = tuple(window.caption for window in windows)
        return cls(
            motions=tuple(store.window_motion(record) for record in records),
            sentences=sentences,
            comparable=TextSimilarity(encoder).prepare(sentences),
        )

    def hits(self, threshold: float) -> Bool[Tensor, "texts motions"]:
        """Return which sentences mean as good as the same, by text similarity."""
        same = self.comparable.similarity(self.comparable) >= threshold
        return same | torch.eye(len(self.sentences), dtype=torch.bool)

    def scripts(self, parts: PartTexts) -> list[TextScript]:
        """Return the sentences as queries, with texts of parts and pairs where they are wanted."""
        queries = [TextScript.from_prompt(sentence) for sentence in self.sentences]
        if parts == "reasoned":
            reasoner = WrittenReasoner()
            return [reasoner.reason(query) for query in queries]
        if parts == "oracle":
            measured = (caption(motion).script().statements for motion in self.motions)
            return [
                TextScript((*query.statements, *(s for s in own if s.slot != GLOBAL_SLOT)))
                for query, own in zip(queries, measured, strict=True)
            ]
        return queries


def model_similarity(
    model: AlignmentModel | PartAlignmentModel,
    motions: Sequence[Motion],
    scripts: Sequence[TextScript],
    encoder: TextEncoder,
) -> Float[Tensor, "texts motions"]:
    """Return the cosines of a model's embeddings of scripts and motions.

    Of a model of parts, the mean cosine over what a script says of parts and pairs; zero for a
    script that says nothing of them.
    """
    if isinstance(model, PartAlignmentModel):
        return _parts_similarity(model, motions, scripts, encoder)
    said = F.normalize(model.embed_scripts(scripts, encoder), dim=1)
    return said @ F.normalize(model.embed_motions(motions), dim=1).T


def _parts_similarity(
    model: PartAlignmentModel,
    motions: Sequence[Motion],
    scripts: Sequence[TextScript],
    encoder: TextEncoder,
) -> Tensor:
    total, count = torch.zeros(len(scripts), len(motions)), torch.zeros(len(scripts), 1)
    texts: list[Mapping[str, str]] = [script.by_slot() for script in scripts]
    for slot in PART_SLOTS:
        rows = [i for i, own in enumerate(texts) if slot in own]
        if rows:
            said = model.embed_texts([texts[i][slot] for i in rows], encoder, slot)
            seen = F.normalize(model.embed_motions(motions, slot), dim=1)
            total[rows] += F.normalize(said, dim=1) @ seen.T
            count[rows] += 1
    return total / count.clamp(min=1)


def words_similarity(train: Sequence[str], pairs: RetrievalPairs) -> Float[Tensor, "texts motions"]:
    """Return the similarity of sentences and motions by words alone, weighed by training texts."""
    return BagOfWords.fit(train).similarity(pairs.sentences, motion_texts(pairs.motions))
