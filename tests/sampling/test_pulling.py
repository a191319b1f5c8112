import pytest
import torch

from marey.representations import SmoothRoot
from marey.sampling.pulling import pulls_for
from marey.skeleton import BODY22

LAYOUT = SmoothRoot(skeleton=BODY22, fps=20.0).layout
ROOT = LAYOUT.channels("root_position")
HAND = LAYOUT.channels("joint_positions", [20])
FRAMES = 60


def observed(*pins: tuple[int, list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """One sample with 5.0 in some channels of some frames."""
    mask = torch.zeros(1, FRAMES, LAYOUT.size, dtype=torch.bool)
    for frame, channels in pins:
        mask[0, frame, channels] = True
    return mask * 5.0, mask


def bend(clean: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return pulls_for(LAYOUT, 20.0, [FRAMES])(mask)(clean, values)


def test_predictions_become_exact_where_they_are_observed() -> None:
    values, mask = observed((3, ROOT), (40, [*ROOT, *HAND]), (41, HAND))
    clean = torch.randn(1, FRAMES, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    bent = bend(clean, values, mask)
    torch.testing.assert_close(bent[mask], values[mask])
    untouched = torch.ones(LAYOUT.size, dtype=torch.bool)
    untouched[[*ROOT, *HAND]] = False
    assert torch.equal(bent[..., untouched], clean[..., untouched])


def test_what_is_already_as_observed_stays() -> None:
    values, mask = observed((10, ROOT), (50, HAND))
    clean = torch.full((1, FRAMES, LAYOUT.size), 5.0)
    torch.testing.assert_close(bend(clean, values, mask), clean)


def test_a_path_is_held_and_a_pose_dies_out() -> None:
    values, mask = observed((10, [*ROOT, *HAND]))
    bent = bend(torch.zeros(1, FRAMES, LAYOUT.size), values, mask)[0]
    x, height, z = ROOT
    assert bent[-1, [x, z]].tolist() == pytest.approx([5.0, 5.0])
    assert float(bent[-1, [height, *HAND]].abs().max()) < 0.05
    assert float(bent[12, HAND].min()) > 3.5  # neighbours come along


def test_padding_and_other_samples_are_left_alone() -> None:
    values, mask = observed((5, ROOT))
    pulls = pulls_for(LAYOUT, 20.0, [30, FRAMES])
    both = torch.cat((mask, mask & False))
    bent = pulls(both)(torch.zeros(2, FRAMES, LAYOUT.size), values.repeat(2, 1, 1))
    assert float(bent[0, 29, ROOT[0]]) > 4.9
    assert not bool(bent[0, 30:].any())
    assert not bool(bent[1].any())


def test_the_roots_matrices_say_the_same() -> None:
    values, mask = observed((5, ROOT), (40, ROOT[:1]))
    clean = torch.randn(1, FRAMES, LAYOUT.size, generator=torch.Generator().manual_seed(1))
    pulls = pulls_for(LAYOUT, 20.0, [FRAMES])(mask)
    rest = (values - clean)[..., : pulls.root.shape[1]]
    moved = torch.einsum("bcts,bsc->btc", pulls.root, rest)
    torch.testing.assert_close(
        clean[..., :5] + moved, pulls(clean, values)[..., :5], atol=1e-4, rtol=0
    )
