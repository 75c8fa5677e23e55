"""One input to be read, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One input, the folder for its results, and what these call it (None: its path)."""

    source: str
    folder: Path
    title: str | None = None

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True)
class Outcome:
    """What came of one input.

    Attributes
    ----------
    source
        The input as given.
    status
        ``"analysed"``, ``"skipped"`` (done by an earlier run) or ``"failed"``.
    folder
        Where its results are; None where it failed.
    message
        Why it failed, on one line that names it.
    warnings
        What is worth knowing, one sentence each.
    seconds
        How long it took.
    frames, faces
        How many there are; None where it failed.
    reacted
        Whether reactions were estimated.
    profile
        Seconds by stage (`mien.stopwatch.STAGES`); None where it failed.
    trace
        Where an error that nobody foresaw came from.
    """

    source: str
    status: str
    folder: Path | None = None
    message: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    frames: int | None = None
    faces: int | None = None
    reacted: bool = False
    profile: dict[str, float] | None = None
    trace: str | None = None
