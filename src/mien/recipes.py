"""Recipes: the TOML files and scripts that trainings are made from, as they ship with mien.

A wheel carries the folders ``configs`` and ``recipes`` of the repository below ``mien/_recipes``;
in a checkout they are read where they lie.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import mien
from mien.errors import ConfigError, OutputError

FOLDERS = ("configs", "recipes")


def recipe_root() -> Path:
    """The folder that holds `FOLDERS`.

    Raises
    ------
    ConfigError
        If this installation has none.
    """
    package = Path(mien.__file__).parent
    for root in (package / "_recipes", package.parents[1]):
        if all((root / name).is_dir() for name in FOLDERS):
            return root
    raise ConfigError(f"{package}: this installation has no recipes; install mien from its wheel")


def recipes() -> dict[str, str]:
    """Every recipe by its path, such as ``configs/reactions-facernet.toml``, and its first words.

    The words are those of the comment at its top; empty where there is none.
    """
    root = recipe_root()
    found = {}
    for path in sorted(path for name in FOLDERS for path in (root / name).rglob("*.toml")):
        name = path.relative_to(root).as_posix()
        if name.endswith(".about.toml") or "/about/" in name:
            continue  # cards, not recipes
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        found[name] = first.removeprefix("#").strip() if first.startswith("#") else ""
    return found


def copy_recipes(names: tuple[str, ...], to: Path) -> list[Path]:
    """Copy recipes, each with those that it is based on, below a folder; the files written.

    Parameters
    ----------
    names
        As `recipes` calls them, or their last part without suffix where only one has it; none:
        both folders whole, scripts included.
    to
        Folder; files keep their paths below it. What is there already is not overwritten.

    Raises
    ------
    ConfigError
        If a name is unknown or means several.
    OutputError
        If a file is there already, or cannot be written.
    """
    root = recipe_root()
    if names:
        wanted = [path for name in names for path in _with_bases(root / _full_name(name))]
    else:
        wanted = sorted(p for name in FOLDERS for p in (root / name).rglob("*") if p.is_file())
        wanted = [path for path in wanted if "__pycache__" not in path.parts]
    targets = {to / path.relative_to(root): path for path in dict.fromkeys(wanted)}
    for target, source in targets.items():
        if target.exists() and target.read_bytes() != source.read_bytes():
            raise OutputError(f"{target}: is there already, and another; choose another --to")
    try:
        for target, source in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(f"{to}: cannot be written ({error.strerror})") from error
    return list(targets)


def _full_name(name: str) -> str:
    known = recipes()
    if name in known:
        return name
    found = [one for one in known if Path(one).stem == name or one.removesuffix(".toml") == name]
    if len(found) != 1:
        meant = f"means {' and '.join(found)}" if found else "is not there"
        raise ConfigError(f"recipe {name!r} {meant}; see mien recipes list")
    return found[0]


def _with_bases(path: Path) -> list[Path]:
    """A recipe and what it is based on."""
    base = tomllib.loads(path.read_text(encoding="utf-8")).get("base")
    return [path, *(_with_bases((path.parent / base).resolve()) if base else ())]
