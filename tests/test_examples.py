import runpy
from pathlib import Path

import pytest

MAX_LINES = 80
EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))
MODEL = "<tiny model>"
FAST = ["--model", MODEL, "--steps", "2"]
RUNS: dict[str, tuple[list[str], list[str]]] = {  # arguments, files that must come of them
    "00_load_and_view": ([], ["arms.bvh", "sheet.png", "film.webp"]),
    "01_text_to_motion": (
        [*FAST, "--seconds", "1"],
        ["motion.bvh", "motion.glb", "motion.npz", "request.json"],
    ),
    "02_many_samples": (
        [*FAST, "--seconds", "1", "--text", "a person jumps"],
        ["0_0.bvh", "0_1.bvh", "all.png"],
    ),
    "03_edit_motion": (
        FAST,
        [
            *("half.bvh", "mirrored.bvh", "turned.bvh", "smooth_60_fps.npz", "twice.glb"),
            "on_rig.bvh",
        ],
    ),
    "04_own_data": (["--recipe", "tiny", "--steps", "2"], ["store/store.json", "new.bvh"]),
    "05_predicates": ([*FAST, "--seconds", "1", "--samples", "1"], ["findings.png"]),
    "06_constraints": (FAST, ["motion.bvh", "sheet.png"]),
    "07_sequence": (FAST, ["sequence.npz", "second_anew.bvh", "sheet.png"]),
}


def test_every_example_is_run() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(RUNS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_says_what_it_shows(example: Path) -> None:
    lines = example.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_LINES
    assert lines[0].startswith('"""')
    assert f"    python examples/{example.name}" in lines


@pytest.mark.parametrize("name", sorted(RUNS))
def test_an_example_writes_what_it_promises(
    name: str, repository: Path, tiny_model: Path, tmp_path: Path
) -> None:
    words, files = RUNS[name]
    main = runpy.run_path(str(repository / "examples" / f"{name}.py"))["main"]
    main([*(str(tiny_model) if w == MODEL else w for w in words), "--out", str(tmp_path / "out")])
    assert [f for f in files if not (tmp_path / "out" / f).is_file()] == []
