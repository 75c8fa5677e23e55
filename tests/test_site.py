"""The site builds without a warning; pages are short, sentences too, and commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from mien.cli import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NOTEBOOK = {*(DOCS / "lab-notebook").glob("*.md")}
PAGES = [p for p in sorted(DOCS.rglob("*.md")) if p not in NOTEBOOK and "_generated" not in p.parts]
FOR_USERS = [*PAGES, ROOT / "README.md"]
# What one looks something up in; all others are read from their first line to the last.
REFERENCES = {"outputs.md"}
MOST_WORDS, MOST_IN_A_SENTENCE = 1500, 20


def ids(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def sentences(text: str) -> list[list[str]]:
    """Words of every sentence; code, tables, headings and links' targets are none."""
    text = re.sub(r"^```.*?^```\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    kept = []
    for line in text.splitlines():
        bare = line.lstrip()
        if line.startswith(("    ", "\t")) or bare.startswith(("|", "#", "!", "<", ":")):
            kept.append("")
        else:
            kept.append(re.sub(r"^\s*([-*]|\d+\.)\s+", "\n\n", line))
    found = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(kept)):
        plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "X", paragraph))
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z*\[(0-9])", " ".join(plain.split())):
            words = re.findall(r"[A-Za-z0-9][\w'-]*", sentence)
            found += [words] if len(words) > 1 else []
    return found


def test_sentences_are_counted_as_people_do() -> None:
    text = (
        "# No\n\nOne two three. Four `code here` five!\n\n- six seven\n\n```sh\nno\n```\n| no |\n"
    )
    assert [len(words) for words in sentences(text)] == [3, 3, 2]


@pytest.mark.parametrize("page", FOR_USERS, ids=ids(FOR_USERS))
def test_sentences_are_short(page: Path) -> None:
    lengths = [len(words) for words in sentences(page.read_text(encoding="utf-8"))]
    assert sum(lengths) / max(len(lengths), 1) < MOST_IN_A_SENTENCE


def test_pages_are_short() -> None:
    words = {
        str(page.relative_to(DOCS)): len(page.read_text(encoding="utf-8").split())
        for page in PAGES
        if page.name not in REFERENCES
    }
    assert {name: count for name, count in words.items() if count > MOST_WORDS} == {}


def commands(page: Path) -> list[str]:
    """Lines of code blocks that call mien, without comments."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"^ {4}(mien .*)$", text, re.MULTILINE)
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*", "", line) for line in joined if line.startswith("mien ")]


@pytest.mark.parametrize("page", FOR_USERS, ids=ids(FOR_USERS))
def test_commands_and_options_of_pages_exist(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line)[1:]
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, f"{line}: there is no {words[0]}"
            command, words = found, words[1:]
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        known |= {"--help", "-h", "--version"}
        used = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert used <= known, f"{line}: there is no {used - known}"


class Page(HTMLParser):
    """Names and links of a built page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.names |= {value for key in ("id", "name") if (value := told.get(key))}
        self.links += [value for key in ("href", "src") if (value := told.get(key))]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_no_link_leads_nowhere(tmp_path: Path) -> None:
    for name in ("sphinx", "myst_parser", "pydata_sphinx_theme", "latex2mathml"):
        pytest.importorskip(name, reason="needs the extra `docs`")
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E"]
    words += ["-d", str(tmp_path / "doctrees"), str(DOCS), str(tmp_path / "site")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {}
    built = tmp_path / "site"
    for path in (p for p in built.rglob("*.html") if "_static" not in p.parts):
        pages[path] = Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    wrong = []
    for path, page in pages.items():
        for link in page.links:
            place, _, anchor = link.partition("#")
            if re.match("[a-z]+:", link):
                continue
            target = (path.parent / unquote(place.split("?")[0])).resolve() if place else path
            named = pages[target].names if target in pages else {unquote(anchor)}
            if not target.exists() or (anchor and unquote(anchor) not in named):
                wrong.append(f"{path.name}: {link}")
    assert wrong == []
    page = (tmp_path / "site" / "_generated" / "commands.html").read_text(encoding="utf-8")
    assert all(f"mien {name}" in page for name in cli.list_commands(click.Context(cli)))
    scripts = [link for page in pages.values() for link in page.links if "://" in link]
    assert not [link for link in scripts if link.endswith((".js", ".css", ".woff2"))]
