"""A person's own marks inside a report: put there for the script, and exchanged alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mien.errors import OutputError
from mien.io import write_text
from mien.report.text import embed_json
from mien.types import Mark

_BLOCK = re.compile(r'<script type="application/json" id="marks">[^<]*</script>')


def embed_marks(marks: Sequence[Mark]) -> str:
    """The element that the script of the report reads."""
    told = [
        {"onset": mark.onset_s, "duration": mark.duration_s, "label": mark.label} for mark in marks
    ]
    return f'<script type="application/json" id="marks">{embed_json(told)}</script>'


def exchange_marks(report: Path, marks: Sequence[Mark]) -> None:
    """Put other marks into a report that is written, which stays as it is else.

    A report of an earlier version, which has no place for marks, is left alone.

    Raises
    ------
    OutputError
        If it cannot be read or written.
    """
    try:
        before = report.read_text(encoding="utf-8")
        after = _BLOCK.sub(lambda _: embed_marks(marks), before, count=1)
        if after != before:
            write_text(report, after)
    except OSError as error:
        raise OutputError(f"{report}: cannot be written ({error.strerror or error})") from error
