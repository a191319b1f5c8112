from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from marey.representations import SmoothRoot
from marey.skeleton import BODY22
from marey.training import Trainer
from marey.training.patterns import (
    BLOCK_FRAMES,
    INTERVAL_SECONDS,
    MAX_JOINTS,
    MAX_KEYFRAMES,
    PATTERNS,
    PERTURBATION,
    TWO_PATTERNS_SHARE,
    Canvas,
    sample_errors,
    sample_observed_mask,
)

REPRESENTATION = SmoothRoot(skeleton=BODY22, fps=20.0)
LAYOUT = REPRESENTATION.layout
SAMPLES = 800
PATH = LAYOUT.channels("root_position")[::2]
HEIGHT = LAYOUT.channels("root_position")[1:2]
HEADING = LAYOUT.channels("heading")
ENDS = [*BODY22.foot_indices, BODY22.role("left_hand"), BODY22.role("right_hand")]


def draw(
    lengths: list[int], *, curriculum: float = 1.0, seed: int = 0, unconstrained: float = 0.1
) -> torch.Tensor:
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    generator = torch.Generator().manual_seed(seed)
    return sample_observed_mask(
        mask,
        REPRESENTATION,
        generator,
        curriculum=curriculum,
        unconstrained_share=unconstrained,
    )


def drawn_by(pattern: str, *, length: int = 60, curriculum: float = 1.0) -> torch.Tensor:
    """What one pattern shows, 200 times."""
    generator = torch.Generator().manual_seed(0)
    shown = torch.zeros(200, length, LAYOUT.size, dtype=torch.bool)
    for rows in shown:
        PATTERNS[pattern](
            Canvas(
                shown=rows,
                layout=LAYOUT,
                skeleton=BODY22,
                fps=20.0,
                curriculum=curriculum,
                generator=generator,
            )
        )
    return shown


def share(of: torch.Tensor) -> float:
    return float(of.float().mean())


def owners(shown: torch.Tensor, block: str) -> torch.Tensor:
    """Which joints' channels are shown: [..., joints]; a joint's channels go together."""
    own = shown[..., LAYOUT.slice(block)].unflatten(-1, (-1, LAYOUT.block(block).width))
    assert torch.equal(own.any(-1), own.all(-1))
    return own.all(-1)


def only(shown: torch.Tensor, *allowed: list[int]) -> bool:
    others = torch.ones(LAYOUT.size, dtype=torch.bool)
    others[[c for channels in allowed for c in channels]] = False
    return not bool(shown[..., others].any())


def in_a_row(frames: torch.Tensor) -> bool:
    """Whether the frames of each sample have no gap."""
    starts = frames[:, 1:] & ~frames[:, :-1]
    return bool((starts.sum(1) + frames[:, 0] == 1).all())


@pytest.mark.parametrize("curriculum", [0.0, 0.5, 1.0])
def test_only_real_frames_are_shown(curriculum: float) -> None:
    lengths = [1, 2, 5, 40] * 20
    observed = draw(lengths, curriculum=curriculum, unconstrained=0.0)
    assert observed.shape == (80, 40, LAYOUT.size)
    for row, length in zip(observed, lengths, strict=True):
        assert bool(row[:length].any())
        assert not bool(row[length:].any())


def test_the_unconstrained_share_sees_nothing_and_the_same_seed_shows_the_same() -> None:
    for wanted in (0.1, 0.25):
        observed = draw([12] * SAMPLES, unconstrained=wanted)
        assert share(~observed.flatten(1).any(1)) == pytest.approx(wanted, abs=0.04)
    assert torch.equal(observed, draw([12] * SAMPLES, unconstrained=0.25))
    assert not torch.equal(observed, draw([12] * SAMPLES, unconstrained=0.25, seed=1))


def test_a_quarter_sees_two_patterns_and_all_are_equally_likely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number, name in enumerate(PATTERNS):
        channel = slice(number, number + 1)
        counting = lambda canvas, c=channel: canvas.show([0], range(c.start, c.stop))  # noqa: E731
        monkeypatch.setitem(PATTERNS, name, counting)
    marks = draw([3] * 2000)[:, 0, : len(PATTERNS)]
    counts = marks.sum(1)
    assert set(counts.tolist()) == {0, 1, 2}
    # Twice the same pattern looks like one.
    expected = TWO_PATTERNS_SHARE * (1 - 1 / len(PATTERNS))
    assert share(counts == 2) == pytest.approx(expected, abs=0.03)
    assert marks.float().mean(0).tolist() == pytest.approx([1.15 / len(PATTERNS)] * 9, abs=0.025)


