"""Constraints, sequences and post-processing on the command line."""

import json
from pathlib import Path

import pytest

from marey.cli.main import main
from marey.constraints import Finding
from marey.generate import GenerationRequest
from marey.io import load_motion

WALK = "a person walks forward"
PINS = {
    "version": 1,
    "constraints": [
        {"type": "root_waypoint", "frames": [0, 19], "points": [[0.1, 0], [0.2, 0.6]]},
        {"type": "joint", "joint": "left_wrist", "frames": [10], "positions": [[0.4, 1, 0.4]]},
    ],
}


@pytest.fixture
def run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """Runs ``marey generate`` in an empty folder with the tiny model and two steps."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["generate", *words, "--model", str(tiny_model), "--steps", "2"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def pins(tmp_path: Path) -> str:
    (tmp_path / "pins.json").write_text(json.dumps(PINS))
    return "pins.json"


def test_constraints_are_told_of_in_a_line_each_and_in_full(run, pins: str) -> None:
    words = ("--seconds", "1", "--constraints", pins, "-o", "a.npz", "--report", "a.json")
    code, out, err = run(WALK, *words)
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if line.startswith("  constraints[")]
    assert len(lines) == 2
    assert lines[1].startswith("  constraints[1] (JointTarget): met (worst error ")
    assert " cm)" in lines[1]
    report = json.loads(Path("a.json").read_text())
    assert report["motions"][0]["files"] == ["a.npz"]
    assert [each["met"] for each in report["motions"][0]["constraints"]] == [True, True]
    assert len(report["motions"][0]["constraints"][0]["pins"]) == 2
    assert GenerationRequest.from_json(report["request"]).to_json()["constraints"] == {
        "version": 1,
        "constraints": PINS["constraints"],
    }


def test_json_is_the_report(run, pins: str) -> None:
    words = ("--seconds", "1", "--constraints", pins, "--no-postprocess", "-o", "a.npz", "--json")
    content = json.loads(run(WALK, *words)[1])
    assert [each["why"] for each in content["motions"][0]["constraints"]] == [
        "post-processing was off"
    ] * 2
    assert content["request"]["postprocess"] is False


def test_best_writes_one_motion_under_its_plain_name(run, pins: str) -> None:
    words = ("--seconds", "1", "--samples", "3", "--constraints", pins, "--no-postprocess")
    each = json.loads(run(WALK, *words, "-o", "all.npz", "--json")[1])["motions"]
    code, out, _ = run(WALK, *words, "--best", "-o", "one.npz", "--json")
    (best,) = json.loads(out)["motions"]
    assert code == 0
    assert sorted(path.name for path in Path().glob("*.npz")) == [
        *("all_00.npz", "all_01.npz", "all_02.npz", "one.npz")
    ]
    assert best["files"] == ["one.npz"]
    off = [sum(p["error_before"] for c in m["constraints"] for p in c["pins"]) for m in each]
    assert best["sample"] == off.index(min(off))


def test_what_comes_then(run) -> None:
    words = ("--seconds", "1", "--then", "1.5 a person turns left", "--then", "1s: a person sits")
    code, _, _ = run(WALK, *words, "-o", "a.npz", "--no-postprocess", "--report", "a.json")
    assert code == 0
    motion = load_motion("a.npz")
    assert motion.num_frames == 70
    assert motion.metadata["text"] == f"{WALK}; a person turns left; a person sits"
    script = json.loads(Path("a.json").read_text())["request"]["script"]["statements"]
    assert [(each["start"], each["end"]) for each in script] == [(0, 1), (1, 2.5), (2.5, 3.5)]


def test_a_timeline_is_a_script(run) -> None:
    Path("day.txt").write_text("walks # 0 # 1\nwaves # 0.5 # 1 # left arm\nsits # 1 # 2\n")
    code, _, _ = run("--timeline", "day.txt", "-o", "a.npz", "--no-postprocess")
    assert code == 0
    assert load_motion("a.npz").num_frames == 40


def test_between_two_clips(run) -> None:
    assert run(WALK, "--seconds", "1", "-o", "first.bvh")[0] == 0
    assert run("a person sits", "--seconds", "1", "--seed", "3", "-o", "last.bvh")[0] == 0
    words = ("--seconds", "2", "--start-from", "first.bvh", "--end-with", "last.bvh", "-o", "a.npz")
    code, out, _ = run(WALK, *words)
    assert code == 0
    assert "FullBodyKeyframe 'start'" in out
    assert "FullBodyKeyframe 'end'" in out
    motion, first, last = (load_motion(f) for f in ("a.npz", "first.bvh", "last.bvh"))
    joint = motion.skeleton.index("left_ankle"), first.skeleton.index("left_ankle")
    for frame, clip, at in ((3, first, -1), (-4, last, 0)):
        apart = motion.joint_positions[frame, joint[0]] - clip.joint_positions[at, joint[1]]
        assert apart.norm() < 0.03


def test_a_single_pose_can_be_started_from(run) -> None:
    assert run(WALK, "--seconds", "0.05", "-o", "pose.bvh", "--no-postprocess")[0] == 0
    words = ("--seconds", "1", "--start-from", "pose.bvh", "-o", "a.npz", "--no-postprocess")
    assert run(WALK, *words)[0] == 0


def test_going_on_looping_and_standing_in_place(run) -> None:
    assert run(WALK, "--seconds", "1", "-o", "a.bvh")[0] == 0
    end = load_motion("a.bvh").root_positions[-1]
    words = ("--seconds", "1", "--no-postprocess")
    assert run(WALK, *words, "--continue-from", "a.bvh", "-o", "b.npz")[0] == 0
    assert (load_motion("b.npz").root_positions[0] - end).norm() < 0.2
    assert run(WALK, *words, "--loop", "--in-place", "-o", "c.npz")[0] == 0
    assert load_motion("c.npz").root_positions[:, [0, 2]].norm(dim=-1).max() < 0.13


def test_one_sentence_is_drawn_anew(run) -> None:
    words = ("--seconds", "1", "--then", "1 a person turns left", "--no-postprocess")
    assert run(WALK, *words, "-o", "a.npz")[0] == 0
    again = ("--base", "a.npz", "--regenerate", "1", "--seed", "8", "-o", "b.npz")
    assert run(WALK, *words, *again)[0] == 0
    before, after = load_motion("a.npz"), load_motion("b.npz")
    same = (before.local_rotations == after.local_rotations).flatten(1).all(-1)
    assert bool(same[:15].all())
    assert not bool(same[20:].any())


def test_kimodos_files_are_read_and_their_mapping_told(run, shared_data: Path) -> None:
    folder = shared_data / "kimodo_examples"
    file = sorted(folder.glob("kimodo-soma-rp/*/constraints.json"))[0]
    code, out, err = run(WALK, "--seconds", "8", "--constraints", str(file), "-o", "a.npz",
                         "--no-postprocess", "--report", "a.json")  # fmt: skip
    assert code == 0, err
    notes = json.loads(Path("a.json").read_text())["notes"]
    assert any("made for soma" in note and "→ left_ankle" in note for note in notes)
    assert notes[0] in out


HIGH = {"type": "joint", "joint": "left_wrist", "frames": [9], "positions": [[0, 3.2, 0]]}
FAR = {"type": "root_waypoint", "frames": [0, 5], "points": [[0, 0], [0, 9]]}
LONG = [
    {"type": "joint", "joint": joint, "frames": [9], "positions": [[0.2, 1.3, z]], "label": "arm"}
    for joint, z in (("left_shoulder", 0.8), ("left_wrist", 1.6))
]
WARNED = [
    ([HIGH], "constraints[0] (JointTarget): pins left_wrist 3.20 m above the ground in frame 9"),
    ([FAR], "constraints[0] (RootWaypoint): moves the body 8.99 m over the ground within 0.25 s"),
    (LONG, "constraints[1] (JointTarget 'arm'): cannot be met exactly together with constraints[0"),
]


def written(rows: list[dict]) -> str:
    Path("pins.json").write_text(json.dumps({"version": 1, "constraints": rows}))
    return "pins.json"


@pytest.mark.parametrize(("rows", "message"), WARNED)
def test_what_is_doubtful_is_told_on_stderr_and_reported(run, rows: list[dict], message) -> None:
    words = ("--seconds", "1", "--constraints", written(rows), "-o", "a.npz", "--force")
    code, out, err = run(WALK, *words, "--report", "a.json")
    assert code == 0
    (line,) = err.splitlines()
    assert line.startswith(f"marey: warning: {message}")
    (warning,) = json.loads(Path("a.json").read_text())["warnings"]
    assert line == f"marey: warning: {Finding.from_json(warning)}"
    code, printed, err = run(WALK, *words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(printed)["warnings"] == [warning]
    assert "warning" not in out


def test_what_the_bones_do_not_reach_is_not_met_and_told_why(run) -> None:
    words = ("--seconds", "1", "--constraints", written(LONG), "-o", "a.npz")
    code, out, _ = run(WALK, *words)
    lines = [line for line in out.splitlines() if line.startswith("  constraints[")]
    assert (code, len(lines)) == (0, 2)
    for line in lines:
        assert " (JointTarget 'arm'): NOT met in 1 of 1 pins (worst error " in line
        assert "in frame 9: " in line
        assert "left_wrist is pinned 80.0 cm from left_shoulder, and the bones hold it" in line


def test_of_many_warnings_the_first_are_told(run) -> None:
    rows = [HIGH | {"frames": [frame]} for frame in range(15)]
    code, _, err = run(WALK, "--seconds", "1", "--constraints", written(rows), "-o", "a.npz")
    assert code == 0
    assert len(err.splitlines()) == 11
    assert err.splitlines()[-1] == "marey: and 5 more warnings; --report has them all"


BAD = [
    (["--constraints", "absent.json"], "absent.json: cannot be read"),
    (["--constraints", "text.json"], "text.json: expected a JSON file"),
    (["--constraints", "list.json"], "list.json: [0]"),
    (["--constraints", "wrong.json"], "wrong.json: constraints[0].type: expected one of"),
    (["--start-from", "absent.bvh"], "absent.bvh"),
    (["--end-with", "text.json"], "text.json"),
    (["--then", "a person sits"], "--then: expected seconds and a sentence"),
    (["--then", "0 a person sits"], "--then: expected seconds and a sentence"),
    (["--timeline", "text.json"], "text.json, line 1: expected 'text # start # end"),
    (["--regenerate", "1"], "base and regenerate go together"),
    (["--report", "old.json"], "old.json exists and is not overwritten"),
    (["--report", "report.txt"], "report.txt: expected a name that ends in .json"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_what_is_refused_before_the_network_runs(
    run, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        pytest.fail("generation was started")

    monkeypatch.setattr("marey.generate.generate", refuse)
    Path("text.json").write_text("walk there")
    Path("list.json").write_text('[{"type": "wish"}]')
    Path("wrong.json").write_text('{"version": 1, "constraints": [{"type": "wish"}]}')
    Path("old.json").write_text("mine")
    code, out, err = run(WALK, "--seconds", "1", "-o", "a.npz", *words)
    assert (code, out) == (2, "")
    assert err.startswith("marey: error: ")
    assert message in err
    assert len(err.splitlines()) == 1
    assert Path("old.json").read_text() == "mine"
    assert not Path("a.npz").exists()


def test_then_needs_the_length_of_the_first_sentence(run) -> None:
    code, _, err = run(WALK, "--then", "2 a person sits", "-o", "a.npz")
    assert (code, "say with --seconds how long the first sentence lasts" in err) == (2, True)


def test_contradictions_are_one_line(run) -> None:
    both = [{"type": "heading", "frames": [3], "angles": [angle]} for angle in (0, 2)]
    Path("both.json").write_text(json.dumps({"version": 1, "constraints": both}))
    code, _, err = run(WALK, "--seconds", "1", "--constraints", "both.json", "-o", "a.npz")
    assert code == 2
    assert "contradicts constraints[0]" in err
    assert len(err.splitlines()) == 1
