"""Alignment networks: padding, missing texts, levels, and the way through a file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marey.errors import FileFormatError, InvalidInputError
from marey.models.alignment import (
    PART_SLOTS,
    Alignment,
    AlignmentConfig,
    AlignmentModel,
    SlotTexts,
    load_alignment,
    save_alignment,
    slot_channels,
)
from marey.representations import JointMotion, Normalizer
from marey.skeleton.parts import PARTS

TINY = AlignmentConfig(
    feats=JointMotion().layout.size,
    text_width=8,
    width=16,
    layers=1,
    fine_layers=1,
    decoder_layers=1,
    heads=2,
    hidden=32,
    latent=12,
    levels=3,
)


def states(text: str) -> Tensor:
    generator = torch.Generator().manual_seed(sum(map(ord, text)))
    return torch.randn(len(text.split()), TINY.text_width, generator=generator)


def texts(*scripts: Mapping[str, str]) -> SlotTexts:
    return SlotTexts.of(scripts, states, text_width=TINY.text_width)


@pytest.fixture
def network() -> Alignment:
    """A network whose finer levels say something, as after training."""
    torch.manual_seed(0)
    made = Alignment(TINY).eval()
    with torch.no_grad():
        for name, value in made.named_parameters():
            if name.startswith("finer"):
                value.add_(torch.randn_like(value) * 0.1)
    return made


WALK = {"global": "a person walks"}
FULL = {**WALK, "left_arm": "swings", "head+left_arm": "the hand is far away"}


@torch.no_grad()
def test_padding_changes_nothing(network: Alignment) -> None:
    x = torch.randn(1, 23, TINY.feats)
    mask = torch.ones(1, 23, dtype=torch.bool)
    alone = network.encode_motion(x, mask).mean
    padded = torch.cat((x, torch.randn(1, 30, TINY.feats)), dim=1)
    longer = network.encode_motion(padded, torch.nn.functional.pad(mask, (0, 30))).mean
    torch.testing.assert_close(longer, alone)
    beside = texts(WALK, {**FULL, "global": "a person walks for a very long time"})
    torch.testing.assert_close(
        network.encode_texts(beside)[-1].mean[:1], network.encode_texts(texts(WALK))[-1].mean
    )


@torch.no_grad()
def test_what_is_not_said_adds_nothing(network: Alignment) -> None:
    levels = network.encode_texts(texts(WALK))
    for level in levels[1:]:
        torch.testing.assert_close(level.mean, levels[0].mean)
        torch.testing.assert_close(level.log_variance, levels[0].log_variance)


@torch.no_grad()
def test_every_level_adds_what_is_said_there(network: Alignment) -> None:
    coarse, parts, pairs = (level.mean for level in network.encode_texts(texts(FULL)))
    assert not torch.allclose(coarse, parts)
    assert not torch.allclose(parts, pairs)
    dropped = torch.zeros(1, 22, dtype=torch.bool)
    dropped[:, 1:] = True
    again = network.encode_texts(texts(FULL).without(dropped))[-1].mean
    torch.testing.assert_close(again, coarse)


@torch.no_grad()
def test_the_same_words_mean_something_else_of_another_part(network: Alignment) -> None:
    left = network.encode_texts(texts({**WALK, "left_arm": "waves"}))[-1].mean
    right = network.encode_texts(texts({**WALK, "right_arm": "waves"}))[-1].mean
    assert not torch.allclose(left, right)


def test_finer_levels_start_silent() -> None:
    torch.manual_seed(1)
    levels = Alignment(TINY).eval().encode_texts(texts(FULL))
    torch.testing.assert_close(levels[2].mean, levels[0].mean)


def test_a_sentence_is_needed(network: Alignment) -> None:
    with pytest.raises(InvalidInputError, match="whole body"):
        network.encode_texts(texts({"head": "nods"}))
    with pytest.raises(InvalidInputError, match="levels"):
        replace(TINY, levels=4)


@torch.no_grad()
def test_decoding_fills_the_real_frames_alone(network: Alignment) -> None:
    mask = torch.arange(10)[None] < torch.tensor([[10], [7]])
    x = network.decode(torch.randn(2, TINY.latent), mask)
    assert x.shape == (2, 10, TINY.feats)
    assert (x[1, 7:] == 0).all()
    assert (x[1, :7] != 0).any()


def test_a_model_goes_through_a_file(network: Alignment, tmp_path: Path) -> None:
    feats = TINY.feats
    model = AlignmentModel(
        name="tiny",
        network=network,
        representation=JointMotion(),
        normalizer=Normalizer(mean=torch.randn(feats), std=torch.ones(feats)),
        text_encoder="words 1",
        notes={"steps": 3},
    )
    save_alignment(model, tmp_path / "a.safetensors")
    save_alignment(model, tmp_path / "half.safetensors", dtype=torch.half)
    again, half = (load_alignment(tmp_path / f"{name}.safetensors") for name in ("a", "half"))
    assert (again.name, again.text_encoder, dict(again.notes)) == ("tiny", "words 1", {"steps": 3})
    for name, value in network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value)
        if not name.startswith("decoder."):
            assert torch.equal(half.network.state_dict()[name], value.half().float())
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match="marey-alignment"):
        load_alignment(tmp_path / "x.safetensors")


def test_the_channels_of_a_pair_are_those_of_its_parts() -> None:
    view = JointMotion()
    channels = dict(zip(PART_SLOTS, slot_channels(view.layout, view.skeleton), strict=True))
    parts = [set(channels[part]) for part in PARTS]
    assert sum(map(len, parts)) == view.layout.size
    assert set.union(*parts) == set(range(view.layout.size))
    pair = set(channels["head+left_arm"])
    assert pair == set(channels["head"]) | set(channels["left_arm"])
