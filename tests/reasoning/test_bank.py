"""Banks: built from training windows alone, through a file, and looked up with sides adjusted."""

from pathlib import Path

import pytest
import torch

from marey.data import MotionStore
from marey.data.prepare import CmuOptions, prepare_cmu
from marey.errors import FileFormatError, InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.reasoning import CaptionBank, NearestReasoner, build_bank, bundled_bank
from marey.reasoning.bank import TOLD_SLOTS
from marey.reasoning.sides import adjusted
from marey.text import MiniLMEncoder, TextScript, caption


def bank_of(captions: tuple[str, ...], left_arm: tuple[str, ...]) -> CaptionBank:
    """A bank of captions whose left arms do something, and every other part another thing."""
    encoder = MiniLMEncoder()
    return CaptionBank(
        captions=captions,
        vectors=torch.stack([each.vector for each in encoder.encode(captions)]),
        window=torch.arange(len(captions)),
        texts=tuple(
            tuple(text if slot == "left_arm" else "the right one" for slot in TOLD_SLOTS)
            for text in left_arm
        ),
        encoder=f"{encoder.name} {encoder.version}",
        source="made up",
    )


def test_a_bank_goes_through_a_file(tmp_path: Path) -> None:
    bank = bank_of(("a person waves", "a person sits"), ("waves", ""))
    bank.save(tmp_path / "bank.safetensors")
    again = CaptionBank.load(tmp_path / "bank.safetensors")
    assert (again.captions, again.texts) == (bank.captions, bank.texts)
    assert (again.encoder, again.source) == (bank.encoder, bank.source)
    assert torch.equal(again.window, bank.window)
    torch.testing.assert_close(again.vectors.norm(dim=1), torch.ones(2))
    assert ((again.vectors * bank.vectors).sum(dim=1) > 0.999).all()
    assert "left_arm" not in again.of_window(1)
    with pytest.raises(InvalidInputError, match="exists"):
        bank.save(tmp_path / "bank.safetensors")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no bank")
    with pytest.raises(FileFormatError, match="reason build"):
        CaptionBank.load(tmp_path / "x.safetensors")


def test_a_bank_wants_its_own_encoder() -> None:
    bank = bank_of(("a person waves",), ("waves",))
    other = CaptionBank(**{**vars(bank), "encoder": "another 1"})
    with pytest.raises(InvalidInputError, match="another 1"):
        NearestReasoner(other)


def test_a_neighbour_of_the_other_side_is_mirrored() -> None:
    reasoner = NearestReasoner(bank_of(("a person throws with the right arm",), ("rests",)))
    script = reasoner.reason(TextScript.from_prompt("a person throws with the left arm"))
    found = {each.slot: each.text for each in script.statements}
    assert found["right_arm"] == "rests"
    assert found["torso"] == "the left one"
    ((near,),) = reasoner.neighbours("a person throws with the left arm")
    assert near.caption == "a person throws with the left arm"


@pytest.mark.parametrize(
    ("sentence", "other", "mirror"),
    [
        ("waves with the left hand", "raises the left arm", False),
        ("waves with the left hand", "waves with the right hand", True),
        ("waves with the left hand", "waves with both hands", None),
        ("waves with the left hand", "turns left", None),
        ("turns left", "turns right", True),
        ("kicks with the left leg", "raises the right arm", None),
        ("turns left, left hand up", "turns left, right hand up", None),
        ("walks backward", "walks forward", None),
        ("walks back", "walks backwards", False),
        ("waves", "waves with the left hand", False),
    ],
)
def test_only_captions_of_the_same_sides_are_asked(
    sentence: str, other: str, mirror: bool | None
) -> None:
    assert adjusted(sentence, other) is mirror


def test_a_bank_holds_no_sentence_of_people_and_no_test_window(
    shared_data: Path, tmp_path: Path
) -> None:
    pack = CmuPack.open(shared_data / "cmu")
    told = [clip for clip in pack.clips if clip.kit_sentence and not clip.flips]
    clips = [c.name for c in told if c.split == "train"][:6]
    held_out = [c.name for c in told if c.split != "train"][:3]
    prepare_cmu(
        shared_data / "cmu",
        tmp_path / "store",
        options=CmuOptions(measured=False),
        clips=[*clips, *held_out],
    )
    store = MotionStore.open(tmp_path / "store")
    bank = build_bank(store, MiniLMEncoder(), source="CMU")
    train = {text.text for w in store.windows_of("train") for text in w.texts}
    assert bank.captions
    assert set(bank.captions) <= train
    assert not set(bank.captions) & {(clip.kit_sentence or "").strip() for clip in told}
    windows = {text.text: w for w in store.windows_of("train") for text in w.texts}
    said = caption(store.window_motion(windows[bank.captions[0]]))
    texts = bank.of_window(int(bank.window[0]))
    assert said.parts["left_leg"].startswith(texts["left_leg"])
    with pytest.raises(InvalidInputError, match="no machine-written caption"):
        build_bank(
            MotionStore(**{**_fields(store), "windows": store.windows_of("val")}),
            MiniLMEncoder(),
            source="CMU",
        )


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().strip(" .").split())


def _fields(store: MotionStore) -> dict[str, object]:
    return {name: getattr(store, name) for name in store.__dataclass_fields__}


def test_the_bundled_bank_is_of_the_pack_and_not_of_kit(shared_data: Path) -> None:
    bank = bundled_bank()
    pack = CmuPack.open(shared_data / "cmu")
    written = {
        " ".join(text.split())
        for segment in pack.segments
        if segment.split == "train"
        for text in segment.captions
    }
    assert {" ".join(text.split()) for text in bank.captions} <= written
    people = {_plain(clip.kit_sentence) for clip in pack.clips if clip.kit_sentence}
    assert not {_plain(text) for text in bank.captions} & people
    assert "CC BY 4.0" in bank.source
    assert bank.vectors.shape == (len(bank.captions), 384)
    assert len(bank.texts) == int(bank.window.max()) + 1
