"""One study of all results that are there, over REST: the logic of ``mien study``."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, HTTPException, Response, UploadFile
from fastapi.responses import FileResponse, StreamingResponse

from mien.errors import MienError, install, one_line
from mien.output.kept.marks import read_marks
from mien.serve.results import chunks, folder_name, report_rules, zip_of
from mien.serve.store import STUDY, Store
from mien.serve.work import RESULTS
from mien.types import Mark

_TYPES = {
    "study.html": "text/html; charset=utf-8",
    "summary.csv": "text/csv; charset=utf-8",
    "episodes.csv": "text/csv; charset=utf-8",
    "comparison.csv": "text/csv; charset=utf-8",
    "summary.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_DOCUMENT = "study.json"
_Table = Annotated[UploadFile, File(description="csv, as of docs/study.md")]
_MOST_TABLE_BYTES = 10_000_000  # of participants and of events
_READ = ("video.json", "frames.parquet", "people.json")
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "There is no study"}}


@dataclass(frozen=True)
class MadeStudy:
    """What a study is of.

    Attributes
    ----------
    videos, people
        How many.
    notes
        What is worth knowing, one sentence each.
    """

    videos: int
    people: int
    notes: list[str]


def add_studies(app: FastAPI, store: Store) -> None:
    """Routes: make, see and delete the study."""
    making = threading.Lock()
    place = store.data / STUDY

    @app.post(
        "/v1/study",
        status_code=201,
        responses={
            409: {"description": "There are no results, or they do not fit the tables"},
            413: {"description": "Too large"},
            501: {"description": "The extra `study` is not installed"},
        },
    )
    def make(
        participants: _Table = None,  # type: ignore[assignment]  # null is never sent
        events: _Table = None,  # type: ignore[assignment]
        condition: Annotated[str, Form(max_length=100)] = "condition",
        marks: Annotated[bool, Form(description="The marks in the results are events.")] = False,
    ) -> MadeStudy:
        """Sum up all results that are there; it takes the place of the study of before."""
        with making, tempfile.TemporaryDirectory(dir=store.data) as scratch:
            tables = [_saved(Path(scratch), one) for one in (participants, events)]
            if marks and tables[1] is not None:
                raise HTTPException(409, "give a table of events or take the marks, not both")
            try:
                return _make(store, Path(scratch), tables, condition, marks)
            except MienError as error:
                raise HTTPException(409, _without(str(error), scratch)) from error

    @app.get("/v1/study")
    def one() -> MadeStudy | None:
        """What the study is of; null where there is none."""
        try:
            told = json.loads((place / _DOCUMENT).read_text(encoding="utf-8"))
        except OSError:
            return None
        return MadeStudy(*(told[field.name] for field in fields(MadeStudy)))

    @app.delete("/v1/study", status_code=204, responses=_NONE)
    def delete() -> None:
        """Delete the study; the results stay."""
        if not place.is_dir():
            raise HTTPException(404, "there is no study")
        store.forget_study()

    @app.get("/v1/study/study.zip", response_class=StreamingResponse, responses=_NONE)
    def archive() -> StreamingResponse:
        """All files of the study in a zip."""
        if not place.is_dir():
            raise HTTPException(404, "there is no study")
        headers = {"Content-Disposition": 'attachment; filename="study.zip"'}
        file = zip_of({"": place}, store.data)
        return StreamingResponse(chunks(file), media_type="application/zip", headers=headers)

    def add(name: str, kind: str) -> None:
        @app.get(f"/v1/study/{name}", name=name, response_class=FileResponse, responses=_NONE)
        def file() -> Response:
            path = place / name
            if not path.is_file():
                raise HTTPException(404, "there is no study")
            if path.suffix == ".html":
                return FileResponse(
                    path,
                    media_type=kind,
                    headers={"Content-Security-Policy": report_rules(path)},
                )
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return FileResponse(path, media_type=kind, headers=headers)

    for name, kind in _TYPES.items():
        add(name, kind)


def _make(
    store: Store, scratch: Path, tables: list[Path | None], condition: str, marked: bool
) -> MadeStudy:
    try:
        from mien.study.study import StudyOptions, make_study, write_study
    except ImportError as error:
        raise HTTPException(501, f"this needs {error.name}: {install('study')}") from error
    videos = scratch / "videos"
    videos.mkdir()
    marks: dict[str, tuple[Mark, ...]] = {}
    for entry in reversed(store.all()):
        results = store.folder(entry.id) / RESULTS
        if entry.state == "done" and results.is_dir():
            place = videos / folder_name(entry.name, {path.name for path in videos.iterdir()})
            place.mkdir()
            for name in _READ:
                with suppress(FileNotFoundError):  # there may be no people.json
                    os.link(results / name, place / name)
            marks[place.name] = read_marks(results)
    if marked:
        tables = [tables[0], _events_of(marks, scratch)]
    options = StudyOptions(tables[0], tables[1], condition=condition, mixed=True)
    study = make_study(videos, options)
    made = scratch / "study"
    write_study(study, made, options)
    notes = [_without(note, str(scratch)) for note in study.notes]
    found = MadeStudy(study.summary["video"].nunique(), study.summary["person"].nunique(), notes)
    told = json.loads((made / _DOCUMENT).read_text(encoding="utf-8")) | asdict(found)
    names = {
        name: table and "table"
        for name, table in zip(("participants", "events"), tables, strict=True)
    }
    told["settings"] |= names  # they had no names of their own
    (made / _DOCUMENT).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    store.keep_study(made)
    return found


def _events_of(marks: dict[str, tuple[Mark, ...]], scratch: Path) -> Path:
    """One table of events of the marks of all videos."""
    rows = [
        [video, f"{mark.onset_s:.3f}", f"{mark.duration_s:.3f}", mark.label]
        for video, own in marks.items()
        for mark in own
    ]
    if not any(mark.duration_s for own in marks.values() for mark in own):
        raise HTTPException(409, "no result has a mark that lasts; mark some, or leave marks out")
    path = scratch / "table-marks.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["video", "onset", "duration", "label"], *rows])
    return path


def _saved(scratch: Path, sent: UploadFile | None) -> Path | None:
    """A table that was sent, as a file of a name of ours; None where none or an empty one was."""
    if sent is None or not sent.size:
        return None
    if sent.size > _MOST_TABLE_BYTES:
        raise HTTPException(413, f"a table has {_MOST_TABLE_BYTES // 10**6} MB at most")
    suffix = ".tsv" if (sent.filename or "").lower().endswith(".tsv") else ".csv"
    path = Path(tempfile.mkstemp(suffix, "table-", scratch)[1])
    with path.open("wb") as file:
        shutil.copyfileobj(sent.file, file)
    return path


def _without(text: str, scratch: str) -> str:
    """A message without places of this machine: the tables that were sent have no path."""
    return one_line(re.sub(rf"{re.escape(scratch)}/(?:table-\w+|videos)?/?", "table", text))
