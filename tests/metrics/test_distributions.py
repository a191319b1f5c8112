"""FID and KID against closed forms, the plain definitions, and what they should not see."""

import itertools

import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from marey.errors import InvalidInputError
from marey.metrics import (
    frechet_distance,
    gaussian_distance,
    kernel_distance,
    shrunk_covariance,
    split_half,
)
from marey.metrics.distributions import covariance, principal_axes


def normal(samples: int, width: int, generator: torch.Generator) -> Tensor:
    return torch.randn(samples, width, generator=generator, dtype=torch.float64)


def rotation(width: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(normal(width, width, generator)).Q


def test_gaussians_of_common_axes_differ_by_means_and_deviations(
    generator: torch.Generator,
) -> None:
    turn = rotation(3, generator)
    first = turn @ torch.tensor([4.0, 1.0, 0.0]).double().diag() @ turn.T
    second = turn @ torch.tensor([1.0, 9.0, 0.0]).double().diag() @ turn.T
    mean = torch.tensor([1.0, 2.0, 2.0]).double()
    found = gaussian_distance(torch.zeros(3).double(), first, mean, second)
    assert found == pytest.approx(9 + (2 - 1) ** 2 + (1 - 3) ** 2, abs=1e-6)


def test_gaussians_of_other_axes_follow_the_closed_form_of_two_dimensions() -> None:
    first = torch.tensor([[2.0, 1.0], [1.0, 3.0]]).double()
    second = torch.tensor([[5.0, -2.0], [-2.0, 1.0]]).double()
    # Tr √M = √(Tr M + 2 √det M) for M = A B of two dimensions: Tr M = 9, det M = 5.
    expected = 5 + 6 - 2 * (9 + 2 * 5**0.5) ** 0.5
    zero = torch.zeros(2).double()
    assert gaussian_distance(zero, first, zero, second) == pytest.approx(expected, abs=1e-12)
    assert gaussian_distance(zero, second, zero, first) == pytest.approx(expected, abs=1e-12)


def test_fid_is_the_plain_definition_on_many_samples(generator: torch.Generator) -> None:
    mix = normal(6, 6, generator)
    real = normal(3000, 6, generator) @ mix
    generated = normal(2000, 6, generator) * 1.3 + 0.2
    a, b = torch.cov(generated.T), torch.cov(real.T)
    root = torch.from_numpy(sqrtm((a @ b).numpy()).real)
    shift = (generated.mean(0) - real.mean(0)).square().sum()
    plain = float(shift + (a + b - 2 * root).trace())
    assert frechet_distance(generated, real) == pytest.approx(plain, rel=1e-8)
    zero = torch.zeros(6).double()
    exact = gaussian_distance(zero + 0.2, 1.69 * torch.eye(6).double(), zero, mix.T @ mix)
    assert frechet_distance(generated, real) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("samples", [5, 200])
@pytest.mark.parametrize("shrink", [False, True])
def test_fid_to_itself_is_zero_even_with_fewer_samples_than_width(
    samples: int, shrink: bool, generator: torch.Generator
) -> None:
    real = normal(samples, 20, generator)
    assert frechet_distance(real, real, shrink=shrink) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(real + 3, real, shrink=shrink) == pytest.approx(20 * 9, rel=1e-9)


def test_fid_does_not_see_axes_order_or_precision(generator: torch.Generator) -> None:
    generated, real = normal(60, 8, generator) * 2, normal(50, 8, generator)
    value = frechet_distance(generated, real)
    turn = rotation(8, generator)
    assert frechet_distance(generated @ turn, real @ turn) == pytest.approx(value)
    assert frechet_distance(real, generated) == pytest.approx(value)
    assert frechet_distance(generated.flip(0), real) == pytest.approx(value)
    assert frechet_distance(generated.float(), real.float()) == pytest.approx(value, rel=1e-5)
    assert frechet_distance(generated, real, components=8) == pytest.approx(value)


def test_unit_length_hides_the_scale(generator: torch.Generator) -> None:
    generated, real = normal(60, 8, generator) + 1, normal(50, 8, generator)
    value = frechet_distance(generated, real, unit=True)
    assert frechet_distance(7 * generated, real / 3, unit=True) == pytest.approx(value)
    assert 0 < value < 4


def test_components_are_those_of_the_real_set() -> None:
    real = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    axes = principal_axes(real, 2).abs()
    torch.testing.assert_close(axes, torch.eye(2).double())
    # Only the first axis is left; the generated set differs along the second.
    assert frechet_distance(real + torch.tensor([0.0, 5.0]), real, components=1) < 1e-12
    with pytest.raises(InvalidInputError, match="2 principal axes"):
        principal_axes(real, 3)


def test_shrinkage_by_hand() -> None:
    samples = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]).double()
    # S = diag(1/2, 2), target 5/4; |S − target|² = 9/8; noise (34 − 4 · 17/4) / 16 = 17/16.
    share = 17 / 18
    expected = torch.tensor([0.5, 2.0]).double() * (1 - share) + 1.25 * share
    torch.testing.assert_close(shrunk_covariance(samples), expected.diag())


