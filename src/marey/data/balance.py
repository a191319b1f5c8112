"""How often training draws each window: actions found in texts, weighted towards equal mass.

Motion capture is mostly walking and turning, often on the way to something else. A window counts
towards the rarest action that its texts name, and actions are drawn about equally often, but no
window more than a few times as often as the mean one. The actions are keywords in texts: a coarse
net, good enough to weight by.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.data.records import WindowRecord
from marey.errors import InvalidInputError

_SIDEWAYS = r"(?:side|sideways|laterally)"
_ONE_OR_TWO = r"(?:\W+\w+){0,3}?\W+"  # up to three words in between

ACTIONS: dict[str, str] = {
    "walk_backward": rf"\b(?:walk|step|back|mov|pac)\w*{_ONE_OR_TWO}(?:backwards?|back)\b",
    "sidestep": rf"\b(?:side-?\s?step|sashay)\w*|\b(?:step|walk|shuffl|mov)\w*{_ONE_OR_TWO}"
    rf"(?:{_SIDEWAYS}|to the (?:left|right) side)",
    "walk": r"\b(?:walk|stroll|wander|strut|pac(?:es|ing)|stride|striding|saunter|tiptoe)\w*",
    "turn": r"\b(?:turn|pivot)\w*",
    "spin": r"\b(?:spin|spun|twirl|pirouett|whirl)\w*",
    "circle": r"\b(?:in|along|around) (?:a |the )?(?:\w+ )?(?:circles?|curve|arc|loop)\b",
    "run": r"\b(?:run|runs|running|jog|jogs|jogging|sprint\w*|dash\w*)\b",
    "jump": r"\b(?:jump|leap|bounc|vault)\w*",
    "hop": r"\b(?:hop|hops|hopping|hopped|skip|skips|skipping)\b",
    "sit": r"\b(?:sit|sits|sitting|sat|seated)\b",
    "stand_up": r"\b(?:stand|stands|standing|get|gets|getting|rise|rises|rising) (?:back )?up\b",
    "stand_still": r"\bstand\w*(?:\W+\w+){0,2}?\W+(?:still|idle|idly|place|motionless|relaxed)\b",
    "squat": r"\b(?:squat|crouch)\w*",
    "kneel": r"\b(?:kneel|knelt|on (?:one|both|his|her|their) knees?)\w*",
    "bend": r"\b(?:bend|bow|lean|stoop|duck)\w*",
    "lie": r"\b(?:lie|lies|lying|lay|lays|laying)\b",
    "crawl": r"\b(?:crawl\w*|on (?:all fours|hands and knees))",
    "climb": r"\b(?:climb\w*|stairs|steps up|ladder|upstairs|downstairs)\b",
    "kick": r"\bkick\w*",
    "punch": r"\b(?:punch|box|jab|uppercut)\w*",
    "wave": r"\b(?:wave|waves|waving|waved)\b",
    "raise_arm": r"\b(?:rais|lift|hold|stretch|reach)\w*(?:\W+\w+){0,3}?\W+(?:arm|hand)s?\b",
    "swing_arms": r"\bsw(?:ing|ung)\w*",
    "dance": r"\b(?:danc|salsa|waltz|ballet|cha-?cha|moonwalk|lambada|charleston)\w*",
    "throw": r"\b(?:throw|threw|toss|pitch|hurl)\w*",
    "catch": r"\b(?:catch|caught|dribbl|basketball|juggl)\w*",
    "golf_or_bat": r"\b(?:golf|putt|bat|bats|batting|racket|tennis)\b",
    "pick_up": r"\b(?:pick|grab)\w*|\blift\w* (?:something|an?|the (?:box|object|weight|chair))\b",
    "push_pull": r"\b(?:push|pull|drag(?:s|ged|ging)?\b|shov)\w*",
    "clap": r"\bclap\w*",
    "march": r"\b(?:march|goose-?step)\w*",
    "stretch": r"\b(?:stretch|warm|exercis|jumping jack|yoga|twist)\w*",
    "balance": r"\b(?:balanc|tightrope|on one (?:leg|foot))\w*",
    "stumble": r"\b(?:stumbl|limp|stagger|trip|fall|fell|drunk|wobbl)\w*",
    "acrobatics": r"\b(?:cartwheel|handstand|somersault|backflip|flips?|roll)\w*",
    "gesture": r"\b(?:gestur|point|talk|salut|signal|mime|wip|scrub|stir|wash)\w*",
    "imitation": r"\b(?:like an? \w+|monkey|chicken|bear|ape|dinosaur|penguin|cat|dog|zombie)\b",
}
"""Actions and the expressions that find them in a text."""

_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in ACTIONS.items()}

MAX_MEASURED_REPETITION = 12.0
"""A measured window is drawn at most so many times as often as the mean window."""


@dataclass(frozen=True, kw_only=True)
class BalanceOptions:
    """How windows are weighted."""

    strength: float = 0.75
    """0 = every window alike, 1 = every action alike; in between, an action with n windows of its
    own gets a mass in proportion to n ** (1 - strength)."""
    max_repetition: float = 6.0
    """A window is drawn at most so many times as often as the mean one."""
    off_floor: float = 0.25
    """Factor for windows whose feet are above the floor."""
    coarse: float = 0.5
    """Factor for windows of a source with fewer frames per second than the store."""
    flip: float = 0.0
    """Factor for windows in which a joint jumps implausibly; 0 leaves them out."""


@dataclass(frozen=True, kw_only=True)
class ActionMass:
    """How much of the training draws an action gets; windows may name several actions."""

    action: str
    windows: int
    share_of_windows: float
    share_of_draws: float


def actions_of(text: str) -> tuple[str, ...]:
    """Return the actions that a text names, in the order in which it names them.

    Of two that begin at the same word, the one listed first in ``ACTIONS`` comes first.
    """
    found = ((pattern.search(text), name) for name, pattern in _PATTERNS.items())
    places = [(match.start(), name) for match, name in found if match]
    return tuple(name for _, name in sorted(places, key=lambda pair: pair[0]))


def window_actions(window: WindowRecord) -> tuple[str, ...]:
    """Return the actions that any text of a window names, those of its first text first."""
    names = (action for text in window.texts for action in actions_of(text.text))
    return tuple(dict.fromkeys(names))


def window_weights(
    windows: Sequence[WindowRecord], *, options: BalanceOptions | None = None
) -> Float[Tensor, " windows"]:
    """Return how often to draw each window, relative to the mean of those that are drawn.

    A window counts towards the rarest action that any of its texts names; one that names none
    has the weight 1 before the factors. Weights are scaled to mean 1, then bounded by
    ``max_repetition``. Raises InvalidInputError for options out of range.
    """
    options = options or BalanceOptions()
    _check(options)
    base = torch.tensor([_factor(window, options) for window in windows], dtype=torch.float64)
    if not bool((base > 0).any()):
        return base.float()
    member = _membership(windows)[1][:-1]
    counts = member @ base
    named = counts > 0
    weights = torch.ones_like(base)
    if bool(named.any()):
        wanted = (counts[named].median() / counts[named]) ** options.strength
        rarest = (member[named] * wanted[:, None]).amax(0)
        weights = torch.where(rarest > 0, rarest, weights)
    weights = base * weights.clamp(1 / options.max_repetition, options.max_repetition)
    return (weights / weights[base > 0].mean()).clamp(max=options.max_repetition).float()


def action_masses(
    windows: Sequence[WindowRecord], weights: Float[Tensor, " windows"]
) -> tuple[ActionMass, ...]:
    """Return each action's count and share of draws, the most drawn first."""
    names, member = _membership(windows)
    total = float(weights.sum()) or 1.0
    counts = member.sum(1)
    masses = member @ weights.double()
    rows = [
        ActionMass(
            action=name,
            windows=int(count),
            share_of_windows=float(count) / max(1, len(windows)),
            share_of_draws=float(mass) / total,
        )
        for name, count, mass in zip(names, counts, masses, strict=True)
        if count
    ]
    return tuple(sorted(rows, key=lambda row: -row.share_of_draws))


def _factor(window: WindowRecord, options: BalanceOptions) -> float:
    factor = options.flip if window.flip else 1.0
    factor *= options.off_floor if window.off_floor else 1.0
    return factor * (options.coarse if window.coarse else 1.0)


def _membership(
    windows: Sequence[WindowRecord],
) -> tuple[tuple[str, ...], Float[Tensor, "actions windows"]]:
    """Which windows name which actions; the last row holds those that name none."""
    names = (*ACTIONS, "other")
    row = {name: i for i, name in enumerate(names)}
    member = torch.zeros(len(names), len(windows), dtype=torch.float64)
    for column, window in enumerate(windows):
        for action in window_actions(window) or ("other",):
            member[row[action], column] = 1
    return names, member


def _check(options: BalanceOptions) -> None:
    factors = min(options.off_floor, options.coarse, options.flip)
    if options.max_repetition < 1 or factors < 0 or not 0 <= options.strength <= 1:
        raise InvalidInputError(
            "BalanceOptions needs max_repetition >= 1, a strength in [0, 1] and factors >= 0, "
            f"got {options}."
        )


def share_with_measured(windows: Sequence[WindowRecord], share: float) -> list[WindowRecord]:
    """Return captioned windows as they are, and measured ones weighted to ``share`` of all draws.

    Every measured action gets the same mass, left and right together, with a bound on how often
    a window is repeated. Raises InvalidInputError unless ``share`` lies in [0, 1).
    """
    if not 0 <= share < 1:
        raise InvalidInputError(f"The share of measured windows must lie in [0, 1), got {share}.")
    captioned = [w for w in windows if not w.is_measured]
    measured = [w for w in windows if w.is_measured]
    if not measured or not captioned or share == 0:
        return captioned if share == 0 else list(windows)
    mass = sum(w.weight for w in captioned)
    total = mass * share / (1 - share)
    most = MAX_MEASURED_REPETITION * (total + mass) / len(windows)
    counts = Counter(_without_side(w.action) for w in measured)
    weights = (total / len(counts) / counts[_without_side(w.action)] for w in measured)
    return captioned + [
        replace(w, weight=min(weight, most) * (0.5 if w.coarse else 1.0))
        for w, weight in zip(measured, weights, strict=True)
    ]


def _without_side(action: str | None) -> str:
    return (action or "").replace("_left", "").replace("_right", "")
