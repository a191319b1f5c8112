"""PrepareReport: what a store holds, and what was left out and why."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from marey.data.balance import ActionMass, action_masses
from marey.data.store import MotionStore


@dataclass(frozen=True, kw_only=True)
class SplitCount:
    """How much of a store belongs to one split."""

    clips: int
    seconds: float
    windows: int
    window_seconds: float
    texts: int


@dataclass(frozen=True, kw_only=True)
class PrepareReport:
    """Counts of what was kept and of what was dropped; the same for every run on the same data."""

    path: str
    """Folder of the store."""
    fingerprint: str
    fps: float
    splits: Mapping[str, SplitCount]
    flags: Mapping[str, int]
    """Windows kept in spite of a flag: flip, off_floor, coarse."""
    sources: Mapping[str, int]
    """Texts by who wrote them."""
    dropped: Mapping[str, int]
    """Number of drops by ``kind: reason``; the store's ``drops.jsonl`` names each place."""
    actions: tuple[ActionMass, ...]
    """Share of captioned training draws by action."""
    measured: Mapping[str, int]
    """Measured windows by action."""

    def to_json(self) -> dict[str, Any]:
        """Return the report without the folder, which is not the data's business."""
        return {name: value for name, value in asdict(self).items() if name != "path"}

    def table(self) -> str:
        """Return the report as lines of text."""
        rows = ["split            clips    hours  windows    texts"]
        for name, count in self.splits.items():
            hours = count.seconds / 3600
            rows.append(
                f"{name:<15} {count.clips:>6} {hours:>8.2f} {count.windows:>8} {count.texts:>8}"
            )
        rows += ["", "windows with a flag: " + _pairs(self.flags)]
        rows += ["texts by source: " + _pairs(self.sources), "", "left out:"]
        rows += [f"  {count:>6}  {reason}" for reason, count in self.dropped.items()]
        rows += [] if self.dropped else ["  nothing"]
        rows += ["", "action           windows  share of draws"]
        rows += [
            f"{row.action:<15} {row.windows:>8} {100 * row.share_of_draws:>13.1f} %"
            for row in self.actions
        ]
        rows += ["", "measured windows: " + _pairs(self.measured)]
        return "\n".join(rows)


def report_of(store: MotionStore) -> PrepareReport:
    """Count what a store holds and what did not enter it."""
    train = [window for window in store.windows_of("train") if not window.is_measured]
    measured = Counter(w.action or "" for w in store.windows if w.is_measured)
    weights = torch.tensor([window.weight for window in train])
    drops = Counter(f"{drop.kind}: {drop.reason}" for drop in store.drops)
    return PrepareReport(
        path=str(store.path),
        fingerprint=store.fingerprint,
        fps=store.fps,
        splits={
            name: SplitCount(**count)
            for name, count in store.statistics["splits"].items()
            if count["clips"]
        },
        flags=dict(store.statistics["flags"]),
        sources=dict(Counter(text.source for w in store.windows for text in w.texts)),
        dropped=dict(sorted(drops.items())),
        actions=action_masses(train, weights),
        measured=dict(sorted(measured.items())),
    )


def write_report(report: PrepareReport) -> Path:
    """Write ``report.json`` into the store, unless it is there, and return its path."""
    file = Path(report.path) / "report.json"
    if not file.is_file():
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
        partial.replace(file)
    return file


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