def test_the_number_of_keyframes_grows_with_the_curriculum_and_few_are_likelier() -> None:
    most, mean = [], []
    for curriculum in (0.0, 0.5, 1.0):
        counts = drawn_by("full_body", curriculum=curriculum).any(-1).sum(1)
        most.append(int(counts.max()))
        mean.append(float(counts.float().mean()))
    assert most[0] == 1 < most[1] < most[2] <= MAX_KEYFRAMES
    assert mean == sorted(mean)
    assert share(counts <= MAX_KEYFRAMES / 4) > 0.4


def test_full_body_keyframes_show_the_whole_pose() -> None:
    shown = drawn_by("full_body")
    root, positions = PATH + HEIGHT + HEADING, LAYOUT.channels("joint_positions")
    assert only(shown, root, positions, LAYOUT.channels("rotations"))
    frames = shown.any(-1)
    assert bool(shown[..., root + positions][frames].all())
    turned = shown[..., LAYOUT.slice("rotations")][frames].all(-1)
    assert 0.3 < share(turned) < 0.7


def test_hands_and_feet_come_with_rotations_and_half_of_the_time_with_the_path() -> None:
    shown = drawn_by("hands_and_feet")
    joints = owners(shown, "joint_positions")
    assert torch.equal(joints, owners(shown, "rotations"))
    assert only(shown, PATH, *(LAYOUT.channels(b, ENDS) for b in ("joint_positions", "rotations")))
    assert set(joints.any(1).sum(1).tolist()) == {1, 2, 3, 4, 5, 6}
    frames, placed = shown.any(-1), shown[..., PATH].all(-1)
    assert torch.equal(placed, shown[..., PATH].any(-1))
    assert torch.equal(placed, frames & placed.any(1, keepdim=True))
    assert share(placed.any(1)) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("pattern", ["joint_subset", "joint_interval"])
def test_joint_subsets_are_any_few_joints(pattern: str) -> None:
    shown = drawn_by(pattern)
    blocks = ("joint_positions", "rotations")
    assert only(shown, PATH, *(LAYOUT.channels(block) for block in blocks))
    positions, turned = (owners(shown, block).any(1) for block in blocks)
    assert set((positions | turned).sum(1).tolist()) == set(range(1, MAX_JOINTS + 1))
    assert bool((positions | turned).any(0).all())
    both = positions.any(1) & turned.any(1)
    assert torch.equal(positions[both], turned[both])
    for kind in (both, ~turned.any(1), ~positions.any(1)):
        assert share(kind) == pytest.approx(1 / 3, abs=0.12)
    assert share(shown[..., PATH].flatten(1).any(1)) == pytest.approx(0.5, abs=0.12)


def test_intervals_have_no_gap_and_last_from_a_fifth_of_a_second_to_two() -> None:
    for pattern in ("joint_interval", "foot_contacts"):
        frames = drawn_by(pattern).any(-1)
        assert in_a_row(frames)
        low, high = (round(20 * s) for s in INTERVAL_SECONDS)
        counts = frames.sum(1)
        assert low <= int(counts.min()) < low + 4
        assert high - 4 < int(counts.max()) <= high


@pytest.mark.parametrize("pattern", ["root_keyframes", "dense_path"])
def test_the_root_shows_its_path_its_heading_or_both(pattern: str) -> None:
    shown = drawn_by(pattern)
    assert only(shown, PATH, HEADING)
    path, heading = (shown[..., c].any(-1).any(1) for c in (PATH, HEADING))
    assert bool((path | heading).all())
    assert share(path) == pytest.approx(5 / 6, abs=0.1)
    assert share(heading) == pytest.approx(1 / 2, abs=0.12)
    assert torch.equal(*shown[..., PATH].unbind(-1))
    assert torch.equal(*shown[..., HEADING].unbind(-1))


def test_a_dense_path_is_whole_or_an_interval() -> None:
    frames = drawn_by("dense_path").any(-1)
    assert in_a_row(frames)
    assert share(frames.all(1)) == pytest.approx(0.5, abs=0.12)
    assert int(frames.sum(1).min()) >= round(20 * INTERVAL_SECONDS[0])


