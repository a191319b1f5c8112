"""The writer: it learns, writes what it scores highest, and goes through a file and a stop."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.errors import Cancelled, FileFormatError, InvalidInputError
from marey.io.tensor_file import write_tensors
from marey.motion import Motion
from marey.reasoning import WrittenReasoner
from marey.reasoning.bank import TOLD_SLOTS
from marey.reasoning.part_writer import END, START, PartWriter, WriterConfig, joined, split
from marey.reasoning.writer_file import (
    FORMAT,
    VERSION,
    Writer,
    load_writer,
    plain_sentence,
    save_writer,
)
from marey.reasoning.writer_training import WriterTrainConfig, told_windows, train_writer
from marey.skeleton import BODY22
from marey.skeleton.parts import PARTS
from marey.text import MiniLMEncoder, TextScript
from marey.training import Report

TOLD = {
    "a person waves with the left hand": "waves",
    "a person kicks with the left leg": "stays still, then hangs",
}
"""What the left arm does by sentence."""


def annotated(window: str, left_arm: str) -> dict[str, dict[str, str]]:
    return {window: dict.fromkeys(PARTS, "does nothing") | {"left_arm": left_arm}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    spec = StoreSpec(fps=20.0, skeleton=BODY22, fingerprint="test", options={})
    writer = StoreWriter.open(tmp_path_factory.mktemp("writer") / "store", spec)
    still = Motion(
        root_positions=torch.zeros(40, 3),
        local_rotations=torch.eye(3).repeat(40, BODY22.num_joints, 1, 1),
        fps=20.0,
        skeleton=BODY22,
    )
    rows = [(text, split) for text in TOLD for split in ("train", "val")]
    for i, (text, split_name) in enumerate(rows):
        record = ClipRecord(
            clip_id=f"clip{i}", shard=0, start=0, length=40, source_fps=20.0, split=split_name
        )
        window = WindowRecord(
            clip_id=f"clip{i}",
            start=0,
            end=40,
            split=split_name,
            texts=(WindowText(text=text, source="caption"),),
        )
        writer.append(f"clip{i}", still, record=record, windows=(window,))
    return writer.finish()


def part_texts(store: MotionStore) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for window in store.windows:
        found |= annotated(window.window_id, TOLD[window.texts[0].text])
    return found


TINY = WriterTrainConfig(
    width=32,
    layers=1,
    heads=2,
    dropout=0.0,
    batch_size=4,
    steps=120,
    warmup=1,
    learning_rate=1e-2,
    ema_decay=0.5,
    ema_every=1,
)


def test_it_learns_what_two_sentences_say(store: MotionStore, tmp_path: Path) -> None:
    writer = train_writer(
        TINY, store, part_texts(store), tmp_path / "run", encoder=MiniLMEncoder(), source="made up"
    )
    assert writer.validation < 0.05
    reasoner = WrittenReasoner(writer)
    for sentence, left_arm in TOLD.items():
        (states,) = MiniLMEncoder().encode([plain_sentence(sentence)])
        written = writer.network.write(states.states)
        assert written["left_arm"] == left_arm
        assert written["head"] == "does nothing"
        script = reasoner.reason(TextScript.from_prompt(sentence))
        assert {each.slot for each in script.statements} >= set(PARTS)


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    store: MotionStore, tmp_path: Path
) -> None:
    config = dataclasses.replace(TINY, steps=8, dropout=0.2, save_minutes=0.0)
    told, encoder = part_texts(store), MiniLMEncoder()
    losses: dict[str, list[float]] = {"whole": [], "broken": []}

    def run(name: str, until: int) -> None:
        def listen(report: Report) -> None:
            losses[name].append(report.losses["total"])
            if report.step == until:
                raise Cancelled("enough")

        train_writer(
            config, store, told, tmp_path / name, encoder=encoder, source="", listen=listen
        )

    run("whole", until=-1)
    with pytest.raises(Cancelled):
        run("broken", until=3)
    run("broken", until=-1)
    assert losses["broken"] == losses["whole"]


def test_the_best_of_a_run_is_known_when_it_goes_on(store: MotionStore, tmp_path: Path) -> None:
    # A rate of learning at which every step makes it worse than the first.
    config = dataclasses.replace(TINY, steps=6, save_minutes=0.0, learning_rate=10.0, warmup=0)
    told, run = part_texts(store), tmp_path / "run"

    def listen(report: Report) -> None:
        if report.step == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        train_writer(config, store, told, run, encoder=MiniLMEncoder(), source="", listen=listen)
    best = load_writer(run / "writer.safetensors").validation
    writer = train_writer(config, store, told, run, encoder=MiniLMEncoder(), source="")
    rows = (run / "metrics.csv").read_text().splitlines()
    logged = [float(row.split(",")[2]) for row in rows if ",validation," in row]
    assert len(logged) == 6
    assert writer.validation == pytest.approx(min(logged), rel=1e-5)
    assert writer.validation <= best


def test_another_annotation_is_another_run(store: MotionStore, tmp_path: Path) -> None:
    config, told = dataclasses.replace(TINY, steps=1), part_texts(store)
    train_writer(config, store, told, tmp_path / "run", encoder=MiniLMEncoder(), source="")
    other = {window: texts | {"head": "nods"} for window, texts in told.items()}
    with pytest.raises(InvalidInputError, match="another data"):
        train_writer(config, store, other, tmp_path / "run", encoder=MiniLMEncoder(), source="")


def test_both_sides_are_treated_alike_at_every_time() -> None:
    sentence = "swings the left arm in a circle, then swings the {} arm in a circle"
    same, other = (
        {
            each.slot: each.text
            for each in WrittenReasoner()
            .reason(TextScript.from_prompt(sentence.format(side)))
            .statements
        }
        for side in ("left", "right")
    )
    assert same["left_leg"].split(", then ")[-1] == other["right_leg"].split(", then ")[-1]


def test_what_is_written_is_what_scores_highest() -> None:
    torch.manual_seed(0)
    config = WriterConfig(
        words=("waves", ",", "then"),
        slots=("head", "torso"),
        text_width=8,
        width=16,
        heads=2,
        layers=2,
        longest=5,
    )
    network, states = PartWriter(config).eval(), torch.randn(4, 8)
    texts = network.write(states)
    rows: list[tuple[int, int, int, int]] = []
    for slot, name in enumerate(config.slots):
        said = [config.words.index(word) + 2 for word in split(texts[name])]
        # After the longest text the next slot follows, whatever else the network would say.
        wanted = [*said, END if len(said) < config.longest else -1]
        places = range(len(wanted))
        rows += list(zip([START, *said], [slot] * len(wanted), places, wanted, strict=True))
    words, of, at, targets = torch.tensor(rows).T[:, None]
    seen = torch.ones(1, 4, dtype=torch.bool)
    scores = network(states[None], seen, words, of, at)
    scores[..., START] = -torch.inf
    known = targets >= 0
    assert torch.equal(scores.argmax(-1)[known], targets[known])


def test_a_writer_goes_through_a_file(tmp_path: Path) -> None:
    config = WriterConfig(words=("waves",), slots=TOLD_SLOTS, text_width=8, width=16, heads=2)
    made = Writer(network=PartWriter(config), encoder="e 1", source="made up", validation=1.25)
    save_writer(made, tmp_path / "w.safetensors")
    again = load_writer(tmp_path / "w.safetensors")
    assert (again.encoder, again.source, again.validation) == ("e 1", "made up", 1.25)
    assert again.network.config == config
    for name, value in made.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value.half().float())
    with pytest.raises(InvalidInputError, match="e 1"):
        WrittenReasoner(again)
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match="reason train"):
        load_writer(tmp_path / "x.safetensors")


def test_windows_that_are_left_out_are_counted_by_reason(
    store: MotionStore, tmp_path: Path
) -> None:
    told = part_texts(store)
    good = store.windows[0]
    bad = {
        "a flip": dataclasses.replace(good, flip=True),
        "off the floor": dataclasses.replace(good, off_floor=True),
        "no sentence": dataclasses.replace(good, texts=()),
        "not annotated": dataclasses.replace(good, clip_id="another"),
    }
    found, left_out = told_windows([good, *bad.values(), bad["a flip"]], told)
    assert len(found) == 1
    assert left_out == {reason: 1 for reason in bad} | {"a flip": 2}
    said = list[str]()
    known = {id_: told[id_] for id_ in list(told)[:-1]}
    train_writer(
        dataclasses.replace(TINY, steps=1),
        store,
        known,
        tmp_path / "run",
        encoder=MiniLMEncoder(),
        source="",
        say=said.append,
    )
    assert sorted(line.partition(";")[2] for line in said) == [
        " left out: 1 × not annotated",
        " left out: none",
    ]


def test_a_store_without_annotations_is_refused(store: MotionStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"2 × not annotated.*marey annotate"):
        train_writer(TINY, store, {}, tmp_path / "run", encoder=MiniLMEncoder(), source="")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"width": 33}, "width must be a multiple of 2 heads, got 33"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"heads": 0}, "heads must be at least 1, got 0"),
        ({"dropout": 1.5}, "dropout must be in"),
        ({"measured_share": -0.1}, "measured_share must be in"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_runs_that_cannot_be_are_refused(changed: dict[str, float], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        dataclasses.replace(TINY, **changed)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"words": ()}, "got no words"),
        ({"slots": ()}, "got no slots"),
        ({"text_width": 0}, "got text_width = 0"),
        ({"longest": 0, "layers": -1}, "got layers = -1, longest = 0"),
        ({"heads": 3}, "width = 16, which is no multiple of heads = 3"),
        ({"dropout": 2.0}, "got dropout = 2"),
    ],
)
def test_networks_that_cannot_be_are_refused(
    changed: dict[str, object], told: str, tmp_path: Path
) -> None:
    fine = WriterConfig(words=("waves",), slots=TOLD_SLOTS, text_width=8, width=16, heads=2)
    with pytest.raises(InvalidInputError, match=told):
        dataclasses.replace(fine, **changed)


def test_a_file_of_a_network_that_cannot_be_is_named(tmp_path: Path) -> None:
    notes = {"config": json.dumps({"words": [], "slots": [], "text_width": 8})}
    file = tmp_path / "w.safetensors"
    write_tensors(file, {"x": torch.zeros(1)}, notes, kind=FORMAT, version=VERSION)
    with pytest.raises(FileFormatError, match=r"w\.safetensors.*no words.*reason train"):
        load_writer(file)


@pytest.mark.parametrize("text", ["waves", "raises, then lowers", "a, b, then c", ""])
def test_words_join_to_the_text_they_were(text: str) -> None:
    assert joined(split(text)) == text
