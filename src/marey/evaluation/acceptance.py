"""Acceptance: whether an evaluator notices what it must notice, on real motions and captions."""

from collections.abc import Callable, Mapping, Sequence
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
from marey.evaluation.evaluator import Evaluator, similarity
from marey.metrics import (
    Estimate,
    frechet_distance,
    percentile_interval,
    retrieval_scores,
    true_ranks,
    wilson_interval,
)
from marey.motion import Motion
from marey.text import mirror_text

JITTER = (0.0, 0.01, 0.02, 0.05, 0.10)
"""Standard deviations of added noise, metres."""
DROPPED = (0.0, 0.10, 0.30, 0.50)
"""Shares of frames left out."""
SLIDING = (0.0, 0.05, 0.10, 0.20)
"""Speeds of sliding, m/s."""
DRAWS = 20
"""Random halves, or sets of clips drawn again, of each model: what an interval stands on."""
MIRRORED_SHARE = 0.8
"""Share of sided captions that must fit their motion better than its mirror image."""

Positions = Float[Tensor, "_ joints 3"]
Distances = Float[Tensor, " draws"]
"""Of each of the evaluator's models in each draw."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that an evaluator must notice, and what it said."""

    name: str
    labels: tuple[str, ...]
    """What each value was measured at."""
    values: tuple[Estimate, ...]
    rises: tuple[Estimate, ...] = ()
    """From each value to the next, where they must rise."""
    passed: bool


def accept(
    evaluator: Evaluator, motions: Sequence[Motion], captions: Sequence[str], *, seed: int = 0
) -> tuple[Check, ...]:
    """Return all checks on real motions and their true captions.

    Distances are Fréchet distances, times 100, of corrupted motions to the same motions as they
    are, so that without corruption they are 0. Clips are drawn again for the bounds, which leave
    out the outer 2.5 % of all draws and models on both sides. Rises are those of one model on the
    same clips: to pass, their lower bounds must be above 0. Reversal is measured between one half
    of the motions and the reversed other half, and must exceed the upper bound of the distance of
    unchanged halves: the floor under which sets of this size cannot be told apart.
    """
    positions = evaluator.positions(motions)
    embedded = evaluator.embed_positions(positions)
    texts = evaluator.embed_sentences(captions)

    def distances(change: Callable[[Positions, torch.Generator], Positions]) -> Distances:
        generator = torch.Generator().manual_seed(seed)
        changed = [change(each, generator) for each in positions]
        return _distances(embedded, evaluator.embed_positions(changed), seed=seed)

    fps = evaluator.models[0].representation.fps
    none = _distances(embedded, embedded, seed=seed)
    backwards = evaluator.embed_positions([reversed_in_time(each) for each in positions])
    noisy = [distances(lambda x, g, s=s: jittered(x, s, generator=g)) for s in JITTER[1:]]
    halting = [
        distances(lambda x, g, s=s: with_dropped_frames(x, s, generator=g)) for s in DROPPED[1:]
    ]
    adrift = [distances(lambda x, g, s=s: sliding(x, s, fps, generator=g)) for s in SLIDING[1:]]
    return (
        _retrieval(texts, embedded, seed=seed),
        _sides(evaluator, motions, captions),
        _rising("noise", [f"{100 * s:g} cm" for s in JITTER], [none, *noisy]),
        _rising("dropped frames", [f"{100 * s:g} %" for s in DROPPED], [none, *halting]),
        _rising("sliding", [f"{100 * s:g} cm/s" for s in SLIDING], [none, *adrift]),
        _reversal(*(_between_halves(embedded, each, seed=seed) for each in (embedded, backwards))),
    )


