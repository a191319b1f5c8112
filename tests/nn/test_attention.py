import pytest
import torch

from marey.nn import Block, Resampler, SelfAttention, sinusoidal


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("layer", ["attention", "block"])
def test_hidden_tokens_have_no_influence(layer: str) -> None:
    module = (
        SelfAttention(width=16, heads=4)
        if layer == "attention"
        else Block(width=16, heads=4, hidden=24)
    )
    x, mask = draw(2, 7, 16), torch.ones(2, 7, dtype=torch.bool)
    mask[0, 4:] = False
    changed = torch.where(mask[..., None], x, 100.0)
    found, wanted = module(changed, mask), module(x, mask)
    torch.testing.assert_close(found[mask], wanted[mask])
    alone = module(x[:1, :4], mask[:1, :4])
    torch.testing.assert_close(alone[0], wanted[0, :4], atol=1e-5, rtol=1e-5)


def test_attention_does_not_know_the_order_of_tokens() -> None:
    module, order = SelfAttention(width=8, heads=2), torch.tensor([3, 1, 0, 2])
    x, mask = draw(1, 4, 8), torch.ones(1, 4, dtype=torch.bool)
    torch.testing.assert_close(module(x, mask)[:, order], module(x[:, order], mask))


def test_large_activations_do_not_sharpen_attention() -> None:
    """Queries and keys are normalised: scaling both leaves the mixture as it is."""
    module = SelfAttention(width=8, heads=1)
    x, mask = draw(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    with torch.no_grad():
        module.qkv.bias.zero_()
        before = module(x, mask)
        module.qkv.weight[:16] *= 1e3
        torch.testing.assert_close(module(x, mask), before, atol=1e-4, rtol=1e-3)


def test_a_resampler_returns_as_many_tokens_for_every_set() -> None:
    module = Resampler(width=16, heads=4, queries=3)
    x = draw(5, 9, 16)
    mask = torch.arange(9) < torch.tensor([1, 2, 5, 8, 9])[:, None]
    found = module(x, mask)
    assert found.shape == (5, 3, 16)
    alone = module(x[1:2, :2], mask[1:2, :2])
    torch.testing.assert_close(found[1:2], alone, atol=1e-6, rtol=1e-5)


def test_attention_in_bfloat16_stays_close() -> None:
    module = SelfAttention(width=16, heads=4)
    x, mask = draw(1, 5, 16), torch.ones(1, 5, dtype=torch.bool)
    with torch.autocast("cpu", torch.bfloat16):
        found = module(x, mask)
    torch.testing.assert_close(found.float(), module(x, mask), atol=0.05, rtol=0.05)


def test_positions_have_distinct_codes_of_constant_length() -> None:
    codes = sinusoidal(torch.arange(1001), 32)
    assert codes.shape == (1001, 32)
    torch.testing.assert_close(codes.square().sum(-1), torch.full((1001,), 16.0))
    distances = torch.cdist(codes, codes) + 10 * torch.eye(1001)
    assert float(distances.min()) > 0.1


def test_the_first_frequency_is_one_radian_a_step() -> None:
    codes = sinusoidal(torch.tensor([[2.0, 3.5]]), 4)
    torch.testing.assert_close(codes[..., 0], torch.tensor([[2.0, 3.5]]).sin())
    torch.testing.assert_close(codes[..., 2], torch.tensor([[2.0, 3.5]]).cos())
