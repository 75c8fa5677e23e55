"""A person's own marks in a result, over REST, and the page that shows the report with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from mien.errors import MienError, one_line
from mien.output.kept.marks import MARKS_FILE, read_marks, write_marks
from mien.report import exchange_marks
from mien.types import Mark

_MOST = 1000
_FARTHEST_S = 1e6
_RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such analysis, or no marks"},
    409: {"description": "It has no results (yet), or its marks cannot be read"},
}


class OwnMark(BaseModel):
    """A stretch or a moment: `onset` and `duration` in seconds of the video, 0 is a moment."""

    model_config = ConfigDict(extra="forbid")

    onset: Annotated[float, Field(ge=-_FARTHEST_S, le=_FARTHEST_S, allow_inf_nan=False)]
    duration: Annotated[float, Field(ge=0, le=_FARTHEST_S, allow_inf_nan=False)] = 0.0
    label: Annotated[str, Field(min_length=1, max_length=200)]


class OwnMarks(BaseModel):
    """All marks of a result."""

    model_config = ConfigDict(extra="forbid")

    marks: Annotated[list[OwnMark], Field(max_length=_MOST)]


def add_marks(app: FastAPI, results: Callable[[str], Path], changing: threading.Lock) -> None:
    """Routes.

    Parameters
    ----------
    app
        Where they are added.
    results
        Gives the folder of the results of an analysis, or raises.
    changing
        Held while a report is written.
    """
    page = resources.files("mien.serve").joinpath("page", "result.html").read_bytes()

    @app.get("/results/{key}", include_in_schema=False)
    def view(key: str) -> Response:
        results(key)
        headers = {"Content-Security-Policy": _RULES}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    @app.get("/v1/analyses/{key}/marks", responses=_RESPONSES)
    def marks(key: str) -> OwnMarks:
        """What a person marked in a result, by onset."""
        folder = results(key)
        return _tried(folder, lambda: _told(folder))

    @app.put("/v1/analyses/{key}/marks", responses=_RESPONSES)
    def change(key: str, told: OwnMarks) -> OwnMarks:
        """Put these marks in the place of those that are there; the report shows them."""
        folder = results(key)

        def keep() -> OwnMarks:
            found = [Mark(one.onset, one.duration, _label(one.label)) for one in told.marks]
            write_marks(folder, found)
            exchange_marks(folder / "report.html", read_marks(folder))
            return _told(folder)

        with changing:
            return _tried(folder, keep)

    @app.get(
        f"/v1/analyses/{{key}}/{MARKS_FILE}", response_class=FileResponse, responses=_RESPONSES
    )
    def table(key: str) -> FileResponse:
        """The marks as a table: onset, duration, label."""
        path = results(key) / MARKS_FILE
        if not path.is_file():
            raise HTTPException(404, "nothing is marked in it")
        headers = {"Content-Disposition": f'attachment; filename="{MARKS_FILE}"'}
        return FileResponse(path, media_type="text/csv; charset=utf-8", headers=headers)


def _told(folder: Path) -> OwnMarks:
    found = [
        OwnMark.model_construct(
            onset=mark.onset_s, duration=mark.duration_s, label=mark.label or "mark"
        )
        for mark in read_marks(folder)
    ]
    return OwnMarks.model_construct(marks=found)


def _label(text: str) -> str:
    """On one line, and nothing that UTF-8 does not have."""
    return one_line(text).encode("utf-8", "replace").decode("utf-8").strip() or "mark"


def _tried(folder: Path, do: Callable[[], OwnMarks]) -> OwnMarks:
    """What `do` gives; what goes wrong is said without places of this machine."""
    try:
        return do()
    except MienError as error:
        text = str(error).replace(f"{folder}/", "").replace(str(folder), "the result")
        raise HTTPException(409, one_line(text)) from error
