from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.data.bank import Batch, FeatureBank, mixed_seed, usable_windows
from marey.data.text_bank import TextBank
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.representations import SmoothRoot
from marey.rotations import axis_rotation
from marey.skeleton import BODY22
from marey.text import TextStates, mirror_text

FPS, WIDTH = 20.0, 4
REPRESENTATION = SmoothRoot(skeleton=BODY22, fps=FPS)
TEXTS = ("a person raises the left arm", "someone walks", "a person turns right and waves a lot")


class LetterEncoder:
    """States of each word from its letters, for tests."""

    name, version, width = "letters", "1", WIDTH

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        return [self._states(text) for text in texts]

    def _states(self, text: str) -> TextStates:
        rows = [
            [len(w), ord(w[0]) / 64, ord(w[-1]) / 64, sum(map(ord, w)) / 512] for w in text.split()
        ]
        states = torch.tensor(rows)
        return TextStates(states=states, vector=states.mean(0) / states.mean(0).norm())


def raising(frames: int, speed: float) -> Motion:
    """A body that glides forward and raises its left arm."""
    time = torch.arange(frames) / FPS
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    local[:, BODY22.index("left_shoulder")] = axis_rotation("Z", 0.3 * time)
    local[:, 0] = axis_rotation("Y", 0.2 * time)
    zero = torch.zeros(frames)
    root = torch.stack((zero + 3, zero + 0.9, speed * time - 5), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    path = tmp_path_factory.mktemp("bank") / "store"
    spec = StoreSpec(fps=FPS, skeleton=BODY22, fingerprint="bank", options={})
    writer = StoreWriter.open(path, spec)
    for i, frames in enumerate((25, 60, 90)):
        record = ClipRecord(
            clip_id=str(i), shard=0, start=0, length=frames, source_fps=FPS, split="train"
        )
        texts = (WindowText(text=TEXTS[i], source="user"), WindowText(text="moves", source="user"))
        window = WindowRecord(clip_id=str(i), start=2, end=frames, split="train", texts=texts)
        writer.append(str(i), raising(frames, speed=float(i)), record=record, windows=(window,))
    return writer.finish()


def make_bank(store: MotionStore, windows: Sequence[WindowRecord] | None = None) -> FeatureBank:
    windows = store.windows if windows is None else windows
    return FeatureBank(store, windows, REPRESENTATION, LetterEncoder(), max_seconds=3.0)


@pytest.fixture(scope="module")
def bank(store: MotionStore) -> FeatureBank:
    return make_bank(store)


def draw(bank: FeatureBank, step: int = 0, **changes: float) -> Batch:
    options = {"size": 16, "seed": 0, "text_dropout": 0.0, **changes}
    return bank.batch(step, **options)


def test_a_batch_is_a_function_of_seed_and_step(store: MotionStore, bank: FeatureBank) -> None:
    for step in (0, 1, 13):
        one, other = draw(bank, step), draw(make_bank(store), step)
        assert torch.equal(one.features, other.features)
        assert torch.equal(one.text.states, other.text.states)
    assert not torch.equal(draw(bank, 0).features[:, 0], draw(bank, 0, seed=1).features[:, 0])
    assert not torch.equal(draw(bank, 0).features[:, 0], draw(bank, 8).features[:, 0])


def test_samples_start_above_the_origin_and_end_with_zeros(bank: FeatureBank) -> None:
    batch = draw(bank)
    layout = REPRESENTATION.layout
    x, y, z = layout.channels("root_position")
    torch.testing.assert_close(batch.features[:, 0, [x, z]], torch.zeros(16, 2))
    assert bool((batch.features[:, 0, y] > 0.5).all())
    assert not bool(batch.features[~batch.mask].any())
    lengths = batch.mask.sum(1)
    assert bool((batch.mask == (torch.arange(batch.mask.shape[1]) < lengths[:, None])).all())
    assert int(lengths.max()) <= bank.max_frames == 60


def test_headings_are_drawn_from_the_whole_circle(bank: FeatureBank) -> None:
    heading = REPRESENTATION.layout.slice("heading")
    columns = torch.cat([draw(bank, step).features[:, 0, heading] for step in range(12)])
    torch.testing.assert_close(columns.norm(dim=1), torch.ones(192))
    quarters = torch.atan2(columns[:, 1], columns[:, 0]).div(torch.pi / 2).floor()
    counts = torch.bincount((quarters + 2).long(), minlength=4)
    assert int(counts.min()) > 24


def test_mirrored_windows_have_mirrored_texts(store: MotionStore, bank: FeatureBank) -> None:
    """Whichever side the arm rises on, the text says so."""
    left, right = BODY22.index("left_wrist"), BODY22.index("right_wrist")
    states = {
        side: LetterEncoder().encode([text])[0].states
        for side, text in (("left", TEXTS[0]), ("right", mirror_text(TEXTS[0])))
    }
    seen = set()
    for step in range(8):
        batch = draw(bank, step)
        height = REPRESENTATION.positions(batch.features)[..., 1]
        for i in range(16):
            words = batch.text.states[i, batch.text.mask[i]]
            for side, own in states.items():
                if words.shape == own.shape and torch.allclose(words, own, atol=1e-2):
                    last = int(batch.mask[i].sum()) - 1
                    arms = (height[i, last, left], height[i, last, right])
                    assert (arms[0] > arms[1]) == (side == "left")
                    seen.add(side)
    assert seen == {"left", "right"}


def test_text_dropout_leaves_texts_out(bank: FeatureBank) -> None:
    assert bool(draw(bank).text.mask.any(1).all())
    assert draw(bank, text_dropout=1.0).text.mask.sum() == 0
    some = torch.cat([draw(bank, s, text_dropout=0.3).text.mask.any(1) for s in range(12)])
    assert float(some.float().mean()) == pytest.approx(0.7, abs=0.1)


def test_dropout_changes_nothing_but_the_text(bank: FeatureBank) -> None:
    assert torch.equal(draw(bank).features, draw(bank, text_dropout=0.5).features)


def test_windows_are_drawn_by_weight(store: MotionStore) -> None:
    weights = (0.0, 1.0, 3.0)
    windows = [replace(w, weight=k) for w, k in zip(store.windows, weights, strict=True)]
    bank = make_bank(store, windows)
    assert bank.dropped == {"weight 0": 1}
    lengths = torch.cat([draw(bank, step).mask.sum(1) for step in range(64)])
    assert set(lengths.tolist()) == {58, 60}
    assert float((lengths == 60).float().mean()) == pytest.approx(0.75, abs=0.05)


def test_windows_that_cannot_be_used_are_counted(store: MotionStore) -> None:
    first = store.windows[0]
    useless = [
        replace(first, end=first.start + 19),
        replace(first, texts=()),
        replace(first, weight=0.0),
    ]
    assert usable_windows([first, *useless], FPS) == [first]
    assert make_bank(store, [first, *useless]).dropped == {
        "shorter than 1 s": 1,
        "no text": 1,
        "weight 0": 1,
    }
    with pytest.raises(InvalidInputError, match="1 × shorter than 1 s; 1 × no text"):
        make_bank(store, useless)
    with pytest.raises(InvalidInputError, match="none at all"):
        make_bank(store, [])


def test_a_batch_is_shared_without_loss(bank: FeatureBank) -> None:
    batch = draw(bank, text_dropout=0.3)
    shares = [batch.share(rank, 3) for rank in range(3)]
    assert [len(s.mask) for s in shares] == [6, 5, 5]
    for rank, share in enumerate(shares):
        assert torch.equal(share.features, batch.features[rank::3])
        assert torch.equal(share.text.states, batch.text.states[rank::3])


def test_batches_of_one_pool_hold_similar_lengths(bank: FeatureBank) -> None:
    spreads = [draw(bank, step).mask.sum(1).float().std() for step in range(8)]
    everything = torch.cat([draw(bank, step).mask.sum(1) for step in range(8)]).float().std()
    assert float(torch.stack(spreads).mean()) < 0.5 * float(everything)


def test_the_text_bank_gives_back_states_in_half_precision() -> None:
    bank = TextBank([*TEXTS, TEXTS[0]], LetterEncoder())
    assert len(bank) == 3
    condition = bank.condition([bank.number(TEXTS[2]), -1, bank.number(TEXTS[1])])
    assert condition.mask.sum(1).tolist() == [8, 0, 2]
    assert [bank.tokens(bank.number(text)) for text in TEXTS] == [6, 2, 8]
    wanted = LetterEncoder().encode([TEXTS[1]])[0].states
    torch.testing.assert_close(condition.states[2, :2], wanted.half().float())
    assert not bool(condition.states[~condition.mask].any())
    assert bank.condition([-1, -1]).states.shape == (2, 0, WIDTH)


def test_seeds_of_neighbours_are_unrelated() -> None:
    seeds = {mixed_seed(a, b, c) for a in range(10) for b in range(4) for c in range(10)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_store_file_is_not_changed(store: MotionStore, bank: FeatureBank, tmp_path: Path) -> None:
    before = store.motion("0").root_positions
    draw(bank)
    assert torch.equal(MotionStore.open(store.path).motion("0").root_positions, before)
