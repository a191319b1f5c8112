import json
from pathlib import Path

import pytest
import torch

from marey.cli.main import main
from marey.constraints import Clip, Finding, check_constraints, json_schema, load_constraints
from marey.io import save_motion
from marey.motion import Motion
from marey.skeleton import BODY22


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """Runs ``marey constraints`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["constraints", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def walk(tmp_path: Path) -> Motion:
    """A body in rest pose that is carried ahead, and its file ``walk.npz``."""
    ahead = torch.linspace(0, 2, 41)
    motion = Motion(
        root_positions=torch.stack((0 * ahead, 0 * ahead + 0.9, ahead), dim=1),
        local_rotations=torch.eye(3).repeat(41, 22, 1, 1),
        fps=20.0,
        skeleton=BODY22,
    )
    save_motion(motion, tmp_path / "walk.npz")
    return motion


def test_what_a_motion_does_becomes_constraints_that_it_meets(run, walk: Motion) -> None:
    words = ("--kinds", "full_body", "root_path", "joint", "--joints", "head", "left_foot")
    code, out, err = run("extract", "walk.npz", "-o", "keys.json", "--every", "15", *words)
    assert (code, err) == (0, "")
    assert "keys.json: 4 constraints for 41 frames at 20 fps (2.05 s) of skeleton 'body22'" in out
    found = load_constraints("keys.json")
    kinds = [type(each).__name__ for each in found]
    assert kinds == ["FullBodyKeyframe", "RootPath", "JointTarget", "JointTarget"]
    assert getattr(found[0], "times").frames == (0, 15, 30)  # noqa: B009
    assert check_constraints(found, Clip.of(walk)) == ()
    assert run("check", "keys.json", "--seconds", "2.05")[0] == 0


@pytest.mark.usefixtures("walk")
def test_keys_come_at_the_frames_of_another_rate(run) -> None:
    words = ("--kinds", "heading", "--every", "10", "--fps", "10", "--no-rotations")
    assert run("extract", "walk.npz", "-o", "keys.json", *words)[0] == 0
    (heading,) = json.loads(Path("keys.json").read_text())["constraints"]
    assert heading["frames"] == [0, 10, 20]


@pytest.mark.usefixtures("walk")
def test_extracted_rotations_can_be_left_out(run) -> None:
    run("extract", "walk.npz", "-o", "with.json")
    run("extract", "walk.npz", "-o", "without.json", "--no-rotations")
    fields = [
        json.loads(Path(name).read_text())["constraints"][0].keys()
        for name in ("with.json", "without.json")
    ]
    assert fields[0] - fields[1] == {"rotations"}


@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("walk.npz", "-o", "keys.txt"), "expected a name that ends in .json"),
        (("walk.npz", "-o", "old.json"), "old.json exists and is not overwritten"),
        (("absent.npz", "-o", "keys.json"), "absent.npz"),
        (("walk.npz", "-o", "keys.json", "--every", "0"), "every: expected at least 1 frame"),
        (
            ("walk.npz", "-o", "keys.json", "--kinds", "joint", "--joints", "tail"),
            "no joint 'tail'",
        ),
    ],
)
def test_extractions_that_are_refused(run, words: tuple[str, ...], message: str) -> None:
    Path("old.json").write_text("mine")
    code, out, err = run("extract", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert Path("old.json").read_text() == "mine"


def written(*rows: dict) -> str:
    Path("pins.json").write_text(json.dumps({"version": 1, "constraints": rows}))
    return "pins.json"


def test_findings_are_told_and_errors_decide_the_exit_code(run) -> None:
    far = written({"type": "root_waypoint", "frames": [0, 1], "points": [[0, 0], [0, 9]]})
    code, out, _ = run("check", far, "--seconds", "2")
    assert code == 0
    assert out.splitlines()[0].startswith("warning: constraints[0] (RootWaypoint): moves the body")
    assert out.splitlines()[-1] == (
        "pins.json: 1 constraint for 40 frames at 20 fps: 0 errors, 1 warning"
    )
    late = written({"type": "heading", "seconds": [2.5], "angles": [0]})
    code, out, _ = run("check", late, "--seconds", "2")
    assert code == 2
    assert out.startswith("error: constraints[0] (RootHeading): ")
    assert run("check", late, "--seconds", "3")[0] == 0


def test_findings_as_json(run) -> None:
    late = written({"type": "heading", "seconds": [2.5], "angles": [0]})
    code, out, _ = run("check", late, "--seconds", "2", "--json")
    (finding,) = json.loads(out)["findings"]
    assert (code, finding["severity"], finding["constraint"]) == (2, "error", 0)
    assert Finding.from_json(finding).name == "constraints[0] (RootHeading)"


def test_joints_of_a_rig_are_known(run, walk: Motion) -> None:
    names = tuple(f"Rig_{name}" for name in BODY22.joint_names)
    rig = Motion(
        root_positions=walk.root_positions,
        local_rotations=walk.local_rotations,
        fps=20.0,
        skeleton=type(BODY22)(
            name="rig",
            joint_names=names,
            parents=BODY22.parents,
            rest_offsets=BODY22.rest_offsets,
        ),
    )
    save_motion(rig, "rig.bvh")
    row = {"type": "joint", "joint": "Rig_head", "frames": [3], "positions": [[0, 1.6, 0]]}
    pins = written(row)
    assert run("check", pins, "--seconds", "1")[0] == 2
    assert run("check", pins, "--seconds", "1", "--skeleton", "rig.bvh")[0] == 0


def test_files_that_are_none_are_one_line(run) -> None:
    Path("pins.json").write_text("{")
    code, out, err = run("check", "pins.json", "--seconds", "1")
    assert (code, out) == (2, "")
    assert err.startswith("marey: error: pins.json: expected a JSON file")
    assert len(err.splitlines()) == 1


def test_kimodos_files_are_checked_with_their_mapping(run, shared_data: Path) -> None:
    folder = shared_data / "kimodo_examples"
    file = sorted(folder.glob("kimodo-soma-rp/*/constraints.json"))[0]
    _, out, err = run("check", str(file), "--seconds", "10")
    assert err == ""
    assert "made for soma" in out
    assert f"{file}: " in out.splitlines()[-1]


def test_the_schema_is_printed(run) -> None:
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out) == json_schema()
