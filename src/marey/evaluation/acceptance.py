"""Acceptance: whether an evaluator notices what it must notice, on real motions and captions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from marey.evaluation.corruptions import (
    jittered,
    reversed_in_time,
    sliding,
    with_dropped_frames,
)
from marey.evaluation.evaluator import Evaluator, mean_over_models, similarity
from marey.metrics import frechet_distance, retrieval_scores, true_ranks, wilson_interval
from marey.motion import Motion
from marey.text import mirror_text

JITTER = (0.0, 0.01, 0.02, 0.05, 0.10)
"""Standard deviations of added noise, metres."""
DROPPED = (0.0, 0.10, 0.30, 0.50)
"""Shares of frames left out."""
SLIDING = (0.0, 0.05, 0.10, 0.20)
"""Speeds of sliding, m/s."""
SPLITS = 5
"""Random halves that distances are the mean over."""
MIRRORED_SHARE = 0.8
"""Share of sided captions that must fit their motion better than its mirror image."""

Positions = Float[Tensor, "_ joints 3"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that an evaluator must notice, and what it said."""

    name: str
    values: tuple[float, ...]
    labels: tuple[str, ...]
    """What each value was measured at."""
    passed: bool


def accept(
    evaluator: Evaluator, motions: Sequence[Motion], captions: Sequence[str], *, seed: int = 0
) -> tuple[Check, ...]:
    """Return all checks on real motions and their true captions.

    Distances are Fréchet distances, times 100, between one half of the motions and the corrupted
    other half, so that without corruption they are the split-half floor; the mean over `SPLITS`
    halves and the evaluator's models.
    """
    positions = evaluator.positions(motions)
    embedded = evaluator.embed_positions(positions)
    texts = evaluator.embed_sentences(captions)
    distance = partial(_distance_to_others, embedded, seed=seed)

    def corrupted(change: Callable[[Positions, torch.Generator], Positions]) -> float:
        generator = torch.Generator().manual_seed(seed)
        changed = [change(each, generator) for each in positions]
        return distance(evaluator.embed_positions(changed))

    fps = evaluator.models[0].representation.fps
    floor = distance(embedded)
    backwards = corrupted(lambda x, g: reversed_in_time(x))
    return (
        _retrieval(texts, embedded, seed=seed),
        _sides(evaluator, motions, captions),
        _rising(
            "noise",
            [f"{100 * s:g} cm" for s in JITTER],
            [corrupted(lambda x, g, s=s: jittered(x, s, generator=g)) for s in JITTER],
        ),
        _rising(
            "dropped frames",
            [f"{100 * s:g} %" for s in DROPPED],
            [corrupted(lambda x, g, s=s: with_dropped_frames(x, s, generator=g)) for s in DROPPED],
        ),
        _rising(
            "sliding",
            [f"{100 * s:g} cm/s" for s in SLIDING],
            [corrupted(lambda x, g, s=s: sliding(x, s, fps, generator=g)) for s in SLIDING],
        ),
        Check(
            name="reversal",
            values=(floor, backwards),
            labels=("split-half floor", "reversed"),
            passed=backwards > floor,
        ),
    )


def acceptance_table(checks: Sequence[Check]) -> str:
    """Return a Markdown table, a line for each check."""
    lines = ["| check | values | passed |", "|---|---|---|"]
    for check in checks:
        told = ", ".join(
            f"{label}: {value:.2f}" for label, value in zip(check.labels, check.values, strict=True)
        )
        lines.append(f"| {check.name} | {told} | {'yes' if check.passed else '**no**'} |")
    return "\n".join(lines)


def _retrieval(texts: Tensor, motions: Tensor, *, seed: int) -> Check:
    """R@3 over the whole set, of true captions and of shuffled ones."""
    order = torch.randperm(texts.shape[1], generator=torch.Generator().manual_seed(seed))
    true, shuffled = (
        retrieval_scores(true_ranks(similarity(said, motions))).recall[3]
        for said in (texts, texts[:, order])
    )
    return Check(
        name="R@3 of captions, %",
        values=(true, shuffled),
        labels=("true", "shuffled"),
        passed=true > shuffled,
    )


def _sides(evaluator: Evaluator, motions: Sequence[Motion], captions: Sequence[str]) -> Check:
    """Share of sided captions that are nearer to their motion than to its mirror image."""
    rows = [i for i, text in enumerate(captions) if mirror_text(text) != text]
    texts = evaluator.embed_sentences([captions[i] for i in rows])
    plain = evaluator.embed_positions(evaluator.positions([motions[i] for i in rows]))
    mirrored = evaluator.embed_positions(evaluator.positions([motions[i].mirror() for i in rows]))
    right, wrong = ((texts * each).sum(-1).mean(0) for each in (plain, mirrored))
    held = int((right > wrong).sum())
    share = held / max(1, len(rows))
    low, high = wilson_interval(held, len(rows))
    return Check(
        name=f"{len(rows)} sided captions above their mirror image, share",
        values=(share, low, high),
        labels=("share", "95 % from", "to"),
        passed=share >= MIRRORED_SHARE,
    )


def _distance_to_others(real: Tensor, changed: Tensor, *, seed: int) -> float:
    """Mean distance, times 100, of changed motions of one half to real ones of the other."""
    generator = torch.Generator().manual_seed(seed)
    half, total = real.shape[1] // 2, 0.0
    for _ in range(SPLITS):
        order = torch.randperm(real.shape[1], generator=generator)
        kept, other = real[:, order[:half]], changed[:, order[half : 2 * half]]
        total += mean_over_models(partial(frechet_distance, shrink=True), other, kept)
    return 100 * total / SPLITS


def _rising(name: str, labels: Sequence[str], values: Sequence[float]) -> Check:
    return Check(
        name=f"FID with {name}, x 100",
        values=tuple(values),
        labels=tuple(labels),
        passed=all(a < b for a, b in pairwise(values)),
    )
