import math
from dataclasses import replace

import pytest
import torch

from marey.models.diffusion import (
    Denoiser,
    DenoiserConfig,
    DenoiserInput,
    StageConfig,
    local_root,
)
from marey.models.diffusion.text_tokens import TextTokens
from marey.text import TextCondition

FEATS, TEXT, FPS = 11, 6, 20.0
SIZE = StageConfig(width=16, layers=2, heads=2, hidden=24)
CONFIG = DenoiserConfig(
    feats=FEATS, text_width=TEXT, fps=FPS, root=SIZE, body=SIZE, frames_per_token=4
)
VARIANTS = ("two_stage", "two_stage_global", "one_stage")


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def model(**changes: object) -> Denoiser:
    """A denoiser whose every parameter matters."""
    made = Denoiser(replace(CONFIG, **changes)).eval().requires_grad_(False)
    for i, p in enumerate(made.parameters()):
        p.copy_(0.3 * draw(*p.shape, seed=i))
    return made


def condition(*slots: tuple[int, ...], seed: int = 0) -> TextCondition:
    """One row for each tuple; its numbers are the slots of its tokens."""
    longest = max(map(len, slots))
    mask = torch.tensor([[i < len(row) for i in range(longest)] for row in slots])
    filled = torch.tensor([[*row, *[0] * (longest - len(row))] for row in slots])
    states = draw(len(slots), longest, TEXT, seed=seed) * mask[..., None]
    return TextCondition(states=states, mask=mask, slots=filled.long())


def given(lengths: list[int], text: TextCondition, *, observe: bool = True) -> DenoiserInput:
    """Noise of some lengths; what lies behind a length is large."""
    frames, batch = max(lengths), len(lengths)
    mask = torch.arange(frames) < torch.tensor(lengths)[:, None]
    known = (draw(batch, frames, FEATS, seed=5) > 1) & mask[..., None] & observe
    noisy = torch.where(mask[..., None], draw(batch, frames, FEATS, seed=6), 1e3)
    angle = torch.arange(batch) * 0.7
    return DenoiserInput(
        noisy=noisy,
        step=100 + 200 * torch.arange(batch),
        mask=mask,
        observed=draw(batch, frames, FEATS, seed=7),
        observed_mask=known,
        heading=torch.stack((angle.cos(), angle.sin()), dim=-1),
        text=text,
    )


