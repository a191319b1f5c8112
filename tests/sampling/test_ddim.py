from itertools import pairwise

import pytest
import torch
from torch import Tensor

from marey.errors import Cancelled, InvalidInputError
from marey.sampling import cosine_schedule, ddim_step, sample_ddim, sample_generator, sample_noise

SCHEDULE = cosine_schedule()


@pytest.mark.parametrize("num_steps", [1, 3, 50, 1000])
def test_a_perfect_denoiser_is_recovered_exactly(
    num_steps: int, generator: torch.Generator
) -> None:
    clean, noise = torch.randn(2, 2, 30, 7, generator=generator)
    found = sample_ddim(lambda x, t, previous: clean, noise, schedule=SCHEDULE, num_steps=num_steps)
    torch.testing.assert_close(found, clean, atol=1e-5, rtol=0)


def test_steps_compose(generator: torch.Generator) -> None:
    """From t over s to r is the way from t to r, while the predicted clean signal stays."""
    alpha = SCHEDULE.alpha_bar
    x, clean = torch.randn(2, 1, 4, 3, generator=generator)
    half = ddim_step(x, clean, alpha_bar_t=alpha[900], alpha_bar_s=alpha[500])
    two = ddim_step(half, clean, alpha_bar_t=alpha[500], alpha_bar_s=alpha[100])
    one = ddim_step(x, clean, alpha_bar_t=alpha[900], alpha_bar_s=alpha[100])
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)


def test_a_step_keeps_the_noise(generator: torch.Generator) -> None:
    alpha = SCHEDULE.alpha_bar
    clean, noise = torch.randn(2, 1, 4, 3, generator=generator)
    noisy = SCHEDULE.add_noise(clean, noise, torch.tensor([700]))
    found = ddim_step(noisy, clean, alpha_bar_t=alpha[700], alpha_bar_s=alpha[200])
    wanted = SCHEDULE.add_noise(clean, noise, torch.tensor([200]))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_shapes_that_differ_are_caught() -> None:
    half = torch.tensor(0.5)
    with pytest.raises(Exception, match=r"shape|match|type"):
        ddim_step(torch.zeros(1, 4, 3), torch.zeros(1, 5, 3), alpha_bar_t=half, alpha_bar_s=half)


@pytest.mark.parametrize("num_steps", [0, -1, 1001])
def test_the_error_names_the_range(num_steps: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"\[1, 1000\], got {num_steps}"):
        SCHEDULE.spaced(num_steps)


def test_steps_fall_from_noise_to_clean() -> None:
    for num_steps in (*range(1, 60), 333, 501, 999, 1000):
        steps = SCHEDULE.spaced(num_steps)
        assert (steps[0], steps[-1], len(steps)) == (1000, 0, num_steps + 1)
        assert all(a > b for a, b in pairwise(steps))


def test_the_schedule_is_cached_and_falls_from_one_to_nearly_none() -> None:
    alpha = SCHEDULE.alpha_bar
    assert cosine_schedule() is SCHEDULE
    assert alpha[0] == 1
    assert bool((alpha.diff() <= 0).all())
    assert float(alpha[-1]) == pytest.approx(1e-5)
    assert len(cosine_schedule(10).alpha_bar) == 11


def test_step_zero_adds_no_noise_and_the_last_leaves_hardly_any_signal(
    generator: torch.Generator,
) -> None:
    clean, noise = torch.randn(2, 1, 4, 3, generator=generator)
    assert torch.equal(SCHEDULE.add_noise(clean, noise, torch.tensor([0])), clean)
    last = SCHEDULE.add_noise(clean, noise, torch.tensor([1000]))
    torch.testing.assert_close(last, noise, atol=0.02, rtol=0)


def test_progress_counts_calls_and_may_stop() -> None:
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        sample_ddim(
            lambda x, t, previous: x,
            torch.zeros(1, 2, 2),
            schedule=SCHEDULE,
            num_steps=5,
            progress=progress,
        )
    assert seen == [(1, 5), (2, 5), (3, 5)]


def test_the_denoiser_is_told_the_steps_and_what_it_predicted_before() -> None:
    seen: list[tuple[Tensor, Tensor | None]] = []

    def denoise(x: Tensor, t: Tensor, previous: Tensor | None) -> Tensor:
        seen.append((t, previous))
        return torch.full_like(x, float(t[0]))

    sample_ddim(denoise, torch.zeros(3, 2, 2), schedule=SCHEDULE, num_steps=2)
    assert [t.tolist() for t, _ in seen] == [[1000] * 3, [500] * 3]
    (_, nothing), (_, before) = seen
    assert nothing is None
    assert before is not None
    assert torch.equal(before, torch.full((3, 2, 2), 1000.0))


@pytest.mark.parametrize("feats", [1, 5, 16, 273])
def test_noise_is_a_function_of_seed_and_index_alone(feats: int) -> None:
    """Also of the batch's length: a longer row starts with the shorter one's frames."""
    alone = sample_noise([(3, 1)], frames=7, feats=feats)
    batch = sample_noise([(3, 0), (3, 1), (4, 1)], frames=40, feats=feats)
    assert torch.equal(batch[1, :7], alone[0])
    assert not torch.equal(batch[0, :7], batch[1, :7])
    assert not torch.equal(batch[2, :7], batch[1, :7])


def test_noise_is_normal_and_neighbours_are_unrelated() -> None:
    noise = sample_noise(
        [(seed, index) for seed in range(3) for index in range(3)], frames=99, feats=101
    ).flatten(1)
    torch.testing.assert_close(noise.mean(1), torch.zeros(9), atol=0.04, rtol=0)
    torch.testing.assert_close(torch.corrcoef(noise), torch.eye(9), atol=0.04, rtol=0)
    torch.testing.assert_close(noise.std(1), torch.ones(9), atol=0.03, rtol=0)


def test_any_integer_is_a_seed() -> None:
    for seed in (0, -1, 2**31, 2**64 + 5):
        assert isinstance(sample_generator(seed, 10**6).initial_seed(), int)
