"""A whole study: from result folders to tables and a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from mien.errors import ConfigError, OutputError
from mien.io import atomic_path
from mien.labels import find_column
from mien.study.coding_tools import CODING_TOOLS
from mien.study.compare import compare_conditions, not_compared
from mien.study.events import read_events
from mien.study.page import methods_text, study_page
from mien.study.participants import everyone, read_participants
from mien.study.recordings import Recording, check_alike, find_recordings, read_recording
from mien.study.spreadsheets import DECIMALS, csv_style
from mien.study.summaries import Part, joined_frames, list_episodes, parts_of, summarise

_BOTH = re.compile(r"^(valence|arousal|expr_[a-z_]+|au\d+)_mean$")


@dataclass(frozen=True)
class StudyOptions:
    """How results become a study.

    Attributes
    ----------
    participants, events
        Tables of who is seen where, and of parts of videos; None: every face is a person, and
        videos are summed up as a whole.
    condition
        Column of the participants, or ``event``, that is compared.
    baseline
        None, ``"rest"`` or a label of events (`mien.study.summaries.parts_of`).
    measures
        Columns of the summary that are compared and charted; empty: the means of valence,
        arousal, expressions and units.
    mixed
        Whether results of different versions, extractors or settings may be put together.
    frames
        Whether the joined frames are written, too.
    seed
        Of the bootstrap.
    elan, boris
        Whether the episodes are written once more per video, as these programs take them.
    fps
        Frame rate of videos of which another tool's table does not say when frames were.
    decimal
        Decimal sign of the csv tables; with ``","`` semicolons part their cells.
    """

    participants: Path | None = None
    events: Path | None = None
    condition: str = "condition"
    baseline: str | None = None
    measures: tuple[str, ...] = ()
    mixed: bool = False
    frames: bool = False
    seed: int = 0
    fps: float | None = None
    elan: bool = False
    boris: bool = False
    decimal: str = "."

    def __post_init__(self) -> None:
        if self.decimal not in DECIMALS:
            raise ConfigError(f"decimal is one of {DECIMALS}, not {self.decimal!r}")


@dataclass(frozen=True)
class Study:
    """Tables of a study."""

    summary: pd.DataFrame
    episodes: pd.DataFrame
    comparison: pd.DataFrame
    page: str
    methods: str
    notes: list[str]
    parts: list[Part]


def make_study(root: Path | Sequence[Path], options: StudyOptions) -> Study:
    """Read the results below `root`, or several such places, and sum them up.

    Raises
    ------
    InputError, DataError, ConfigError
        On one line: what is missing or does not fit.
    """
    roots = [root] if isinstance(root, Path) else root
    found = [place for one in roots for place in find_recordings(one)]
    recordings = [read_recording(place, options.fps) for place in found]
    _check_names(recordings)
    if not options.mixed:
        check_alike(recordings)
    seen = everyone(recordings)
    notes: list[str] = []
    if options.participants is not None:
        seen, notes = read_participants(options.participants, recordings)
    windows = read_events(options.events, recordings) if options.events else None
    if options.baseline not in (None, "rest") and windows is None:
        raise ConfigError(f"the baseline {options.baseline!r} is an event; give --events, too")
    parts = list(parts_of(seen, recordings, windows, options.baseline))
    if not parts:
        raise ConfigError("there is nothing to sum up: no person has a usable frame")
    summary = summarise(parts)
    there = summary.select_dtypes("number").columns
    measures = [find_column(name, there, "the summary") for name in options.measures]
    measures = list(dict.fromkeys(measures)) or _measures(summary, recordings)
    condition = next((n for n in (options.condition, "event") if n in summary), None)
    if options.participants is not None and options.condition not in summary:
        wrong = f"{options.participants}: has no column {options.condition!r}"
        if options.condition != StudyOptions.condition:
            raise ConfigError(f"{wrong} that could be compared; see its header")
        notes.append(f"{wrong}: its conditions are not compared")
    comparison = pd.DataFrame()
    if condition is not None:
        shown = summary
        if "event" in summary and options.baseline is not None:  # its own rows are 0 by making
            shown = summary[summary["event"] != options.baseline]
        comparison = compare_conditions(shown, measures, condition, options.seed)
        notes += not_compared(shown, condition, comparison)
        if comparison.empty:
            notes.append("too few persons per condition for a comparison: it needs 4 of each")
    methods = methods_text(recordings, summary["person"].nunique(), options.baseline, comparison)
    page = study_page(summary, comparison, measures, condition, recordings, methods, notes)
    return Study(summary, list_episodes(parts), comparison, page, methods, notes, parts)


def write_study(study: Study, out: Path, options: StudyOptions) -> list[Path]:
    """Write everything into a folder; what is there of the same name is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(options).items()}
    document = {"settings": settings, "methods": study.methods, "notes": study.notes}
    written: list[Path] = []
    try:
        out.mkdir(parents=True, exist_ok=True)

        def put(name: str, write: Callable[[Path], object]) -> None:
            with atomic_path(out / name) as partial:
                write(partial)
            written.append(out / name)

        style = csv_style(options.decimal)
        put("summary.csv", lambda path: study.summary.to_csv(path, **style))
        put("episodes.csv", lambda path: study.episodes.to_csv(path, **style))
        for tool in (name for name in CODING_TOOLS if getattr(options, name)):
            for video, rows in study.episodes.groupby("video"):
                text = CODING_TOOLS[tool](rows)
                put(f"{tool}/{video}.tsv", partial(_write_text, text))
        put("comparison.csv", lambda path: study.comparison.to_csv(path, **style))
        put("summary.xlsx", lambda path: _write_xlsx(study, path))
        if options.frames:
            put("frames.parquet", lambda path: joined_frames(study.parts).to_parquet(path))
        put("study.json", lambda path: path.write_text(json.dumps(document, indent=2) + "\n"))
        put("study.html", lambda path: path.write_text(study.page, encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{out}: cannot be written to ({error.strerror})") from error
    return written


def _measures(summary: pd.DataFrame, recordings: list[Recording]) -> list[str]:
    """Means that are compared unless others are named; of a tool that says intensities, those."""
    names = [name for name in map(str, summary) if _BOTH.match(name)]
    if not any(recording.is_foreign for recording in recordings):
        return names
    strengths = {name: name.replace("_mean", "_intensity_mean") for name in names}
    strengths = {name: told for name, told in strengths.items() if told in summary}
    return [strengths.get(name, name) for name in names]


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _write_xlsx(study: Study, path: Path) -> None:
    sheets = {"summary": study.summary, "episodes": study.episodes}
    sheets["comparison"] = study.comparison
    with path.open("wb") as file, pd.ExcelWriter(file, engine="openpyxl") as book:
        for name, table in sheets.items():
            table.to_excel(book, sheet_name=name, index=False)


def _check_names(recordings: list[Recording]) -> None:
    names = [recording.name for recording in recordings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"two result folders have the name {twice[0]}; give a folder with one of them"
        )