def test_shrinkage_is_the_formula_of_outer_products_and_fades(generator: torch.Generator) -> None:
    samples = normal(12, 5, generator) * torch.arange(1, 6)
    centred = samples - samples.mean(0)
    outer = torch.stack([row.outer(row) for row in centred])
    plain = outer.mean(0)
    target = plain.trace() / 5 * torch.eye(5).double()
    noise = (outer - plain).square().sum() / 12**2
    share = noise / (plain - target).square().sum()
    assert 0 < share < 1
    torch.testing.assert_close(shrunk_covariance(samples), plain.lerp(target, share))
    many = normal(20_000, 5, generator) * torch.arange(1, 6)
    torch.testing.assert_close(shrunk_covariance(many), covariance(many), rtol=0.01, atol=0.01)


def test_shrinkage_lowers_the_floor_of_small_sets(generator: torch.Generator) -> None:
    first, second = normal(40, 32, generator), normal(40, 32, generator)
    plain, shrunk = (frechet_distance(first, second, shrink=s) for s in (False, True))
    assert shrunk < plain / 3


def naive_kid(first: Tensor, second: Tensor, width: int) -> float:
    def kernel(x: Tensor, y: Tensor) -> float:
        return (float(x @ y) / width + 1) ** 3

    def within(rows: Tensor) -> float:
        pairs = list(itertools.permutations(range(len(rows)), 2))
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    between = [kernel(x, y) for x in first for y in second]
    return within(first) + within(second) - 2 * sum(between) / len(between)


def test_kid_is_the_unbiased_statistic_of_all_pairs(generator: torch.Generator) -> None:
    first, second = normal(10, 4, generator) + 0.5, normal(12, 4, generator)
    found = kernel_distance(first, second, generator=generator, draws=100)
    assert found.value == pytest.approx(naive_kid(first, second, 4))
    unit = [rows / rows.norm(dim=1, keepdim=True) for rows in (first, second)]
    found = kernel_distance(first, second, generator=generator, draws=100, unit=True)
    assert found.value == pytest.approx(naive_kid(*unit, 1))


def test_kid_of_one_distribution_is_zero_on_average(generator: torch.Generator) -> None:
    values = []
    for _ in range(200):
        first, second = normal(10, 3, generator), normal(15, 3, generator)
        values.append(kernel_distance(first, second, generator=generator, draws=2).value)
    found = torch.tensor(values)
    assert abs(float(found.mean())) < 3 * float(found.std()) / 200**0.5
    assert (found < 0).any()


def test_kid_interval_tells_a_shift_from_none(generator: torch.Generator) -> None:
    real = normal(150, 6, generator)
    same = kernel_distance(normal(150, 6, generator), real, generator=generator, draws=200)
    other = kernel_distance(normal(150, 6, generator) + 0.5, real, generator=generator, draws=200)
    assert same.low < 0 < same.high
    assert 0 < other.low < other.value < other.high


def test_split_halves_are_disjoint_and_full(generator: torch.Generator) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def distance(first: Tensor, second: Tensor) -> float:
        seen.append((first, second))
        return float(len(seen))

    floor = split_half(torch.arange(9.0)[:, None], distance, generator=generator, splits=5)
    assert (floor.value, floor.low, floor.high) == pytest.approx((3.0, 1.1, 4.9))
    for first, second in seen:
        assert first.shape == second.shape == (4, 1)
        assert torch.cat((first, second)).unique().numel() == 8


def test_fid_rises_above_the_floor_with_noise(generator: torch.Generator) -> None:
    real = normal(400, 6, generator)
    floor = split_half(real, frechet_distance, generator=generator, splits=5)
    noise = normal(400, 6, generator)
    values = [frechet_distance(real + s * noise, real) for s in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-9)
    assert floor.high < values[2]


def test_sets_that_are_too_small_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(InvalidInputError, match="2 or more samples"):
        frechet_distance(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(InvalidInputError, match="10 or more samples"):
        kernel_distance(torch.zeros(20, 3), torch.zeros(9, 3), generator=generator)
