"""The pages name what is there: modules, files, links; and they are as long as pages may be."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
from test_rooms import FLOORS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOK = sorted((ROOT / "docs" / "lab-notebook").glob("*.md"))
CARDS = sorted((ROOT / "src" / "mien" / "weights").glob("*.md"))
RESULTS_AT_MOST = 1500  # words

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAME = re.compile(r'(?<![\w./"-])mien(?:\.[A-Za-z_]\w*)+')
FILE = re.compile(r"(?<![\w./-])(?:src|tests|docs|configs|recipes|benchmarks)/[\w./-]*[\w/]")


def ids(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def anchors(page: Path) -> set[str]:
    """Fragments of a page's headings, as GitHub makes them."""
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOK, *CARDS], ids=ids([*PAGES, *NOTEBOOK, *CARDS]))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        place, _, fragment = link.partition("#")
        target = page.parent / place if place else page
        if "://" in link or link.startswith("_generated/"):  # test_site builds those, -W
            continue
        if not target.exists() or (fragment and fragment not in anchors(target)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_modules_and_names_are_there(page: Path) -> None:
    wrong = []
    for name in sorted({*NAME.findall(page.read_text(encoding="utf-8"))}):
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=ids([*PAGES, *CARDS]))
def test_files_are_there(page: Path) -> None:
    named = {*FILE.findall(page.read_text(encoding="utf-8"))}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_pages_of_results_are_short() -> None:
    pages = [page for page in PAGES if page.name.startswith("results")]
    words = {page.name: len(page.read_text(encoding="utf-8").split()) for page in pages}
    assert len(words) == 2
    assert {name: count for name, count in words.items() if count > RESULTS_AT_MOST} == {}


def test_the_drawn_floors_are_those_that_are_checked() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = [
        set(re.split(r"\s{2,}", line)[0].split()) for line in text.split("```")[1].splitlines()[1:]
    ]
    private = {"_version", "__main__", "__init__"}
    assert drawn == [floor for each in reversed(FLOORS) if (floor := {*each} - private)]
