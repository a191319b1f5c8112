import math

import pytest
import torch
from torch import nn

from marey.training.ema import Average
from marey.training.optimizer import AdamAtan2, make_optimizer


def test_adam_atan2_is_what_one_computes_by_hand() -> None:
    p = nn.Parameter(torch.tensor([[1.0, -2.0]]))
    optimizer = AdamAtan2([p], lr=0.1, betas=(0.9, 0.99), weight_decay=0.5, a=1.27, b=1.0)
    values, mean, square = [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]
    for step, gradient in enumerate(([1.0, 0.5], [-3.0, 0.5], [0.2, 0.0]), start=1):
        p.grad = torch.tensor([gradient])
        optimizer.step()
        for i, g in enumerate(gradient):
            mean[i] = 0.9 * mean[i] + 0.1 * g
            square[i] = 0.99 * square[i] + 0.01 * g * g
            m, v = mean[i] / (1 - 0.9**step), square[i] / (1 - 0.99**step)
            values[i] = values[i] * (1 - 0.1 * 0.5) - 0.1 * 1.27 * math.atan2(m, math.sqrt(v))
        assert p.tolist()[0] == pytest.approx(values, rel=1e-5)


def test_adam_atan2_is_bounded_scale_free_and_safe_at_zero() -> None:
    moved = []
    for scale in (1e-12, 1.0, 1e12):
        p = nn.Parameter(torch.zeros(3))
        p.grad = scale * torch.tensor([1.0, -1.0, 0.0])
        AdamAtan2([p], lr=1.0).step()
        moved.append(p.detach())
    assert float(moved[1][0]) == pytest.approx(-1.27 * math.pi / 4)
    assert torch.allclose(moved[0], moved[1])
    assert torch.allclose(moved[1], moved[2])
    assert float(moved[1][2]) == 0


@pytest.mark.parametrize("name", ["adamw", "adam_atan2"])
def test_vectors_are_not_decayed_and_all_parameters_move(name: str) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    optimizer = make_optimizer(model, name=name, lr=0.1, weight_decay=0.3)
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert len(decays) == len(list(model.parameters()))
    for p in model.parameters():
        assert decays[id(p)] == (0.3 if p.ndim > 1 else 0.0)


@pytest.mark.parametrize("name", ["adamw", "adam_atan2"])
def test_it_finds_the_minimum_of_a_bowl(name: str) -> None:
    model = nn.Linear(2, 1, bias=False)
    optimizer = make_optimizer(model, name=name, lr=0.05, weight_decay=0.0)
    target = torch.tensor([[0.7, -0.4]])
    for _ in range(200):
        optimizer.zero_grad()
        (model.weight - target).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(model.weight.detach(), target, atol=0.03, rtol=0)


def test_the_average_follows_the_model_and_forgets_its_start() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(5.0)
    average, wanted = Average(model, decay=0.9), 5.0
    for step in range(1, 40):
        with torch.no_grad():
            model.weight.fill_(float(step % 3))
        average.update(model)
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * (step % 3)
        assert float(average.values["weight"]) == pytest.approx(wanted, rel=1e-5)
    with torch.no_grad():
        model.weight.fill_(1.0)
    for _ in range(300):
        average.update(model)
    assert float(average.values["weight"]) == pytest.approx(1.0, abs=1e-4)
    assert model.weight.item() == 1.0