def acceptance_table(judged: Mapping[str, Sequence[Check]]) -> str:
    """Return a Markdown table of evaluators, by name, beside each other."""
    lines = [f"| check | at | {' | '.join(judged)} |", f"|---|---|{'---|' * len(judged)}"]
    for checks in zip(*judged.values(), strict=True):
        first = checks[0]
        for row, label in enumerate(first.labels):
            told = [_told(check, row) for check in checks]
            lines.append(f"| {'' if row else first.name} | {label} | {' | '.join(told)} |")
        passed = ["yes" if check.passed else "**no**" for check in checks]
        lines.append(f"| | passed | {' | '.join(passed)} |")
    return "\n".join(lines)


def _told(check: Check, row: int) -> str:
    told = _bounded(check.values[row])
    return f"{told}, + {_bounded(check.rises[row - 1])}" if check.rises and row else told


def _bounded(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _retrieval(texts: Tensor, motions: Tensor, *, seed: int) -> Check:
    """R@3 over the whole set: of true captions, which must be above that of shuffled ones."""
    count = texts.shape[1]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    found = [
        retrieval_scores(true_ranks(similarity(said, motions))).recall[3] / 100
        for said in (texts, texts[:, order])
    ]
    true, shuffled = (_share(round(share * count), count) for share in found)
    return Check(
        name="R@3 of captions, share",
        labels=("true", "shuffled"),
        values=(true, shuffled),
        passed=true.low > shuffled.high,
    )


def _sides(evaluator: Evaluator, motions: Sequence[Motion], captions: Sequence[str]) -> Check:
    """Share of sided captions that are nearer to their motion than to its mirror image."""
    rows = [i for i, text in enumerate(captions) if mirror_text(text) != text]
    texts = evaluator.embed_sentences([captions[i] for i in rows])
    plain = evaluator.embed_positions(evaluator.positions([motions[i] for i in rows]))
    mirrored = evaluator.embed_positions(evaluator.positions([motions[i].mirror() for i in rows]))
    right, wrong = ((texts * each).sum(-1).mean(0) for each in (plain, mirrored))
    share = _share(int((right > wrong).sum()), len(rows))
    return Check(
        name="sided captions above their mirror image, share",
        labels=(f"{len(rows)} captions",),
        values=(share,),
        passed=share.value >= MIRRORED_SHARE,
    )


def _share(held: int, tried: int) -> Estimate:
    low, high = wilson_interval(held, tried)
    return Estimate(value=held / max(1, tried), low=low, high=high)


_distance = partial(frechet_distance, shrink=True)


def _distances(real: Tensor, changed: Tensor, *, seed: int) -> Distances:
    """Distances, times 100, of changed motions to the same ones as they are; clips drawn again."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(real.shape[1], (DRAWS, real.shape[1]), generator=generator)
    found = [_distance(c[own], r[own]) for own in rows for c, r in zip(changed, real, strict=True)]
    return 100 * torch.tensor(found, dtype=torch.float64)


def _between_halves(real: Tensor, changed: Tensor, *, seed: int) -> Distances:
    """Distances, times 100, of changed motions of one half to real ones of the other."""
    generator = torch.Generator().manual_seed(seed)
    half, found = real.shape[1] // 2, list[float]()
    for _ in range(DRAWS):
        order = torch.randperm(real.shape[1], generator=generator)
        kept, other = real[:, order[:half]], changed[:, order[half : 2 * half]]
        found += map(_distance, other, kept)
    return 100 * torch.tensor(found, dtype=torch.float64)


def _spread(draws: Distances) -> Estimate:
    return percentile_interval(float(draws.mean()), draws)


def _rising(name: str, labels: Sequence[str], levels: Sequence[Distances]) -> Check:
    rises = tuple(_spread(after - before) for before, after in pairwise(levels))
    return Check(
        name=f"FID with {name}, x 100",
        labels=tuple(labels),
        values=tuple(map(_spread, levels)),
        rises=rises,
        passed=all(rise.low > 0 for rise in rises),
    )


def _reversal(floor: Distances, backwards: Distances) -> Check:
    values = _spread(floor), _spread(backwards)
    return Check(
        name="FID of reversal, x 100",
        labels=("split-half floor", "reversed"),
        values=values,
        passed=values[1].value > values[0].high,
    )
