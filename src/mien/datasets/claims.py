"""Whose a prepared folder is: one run's and those that go on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mien.datasets.prepared_files import write_text
from mien.errors import OutputError

_IDENTITY = ".prepare.json"


def claim(out: Path, identity: dict[str, Any]) -> None:
    """Make the folder ours, or find that it is from an earlier run of the same.

    Raises
    ------
    OutputError
        If it holds something else, was begun differently, or cannot be written to.
    """
    path = out / _IDENTITY
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            if any(out.iterdir()):
                raise OutputError(
                    f"{out}: holds something else than this corpus prepared; choose another folder "
                    "with --out"
                )
            write_text(path, json.dumps(identity, indent=2) + "\n")
        begun = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OutputError(f"{path}: is damaged; choose another folder with --out") from error
    except OSError as error:
        raise cannot_write(out, error) from error
    differing = [key for key, value in identity.items() if begun.get(key) != value]
    if differing:
        raise OutputError(
            f"{out}: was begun with another {' and '.join(differing)} "
            f"({begun.get(differing[0])}, now {identity[differing[0]]}); choose another folder "
            "with --out"
        )


def cannot_write(place: Path, error: OSError) -> OutputError:
    """What to say of a place that cannot be written to."""
    return OutputError(
        f"{place}: cannot be written to ({error.strerror or error}); choose another folder with "
        "--out"
    )