def row(batch: DenoiserInput, i: int) -> DenoiserInput:
    """One sample of a batch, without its padding of frames and tokens."""
    length, tokens = int(batch.mask[i].sum()), int(batch.text.mask[i].sum())
    text = TextCondition(
        states=batch.text.states[i : i + 1, :tokens],
        mask=batch.text.mask[i : i + 1, :tokens],
        slots=batch.text.slots[i : i + 1, :tokens],
    )
    cut = {
        name: getattr(batch, name)[i : i + 1, :length]
        for name in ("noisy", "mask", "observed", "observed_mask")
    }
    return DenoiserInput(
        step=batch.step[i : i + 1], heading=batch.heading[i : i + 1], text=text, **cut
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("frames_per_token", [1, 4])
def test_a_sample_is_the_same_alone_and_in_any_batch(variant: str, frames_per_token: int) -> None:
    """Whatever the lengths, texts and slots of the others; padding never matters."""
    denoiser = model(variant=variant, frames_per_token=frames_per_token)
    text = condition((0, 0, 0), (), (0, 0, 3, 3, 21), (5, 0), (0,))
    batch = given([9, 30, 1, 2, 14], text)
    together = denoiser(batch)
    for i in range(5):
        alone = denoiser(row(batch, i))
        torch.testing.assert_close(
            together[i : i + 1, : alone.shape[1]], alone, atol=1e-5, rtol=1e-5
        )


def test_the_order_of_a_batch_does_not_matter() -> None:
    denoiser, order = model(), [2, 0, 1]
    batch = given([9, 30, 12], condition((0, 0, 0), (), (0, 3, 3, 21)))
    fields = ("noisy", "step", "mask", "observed", "observed_mask", "heading")
    turned = DenoiserInput(
        **{name: getattr(batch, name)[order] for name in fields}, text=batch.text.select(order)
    )
    torch.testing.assert_close(denoiser(turned), denoiser(batch)[order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_observed_features_overwrite_noisy_ones(variant: str) -> None:
    denoiser, batch = model(variant=variant), given([12], condition((0,)))
    other = torch.where(batch.observed_mask, 77.0, batch.noisy)
    assert torch.equal(denoiser(replace(batch, noisy=other)), denoiser(batch))
    hidden = torch.where(batch.observed_mask, batch.observed, 77.0)
    assert torch.equal(denoiser(replace(batch, observed=hidden)), denoiser(batch))
    unknown = replace(batch, observed_mask=torch.zeros_like(batch.observed_mask))
    assert not torch.allclose(denoiser(unknown), denoiser(batch), atol=1e-3)


@pytest.mark.parametrize("name", ["step", "heading"])
def test_step_and_heading_matter(name: str) -> None:
    denoiser, batch = model(), given([12, 12], condition((0,), (0,)))
    other = replace(batch, **{name: getattr(batch, name).flip(0)})
    assert not torch.allclose(denoiser(other), denoiser(batch), atol=1e-3)


@pytest.mark.parametrize("slot", [0, 1, 6, 7, 21])
def test_texts_of_every_slot_change_the_motion(slot: int) -> None:
    denoiser = model()
    batch = given([12], condition((slot, slot)))
    other = given([12], condition((slot, slot), seed=1))
    moved = replace(batch, text=condition(((slot + 1) % 22,) * 2))
    assert not torch.allclose(denoiser(batch), denoiser(other), atol=1e-3)
    assert not torch.allclose(denoiser(batch), denoiser(moved), atol=1e-3)


def test_the_order_of_slots_does_not_matter() -> None:
    denoiser, text = model(), condition((0, 0, 4, 4, 4, 9))
    order = torch.tensor([2, 3, 4, 5, 0, 1])
    turned = TextCondition(
        states=text.states[:, order], mask=text.mask[:, order], slots=text.slots[:, order]
    )
    batch = given([12], text)
    torch.testing.assert_close(
        denoiser(replace(batch, text=turned)), denoiser(batch), atol=1e-5, rtol=1e-5
    )


def test_the_order_of_words_matters() -> None:
    denoiser, text = model(), condition((0, 0, 0))
    turned = replace(text, states=text.states.flip(1))
    batch = given([12], text)
    assert not torch.allclose(denoiser(replace(batch, text=turned)), denoiser(batch), atol=5e-5)


def test_part_texts_become_few_tokens_and_the_global_text_keeps_its_own() -> None:
    tokens = TextTokens(text_width=TEXT, width=16, heads=2, slots=22, tokens_per_text=4)
    x, mask = tokens(condition((0,) * 5, (3,) * 30, (0, 0, 1, *[7] * 9)))
    # 30 places of the longest row, and 4 tokens for each of the slots 1, 3 and 7
    assert x.shape == (3, 30 + 12, 16)
    assert mask.sum(1).tolist() == [5, 4, 2 + 8]


def test_no_text_is_no_tokens() -> None:
    tokens = TextTokens(text_width=TEXT, width=16, heads=2, slots=22, tokens_per_text=4)
    x, mask = tokens(TextCondition.unconditional(2, TEXT))
    assert x.shape == (2, 0, 16)
    assert mask.shape == (2, 0)


def test_no_gradient_flows_from_the_body_to_the_root() -> None:
    denoiser = Denoiser(CONFIG)
    denoiser(given([12], condition((0,))))[..., CONFIG.root_feats :].sum().backward()
    gradients = {name: p.grad for name, p in denoiser.named_parameters() if p.grad is not None}
    assert not any(bool(g.any()) for n, g in gradients.items() if n.startswith("root_stage"))
    assert any(bool(g.any()) for n, g in gradients.items() if n.startswith("body_stage"))


def path(frames: int) -> torch.Tensor:
    """Root features of a body that walks a wave while it turns more than once around."""
    time = torch.arange(frames) / FPS
    heading = 2.5 * time
    columns = (0.8 * time, 0.9 + 0.1 * time.sin(), time.cos(), heading.cos(), heading.sin())
    return torch.stack(columns, dim=-1)[None]


def test_the_local_root_is_the_derivative_of_the_global_one() -> None:
    local = local_root(path(80), FPS)[0]
    time = (torch.arange(79) + 0.5) / FPS
    torch.testing.assert_close(local[:79, 0], torch.full((79,), 2.5), atol=1e-4, rtol=0)
    torch.testing.assert_close(local[:79, 1], torch.full((79,), 0.8), atol=1e-4, rtol=0)
    torch.testing.assert_close(local[:79, 2], -time.sin(), atol=1e-3, rtol=0)
    assert torch.equal(local[:, 3], path(80)[0, :, 1])
    assert torch.equal(local[79, :3], local[78, :3])


def test_the_heading_rate_does_not_depend_on_the_length_of_the_heading() -> None:
    root = path(40)
    scale = torch.rand(1, 40, 1, generator=torch.Generator().manual_seed(0)) + 0.5
    stretched = torch.cat((root[..., :3], root[..., 3:] * scale), dim=-1)
    torch.testing.assert_close(local_root(stretched, FPS), local_root(root, FPS))
    lost = torch.cat((root[..., :3], torch.zeros(1, 40, 2)), dim=-1)
    assert bool(local_root(lost, FPS).isfinite().all())


@pytest.mark.parametrize("length", [1, 2, 7, 10])
def test_the_local_root_ends_with_the_mask(length: int) -> None:
    root, mask = path(10), torch.arange(10)[None] < length
    found = local_root(torch.where(mask[..., None], root, 1e6), FPS, mask=mask)
    torch.testing.assert_close(found[:, :length], local_root(root[:, :length], FPS))


def test_the_body_sees_the_root_in_its_own_frame() -> None:
    """Moving the whole noisy path moves the global root only: no stage two depends on it."""
    denoiser = model()
    statistics = {"root_mean": draw(5), "root_std": draw(5, seed=1).abs() + 0.5}
    denoiser.set_root_statistics(**statistics, local_mean=draw(4), local_std=torch.ones(4))
    root = draw(1, 8, 5, seed=3)
    offset = torch.tensor([3.0, 0.0, -2.0, 0.0, 0.0]) / statistics["root_std"]
    mask = torch.ones(1, 8, dtype=torch.bool)
    torch.testing.assert_close(
        denoiser._local_root(root + offset, mask),
        denoiser._local_root(root, mask),
        atol=1e-3,
        rtol=1e-3,
    )


def test_headings_are_unit_vectors_of_the_convention() -> None:
    rate = local_root(path(3), FPS)[0, 0, 0]
    assert float(rate) == pytest.approx(2.5, abs=1e-4)
    assert math.copysign(1, float(rate)) == 1
