"""Classifier-free guidance: how conditional and unconditional predictions are combined."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey.errors import InvalidInputError
from marey.models.diffusion import Denoiser, DenoiserInput
from marey.sampling.ddim import Denoise
from marey.sampling.pulling import MakePulls, Pulls
from marey.text import TextCondition, collate_conditions

Mode = Literal["joint", "separated"]

NEGLIGIBLE = 1e-9
"""A smaller weight is the rounding of a zero."""

Observe = Callable[
    [Float[Tensor, "batch frames feats"]],
    tuple[Float[Tensor, "batch frames feats"], Bool[Tensor, "batch frames feats"]],
]
"""Returns observed values and mask, given an estimate of the clean motion; all normalised."""


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Weights of guidance; 1 means none, larger follows the condition more.

    ``joint`` runs two rows (everything, all but the text) and uses ``text``: constraints are met
    by what is observed, not exaggerated. ``separated`` runs three (text, constraints, nothing) as
    Kimodo does [Rempe2026, §4.4].
    """

    text: float = 2.5
    constraints: float = 2.0
    mode: Mode = "joint"


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditions:
    """What a batch of samples is conditioned on; features are normalised."""

    text: TextCondition
    mask: Bool[Tensor, "batch frames"]
    heading: Float[Tensor, "batch 2"]
    observed: Float[Tensor, "batch frames feats"]
    observed_mask: Bool[Tensor, "batch frames feats"]
    observe: Observe | None = None
    """Gives other values and mask for each step, where what is known can only be expressed by
    features once the motion is about known; the fields above then hold what needs no estimate."""
    pulls: MakePulls | None = None
    """Bends predictions onto what is observed; None leaves that to the network alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GuidanceRow:
    """One network row a sample: with or without text and constraints, and its weight."""

    text: bool
    constraints: bool
    weight: float


def require_mode(mode: object) -> None:
    """Raise InvalidInputError for what is no mode of `Guidance`."""
    if mode not in get_args(Mode):
        raise InvalidInputError(
            f"guidance.mode: expected {' or '.join(map(repr, get_args(Mode)))}, got {mode!r:.60}."
        )


def guidance_rows(
    guidance: Guidance, *, has_text: bool, has_constraints: bool
) -> list[GuidanceRow]:
    """Return the rows that matter: no row is run whose weight is zero or that repeats another.

    Weights add up to 1. Raises InvalidInputError for an unknown mode.
    """
    require_mode(guidance.mode)
    if guidance.mode == "separated":
        rows = [
            GuidanceRow(text=True, constraints=False, weight=guidance.text * has_text),
            GuidanceRow(
                text=False, constraints=True, weight=guidance.constraints * has_constraints
            ),
        ]
    else:
        weight = guidance.text * has_text
        rows = [GuidanceRow(text=True, constraints=has_constraints, weight=weight)]
    rest = 1 - sum(row.weight for row in rows)
    shown = has_constraints and guidance.mode == "joint"
    rows.append(GuidanceRow(text=False, constraints=shown, weight=rest))
    return [row for row in rows if abs(row.weight) > NEGLIGIBLE]


def guided_denoiser(model: Denoiser, conditions: Conditions, guidance: Guidance) -> Denoise:
    """Return a denoiser of the samples that runs the model on all rows of a step at once.

    If what is observed depends on an estimate (``Conditions.observe``), that is the prediction of
    the step before; the first step predicts twice, first without it. The function holds no state:
    two of them may share one model.
    """
    rows = guidance_rows(
        guidance,
        has_text=bool(conditions.text.mask.any()),
        has_constraints=bool(conditions.observed_mask.any()) or conditions.observe is not None,
    )
    batch = len(conditions.mask)
    nothing = TextCondition.unconditional(
        batch, conditions.text.width, device=conditions.mask.device
    )
    fixed = DenoiserInput(
        noisy=conditions.observed.repeat(len(rows), 1, 1),
        step=torch.zeros(batch * len(rows), dtype=torch.long),
        mask=conditions.mask.repeat(len(rows), 1),
        observed=conditions.observed.repeat(len(rows), 1, 1),
        observed_mask=_masks(conditions.observed_mask, rows),
        heading=conditions.heading.repeat(len(rows), 1),
        text=collate_conditions([conditions.text if row.text else nothing for row in rows]),
    )
    weights = torch.tensor([row.weight for row in rows], device=conditions.mask.device)

    def predict(known: _Known, x: Tensor, step: Tensor) -> Tensor:
        noisy = replace(known.given, noisy=x.repeat(len(rows), 1, 1), step=step.repeat(len(rows)))
        each = model(noisy).unflatten(0, (len(rows), batch))
        clean = torch.einsum("r,rbtf->btf", weights.to(each), each)
        return clean if known.pulls is None else known.pulls(clean, known.given.observed[:batch])

    def known(values: Tensor, mask: Tensor) -> _Known:
        given = replace(
            fixed, observed=values.repeat(len(rows), 1, 1), observed_mask=_masks(mask, rows)
        )
        if conditions.pulls is None or not bool(mask.any()):
            return _Known(given=given)
        pulls = conditions.pulls(mask)
        root = torch.cat([pulls.root * row.constraints for row in rows]).to(values)
        return _Known(given=replace(given, root_pull=root), pulls=pulls)

    first = known(conditions.observed, conditions.observed_mask)

    def denoise(
        x: Float[Tensor, "batch frames feats"],
        step: Int[Tensor, " batch"],
        previous: Float[Tensor, "batch frames feats"] | None,
    ) -> Float[Tensor, "batch frames feats"]:
        if conditions.observe is None:
            return predict(first, x, step)
        estimate = predict(first, x, step) if previous is None else previous
        return predict(known(*conditions.observe(estimate)), x, step)

    return denoise


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    """What the network is given of one step's observation, and how predictions are bent to it."""

    given: DenoiserInput
    pulls: Pulls | None = None


def _masks(mask: Tensor, rows: list[GuidanceRow]) -> Tensor:
    """What each row sees of what is observed."""
    return torch.cat([mask & row.constraints for row in rows])
