import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from marey.cli.main import main
from marey.generate import GenerationRequest
from marey.io import load_motion, write_bvh
from marey.sampling import Guidance

WALK = "a person walks forward"
OFFLINE = """
import os, socket, sys

def refuse(*arguments, **more):
    raise AssertionError("the network was asked for")

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ.pop(name, None)

from marey.cli.main import main

code = main(sys.argv[1:])
heavy = {"transformers", "huggingface_hub", "sentence_transformers"} & sys.modules.keys()
sys.exit(code or bool(heavy))
"""


@pytest.fixture
def run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """Runs the command in an empty folder with the tiny model and one second of motion."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, model: str = str(tiny_model)) -> tuple[int, str, str]:
        code = main(["generate", *words, "--seconds", "1", "--model", model])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes generation itself an error: what is refused is refused before it."""

    def refuse(*arguments: object, **more: object) -> None:
        pytest.fail("generation was started")

    monkeypatch.setattr("marey.generate.generate", refuse)


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_the_suffix_decides_the_format(run) -> None:
    names = ["a.bvh", "a.glb", "a.npz", "a.png"]
    code, out, err = run(WALK, *(word for name in names for word in ("-o", name)))
    assert (code, err) == (0, "")  # no progress bar where nobody looks at it
    assert files() == names
    assert out.splitlines()[:4] == names
    assert "20 frames at 20 fps, 1.00 s" in out
    assert load_motion("a.npz").metadata["text"] == WALK
    assert load_motion("a.bvh").num_frames == 20
    with Image.open("a.png") as picture:
        assert picture.format == "PNG"


def test_samples_are_numbered(run) -> None:
    code, out, _ = run(WALK, "--samples", "2", "-o", "a.bvh", "-o", "b.npz", "--fps", "40")
    assert code == 0
    assert files() == ["a_00.bvh", "a_01.bvh", "b_00.npz", "b_01.npz"]
    assert [line for line in out.splitlines() if line[0] != " "] == [
        *("a_00.bvh", "b_00.npz", "a_01.bvh", "b_01.npz")
    ]
    motions = [load_motion(f"b_0{i}.npz") for i in range(2)]
    assert [m.metadata["sample"] for m in motions] == [0, 1]
    assert [(m.fps, m.num_frames) for m in motions] == [(40.0, 39)] * 2


def test_json_says_what_was_made(run, tiny_model: Path) -> None:
    words = ("--samples", "2", "-o", "a.bvh", "-o", "a.glb", "--seed", "5", "--text-weight", "3")
    code, out, err = run(WALK, *words, "--json")
    content = json.loads(out)
    assert (code, err) == (0, "")
    assert [m["files"] for m in content["motions"]] == [
        ["a_00.bvh", "a_00.glb"],
        ["a_01.bvh", "a_01.glb"],
    ]
    request = GenerationRequest.from_json(content["request"])
    assert (request.script.prompt, request.seed, request.samples) == (WALK, 5, 2)
    assert request.guidance == Guidance(text=3.0)


def test_guidance_flags_change_only_what_they_name(run) -> None:
    def guidance(*words: str) -> dict | None:
        return json.loads(run(WALK, "-o", "a.npz", "--force", "--json", *words)[1])["request"][
            "guidance"
        ]

    assert guidance() is None
    assert guidance("--guidance", "separated") == {
        "text": 1.5,  # the model's own
        "constraints": 2.0,
        "mode": "separated",
    }


def test_the_motion_is_put_on_a_skeleton(run, tmp_path: Path) -> None:
    assert run(WALK, "-o", "rig.bvh")[0] == 0
    rig = load_motion("rig.bvh")
    (tmp_path / "rigs").mkdir()
    write_bvh(rig, "rigs/rig.bvh")
    code, _, _ = run(WALK, "-o", "on_rig.npz", "--skeleton", "rigs/rig.bvh")
    assert code == 0
    assert load_motion("on_rig.npz").skeleton.joint_names == rig.skeleton.joint_names


@pytest.mark.usefixtures("never")
def test_nothing_is_overwritten_without_force(run) -> None:
    Path("a_01.bvh").write_text("mine")
    code, out, err = run(WALK, "--samples", "2", "-o", "a.bvh")
    assert (code, out) == (2, "")
    assert "a_01.bvh exists and is not overwritten" in err
    assert "--force" in err
    assert Path("a_01.bvh").read_text() == "mine"
    assert files() == ["a_01.bvh"]


def test_force_overwrites(run) -> None:
    Path("a.bvh").write_text("mine")
    assert run(WALK, "-o", "a.bvh", "--force")[0] == 0
    assert load_motion("a.bvh").num_frames == 20


BAD = [
    ([WALK], "-o FILE"),
    ([WALK, "-o", "a.abc"], "expected a name that ends in .bvh"),
    (["  ", "-o", "a.bvh"], "Expected a sentence, got nothing"),
    ([WALK, "-o", "a.bvh", "--samples", "0"], "samples: expected a whole number, at least 1"),
    ([WALK, "-o", "a.bvh", "--steps", "0"], "steps: expected a whole number, at least 1, at most"),
    ([WALK, "-o", "a.bvh", "--fps", "-1"], "fps: expected a positive, finite number"),
    (
        [WALK, "-o", "a.bvh", "--part", "tail=wags"],
        "expected a part, got 'tail'. Choose from torso",
    ),
    ([WALK, "-o", "a.bvh", "--part", "left_arm"], "expected NAME=TEXT"),
    ([WALK, "-o", "a.bvh", "--part", "head=a", "--part", "head=b"], "head is given twice"),
    ([WALK, "-o", "a.bvh", "--skeleton", "absent.bvh"], "absent.bvh"),
]


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input_is_refused_before_work(run, words: list[str], message: str) -> None:
    code, out, err = run(*words)
    assert (code, out, files()) == (2, "", [])
    assert err.startswith("marey: error: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_what_only_the_model_can_refuse(run, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(WALK, "-o", "a.bvh", model="huge")
    assert (code, files()) == (2, [])
    assert "No model 'huge': expected one of small or a checkpoint folder" in err
    code = main(["generate", WALK, "-o", "a.bvh", "--seconds", "601"])
    assert (code, files()) == (2, [])
    assert "seconds: expected at most 600 s, got 601" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [False, True])
def test_the_progress_bar_is_shown_on_a_terminal_and_goes(
    run, monkeypatch: pytest.MonkeyPatch, stop: bool
) -> None:
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("TERM", "xterm")
    if stop:

        def fail(*arguments: object, **more: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("marey.generate.drawing.sample_features", fail)
    code, out, err = run(WALK, "-o", "a.bvh")
    assert code == (130 if stop else 0)
    assert "generating" in err
    assert "generating" not in out
    assert err.count("\x1b[?25l") == err.count("\x1b[?25h") == 1  # the cursor comes back


def test_no_network_is_needed(tmp_path: Path) -> None:
    words = ["generate", WALK, "--seconds", "1", "--steps", "2", "-o", "a.bvh"]
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert load_motion(tmp_path / "a.bvh").num_frames == 20
