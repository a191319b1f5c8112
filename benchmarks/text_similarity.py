"""Calibrate text similarity: how many random pairs count as equal, and which, to look at.

    python benchmarks/text_similarity.py stores/cmu --captions 1000

Pairs are of texts as training draws them: a training window by its weight, then one of its texts,
measured windows included. The same shares among written captions alone, each of another clip, are
printed beside them. Sentences of KIT-ML are left out.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro

from marey.data import MotionStore
from marey.text import (
    FALSE_NEGATIVE_THRESHOLD,
    PROTOCOL_THRESHOLD,
    MiniLMEncoder,
    TextSimilarity,
)

THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)


def main(
    store: Annotated[Path, tyro.conf.Positional],
    *,
    captions: int = 1000,
    examples: int = 10,
    seed: int = 0,
) -> None:
    """Print shares of equal pairs by threshold, and pairs around both thresholds.

    Args:
        store: A motion store.
        captions: How many captions to draw.
        examples: Pairs to print around each threshold, and of the pairs forced to 0.
        seed: Decides which.
    """
    draw = random.Random(seed)
    opened = MotionStore.open(store)
    similarity = TextSimilarity(MiniLMEncoder())
    trained = Pairs.of(similarity, drawn_texts(opened, captions, draw))
    written = Pairs.of(similarity, written_captions(opened, captions, draw))
    print("share of pairs at or above:   as training draws      written captions")
    print("threshold                    similarity  (cosine)   similarity  (cosine)")
    for threshold in (*THRESHOLDS, FALSE_NEGATIVE_THRESHOLD, PROTOCOL_THRESHOLD):
        row = [f"{trained.share(threshold)}   {written.share(threshold)}"]
        print(f"{threshold:9.2f}                    {row[0]}")
    print(
        f"same particulars             {percent(trained.same):8.2f} %"
        f"              {percent(written.same):8.2f} %"
    )
    for name, threshold in (
        ("false-negative filter", FALSE_NEGATIVE_THRESHOLD),
        ("threshold protocol", PROTOCOL_THRESHOLD),
    ):
        for pairs, kind in ((trained, "as training draws"), (written, "written captions")):
            print(f"\nNearest to {threshold} ({name}), {kind}:")
            show(pairs, (pairs.similarity - threshold).abs(), examples)
    print("\nMost alike of those forced to 0, written captions:")
    show(written, -torch.where(written.same, -1.0, written.cosine), examples)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """All pairs of some texts."""

    texts: list[str]
    rows: torch.Tensor
    similarity: torch.Tensor
    cosine: torch.Tensor
    same: torch.Tensor

    @classmethod
    def of(cls, measure: TextSimilarity, texts: list[str]) -> "Pairs":
        """Compare every text with every later one."""
        prepared = measure.prepare(texts)
        first, second = rows = torch.triu_indices(len(texts), len(texts), offset=1)
        return cls(
            texts=texts,
            rows=rows,
            similarity=prepared.similarity(prepared)[first, second],
            cosine=(prepared.vectors @ prepared.vectors.T)[first, second],
            same=prepared.codes[first] == prepared.codes[second],
        )

    def share(self, threshold: float) -> str:
        """Return how many pairs are so similar, and how many by cosine alone."""
        alike, near = percent(self.similarity >= threshold), percent(self.cosine >= threshold)
        return f"{alike:8.2f} % ({near:6.2f} %)"


def drawn_texts(store: MotionStore, count: int, draw: random.Random) -> list[str]:
    """Return texts as training draws them."""
    windows = store.windows_of("train")
    drawn = draw.choices(windows, [window.weight for window in windows], k=count)
    texts = [[text.text for text in window.texts if text.source != "kit"] for window in drawn]
    return [draw.choice(told) for told in texts if told]


def written_captions(store: MotionStore, count: int, draw: random.Random) -> list[str]:
    """Return one written caption each of so many training clips."""
    own: dict[str, list[str]] = {}
    for window in store.windows_of("train"):
        told = [text.text for text in window.texts if text.source == "caption"]
        own.setdefault(window.clip_id, []).extend(told)
    clips = sorted(clip for clip, told in own.items() if told)
    return [draw.choice(own[clip]) for clip in draw.sample(clips, min(count, len(clips)))]


def show(pairs: Pairs, order: torch.Tensor, count: int) -> None:
    """Print the pairs that come first in an order, the same sentences once."""
    shown: set[frozenset[str]] = set()
    for at in order.argsort().tolist():
        one, other = (pairs.texts[row] for row in pairs.rows[:, at].tolist())
        if frozenset((one, other)) in shown:
            continue
        shown.add(frozenset((one, other)))
        print(f"  {pairs.cosine[at]:.2f}  {one}\n        {other}")
        if len(shown) == count:
            return


def percent(held: torch.Tensor) -> float:
    """Return the share of true values."""
    return 100 * float(held.float().mean())


if __name__ == "__main__":
    tyro.cli(main)
