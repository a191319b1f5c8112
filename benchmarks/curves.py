"""Loss curves of a training run as a picture, or one loss of several runs side by side.

    python benchmarks/curves.py --run RUN --out docs/images/loss.png
    python benchmarks/curves.py --run tmr=RUN tmr=RUN htma=RUN --loss "validation contrast"

With ``--loss`` a line for each run, runs of one name in one colour; otherwise left the total of the
training loss and of the validation loss, right the terms of the training loss without their
weights; thin lines are single batches, thick lines their running median. Needs
matplotlib: pip install 'marey[plots]'.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

OTHERS = ("total", "validation", "seconds", "gradient_norm", "learning_rate")
"""Metrics that are no terms of the loss."""
Series = tuple[np.ndarray, np.ndarray]


def read_metrics(file: Path) -> dict[str, Series]:
    """Return steps and values of every metric of a run."""
    points: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with file.open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            points[row["name"]].append((int(row["step"]), float(row["value"])))
    return {name: (np.array(p)[:, 0], np.array(p)[:, 1]) for name, p in points.items()}


def running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Return the median of the values around each one."""
    padded = np.pad(values, width // 2, mode="reflect" if len(values) > width else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width // 2 * 2 + 1)
    return np.median(windows, axis=-1)


def draw_curve(axes: Axes, name: str, series: Series) -> None:
    """Draw single values thinly and their running median over them."""
    steps, values = series
    width = max(3, len(values) // 40)
    (line,) = axes.plot(steps, running_median(values, width), label=name)
    axes.plot(steps, values, color=line.get_color(), alpha=0.2, linewidth=0.6)


def draw(metrics: dict[str, Series], title: str) -> plt.Figure:
    """Draw both panels."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    draw_curve(left, "training", metrics["total"])
    if "validation" in metrics:
        left.plot(*metrics["validation"], "k.-", label="validation")
    for name, series in metrics.items():
        if name not in OTHERS:
            draw_curve(right, name.replace("_", " "), series)
    for axes, label in ((left, "loss"), (right, "terms of the training loss")):
        axes.set(yscale="log", xlabel="step", title=label)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.suptitle(title)
    return figure


def named(given: str) -> tuple[str, Path]:
    """Return the name of a run, by default its folder's, and the folder."""
    name, _, run = given.rpartition("=")
    return name or Path(run).name, Path(run)


def draw_runs(runs: Sequence[tuple[str, Path]], loss: str) -> plt.Figure:
    """Draw one loss of several runs."""
    figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    colours: dict[str, str] = {}
    for name, run in runs:
        known = name in colours
        colour = colours.setdefault(name, f"C{len(colours)}")
        series = read_metrics(run / "metrics.csv")[loss]
        axes.plot(*series, ".-", color=colour, linewidth=1, label=None if known else name)
    axes.set(xlabel="step", ylabel=loss)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", nargs="+", required=True, metavar="[NAME=]RUN")
    parser.add_argument("--loss", help="draw this loss of all runs")
    parser.add_argument("--out", type=Path, default=Path("docs/images/loss.png"))
    options = parser.parse_args()
    runs = [named(each) for each in options.run]
    if options.loss:
        figure = draw_runs(runs, options.loss)
    else:
        ((name, run),) = runs
        metrics = read_metrics(run / "metrics.csv")
        hours = metrics["seconds"][1].max() / 3600 if "seconds" in metrics else 0.0
        figure = draw(metrics, f"{name}: {int(metrics['total'][0].max())} steps, {hours:.2f} h")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=110)
    print(options.out)


if __name__ == "__main__":
    main()
