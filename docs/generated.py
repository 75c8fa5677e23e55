"""Pages of the site that follow from the code, and links that leave the folder of the pages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```.*?^```[^\n]*$|(?:^(?:    |\t)[^\n]*\n?)+)", re.MULTILINE | re.DOTALL)


def copies() -> dict[Path, str]:
    """Pages outside of docs/ that are pages of the site, too, and their names there."""
    names = ("CONTRIBUTING.md", "CHANGELOG.md", "DATASETS.md", "SECURITY.md")
    found = {ROOT / name: name.lower() for name in names}
    for card in sorted((ROOT / "src" / "mien" / "weights").glob("*.md")):
        found[card] = f"card-{card.name}"
    return found


def write_pages(folder: Path) -> None:
    """Write all of them into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "python.md").write_text(python_page(), encoding="utf-8")
    (folder / "figures.md").write_text(figures_page(), encoding="utf-8")
    for source, name in copies().items():
        text = rewritten(source.read_text(encoding="utf-8"), source.parent)
        (folder / name).write_text(text, encoding="utf-8")


def rewrite_links(app: Any, name: str, source: list[str]) -> None:
    """Of a page that Sphinx reads."""
    if not name.startswith("_generated/"):
        source[0] = rewritten(source[0], (DOCS / name).parent)


def rewritten(text: str, place: Path) -> str:
    """The text with links that work on the site; `place` is what they are relative to."""
    parts = _FENCE.split(text)
    for k in range(0, len(parts), 2):  # what is between blocks of code
        parts[k] = LINK.sub(lambda found: _link(found, place), parts[k])
    return "".join(parts)


def _link(found: re.Match[str], place: Path) -> str:
    mark, words, link = found.groups()
    target, _, anchor = link.partition("#")
    if "://" in link or not target or target.startswith("/"):
        return found[0]
    path = (place / target).resolve()
    end = f"#{anchor}" if anchor else ""
    if path in copies():
        return f"{mark}[{words}](/_generated/{copies()[path]}{end})"
    if path == ROOT / "README.md":
        return f"{mark}[{words}](/index.md)"
    if path.is_relative_to(DOCS) and path.is_file():
        return f"{mark}[{words}](/{path.relative_to(DOCS).as_posix()}{end})"
    if mark:
        return ""
    return words if words.startswith("`") else f"{words} (`{path.relative_to(ROOT)}`)"


def commands_page() -> str:
    """Every verb with every option, from the commands themselves."""
    from mien.cli import cli

    parts = [
        "# Commands\n\nEvery verb and every option, as `mien VERB --help` says them.\n",
        f"{_table(cli)}\n",
    ]
    with click.Context(cli, info_name="mien") as context:
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            assert command is not None
            parts += _command(command, ["mien", name])
    return "\n".join(parts)


def _command(command: click.Command, path: list[str]) -> Iterator[str]:
    level = "#" * min(len(path), 4)
    yield f"{level} {' '.join(path)}\n"
    context = click.Context(command, info_name=path[-1])
    usage = " ".join([*path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield f"{_plain(command.help or '')}\n"
    if table := _table(command):
        yield f"{table}\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, [*path, name])


def _table(command: click.Command) -> str:
    rows = []
    context = click.Context(command)
    for option in command.get_params(context):
        if isinstance(option, click.Option) and not option.hidden:
            record = option.get_help_record(context)
            if record is not None:
                name, told = (_cell(text) for text in record)
                rows.append(f"| `{name}` | {told} |")
    return "| option | what it does |\n|---|---|\n" + "\n".join(rows) if rows else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _plain(text: str) -> str:
    """Help as Markdown: paragraphs, nothing of it marked up."""
    text = text.split("\f")[0].replace("\b\n", "")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(lines).replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def figures_page() -> str:
    """Every figure that mien plot draws."""
    from mien.plot import FIGURES

    rows = [f"| `{n}` | {FIGURES[n].of} | {FIGURES[n].about} |" for n in FIGURES.names()]
    head = "# Figures\n\n`mien plot` and `result.plot(NAME)` draw these.\n\n"
    return head + "| name | of a | what it shows |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def python_page() -> str:
    """The public names, from their docstrings."""
    import mien

    parts = ["# Python\n", "The names that stay as they are, from their docstrings.\n"]
    functions = sorted(n for n in mien.__all__ if n[0].islower() and not n.startswith("_"))
    parts.append(_directive("Functions", [("autofunction", f"mien.{n}") for n in functions]))
    classes = [n for n in mien.__all__ if n[0].isupper() and n != "MienError"]
    parts.append(_directive("Classes", [("autoclass", f"mien.{n}") for n in classes]))
    modules = (
        ("Figures", "mien.plot"),
        ("A study", "mien.study.study"),
        ("Conditions compared", "mien.study.compare"),
        ("Persons", "mien.output.people.file"),
        ("A drawn face", "mien.synthetic.faces.portrait"),
        ("Scores", "mien.evaluation.metrics"),
        ("Labels", "mien.labels"),
        ("Values", "mien.types"),
        ("Errors", "mien.errors"),
    )
    parts += [_directive(title, [("automodule", name)]) for title, name in modules]
    return "\n".join(parts)


def _directive(title: str, entries: list[tuple[str, str]]) -> str:
    lines = [f"## {title}\n", "```{eval-rst}"]
    for kind, name in entries:
        lines.append(f".. {kind}:: {name}")
        if kind != "autofunction":
            lines.append("   :members:")
        lines.append("")
    return "\n".join([*lines, "```\n"])
