"""Are part texts that a reasoner makes of a sentence true of the motion that the sentence is about?

    python benchmarks/reasoner.py STORE

For every machine-written caption of the windows of ``val``: the part texts that each back end makes
of it, their claims held against the events of the window's own motion. Beside them the same of
shuffled sentences (the floor: what is true of any motion), and the measured caption of the motion
(the ceiling). ``said`` is the share of the (part, action) pairs of the motion that the texts name.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from marey.data import MotionStore
from marey.metrics import Estimate, bootstrap, wilson_interval
from marey.predicates import Event, find_events
from marey.reasoning import (
    NearestReasoner,
    Reasoner,
    TemplateReasoner,
    WrittenReasoner,
    part_claims,
)
from marey.skeleton.parts import PARTS
from marey.text import TextScript, caption
from marey.text.event_wording import IDLE


@dataclass(frozen=True, kw_only=True)
class Case:
    """A sentence and the events of its motion."""

    sentence: str
    events: tuple[Event, ...]
    measured: TextScript


@dataclass(kw_only=True)
class Score:
    """Counts over many scripts."""

    scripts: int = 0
    movements: int = 0
    true_movements: int = 0
    idle: int = 0
    true_idle: int = 0
    unchecked: int = 0
    """Part texts that claim nothing which predicates understand."""
    empty: int = 0
    """Parts left without a text."""
    seen: int = 0
    """(part, action) pairs of the motions."""
    said: int = 0


def main() -> None:
    """Print a Markdown table and the time of a query."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--split", default="val")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = cases_of(MotionStore.open(options.store), options.split)
    sentences = [case.sentence for case in cases]
    order = torch.randperm(len(cases), generator=torch.Generator().manual_seed(0)).tolist()
    rows = {"measured caption (ceiling)": score(cases, [case.measured for case in cases])}
    times: dict[str, float] = {}
    told: dict[str, list[TextScript]] = {}
    for reasoner in (WrittenReasoner(), NearestReasoner(), TemplateReasoner()):
        start = time.process_time()
        told[reasoner.name] = scripts = scripts_of(reasoner, sentences)
        times[reasoner.name] = (time.process_time() - start) / len(cases)
        rows[reasoner.name] = score(cases, scripts)
        rows[f"{reasoner.name}, shuffled (floor)"] = score(cases, [scripts[i] for i in order])
    print(f"{options.split}: {len(cases)} sentences\n")
    print_table(rows)
    print(
        "\nLess the row of nearest, statements true (movements and idleness), paired by sentence:"
    )
    for name in times:
        if name != "nearest":
            gain = difference(cases, told[name], told["nearest"])
            print(f"{name}: {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
    for name, seconds in times.items():
        print(f"\n{name}: {1000 * seconds:.1f} ms of CPU time a sentence, one thread", end="")
    print()


def cases_of(store: MotionStore, split: str) -> list[Case]:
    """Return a case for every machine-written caption; windows with flips are left out."""
    cases: list[Case] = []
    for window in store.windows_of(split):
        written = [text.text for text in window.texts if text.source == "caption"]
        if written and not window.flip:
            motion = store.window_motion(window)
            events, measured = find_events(motion), caption(motion).script()
            cases += [Case(sentence=s, events=events, measured=measured) for s in written]
    return cases


def scripts_of(reasoner: Reasoner, sentences: Sequence[str]) -> list[TextScript]:
    """Return what a reasoner makes of sentences."""
    return [reasoner.reason(TextScript.from_prompt(sentence)) for sentence in sentences]


def difference(
    cases: Sequence[Case], first: Sequence[TextScript], second: Sequence[TextScript]
) -> Estimate:
    """Return the share of true statements of one row less that of another, with its interval."""
    counts = [
        [
            [each.true_movements + each.true_idle, each.movements + each.idle]
            for each in (score([case], [script]) for case, script in zip(cases, row, strict=True))
        ]
        for row in (first, second)
    ]
    true, said = torch.tensor(counts, dtype=torch.float64).permute(2, 0, 1)

    def gain(rows: torch.Tensor) -> float:
        shares = true[:, rows].sum(1) / said[:, rows].sum(1)
        return float(shares[0] - shares[1])

    return bootstrap(gain, len(cases), generator=torch.Generator().manual_seed(0))


def score(cases: Sequence[Case], scripts: Sequence[TextScript]) -> Score:
    """Hold the part texts of scripts against the motions of cases."""
    total = Score(scripts=len(cases))
    for case, script in zip(cases, scripts, strict=True):
        texts = {each.slot: each.text for each in script.statements}
        for part in PARTS:
            _count(total, part, texts.get(part), [e for e in case.events if e.slot == part])
    return total


def _count(total: Score, part: str, text: str | None, events: Sequence[Event]) -> None:
    moves = {event.action for event in events if event.moves}
    total.seen += len(moves)
    if text is None:
        total.empty += 1
        return
    if text == IDLE:
        total.idle += 1
        total.true_idle += not moves
        return
    found = part_claims(text, part)
    total.unchecked += not found
    total.movements += len(found)
    total.true_movements += sum(claim.holds(events) for claim in found)
    total.said += len(moves & {action for claim in found for action in claim.actions})


def print_table(rows: dict[str, Score]) -> None:
    """Print a line for each row."""
    print(
        "| part texts | movements true | 95 % | a sentence | idleness true | parts idle | said "
        "| parts without text | unchecked |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, s in rows.items():
        parts = len(PARTS) * s.scripts
        low, high = wilson_interval(s.true_movements, s.movements)
        print(
            f"| {name} | {s.true_movements / s.movements:.3f} | {low:.3f}–{high:.3f} | "
            f"{s.movements / s.scripts:.1f} | {s.true_idle / max(1, s.idle):.2f} | "
            f"{s.idle / parts:.2f} | {s.said / s.seen:.2f} | {s.empty / parts:.2f} | "
            f"{s.unchecked / parts:.2f} |"
        )


if __name__ == "__main__":
    main()
