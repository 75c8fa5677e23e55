"""Errors meant for people: one line that says what, where, and what to do."""

from __future__ import annotations

from pathlib import Path
from unicodedata import category

# They change the direction of what follows: a name could show another ending than it has.
_TURNS = frozenset(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def install(extra: str) -> str:
    """The command that installs an extra: from the checkout, where there is one, else by name."""
    checkout = (Path(__file__).parents[2] / "pyproject.toml").is_file()
    return f"pip install '{'.' if checkout else 'mien'}[{extra}]'"


def one_line(text: object) -> str:
    r"""A text for a terminal: on one line, and what would steer the terminal made visible.

    Examples
    --------
    >>> one_line("a\x1b[31mred.mp4: it is\ndamaged")
    'a\\x1b[31mred.mp4: it is damaged'
    """
    joined = " ".join(str(text).splitlines())
    return "".join(
        c.encode("unicode_escape").decode() if category(c) == "Cc" or c in _TURNS else c
        for c in joined
    )


class MienError(Exception):
    """Base of every error that mien raises on purpose. Its text is one line."""


class InputError(MienError):
    """An input cannot be read: the text names the file, what is wrong and what to do."""


class OutputError(MienError):
    """A result cannot be written: the text names the place, what is wrong and what to do."""


class ModelError(MienError):
    """A model file is missing, damaged, or of a kind this version does not read."""


class MissingWeightsError(ModelError):
    """This installation lacks weights that ship."""


class DataError(MienError):
    """A corpus is not laid out as expected: the text says what was looked for and found."""


class ConfigError(MienError):
    """A configuration names an unknown option or a value outside what is allowed."""
