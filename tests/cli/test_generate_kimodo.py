"""``marey generate kimodo``: a folder in, a folder out that Kimodo's tools can read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marey.cli.main import main
from marey.io.kimodo import read_kimodo
from marey.io.kimodo_meta import read_kimodo_meta
from marey.skeleton import G1_34, SOMA30, SOMA77

ONE = {"text": "A person walks.", "duration": 1.0, "seed": 3, "diffusion_steps": 2}
WAYPOINTS = [{"type": "root2d", "frame_indices": [0, 29], "smooth_root_2d": [[0, 0], [0, 0.5]]}]
Run = Callable[..., tuple[int, str, str]]


def pose_of(joints: int) -> list[dict[str, Any]]:
    return [
        {
            "type": "fullbody",
            "frame_indices": [10],
            "local_joints_rot": torch.zeros(1, joints, 3).tolist(),
            "root_positions": [[0.0, 0.9, 0.0]],
        }
    ]


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> Run:
    """Writes a folder, generates it with the tiny model, and returns code, stdout, stderr."""

    def call(meta: Any, *words: str, constraints: Any = None) -> tuple[int, str, str]:
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        (folder / "meta.json").write_text(json.dumps(meta))
        if constraints is not None:
            (folder / "constraints.json").write_text(json.dumps(constraints))
        arguments = [str(folder), "-o", str(tmp_path / "out"), "--model", str(tiny_model), *words]
        code = main(["generate", "kimodo", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_folder_out_holds_motion_meta_constraints_and_report(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(ONE, constraints=WAYPOINTS)
    assert code == 0
    assert "30 frames at 30 fps, soma77" in out
    folder = tmp_path / "out"
    motion = read_kimodo(folder / "motion.npz")
    assert motion.skeleton == SOMA77
    assert motion.num_frames == 30
    assert np.load(folder / "motion.npz")["posed_joints"].shape == (30, 77, 3)
    assert json.loads((folder / "constraints.json").read_text()) == WAYPOINTS
    pins = json.loads((folder / "report.json").read_text())["motions"][0]["constraints"]
    assert len(pins) == 1
    path = motion.root_path
    assert torch.allclose(path[-1] - path[0], torch.tensor([0.0, 0.5]), atol=0.15)


def test_meta_out_says_what_was_used(run: Run, tmp_path: Path) -> None:
    assert run(ONE)[0] == 0
    meta = read_kimodo_meta(tmp_path / "out/meta.json")
    assert (meta.texts, meta.durations, meta.seed) == (("A person walks.",), (1.0,), 3)
    assert meta.diffusion_steps == 3  # the tiny model's own
    assert meta.cfg.text_weight == 1.5
    assert "made_by" in meta.others
    assert run({**ONE, "cfg": {"text_weight": 4.0}}, "--as-stated", "--force")[0] == 0
    meta = read_kimodo_meta(tmp_path / "out/meta.json")
    assert (meta.diffusion_steps, meta.cfg.text_weight) == (2, 4.0)
    assert meta.cfg.constraint_weight == 2.0


def test_samples_sentences_and_seed(run: Run, tmp_path: Path) -> None:
    several = {"texts": ["A person walks.", "A person sits."], "durations": [0.6, 0.7]}
    assert run({**several, "num_samples": 2})[0] == 0
    motions = [read_kimodo(tmp_path / f"out/motion_{i:02d}.npz") for i in (0, 1)]
    assert [motion.num_frames for motion in motions] == [39, 39]
    assert not torch.equal(motions[0].local_rotations, motions[1].local_rotations)
    request = json.loads((tmp_path / "out/report.json").read_text())["request"]
    said = [(each["text"], each["start"]) for each in request["script"]["statements"]]
    assert said == [("A person walks.", 0.0), ("A person sits.", 0.6)]


@pytest.mark.parametrize(
    ("words", "constraints", "skeleton"),
    [
        ((), pose_of(34), G1_34),
        ((), pose_of(77), SOMA77),
        (("--skeleton", "soma30"), None, SOMA30),
        (("--skeleton", "g1"), WAYPOINTS, G1_34),
    ],
)
def test_skeleton_is_that_of_the_constraints_or_as_asked(
    words: tuple[str, ...], constraints: Any, skeleton: Any, run: Run, tmp_path: Path
) -> None:
    code, _, err = run(ONE, *words, constraints=constraints)
    assert code == 0, err
    assert read_kimodo(tmp_path / "out/motion.npz").skeleton == skeleton


def test_nothing_is_overwritten_unless_forced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/motion.npz").write_bytes(b"mine")
    code, _, err = run(ONE)
    assert code == 2
    assert "motion.npz exists" in err
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["motion.npz"]
    assert run(ONE, "--force")[0] == 0


@pytest.mark.parametrize(
    ("meta", "constraints", "message"),
    [
        ({"text": "a"}, None, "duration"),
        (ONE, {"type": "root2d"}, "constraints.json"),
        (ONE, [{"type": "tail"}], r"constraints.json: [0].type"),
    ],
)
def test_faults_name_the_file(meta: Any, constraints: Any, message: str, run: Run) -> None:
    code, _, err = run(meta, constraints=constraints)
    assert code == 2
    assert message in err
    assert "expected" in err
