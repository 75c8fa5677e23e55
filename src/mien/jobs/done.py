"""What an earlier run has done already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mien._version import __version__
from mien.jobs.job import Job, Outcome
from mien.output.folder import is_result_of, read_result
from mien.output.results import NO_PLAYER, Contents
from mien.pipeline.analyzer import SCHEMA_VERSIONS, Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.runtime.collection import find_model

_FREE = ("threads",)  # settings that change no number
# Not written where there is no face.
_SOMETIMES = frozenset({"attention.mp4", "mran-views.npz"})


class Done:
    """Recognises results that a run would write again as they are.

    They are of the same file (path, size, time of change), settings, version of mien and models,
    and hold the same files. A model or prior of one's own has to be older than the results.

    Parameters
    ----------
    analyzer
        The loaded models.
    contents
        What the run writes.
    """

    def __init__(self, analyzer: Analyzer, contents: Contents) -> None:
        options = analyzer.options
        self._options, self._contents = options, contents
        self._expected = fingerprint(analyzer)

    def outcome(self, job: Job) -> Outcome | None:
        """That of an input whose results are there; None where it has to be read."""
        found = read_result(job.folder)
        if found is None or not is_result_of(job.folder, job.source):
            return None
        document, files = found
        try:
            same = self._is_same(document, files, job.folder)
            source, faces = document["source"], document["faces"]
            frames, count = int(source["frames"]), len(faces)
        except (OSError, AttributeError, KeyError, TypeError, ValueError):  # damaged by somebody
            return None
        if not same:
            return None
        return Outcome(job.source, "skipped", job.folder, frames=frames, faces=count)

    def _is_same(self, document: dict[str, Any], files: set[str], folder: Path) -> bool:
        told = {key: document[key] for key in self._expected}
        told["settings"] = _that_count(told["settings"])
        guided = bool(document.get("mran", {}).get("files"))
        wanted = {"video.json", "report.html", f"frames.{self._contents.format}"}
        wanted |= {f"{layout}.csv" for layout in self._contents.layouts}
        if self._contents.overlay:
            is_image = document["source"]["is_image"]
            wanted.add("overlay.png" if is_image else "overlay.mp4")
        without = any(str(text).startswith(NO_PLAYER) for text in document["warnings"])
        if self._contents.player and not document["source"]["is_image"] and not without:
            wanted.add("player.mp4")
        if self._options.attention:
            wanted.add("attention.npz")
        return (
            told == self._expected
            and not guided
            and files - _SOMETIMES == wanted
            and self._newest_own_ns() <= (folder / "video.json").stat().st_mtime_ns
        )

    def _newest_own_ns(self) -> int:
        """When the last of the files that a person may have exchanged was changed."""
        options: AnalysisOptions = self._options
        files = (options.affect_model, options.reaction_model, options.mran_model)
        own = (find_model(file).path for file in files if file is not None)
        return max((file.stat().st_mtime_ns for file in own), default=0)


def fingerprint(analyzer: Analyzer) -> dict[str, Any]:
    """Settings, models and version, on which the numbers of an analysis hang: plain values."""
    return _plain(
        {
            "schema_version": SCHEMA_VERSIONS[analyzer.options.columns],
            "mien_version": __version__,
            "models": analyzer.models(),
            "prior": analyzer.prior.describe(),
            "channels": analyzer.channels,
            "settings": _that_count(analyzer.settings()),
        }
    )


def _that_count(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in _FREE}


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from a JSON file."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain
