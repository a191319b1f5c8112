"""The documentation hangs together: links lead somewhere and every page can be reached."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def relative_links(page: Path) -> list[str]:
    """Targets of the links and pictures of a page that are files, without their anchors."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = (target.partition("#")[0] for target in LINK.findall(text))
    return [target for target in targets if target and "://" not in target]


def pages_of(menu: object) -> Iterator[str]:
    """Files that the nested menu of the docs names."""
    if isinstance(menu, str):
        yield menu
    elif isinstance(menu, dict):
        yield from pages_of(list(menu.values()))
    elif isinstance(menu, list):
        for entry in menu:
            yield from pages_of(entry)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    dead = [link for link in relative_links(page) if not (page.parent / link).exists()]
    assert dead == []


def test_every_page_is_in_the_menu() -> None:
    config = tomllib.loads((REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))
    docs = REPOSITORY / "docs"
    pages = {path.relative_to(docs).as_posix() for path in docs.glob("**/*.md")}
    assert set(pages_of(config["project"]["nav"])) == pages
