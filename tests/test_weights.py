"""What the package ships as weights: small enough, described, and never pickled."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "marey"
CARDS = ROOT / "docs" / "cards"
MEGABYTE = 1e6
MOST_TOGETHER = 35 * MEGABYTE
MOST = {"htma": 8 * MEGABYTE, "evaluator-*": 2 * MEGABYTE}
"""Of one file, where an issue sets a bound."""
WEIGHTS = sorted(PACKAGE.rglob("*.safetensors"))


def test_all_weights_together_fit_the_package() -> None:
    assert 0 < sum(file.stat().st_size for file in WEIGHTS) <= MOST_TOGETHER


@pytest.mark.parametrize("pattern", MOST)
def test_weights_keep_to_their_bound(pattern: str) -> None:
    files = [file for file in WEIGHTS if file.match(f"{pattern}.safetensors")]
    assert files
    assert all(file.stat().st_size <= MOST[pattern] for file in files)


@pytest.mark.parametrize("file", WEIGHTS, ids=lambda file: file.stem)
def test_weights_have_a_card_that_names_where_they_lie(file: Path) -> None:
    place = file.relative_to(PACKAGE.parent)
    named = {place.as_posix(), place.parent.as_posix()}
    texts = [card.read_text(encoding="utf-8") for card in CARDS.glob("*.md")]
    assert any(name in text for name in named for text in texts)


def test_nothing_in_the_package_has_to_be_unpickled() -> None:
    pickled = {".pt", ".pth", ".ckpt", ".pkl", ".bin"}
    assert not [file for file in PACKAGE.rglob("*") if file.suffix in pickled]
