"""Training of alignment models: the losses' laws, learning, stopping and going on."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from marey.data import MotionStore
from marey.errors import Cancelled, FileFormatError, InvalidInputError
from marey.models.alignment import Latent, load_alignment
from marey.text import MiniLMEncoder, mirror_text
from marey.training import Report
from marey.training.alignment import AlignmentTrainConfig, train_alignment
from marey.training.alignment_bank import AlignmentBank
from marey.training.alignment_loss import contrast, divergence, masked_smooth_l1
from marey.training.alignment_recipes import ALIGNMENT_RECIPES, alignment_recipe
from marey.training.part_alignment import PartAlignmentTrainConfig, train_part_alignment

TINY = AlignmentTrainConfig(
    name="tiny",
    batch_size=6,
    steps=150,
    warmup=1,
    learning_rate=3e-3,
    width=16,
    layers=1,
    fine_layers=1,
    hidden=32,
    latent=16,
    dropout=0.0,
    ema_decay=0.5,
    ema_every=1,
    levels=3,
)


def parts_of(store: MotionStore) -> dict[str, dict[str, str]]:
    """The left arm rises where the sentence says so."""
    return {
        w.window_id: {"left_arm": "rises" if "arm" in w.texts[0].text else "does nothing"}
        for w in store.windows
    }


def test_contrast_is_the_cross_entropy_of_the_pairs() -> None:
    texts, motions = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    same = torch.zeros(2, 2, dtype=torch.bool)
    found = contrast(texts, motions, temperature=1.0, same=same)
    r = math.sqrt(0.5)
    rows = math.log(math.exp(1) + math.exp(r)) - 1 + math.log(math.exp(0) + math.exp(r)) - r
    columns = math.log(math.exp(1) + 1) - 1 + math.log(2 * math.exp(r)) - r
    assert float(found) == pytest.approx((rows + columns) / 4)


def test_equal_texts_are_no_negatives() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(4, 8), dim=1)
    everyone = torch.ones(4, 4, dtype=torch.bool)
    assert float(contrast(vectors, vectors, temperature=0.1, same=everyone)) == 0.0


def test_divergence_is_that_of_normal_distributions() -> None:
    first = Latent(mean=torch.randn(3, 5), log_variance=torch.randn(3, 5))
    second = Latent(mean=torch.randn(3, 5), log_variance=torch.randn(3, 5))

    def normal(latent: Latent) -> torch.distributions.Normal:
        return torch.distributions.Normal(latent.mean, (0.5 * latent.log_variance).exp())

    wanted = torch.distributions.kl_divergence(normal(first), normal(second)).mean()
    torch.testing.assert_close(divergence(first, second), wanted)
    standard = torch.distributions.Normal(0.0, 1.0)
    wanted = torch.distributions.kl_divergence(normal(first), standard).mean()
    torch.testing.assert_close(divergence(first), wanted)


def test_padded_frames_do_not_count() -> None:
    wanted, mask = torch.zeros(1, 4, 2), torch.tensor([[True, True, False, False]])
    found = torch.full((1, 4, 2), 2.0)
    found[:, 2:] = 100.0
    assert float(masked_smooth_l1(found, wanted, mask)) == pytest.approx(1.5)


def test_windows_that_are_left_out_are_counted_by_reason(
    store: MotionStore, worker: SimpleNamespace
) -> None:
    good = store.windows[0]
    bad = {
        "a flip": replace(good, flip=True),
        "off the floor": replace(good, off_floor=True),
        "no text": replace(good, texts=()),
        "weight 0": replace(good, weight=0.0),
        "shorter than 1 s": replace(good, end=good.start + 5),
    }
    noted = list[str]()
    bank = AlignmentBank(
        store,
        [good, *bad.values(), bad["a flip"]],
        worker.WordEncoder(),
        note=lambda what, done, total: noted.append(f"{what}: {done} of {total}"),
    )
    assert bank.dropped == {reason: 1 for reason in bad} | {"a flip": 2}
    assert noted[0].endswith("1 of 7")
    assert "2 × a flip, 1 × no text" in noted[0]
    with pytest.raises(InvalidInputError, match="2 × a flip"):
        AlignmentBank(store, [bad["a flip"]] * 2, worker.WordEncoder())


def test_sentences_are_compared_by_an_encoder_of_their_own(
    store: MotionStore, worker: SimpleNamespace
) -> None:
    words, comparing = worker.WordEncoder(), MiniLMEncoder()
    bank = AlignmentBank(store, store.windows, words, comparing=comparing)
    assert bank.texts.width == words.width
    assert bank.comparable.vectors.shape[1] == comparing.width != words.width


def test_some_sided_motions_stand_beside_their_mirror_image(
    store: MotionStore, worker: SimpleNamespace
) -> None:
    bank = AlignmentBank(store, store.windows, worker.WordEncoder())
    drawn = bank.draw(0, size=200, seed=0, measured_share=0.0)
    text = {bank.number(t): t for entry in bank.entries for t in entry.sentences}
    said = [text[number] for number in drawn.sentences.tolist()]
    twins = [i for i in range(199) if said[i + 1] == mirror_text(said[i]) != said[i]]
    sided = sum(mirror_text(each) != each for each in said)
    assert 0.1 * sided < len(twins) < 0.5 * sided
    rates = bank.normalizer.inverse(drawn.features)[..., 0]  # of the heading
    for i in twins:
        seen = drawn.mask[i]
        torch.testing.assert_close(rates[i + 1, seen], -rates[i, seen], atol=0.02, rtol=0.01)
    assert len(said) == 200


def test_motions_come_to_lie_by_their_texts(
    store: MotionStore, worker: SimpleNamespace, tmp_path: Path
) -> None:
    encoder = worker.WordEncoder()
    config = replace(TINY, splits=("train", "val"), keep_best=False)
    model = train_alignment(
        config, store, tmp_path / "run", encoder=encoder, annotated=parts_of(store)
    )
    bank = AlignmentBank(store, store.windows, encoder, normalizer=model.normalizer)
    (batch,) = bank.first_texts(8)
    with torch.no_grad():
        motions = model.network.encode_motion(batch.features, batch.mask).mean
        texts = model.network.encode_texts(batch.texts)[-1].mean
    scores = torch.cosine_similarity(texts[:, None], motions[None], dim=-1)
    best = batch.sentences[scores.argmax(dim=1)]
    # Motions of "walks forward" turn as well, to either side once they are mirrored.
    told = batch.sentences != bank.number("a person walks forward")
    assert 0 < int(told.sum()) < len(told)
    assert torch.equal(best[told], batch.sentences[told])


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    store: MotionStore, worker: SimpleNamespace, tmp_path: Path
) -> None:
    config = replace(TINY, steps=7, dropout=0.1, save_minutes=0.0)
    losses: dict[str, list[float]] = {"whole": [], "broken": []}

    def run(name: str, until: int) -> None:
        def listen(report: Report) -> None:
            losses[name].append(report.losses["total"])
            if report.step == until:
                raise Cancelled("enough")

        train_alignment(
            config,
            store,
            tmp_path / name,
            encoder=worker.WordEncoder(),
            annotated=parts_of(store),
            listen=listen,
        )

    run("whole", until=-1)
    with pytest.raises(Cancelled):
        run("broken", until=2)
    run("broken", until=-1)
    assert losses["broken"] == losses["whole"]


def test_parts_come_to_lie_by_the_texts_about_them(
    store: MotionStore, worker: SimpleNamespace, tmp_path: Path
) -> None:
    encoder, told = worker.WordEncoder(), parts_of(store)
    config = PartAlignmentTrainConfig(
        name="tiny",
        batch_size=6,
        steps=240,
        warmup=1,
        learning_rate=3e-3,
        width=16,
        layers=1,
        hidden=32,
        latent=16,
        frames_per_token=4,
        dropout=0.0,
        ema_decay=0.5,
        ema_every=1,
        keep_best=False,
        splits=("train", "val"),
    )
    told = {window: {**texts, "head": "is up"} for window, texts in told.items()}
    model = train_part_alignment(config, store, tmp_path / "run", encoder=encoder, annotated=told)
    motions = [store.window_motion(window) for window in store.windows]
    wanted = [told[window.window_id]["left_arm"] for window in store.windows]
    choices = sorted(set(wanted))
    moved = model.embed_motions(motions, "left_arm")
    said = model.embed_texts(choices, encoder, "left_arm")
    scores = torch.cosine_similarity(moved[:, None], said[None], dim=-1)
    right = [choices[i] == text for i, text in zip(scores.argmax(1).tolist(), wanted, strict=True)]
    assert sum(right) >= 7
    with pytest.raises(InvalidInputError, match="left_arm"):
        model.embed_motions(motions, "tail")
    with pytest.raises(FileFormatError, match="marey-alignment"):
        load_alignment(tmp_path / "run/alignment.safetensors")


def test_mirrored_windows_have_mirrored_texts(store: MotionStore, worker: SimpleNamespace) -> None:
    bank = AlignmentBank(
        store, store.windows_of("train"), worker.WordEncoder(), annotated=parts_of(store)
    )
    plain = next(e for e in bank.plain if "left arm" in e.sentences[0])
    mirrored = bank.entries[len(bank.plain) + bank.plain.index(plain)]
    assert mirrored.sentences == ("a person raises the right arm",)
    assert mirrored.parts == {"right_arm": "rises"}
    assert mirrored.first != plain.first


def test_recipes_are_told_by_name() -> None:
    for name in ALIGNMENT_RECIPES:
        assert alignment_recipe(name).name == name
    assert set(alignment_recipe("evaluator").splits) > {"train", "test"}
    assert alignment_recipe("evaluator-train").splits == ("train",)
    with pytest.raises(InvalidInputError, match="htma"):
        alignment_recipe("htmi")
