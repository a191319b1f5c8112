import pytest
import torch

from marey.representations import SmoothRoot
from marey.skeleton import BODY22
from marey.training.patterns import MAX_KEYFRAMES, sample_observed_mask

LAYOUT = SmoothRoot(skeleton=BODY22, fps=20.0).layout
SAMPLES = 1500


def draw(lengths: list[int], *, curriculum: float, seed: int = 0) -> torch.Tensor:
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    generator = torch.Generator().manual_seed(seed)
    return sample_observed_mask(mask, LAYOUT, BODY22, generator, curriculum=curriculum)


@pytest.mark.parametrize("curriculum", [0.0, 0.5, 1.0])
def test_only_real_frames_are_shown(curriculum: float) -> None:
    lengths = [1, 2, 5, 40] * 20
    observed = draw(lengths, curriculum=curriculum)
    assert observed.shape == (80, 40, LAYOUT.size)
    for row, length in zip(observed, lengths, strict=True):
        assert not bool(row[length:].any())


def test_a_tenth_sees_nothing_and_the_same_seed_shows_the_same() -> None:
    observed = draw([12] * SAMPLES, curriculum=1.0)
    none = float((~observed.flatten(1).any(1)).float().mean())
    assert none == pytest.approx(0.1, abs=0.03)
    assert torch.equal(observed, draw([12] * SAMPLES, curriculum=1.0))


def test_the_number_of_keyframes_grows_with_the_curriculum() -> None:
    most, mean = [], []
    for curriculum in (0.0, 0.5, 1.0):
        observed = draw([50] * SAMPLES, curriculum=curriculum)
        full = observed[..., LAYOUT.channels("joint_positions", [15])].any(-1)  # the head
        counts = full.sum(1)[full.any(1)]
        most.append(int(counts.max()))
        mean.append(float(counts.float().mean()))
    # Two keyframe patterns may meet in one sample.
    assert most[0] <= 2 < most[1] < most[2] <= 2 * MAX_KEYFRAMES
    assert mean == sorted(mean)


def test_what_is_shown_can_be_observed() -> None:
    """Positions only where the root is known; the root's ground path or all of it."""
    observed = draw([30] * 300, curriculum=1.0)
    x, y, z = (observed[..., c] for c in LAYOUT.channels("root_position"))
    assert torch.equal(x, z)
    assert bool((x | ~y).all())
    body = observed[..., LAYOUT.slice("joint_positions")].any(-1)
    assert bool((y | ~body).all())
    for name in ("velocities", "contacts"):
        assert not bool(observed[..., LAYOUT.slice(name)].any())


def test_some_samples_see_a_dense_path() -> None:
    observed = draw([30] * 300, curriculum=0.0)
    dense = observed[..., LAYOUT.channels("root_position")[0]].all(1)
    assert 0.15 < float(dense.float().mean()) < 0.4
