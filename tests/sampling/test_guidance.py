from dataclasses import replace

import pytest
import torch
from torch import Tensor

from marey.errors import InvalidInputError
from marey.models.diffusion import Denoiser, DenoiserConfig, DenoiserInput, StageConfig
from marey.sampling import Conditions, Guidance, guidance_rows, guided_denoiser
from marey.text import TextCondition

FEATS, TEXT, FRAMES = 9, 6, 8


def kinds(guidance: Guidance, *, text: bool, constraints: bool) -> list[tuple[bool, bool, float]]:
    rows = guidance_rows(guidance, has_text=text, has_constraints=constraints)
    return [(row.text, row.constraints, row.weight) for row in rows]


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("constraints", [True, False])
@pytest.mark.parametrize("mode", ["joint", "separated"])
@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_weights_add_up_to_one(text: bool, constraints: bool, mode: str, weight: float) -> None:
    guidance = Guidance(text=weight, constraints=weight, mode=mode)
    rows = kinds(guidance, text=text, constraints=constraints)
    assert sum(row[2] for row in rows) == pytest.approx(1)
    assert all(row[2] != 0 for row in rows)
    assert len({row[:2] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("guidance", "text", "constraints", "count"),
    [
        (Guidance(), False, False, 1),
        (Guidance(), True, False, 2),
        (Guidance(), True, True, 2),
        (Guidance(), False, True, 1),
        (Guidance(text=1.0), True, False, 1),
        (Guidance(text=1.0), True, True, 1),
        (Guidance(text=0.0), True, False, 1),
        (Guidance(mode="separated"), True, True, 3),
        (Guidance(mode="separated"), True, False, 2),
        (Guidance(mode="separated"), False, True, 2),
        (Guidance(mode="separated"), False, False, 1),
        (Guidance(mode="separated", text=1.0), True, False, 1),
        (Guidance(mode="separated", text=0.7, constraints=0.3), True, True, 2),
    ],
)
def test_no_row_is_wasted(guidance: Guidance, text: bool, constraints: bool, count: int) -> None:
    assert len(kinds(guidance, text=text, constraints=constraints)) == count


def test_joint_guidance_exaggerates_the_text_and_not_the_constraints() -> None:
    assert kinds(Guidance(text=3.0), text=True, constraints=True) == [
        (True, True, 3.0),
        (False, True, -2.0),
    ]


def test_the_mode_is_checked() -> None:
    guidance = Guidance()
    object.__setattr__(guidance, "mode", "both")  # past the type checks that tests run with
    with pytest.raises(InvalidInputError, match=r"guidance\.mode: expected .*, got 'both'"):
        guidance_rows(guidance, has_text=True, has_constraints=True)


def random_model(generator: torch.Generator) -> Denoiser:
    size = StageConfig(width=16, layers=1, heads=2, hidden=16)
    config = DenoiserConfig(
        feats=FEATS, text_width=TEXT, fps=20.0, root=size, body=size, frames_per_token=2
    )
    model = Denoiser(config).eval().requires_grad_(False)
    for p in model.parameters():
        p.copy_(0.3 * torch.randn(p.shape, generator=generator))
    return model


def conditions(generator: torch.Generator, *, observe: bool) -> Conditions:
    mask = torch.zeros(2, FRAMES, FEATS, dtype=torch.bool)
    mask[:, :2] = observe
    return Conditions(
        text=TextCondition(
            states=torch.randn(2, 3, TEXT, generator=generator),
            mask=torch.ones(2, 3, dtype=torch.bool),
            slots=torch.zeros(2, 3, dtype=torch.long),
        ),
        mask=torch.ones(2, FRAMES, dtype=torch.bool),
        heading=torch.tensor([[1.0, 0.0]]).expand(2, 2),
        observed=torch.randn(2, FRAMES, FEATS, generator=generator),
        observed_mask=mask,
    )


@pytest.mark.parametrize("mode", ["joint", "separated"])
@pytest.mark.parametrize("observe", [True, False])
def test_rows_run_together_are_the_weighted_sum_of_rows_run_alone(
    mode: str, observe: bool, generator: torch.Generator
) -> None:
    model, given = random_model(generator), conditions(generator, observe=observe)
    guidance = Guidance(text=2.5, constraints=1.5, mode=mode)
    noisy, step = torch.randn(2, FRAMES, FEATS, generator=generator), torch.tensor([600, 600])
    found = guided_denoiser(model, given, guidance)(noisy, step, None)
    wanted = torch.zeros_like(found)
    for text, constraints, weight in kinds(guidance, text=True, constraints=observe):
        nothing = TextCondition.unconditional(2, TEXT)
        row = DenoiserInput(
            noisy=noisy,
            step=step,
            mask=given.mask,
            observed=given.observed,
            observed_mask=given.observed_mask & constraints,
            heading=given.heading,
            text=given.text if text else nothing,
        )
        wanted += weight * model(row)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_two_requests_may_share_one_model(generator: torch.Generator) -> None:
    model = random_model(generator)
    one, other = (conditions(generator, observe=False) for _ in range(2))
    noisy, step = torch.randn(2, FRAMES, FEATS, generator=generator), torch.tensor([600, 600])
    first, second = (guided_denoiser(model, c, Guidance()) for c in (one, other))
    before = first(noisy, step, None)
    assert not torch.equal(second(noisy, step, None), before)
    assert torch.equal(first(noisy, step, None), before)


@pytest.mark.parametrize("mode", ["joint", "separated"])
def test_what_is_observed_may_follow_from_an_estimate(
    mode: str, generator: torch.Generator
) -> None:
    """The estimate is the prediction before or, at first, one without what needs it."""
    model, given = random_model(generator), conditions(generator, observe=False)
    guidance = Guidance(text=2.5, constraints=1.5, mode=mode)
    noisy, step = torch.randn(2, FRAMES, FEATS, generator=generator), torch.tensor([600, 600])
    mask = torch.zeros(2, FRAMES, FEATS, dtype=torch.bool)
    mask[1, 3:] = True
    estimates: list[Tensor] = []

    def observe(estimate: Tensor) -> tuple[Tensor, Tensor]:
        estimates.append(estimate)
        return 2 * estimate, mask

    denoise = guided_denoiser(model, replace(given, observe=observe), guidance)
    first = denoise(noisy, step, None)
    # Weights of both predictions are those of a sample with constraints.
    blank = replace(given, observe=lambda _: (given.observed, given.observed_mask))
    torch.testing.assert_close(
        estimates[0], guided_denoiser(model, blank, guidance)(noisy, step, noisy)
    )
    for estimate, found in ((estimates[0], first), (noisy, denoise(noisy, step, noisy))):
        shown = replace(given, observed=2 * estimate, observed_mask=mask)
        wanted = guided_denoiser(model, shown, guidance)(noisy, step, None)
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    assert torch.equal(estimates[1], noisy)
    assert torch.equal(denoise(noisy, step, None), first)
