"""Errors meant for people: one line that says what, where, and what to do."""

from __future__ import annotations

from pathlib import Path


def install(extra: str) -> str:
    """The command that installs an extra: from the checkout, where there is one, else by name."""
    checkout = (Path(__file__).parents[2] / "pyproject.toml").is_file()
    return f"pip install '{'.' if checkout else 'mien'}[{extra}]'"


class MienError(Exception):
    """Base of every error that mien raises on purpose. Its text is one line."""


class InputError(MienError):
    """An input cannot be read: the text names the file, what is wrong and what to do."""


class OutputError(MienError):
    """A result cannot be written: the text names the place, what is wrong and what to do."""


class ModelError(MienError):
    """A model file is missing, damaged, or of a kind this version does not read."""


class DataError(MienError):
    """A corpus is not laid out as expected: the text says what was looked for and found."""


class ConfigError(MienError):
    """A configuration names an unknown option or a value outside what is allowed."""
