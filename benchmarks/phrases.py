"""Text following: how often generated motions do what fifteen plain phrases say.

    python benchmarks/phrases.py --pack ../shared/data/cmu --out out/phrases
    python benchmarks/phrases.py --real-only --pack ../shared/data/cmu

Prints a Markdown table (phrase, wording, share held with Wilson's 95 % interval, share in real
windows whose captions say the phrase, share of an untrained model) and writes it as JSON, with a
contact sheet per phrase (seed 0 of each wording). The facts are those of ``marey.predicates``.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from marey.evaluation import (
    PHRASES,
    PhraseRow,
    score_captioned,
    score_phrases,
    total_rows,
)
from marey.evaluation.phrases import SECONDS, SEEDS
from marey.evaluation.untrained import write_untrained
from marey.generate import GenerationRequest, generate_many
from marey.io.cmu_pack import CmuPack
from marey.io.render import contact_sheets
from marey.motion import Motion
from marey.predicates import find
from marey.text import TextScript

FPS = 20.0
BAR, MEAN_BAR = 0.8, 0.9
Generate = Callable[[list[str], float, list[int]], list[Motion]]
"""Texts, seconds and seeds, one per motion, to motions in the same order."""


def generate_table(
    generate: Generate, seeds: Sequence[int], *, batch: int, report: Callable[[str], None]
) -> dict[str, list[Motion]]:
    """Generate every wording with every seed, in batches that mix wordings."""
    tasks = [(text, seed) for one in PHRASES for text in one.wordings for seed in seeds]
    motions: dict[str, list[Motion]] = {}
    for start in range(0, len(tasks), batch):
        texts, numbers = zip(*tasks[start : start + batch], strict=True)
        for text, motion in zip(texts, generate(list(texts), SECONDS, list(numbers)), strict=True):
            motions.setdefault(text, []).append(motion)
        report(f"{min(start + batch, len(tasks))} of {len(tasks)} motions")
    return motions


def real_windows(
    pack: CmuPack, splits: Sequence[str]
) -> Iterator[tuple[Sequence[str], Callable[[], Motion]]]:
    """Captions and motions of the pack's windows on the floor and without flips."""
    clip = lru_cache(maxsize=4)(lambda name: pack.motion(name).resample(FPS))

    def window(name: str, start: float, end: float) -> Motion:
        whole = clip(name)
        return whole.crop(round(start * FPS), min(round(end * FPS), whole.num_frames))

    for segment in pack.segments:
        if segment.split in splits and not segment.flip and not segment.off_floor:
            yield segment.captions, partial(window, segment.clip, segment.start, segment.end)


def share(row: PhraseRow | None) -> str:
    """Write a share with its counts, or a dash where there is none."""
    return f"{row.share:.0%} ({row.held}/{row.total})" if row and row.total else "–"


def markdown(
    rows: Sequence[PhraseRow],
    real: Mapping[str, PhraseRow],
    untrained: Mapping[str, PhraseRow],
) -> str:
    """Write the table: one line per wording, and a bold one per phrase."""
    lines = [
        "| phrase | wording | held | 95 % interval | real train/val | untrained |",
        "|---|---|---|---|---|---|",
    ]
    totals = {row.phrase: row for row in total_rows(rows)}
    for one in PHRASES:
        for row in (*(r for r in rows if r.phrase == one.name), totals.get(one.name)):
            if row is not None:
                low, high = row.interval
                ends = (share(real.get(one.name)), share(untrained.get(one.name)))
                name, text = (one.name, row.wording) if row.wording else (f"**{one.name}**", "both")
                sides = ends if not row.wording else ("", "")
                cells = (name, text, share(row), f"{low:.0%}–{high:.0%}", *sides)
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(rows: Sequence[PhraseRow]) -> str:
    """Say whether the bar is met, and list the phrases below it."""
    totals = total_rows(rows)
    mean = sum(row.share for row in totals) / len(totals)
    below = [f"{row.phrase} {share(row)}" for row in totals if row.share < BAR]
    met = mean >= MEAN_BAR and not below
    return (
        f"Mean {mean:.1%} (bar {MEAN_BAR:.0%}); each at least {BAR:.0%}: "
        f"{'yes' if not below else 'no, below: ' + '; '.join(below)}. "
        f"{'The bar is met.' if met else 'The bar is not met.'}"
    )


def real_table(real: Sequence[PhraseRow]) -> str:
    """Write the share of real windows in which each fact holds."""
    lines = ["| phrase | real windows | 95 % interval |", "|---|---|---|"]
    for row in real:
        low, high = row.interval
        lines.append(f"| {row.phrase} | {share(row)} | {low:.0%}–{high:.0%} |")
    return "\n".join(lines)


def write_sheets(motions: Mapping[str, Sequence[Motion]], folder: Path) -> None:
    """Write a contact sheet per phrase: the first seed of each wording, with its finding."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in PHRASES:
        labelled = []
        for text in one.wordings:
            finding = find(one.fact, motions[text][0])
            mark = "holds" if finding.holds else "does not hold"
            measured = f"{finding.value:.2f} {finding.unit}, bar {finding.threshold:g}"
            labelled.append((f"{text}: {one.fact} {mark} ({measured})", motions[text][0]))
        contact_sheets(labelled).save(folder / f"{one.name.replace(' ', '_')}.png")


def facade(model: str, steps: int | None) -> Generate:
    """Return the façade as a batch function."""

    def generate(texts: list[str], seconds: float, seeds: list[int]) -> list[Motion]:
        requests = [
            GenerationRequest(
                script=TextScript.from_prompt(text),
                seconds=seconds,
                seed=seed,
                model=model,
                steps=steps,
            )
            for text, seed in zip(texts, seeds, strict=True)
        ]
        return [result.motions[0] for result in generate_many(requests)]

    return generate


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, help="folder of the CMU pack, for the real windows")
    parser.add_argument("--splits", nargs="+", default=["train", "val"])
    parser.add_argument("--model", default="small", help="a bundled model or a checkpoint folder")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--untrained-seeds", type=int, default=5, help="0 leaves that column out")
    parser.add_argument("--real-only", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("out/phrases"))
    return parser.parse_args()


def main() -> None:
    """Run what the command line asks for."""
    options = arguments()
    windows = real_windows(CmuPack.open(options.pack), options.splits) if options.pack else ()
    real = score_captioned(windows)
    if options.real_only:
        print(real_table(real))
        return
    report = partial(print, flush=True)
    generate = facade(options.model, options.steps)
    seeds = SEEDS[: options.seeds]
    motions = generate_table(generate, seeds, batch=options.batch, report=report)
    rows = score_phrases(motions)
    untrained: list[PhraseRow] = []
    if options.untrained_seeds:
        few = SEEDS[: options.untrained_seeds]
        with TemporaryDirectory() as folder:
            write_untrained(options.model, Path(folder))
            noise = facade(folder, options.steps)
            made = generate_table(noise, few, batch=options.batch, report=report)
        untrained = total_rows(score_phrases(made))
    print(markdown(rows, {r.phrase: r for r in real}, {r.phrase: r for r in untrained}))
    print(verdict(rows))
    write_sheets(motions, options.out)
    tables = {"generated": rows, "real": real, "untrained": untrained}
    content = {name: [asdict(row) for row in table] for name, table in tables.items()}
    (options.out / "phrases.json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
