"""The manifest: what it takes of a store, what it must not hold, and how it is guarded."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from marey.data import MotionStore
from marey.errors import FileFormatError, InvalidInputError
from marey.evaluation.manifest import MANIFEST_SPLITS, SECONDS, Manifest, ManifestWindow
from marey.io.cmu_pack import CmuPack

KIT_BEGINS = "this sentence is from KIT"


def test_it_holds_a_window_of_each_clip_with_a_written_caption(manifest: Manifest) -> None:
    for split in MANIFEST_SPLITS:
        clips = [each.window_id.split(":")[0] for each in manifest.windows_of(split)]
        assert sorted(clips) == [f"{split}{number}" for number in range(6)]
    assert all(each.caption and KIT_BEGINS not in each.caption for each in manifest.windows)


def test_windows_that_cannot_be_used_are_left_out(store: MotionStore, manifest: Manifest) -> None:
    spoilt = [
        replace(each, off_floor=True) if each.clip_id == "test0" else each for each in store.windows
    ]
    without = Manifest.of(replace(store, windows=tuple(spoilt)))

    assert {each.window_id for each in manifest.windows} - {
        each.window_id for each in without.windows
    } == {each.window_id for each in manifest.windows if each.window_id.startswith("test0:")}


def test_it_depends_on_the_store_alone(store: MotionStore, manifest: Manifest) -> None:
    shuffled = replace(store, windows=tuple(reversed(store.windows)))

    assert Manifest.of(shuffled) == manifest
    assert Manifest.of(shuffled).fingerprint == manifest.fingerprint


def test_what_is_written_is_read(manifest: Manifest, tmp_path: Path) -> None:
    manifest.write(tmp_path / "manifest.json")

    assert Manifest.load(tmp_path / "manifest.json") == manifest
    with pytest.raises(InvalidInputError, match="exists"):
        manifest.write(tmp_path / "manifest.json")


def test_one_that_was_changed_by_hand_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    manifest.write(path)
    path.write_text(path.read_text().replace("a person walks forward", "a person runs"))
    with pytest.raises(FileFormatError, match="changed after it was made"):
        Manifest.load(path)

    path.write_text(json.dumps({"format": "else"}))
    with pytest.raises(FileFormatError, match="expected marey-manifest 1"):
        Manifest.load(path)


def test_seeds_belong_to_window_and_repeat(manifest: Manifest) -> None:
    seeds = {each.seed(repeat) for each in manifest.windows for repeat in range(5)}

    assert len(seeds) == 5 * len(manifest.windows)
    named = ManifestWindow(window_id="01_01:0-60", split="test", caption="a person walks")
    assert named.seed() == named.seed(0) == replace(named, caption="other").seed(0)
    assert named.seed(0) == 2114496722  # a change would make other figures of the same manifest


def test_more_windows_than_there_are_is_an_error(manifest: Manifest) -> None:
    assert manifest.windows_of("test", 2) == manifest.windows_of("test")[:2]
    with pytest.raises(InvalidInputError, match="1 to 6 windows"):
        manifest.windows_of("test", 7)
    with pytest.raises(InvalidInputError, match=r"test, test_repetition.*'train'"):
        manifest.windows_of("train")


def test_a_store_without_the_windows_says_what_to_do(
    store: MotionStore, manifest: Manifest
) -> None:
    windows = manifest.windows_of("test")
    assert [each.window_id for each in manifest.records(store, windows)] == [
        each.window_id for each in windows
    ]

    gone = replace(store, windows=tuple(w for w in store.windows if w.clip_id != "test3"))
    with pytest.raises(InvalidInputError, match=r"1 are missing.*test3.*marey data prepare cmu"):
        manifest.records(gone, windows)
    with pytest.raises(InvalidInputError, match=r"another rate, at 30"):
        manifest.records(replace(store, fps=30.0), windows)


def test_the_shipped_one_has_windows_to_measure_by() -> None:
    shipped = Manifest.shipped()

    for split in MANIFEST_SPLITS:
        windows = shipped.windows_of(split)
        clips = [each.window_id.split(":")[0] for each in windows]
        assert len(set(clips)) == len(clips) > 64
        for each in windows:
            start, end = map(int, each.window_id.split(":")[1].split("-"))
            assert SECONDS[0] <= (end - start) / shipped.fps <= SECONDS[1]


def test_the_shipped_one_holds_nobodys_sentences(shared_data: Path) -> None:
    shipped = Manifest.shipped()
    pack = CmuPack.open(shared_data / "cmu")
    said = {clip.kit_sentence.lower() for clip in pack.clips if clip.kit_sentence}
    splits = {clip.name: clip.split for clip in pack.clips}
    written = {caption.lower() for segment in pack.segments for caption in segment.captions}

    assert len(said) > 100
    for each in shipped.windows:
        assert splits[each.window_id.split(":")[0]] == each.split
        assert each.caption.lower() not in said
        assert each.caption.lower() in written
