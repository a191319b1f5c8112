"""How well sentences find motions, and motions sentences: TMR's protocols on our data.

    python benchmarks/retrieval.py stores/cmu tmr=runs/tmr htma=runs/htma --parts oracle

Rows: chance, a bag of words (the query against the geometric caption of the motion), and each
model, given as NAME=FILE or NAME=RUN; several files of one name are seeds, and their similarities
are averaged. ``--parts`` adds texts of parts and pairs to the queries: ``oracle`` measures them in
the very motion that is asked for (an upper bound that leaks), ``reasoned`` makes them from the
sentence. One window a clip, its first written caption.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from marey.data import MotionStore
from marey.models.alignment import load_alignment
from marey.motion import Motion
from marey.reasoning import WrittenReasoner
from marey.retrieval import (
    BagOfWords,
    chance_scores,
    gallery_windows,
    motion_texts,
    protocol_ranks,
    recall_difference,
    retrieval_table,
)
from marey.text import CachedEncoder, MiniLMEncoder, TextScript, TextSimilarity, caption

PARTS = ("none", "oracle", "reasoned")


def main() -> None:
    """Print the tables, and the paired differences of each model from the first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("models", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--splits", nargs="+", default=["test", "test_repetition"])
    parser.add_argument("--parts", choices=PARTS, default="none")
    parser.add_argument("--cache", type=Path, default=Path("out/texts.sqlite"))
    options = parser.parse_args()
    store = MotionStore.open(options.store)
    motions, sentences = pairs_of(store, options.splits)
    encoder = CachedEncoder(MiniLMEncoder(), options.cache)
    texts = TextSimilarity(encoder).prepare(sentences)
    matrices = {"bag of words": words_similarity(store, motions, sentences)}
    scripts = with_parts(options.parts, sentences, motions)
    for name, files in named(options.models).items():
        found = [model_similarity(file, motions, scripts, encoder) for file in files]
        matrices[f"{name} ({len(files)})"] = torch.stack(found).mean(0)
    print(
        f"{len(motions)} motions of {', '.join(options.splits)}; texts of parts: {options.parts}\n"
    )
    ranked = {name: protocol_ranks(matrix, texts) for name, matrix in matrices.items()}
    rows = [(name, each) for name, found in ranked.items() for each in found]
    print(retrieval_table(rows))
    chance = chance_scores(len(motions))
    recall = ", ".join(f"R@{k} {value:.2f}" for k, value in chance.recall.items())
    print(f"\nChance (all): {recall}, MedR {chance.median_rank:.1f}\n")
    first, *others = (name for name in ranked if name != "bag of words") if options.models else [""]
    for other in others:
        for a, b in zip(ranked[other], ranked[first], strict=True):
            gain = recall_difference(a, b, 10)
            print(
                f"{other} - {first}, {a.protocol}, {a.direction}, R@10: "
                f"{gain.value:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
            )


def pairs_of(store: MotionStore, splits: Sequence[str]) -> tuple[list[Motion], list[str]]:
    """Return the gallery and its captions; windows with implausible joints are left out."""
    windows = gallery_windows([w for split in splits for w in store.windows_of(split)])
    told = [(w, [t.text for t in w.texts if t.source == "caption"]) for w in windows if not w.flip]
    kept = [(window, texts[0]) for window, texts in told if texts]
    return [store.window_motion(window) for window, _ in kept], [text for _, text in kept]


def words_similarity(store: MotionStore, motions: Sequence[Motion], said: Sequence[str]) -> Tensor:
    """Return the similarity of sentences and motions by words alone."""
    train = [t.text for w in store.windows_of("train") for t in w.texts]
    return BagOfWords.fit(train).similarity(said, motion_texts(motions))


def with_parts(kind: str, sentences: Sequence[str], motions: Sequence[Motion]) -> list[TextScript]:
    """Return the queries, with texts of parts and pairs where they are wanted."""
    queries = [TextScript.from_prompt(sentence) for sentence in sentences]
    if kind == "reasoned":
        reasoner = WrittenReasoner()
        return [reasoner.reason(query) for query in queries]
    if kind == "oracle":
        measured = [caption(motion).script().statements for motion in motions]
        return [
            TextScript((*query.statements, *(each for each in own if each.slot != "global")))
            for query, own in zip(queries, measured, strict=True)
        ]
    return queries


def named(models: Sequence[str]) -> dict[str, list[Path]]:
    """Return files by name; a folder stands for the result of the run in it."""
    found: dict[str, list[Path]] = {}
    for each in models:
        name, _, file = each.partition("=")
        path = Path(file)
        found.setdefault(name, []).append(path / "alignment.safetensors" if path.is_dir() else path)
    return found


def model_similarity(
    file: Path, motions: Sequence[Motion], scripts: Sequence[TextScript], encoder: CachedEncoder
) -> Tensor:
    """Return the cosines of a model's embeddings."""
    model = load_alignment(file)
    said = F.normalize(model.embed_scripts(scripts, encoder), dim=1)
    return said @ F.normalize(model.embed_motions(motions), dim=1).T


if __name__ == "__main__":
    main()
