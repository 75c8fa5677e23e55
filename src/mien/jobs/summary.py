"""``summary.json`` and the closing line: what came of all inputs of a run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mien._version import __version__
from mien.io import write_json
from mien.jobs.job import Outcome
from mien.output.folder import SUMMARY, is_summary
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.summary import source_text

_QUICK_S = 0.05  # writing that takes longer, of very many inputs,
_SHARE = 0.05  # has this share of the time at most
_MOST_NAMED = 10


class Caveats:
    """What the numbers of reactions and of MRAN are worth, said once a run, where there are any.

    Parameters
    ----------
    analyzer
        The loaded models; they say it of themselves.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        models = {"reactions": analyzer.reactions, "mran": analyzer.mran}
        self._told = {name: m.metadata.get("caveat") for name, m in models.items() if m is not None}
        self._gave: set[str] = set()

    def add(self, outcome: Outcome) -> None:
        """One more input is done with."""
        if outcome.status == "analysed":
            self._gave |= {"mran", "reactions"} if outcome.reacted else {"mran"}

    def lines(self) -> list[str]:
        """One of each model that gave numbers."""
        return [f"{name}: {text}" for name, text in self._told.items() if name in self._gave]


class RunSummary:
    """Collects outcomes, and keeps them in a file that can be read while the run goes on.

    Parameters
    ----------
    out
        Folder of the result folders.
    planned
        How many inputs there are.
    complain
        Called with a line where the file cannot be written; the results do not suffer.
    caveats
        Of the models that read.
    """

    def __init__(
        self,
        out: Path,
        planned: int,
        complain: Callable[[object], None],
        caveats: Caveats,
    ) -> None:
        self._path = out / SUMMARY
        self.planned, self._complain, self._caveats = planned, complain, caveats
        self._inputs: list[dict[str, Any]] = []
        self._next_s = 0.0
        self._is_ours = not self._path.exists() or is_summary(self._path)
        if not self._is_ours:
            complain(f"{self._path}: is not of mien, so it stays and no summary is written")

    def add(self, outcome: Outcome) -> None:
        """One more input is done with."""
        self._caveats.add(outcome)
        self._inputs.append(
            {
                "source": source_text(outcome.source),
                "folder": None if outcome.folder is None else source_text(outcome.folder),
                "status": outcome.status,
                "message": None if outcome.message is None else source_text(outcome.message),
                "warnings": list(outcome.warnings),
                "seconds": round(outcome.seconds, 3),
                "frames": outcome.frames,
                "faces": outcome.faces,
                **({} if outcome.profile is None else {"profile_s": _rounded(outcome.profile)}),
            }
        )
        if time.monotonic() >= self._next_s:
            self.write()

    def write(self) -> None:
        """Write the file anew."""
        if not self._is_ours:
            return
        started_s = time.monotonic()
        document = {"mien_version": __version__, "planned": self.planned, "inputs": self._inputs}
        try:
            write_json(self._path, document)
        except OSError as error:
            self._is_ours = False
            self._complain(f"{self._path}: cannot be written ({error.strerror or error})")
        ended_s = time.monotonic()
        if ended_s - started_s > _QUICK_S:
            self._next_s = ended_s + (ended_s - started_s) / _SHARE

    @property
    def failed(self) -> list[str]:
        """Inputs that failed, as given."""
        return [item["source"] for item in self._inputs if item["status"] == "failed"]

    @property
    def caveats(self) -> list[str]:
        """What the numbers are worth, of those models that gave any."""
        return self._caveats.lines()

    def line(self) -> str:
        """Such as ``58 of 60 analysed, 2 failed: a.mp4, b.avi``."""
        counts = Counter(item["status"] for item in self._inputs)
        parts = [f"{counts['analysed']} of {self.planned} analysed"]
        if counts["skipped"]:
            parts.append(f"{counts['skipped']} done already")
        if failed := self.failed:
            names = ", ".join(failed[:_MOST_NAMED])
            more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
            parts.append(f"{len(failed)} failed: {names}{more}")
        return ", ".join(parts)


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(value, 3) for stage, value in seconds.items()}
