"""LoRA of a chat model on sentences and part texts, with a tiny random Llama made by the test."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from marey.annotation import AnnotatedWindow, Annotation, AnnotationFile, LocalModel, Message
from marey.cli.main import main
from marey.data import ClipRecord, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.errors import Cancelled, InvalidInputError
from marey.motion import Motion
from marey.reasoning import LanguageModelReasoner
from marey.reasoning.language_model import TASK, answered
from marey.reasoning.tuning import TuneConfig, _Loss, tune
from marey.reasoning.tuning_examples import TokenizedExample, TuningExample, examples_of, tokenized
from marey.skeleton import BODY22
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import TextScript
from marey.text.chat_model import load_chat_model
from marey.training import Report

transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
IDLE = {**dict.fromkeys(PARTS, "does nothing"), **dict.fromkeys(PAIR_SLOTS, "")}
TOLD = {
    "a person waves": {**IDLE, "right_arm": "waves"},
    "a person nods": {**IDLE, "head": "nods"},
    "a person claps": {**IDLE, "left_arm+right_arm": "the hands clap"},
    "a person kicks": {**IDLE, "right_leg": "kicks"},
}
EXAMPLES = [TuningExample.of(sentence, texts) for sentence, texts in TOLD.items()]


def write_model(folder: Path, *, seed: int = 0, width: int = 64) -> Path:
    """A random Llama, and a tokenizer that takes the task in few bites."""
    bites = Tokenizer(models.BPE())
    bites.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bites.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    keys = [f'"{slot}": "' for slot in (*PARTS, *PAIR_SLOTS)]
    bites.train_from_iterator([*[TASK] * 30, *keys, *IDLE.values()], trainer)
    tokenizer: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bites, eos_token="<|end|>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=bites.get_vocab_size(),
                hidden_size=width,
                intermediate_size=2 * width,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=2048,
                bos_token_id=None,
                eos_token_id=0,
                initializer_range=0.3,
            )
        ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


def config(**changes: Any) -> TuneConfig:
    return TuneConfig(**{"batch_size": 4, "steps": 4, "warmup": 2, "log_every": 1, **changes})


def tuned(base: Path, run: Path, settings: TuneConfig, **more: Any) -> Path:
    chat = load_chat_model(base, dtype=torch.float32, device="cpu")
    examples, _ = tokenized(chat, EXAMPLES, most_tokens=2048)
    return tune(settings, chat, examples, run, **more)


def values(run: Path, name: str) -> list[float]:
    with (run / "metrics.csv").open(newline="") as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["name"] == name]


def assert_same(one: Path, other: Path) -> None:
    """The weights of two adapters are equal to the last bit."""
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_a_model_learns_to_answer_and_keeps_its_weights(base: Path, tmp_path: Path) -> None:
    before = (base / "model.safetensors").read_bytes()
    chat = load_chat_model(base, dtype=torch.float32, device="cpu")
    examples, _ = tokenized(chat, EXAMPLES, most_tokens=2048)
    own = {name: p.clone() for name, p in chat.model.named_parameters()}
    settings = config(steps=60, learning_rate=1e-2, warmup=5, rank=32, validate_every=30)
    adapter = tune(settings, chat, examples, tmp_path / "run", validation=examples[:2])
    losses, held_out = values(tmp_path / "run", "total"), values(tmp_path / "run", "validation")
    assert losses[-1] < 0.02 * losses[0]
    assert len(held_out) == 3
    assert held_out[-1] < held_out[0]
    kept = {n.replace(".base_layer", ""): p for n, p in chat.model.named_parameters()}
    assert all(torch.equal(kept[name], p) for name, p in own.items())
    assert (base / "model.safetensors").read_bytes() == before

    model = LocalModel(base, adapter=adapter, device="cpu")
    assert model.name == "tiny+run"

    def ask(task: str, question: str, schema: Any) -> str:
        messages = [Message(role="system", text=task), Message(role="user", text=question)]
        return model.ask(messages, schema).text

    script = LanguageModelReasoner(ask).reason(TextScript.from_prompt("a person waves"))
    said = {each.slot: each.text for each in script.statements[1:]}
    assert said == {slot: text for slot, text in TOLD["a person waves"].items() if text}


def test_a_stopped_run_goes_on_as_if_it_had_not_been(base: Path, tmp_path: Path) -> None:
    whole = tuned(base, tmp_path / "whole", config(batch_size=3))

    def stop(report: Report) -> None:
        if report.step == 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        tuned(base, tmp_path / "parts", config(batch_size=3), listen=stop)
    parts = tuned(base, tmp_path / "parts", config(batch_size=3))
    losses = values(tmp_path / "whole", "total")
    assert len(losses) == 4
    assert values(tmp_path / "parts", "total") == losses
    assert_same(parts, whole)
    state = load_file(tmp_path / "parts" / "state.safetensors")
    assert all("lora_" in name for name in state if name.startswith("model."))
    with pytest.raises(InvalidInputError, match="another rank"):
        tuned(base, tmp_path / "parts", config(batch_size=3, rank=2))


def test_computing_again_for_gradients_changes_nothing(base: Path, tmp_path: Path) -> None:
    plain = tuned(base, tmp_path / "plain", config(steps=2))
    thrifty = tuned(base, tmp_path / "thrifty", config(steps=2, checkpointing=True))
    assert_same(thrifty, plain)


def test_only_the_answer_is_learned(generator: torch.Generator) -> None:
    asked, length, words = 3, 8, 5
    scores = torch.randn(1, length, words, generator=generator, requires_grad=True)
    tokens = torch.randint(words, (length,), generator=generator)

    def network(*, input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        assert input_ids.shape == (1, length)
        return SimpleNamespace(logits=scores)

    loss = _Loss(network, torch.device("cpu"), recompute=False)
    found = loss([TokenizedExample(tokens=tokens, asked=asked)])
    found.backward()
    assert scores.grad is not None
    learned = scores.grad[0].abs().sum(dim=-1) > 0
    assert learned.tolist() == [False] * (asked - 1) + [True] * (length - asked) + [False]
    likely = scores[0].log_softmax(-1)[torch.arange(asked - 1, length - 1), tokens[asked:]]
    torch.testing.assert_close(found, -likely.mean())


def test_the_prompt_is_what_the_model_is_asked_and_the_answer_ends(base: Path) -> None:
    chat = load_chat_model(base, device="cpu")
    (example,), dropped = tokenized(chat, EXAMPLES[:1], most_tokens=2048)
    text = chat.tokenizer.decode(example.tokens)
    sentence, answer = EXAMPLES[0].sentence, EXAMPLES[0].answer
    prompt = f"<|system|>{TASK}<|end|><|user|>{sentence}<|end|><|assistant|>"
    assert text == f"{prompt}{answer}<|end|>"
    assert chat.tokenizer.decode(example.tokens[: example.asked]) == prompt
    assert dropped == 0
    assert tokenized(chat, EXAMPLES, most_tokens=len(example.tokens) - 3)[1] > 0


def test_an_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    adapter = tuned(base, tmp_path / "run", config(steps=1))
    named = json.loads((adapter / "adapter_config.json").read_text())
    assert named["base_model_name_or_path"] == "tiny"
    other = write_model(tmp_path / "other", seed=1)
    with pytest.raises(InvalidInputError, match="made for, 'tiny', got other weights"):
        LocalModel(other, adapter=adapter, device="cpu")
    # One that another program made does not say what it fits, but its shapes do.
    weights = adapter / "adapter_model.safetensors"
    save_file(load_file(weights), weights, metadata={"format": "pt"})
    wider = write_model(tmp_path / "wider", width=32)
    with pytest.raises(InvalidInputError, match="expected a LoRA adapter made for"):
        LocalModel(wider, adapter=adapter, device="cpu")
    with pytest.raises(InvalidInputError, match="expected the folder of a whole model"):
        LocalModel(adapter, device="cpu")
    with pytest.raises(InvalidInputError, match="expected the folder of an adapter"):
        LocalModel(base, adapter=tmp_path / "none", device="cpu")


def window(start: int, *texts: str, split: str = "train", **more: Any) -> WindowRecord:
    told = tuple(WindowText(text=text, source="user") for text in texts)
    return WindowRecord(clip_id=split, start=start, end=start + 20, split=split, texts=told, **more)


def test_examples_are_sentences_of_sound_annotated_windows() -> None:
    right = {**IDLE, "right_arm": "waves to the right, then rests, then waves, then rests"}
    annotated = {"train:0-20": right, "train:1-21": IDLE, "train:3-23": {**IDLE, "head": "x" * 500}}
    windows = [
        window(0, "a person waves", "a person waves the right arm"),
        window(1, "a person jumps", flip=True),
        window(2, "a person runs", "a person jogs"),
        window(3, "a person nods"),
    ]
    found, dropped = examples_of(windows, annotated)
    assert dropped == {"implausible motion": 1, "no annotation": 2, "unfit annotation": 1}
    said = {each.sentence: answered(each.answer) for each in found}
    waves = "waves to the right, then rests, then waves"
    assert said["a person waves"]["right_arm"] == waves
    assert said["a person waves the right arm"]["right_arm"] == waves
    assert said["a person waves the left arm"]["left_arm"] == waves.replace("right", "left")
    assert said["a person waves the left arm"]["right_arm"] == "does nothing"
    assert len(found) == 3


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A still body in every split, with annotations."""
    path = tmp_path / "store"
    spec = StoreSpec(fps=20.0, skeleton=BODY22, fingerprint="tune", options={})
    writer = StoreWriter.open(path, spec)
    root = torch.tensor([0.0, 0.9, 0.0]).repeat(40, 1)
    local = torch.eye(3).repeat(40, BODY22.num_joints, 1, 1)
    motion = Motion(root_positions=root, local_rotations=local, fps=20.0, skeleton=BODY22)
    parts = dict.fromkeys(PARTS, "does nothing")
    annotation = Annotation(
        body=("a person rests",), parts=parts, interactions=dict.fromkeys(PAIR_SLOTS, "")
    )
    with AnnotationFile(path / "annotations.geometry.jsonl") as lines:
        for split in ("train", "val", "test"):
            record = ClipRecord(
                clip_id=split, shard=0, start=0, length=40, source_fps=20.0, split=split
            )
            own = window(0, f"a person rests in {split}", split=split)
            writer.append(split, motion, record=record, windows=(own,))
            lines.append(
                AnnotatedWindow(window_id=own.window_id, key="", prompt="", annotation=annotation)
            )
    writer.finish()
    return path


def test_the_command_learns_from_train_and_looks_at_val(
    base: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["reason", "tune", str(base), "--data", str(store), "--run", str(run)]
    words += ["--device", "cpu", "--steps", "2", "--batch-size", "1", "--rank", "2"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == [
        "train: 1 sentences; left out: none",
        "val: 1 sentences; left out: none",
    ]
    assert "step 2 of 2  loss" in said.err
    assert len(values(run, "validation")) == 2
    assert main(words) == 0
    capsys.readouterr()
    assert main([*words[:-1], "3"]) == 2
    assert "another rank" in capsys.readouterr().err
    nowhere = ["reason", "walks", "--adapter", str(run / "adapter")]
    assert main(nowhere) == 2
    assert "--llm FOLDER" in capsys.readouterr().err
    assert main([*nowhere, "--llm", "http://localhost:1/v1", "--model", "m"]) == 2
    assert "got an endpoint" in capsys.readouterr().err