def test_heights_and_contacts_show_nothing_else() -> None:
    heights = drawn_by("pelvis_height")
    assert only(heights, HEIGHT)
    assert int(heights.any(-1).sum(1).max()) > 10
    contacts = drawn_by("foot_contacts")
    assert only(contacts, LAYOUT.channels("contacts"))
    assert set(contacts.any(1).sum(1).tolist()) == {1, 2, 3, 4}


def test_end_blocks_show_everything_at_either_end_or_both() -> None:
    shown = drawn_by("end_blocks")
    frames = shown.all(-1)
    assert torch.equal(frames, shown.any(-1))
    first, last = frames[:, 0], frames[:, -1]
    assert bool((first | last).all())
    for kind in (first & last, first & ~last, last & ~first):
        assert share(kind) == pytest.approx(1 / 3, abs=0.12)
    counts = frames[first].long().cumprod(1).sum(1)
    assert {int(counts.min()), int(counts.max())} == set(BLOCK_FRAMES)
    assert not bool(frames[:, BLOCK_FRAMES[1] : -BLOCK_FRAMES[1]].any())


def test_velocities_are_shown_in_blocks_only() -> None:
    for name in PATTERNS:
        velocities = drawn_by(name)[..., LAYOUT.slice("velocities")]
        assert bool(velocities.any()) == (name == "end_blocks"), name


def test_errors_are_constant_vectors_of_some_samples() -> None:
    generator = torch.Generator().manual_seed(0)
    errors = sample_errors(SAMPLES, LAYOUT, generator, share=0.2)
    erring = errors.flatten(1).any(1)
    assert share(erring) == pytest.approx(0.2, abs=0.05)
    for block in LAYOUT.blocks:
        own = errors[erring][:, 0, LAYOUT.slice(block.name)].unflatten(-1, (-1, block.width))
        assert torch.equal(own, own[:, :1].expand_as(own))
        assert float(own[:, 0].std()) == pytest.approx(PERTURBATION, rel=0.2)
    assert not bool(sample_errors(9, LAYOUT, generator, share=0.0).any())


def test_errors_change_what_is_shown_and_nothing_else(
    make_trainer: Callable[..., Trainer], worker: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(worker.tiny(perturbed_share=1.0, unconstrained_share=0.0))
    batch = trainer.bank.batch(0, size=8, seed=1, text_dropout=0.0)
    found = []
    monkeypatch.setattr(trainer.denoiser, "forward", lambda given: found.append(given) or perfect)
    perfect = clean = trainer.normalizer(batch.features)
    losses = trainer.losses(batch, seed=1, step=4, observe=True)
    assert float(losses["total"]) == pytest.approx(0, abs=1e-3)  # against what is true
    given = found[0]
    assert not torch.allclose(given.observed[given.observed_mask], clean[given.observed_mask])
    trainer.losses(batch, seed=1, step=4)
    assert torch.equal(found[1].observed, clean)
    assert not bool(found[1].observed_mask.any())


def test_the_curriculum_grows_over_phase_2(
    make_trainer: Callable[..., Trainer], worker: SimpleNamespace
) -> None:
    trainer = make_trainer(worker.tiny(steps=100, phase2_from=0.4))
    grown = []
    for step in range(0, 101, 20):
        trainer.loop.clock.step = step
        grown.append(trainer._curriculum())
    assert grown == pytest.approx([0, 0, 0, 1 / 3, 2 / 3, 1])


def test_what_is_shown_helps(
    make_trainer: Callable[..., Trainer], worker: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = {}
    for phase2_from in (0.0, 1.0):
        settings = {"unconstrained_share": 0.0, "phase2_from": phase2_from, "log_every": 30}
        trainer = make_trainer(
            worker.tiny(steps=30, learning_rate=1e-2, **settings), folder=f"{phase2_from}"
        )
        batch = trainer.bank.batch(0, size=8, seed=0, text_dropout=0.0)
        monkeypatch.setattr(type(trainer.bank), "batch", lambda *_, b=batch, **__: b)
        losses: list[float] = []
        trainer.run(lambda report, found=losses: found.append(report.losses["total"]))
        reached[phase2_from] = sum(losses[-15:]) / 15
    assert reached[0.0] < 0.95 * reached[1.0]
