"""KinMo's comparison on our data: do texts of parts, of relations, and attention to them help?

    python benchmarks/retrieval.py stores/cmu tmr=runs/tmr-0 tmr=runs/tmr-1 htma=runs/htma-0 ...

Each model is given as NAME=FILE or NAME=RUN; several files of one name are seeds, whose scores are
averaged. Queries are the manifest's captions: alone, with oracle texts of parts (measured in the
very motion that is asked for: an upper bound that leaks) and with reasoned ones (made from the
sentence). Below the table, paired differences with 95 % intervals over queries.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from marey.data import MotionStore
from marey.errors import FileFormatError
from marey.evaluation.manifest import MANIFEST_SPLITS, Manifest
from marey.evaluation.retrieval_pairs import (
    PART_TEXTS,
    RetrievalPairs,
    model_similarity,
    words_similarity,
)
from marey.models.alignment import (
    AlignmentModel,
    PartAlignmentModel,
    load_alignment,
    load_part_alignment,
)
from marey.retrieval import (
    ProtocolRanks,
    chance_scores,
    median_rank_difference,
    over_seeds,
    protocol_ranks,
    recall_difference,
    retrieval_table,
)
from marey.text import CachedEncoder, MiniLMEncoder

COMPARED = (
    ("htma-parts", "tmr", "texts of parts"),
    ("htma", "htma-parts", "texts of relations"),
    ("htma", "htma-flat", "attention to coarser levels"),
    ("htma", "tmr", "all of it"),
)
"""KinMo's directions: the first should be better, for the sake of the third."""
DEPTH = 10
Model = AlignmentModel | PartAlignmentModel
Ranks = tuple[ProtocolRanks, ...]


def main() -> None:
    """Print the table of each split, and the differences."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("models", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--splits", nargs="+", default=MANIFEST_SPLITS)
    parser.add_argument("--cache", type=Path, default=Path("out/texts.sqlite"))
    options = parser.parse_args()
    store, manifest = MotionStore.open(options.store), Manifest.shipped()
    encoder = CachedEncoder(MiniLMEncoder(), options.cache)
    models = named(options.models)
    train = [text.text for window in store.windows_of("train") for text in window.texts]
    for split in options.splits:
        pairs = RetrievalPairs.of_split(manifest, store, split, encoder)
        found = dict(rows(models, pairs, encoder))
        words = protocol_ranks(words_similarity(train, pairs), pairs.comparable)
        print(f"\n## {split}: {len(pairs.motions)} motions, manifest {manifest.fingerprint}\n")
        told = [("bag of words", each) for each in words]
        told += [
            (f"{name}, {parts} ({len(models[name])})", each)
            for (name, parts), ranks in found.items()
            for each in ranks
        ]
        print(retrieval_table(sorted(told, key=lambda row: (row[1].protocol, row[1].direction))))
        chance = chance_scores(len(pairs.motions))
        recall = ", ".join(f"R@{k} {value:.2f}" for k, value in chance.recall.items())
        print(f"\nChance (all): {recall}, MedR {chance.median_rank:.1f}\n")
        print("\n".join(differences(found)), flush=True)


def named(given: Sequence[str]) -> dict[str, list[Model]]:
    """Return models by name; a folder stands for the result of the run in it."""
    found: dict[str, list[Model]] = {}
    for each in given:
        name, _, file = each.partition("=")
        path = Path(file)
        path = path / "alignment.safetensors" if path.is_dir() else path
        try:
            found.setdefault(name, []).append(load_alignment(path))
        except FileFormatError:
            found.setdefault(name, []).append(load_part_alignment(path))
    return found


def rows(
    models: dict[str, list[Model]], pairs: RetrievalPairs, encoder: CachedEncoder
) -> Iterator[tuple[tuple[str, str], Ranks]]:
    """Yield the ranks of each model by its name and the texts of parts it is asked with."""
    for parts in PART_TEXTS:
        scripts = pairs.scripts(parts)
        for name, seeds in models.items():
            if parts in texts_read(seeds[0]):
                matrices = (model_similarity(m, pairs.motions, scripts, encoder) for m in seeds)
                yield (
                    (name, parts),
                    over_seeds([protocol_ranks(each, pairs.comparable) for each in matrices]),
                )


def texts_read(model: Model) -> tuple[str, ...]:
    """Return which texts of parts make a difference to a model."""
    if isinstance(model, PartAlignmentModel):
        return PART_TEXTS[1:]
    return PART_TEXTS if model.network.config.levels > 1 else PART_TEXTS[:1]


def differences(found: dict[tuple[str, str], Ranks]) -> Iterator[str]:
    """Tell KinMo's directions, for every kind of texts of parts."""
    names = {name for name, _ in found}
    yield f"| with | without | difference | parts | ranked | R@{DEPTH} | MedR |"
    yield "|---|---|---|---|---|--:|--:|"
    for first, second, what in COMPARED:
        if not {first, second} <= names:
            continue
        for parts in PART_TEXTS:
            other = found.get((second, parts), found[second, "none"])
            for a, b in zip(found[first, parts], other, strict=True):
                if a.protocol == "all":
                    gain, moved = recall_difference(a, b, DEPTH), median_rank_difference(a, b)
                    cells = [
                        f"{each.value:+.2f} ({each.low:+.2f} to {each.high:+.2f})"
                        for each in (gain, moved)
                    ]
                    line = (first, second, what, parts, a.direction, *cells)
                    yield f"| {' | '.join(line)} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
