"""Routes: analyses over REST, progress as server-sent events, the page."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib import resources
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, File, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, StreamingResponse

from mien._version import __version__
from mien.errors import one_line
from mien.jobs import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from mien.serve.guard import Guard
from mien.serve.here import Here, add_here
from mien.serve.live import add_live
from mien.serve.marks import add_marks
from mien.serve.people import add_people
from mien.serve.results import TYPES, chunks, folder_name, report_rules, zip_of
from mien.serve.runner import Runner
from mien.serve.settings import Settings
from mien.serve.store import Analysis, NoRoomError, Store, new_key
from mien.serve.studies import add_studies
from mien.serve.work import RESULTS

_PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/people.js": ("people.js", "text/javascript; charset=utf-8"),
    "/result.js": ("result.js", "text/javascript; charset=utf-8"),
    "/study.js": ("study.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_PAGE_RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NAME_LENGTH = 200
_LOOK_S = 0.25
_BEAT_S = 15.0
_ENDED = ("done", "failed")


def create_app(settings: Settings) -> tuple[Guard, Runner]:
    """The guarded application, and what reads the queue while the application runs."""
    store = Store(settings.data)
    runner = Runner(store, settings)
    here = Here(settings.options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with runner:
            yield
        here.close()
        store.close()

    app = FastAPI(
        title="mien",
        version=__version__,
        summary="What faces in videos and pictures express, frame by frame.",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages would fetch scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.exception_handler(RequestValidationError)(_wrong)
    _add_page(app)
    add_live(app)
    add_here(app, here)
    _add_analyses(app, store, runner)
    _add_events(app, store, runner)
    _add_results(app, store)
    add_studies(app, store)
    changing = threading.Lock()  # what rewrites a report is read, made and written before the next
    add_people(app, lambda key: _results(store, key)[1], changing)
    add_marks(app, lambda key: _results(store, key)[1], changing)
    return Guard(app, settings), runner


async def _wrong(_: Request, error: Exception) -> Response:
    """Says what does not fit; what was sent is not sent back, as not all of it can be (NaN)."""
    assert isinstance(error, RequestValidationError)
    told = [{name: one[name] for name in ("type", "loc", "msg")} for one in error.errors()]
    return Response(json.dumps({"detail": told}), 422, media_type="application/json")


def _add_page(app: FastAPI) -> None:
    def add(path: str, name: str, kind: str) -> None:
        content = resources.files("mien.serve").joinpath("page", name).read_bytes()

        @app.get(path, include_in_schema=False)
        def page() -> Response:
            headers = {"Content-Security-Policy": _PAGE_RULES}
            return Response(content, media_type=kind, headers=headers)

    for path, (name, kind) in _PAGE.items():
        add(path, name, kind)


def _add_analyses(app: FastAPI, store: Store, runner: Runner) -> None:
    settings = runner.settings

    @app.get("/v1/settings")
    def limits() -> dict[str, float]:
        """What bounds this server; sizes in bytes, times in hours (0: kept until deleted)."""
        return {
            "max_upload_bytes": settings.max_upload_bytes,
            "keep": settings.keep,
            "keep_hours": settings.keep_hours,
        }

    @app.post(
        "/v1/analyses",
        status_code=201,
        responses={413: {"description": "Too large"}, 507: {"description": "No room"}},
    )
    def add(
        file: Annotated[UploadFile, File(description="A video or a picture.")],
        response: Response,
    ) -> Analysis:
        """Queue a video or a picture."""
        if store.count() >= settings.keep:
            raise HTTPException(507, f"{settings.keep} analyses are kept already; delete some")
        name = shown_name(file.filename or "")
        suffix = _known_suffix(name)
        key = new_key()
        place = store.folder(key)
        try:
            place.mkdir(mode=0o700)
            with (place / f"upload{suffix}").open("wb") as target:
                shutil.copyfileobj(file.file, target, 1 << 20)
                size = target.tell()
            entry = store.add(key, name, suffix, size, settings.keep)
        except NoRoomError as error:
            store.remove(key)
            raise HTTPException(507, str(error)) from error
        except OSError as error:
            store.remove(key)
            raise HTTPException(507, f"cannot be kept ({error.strerror})") from error
        runner.wake()
        response.headers["Location"] = f"/v1/analyses/{key}"
        return entry

    @app.get("/v1/analyses")
    def every() -> list[Analysis]:
        """All analyses, the latest first."""
        return store.all()

    @app.get("/v1/analyses/{key}", responses={404: {"description": "No such analysis"}})
    def one(key: str) -> Analysis:
        """How far an analysis is."""
        return _known(store, key)

    @app.delete(
        "/v1/analyses/{key}",
        status_code=204,
        responses={404: {"description": "No such analysis"}},
    )
    def delete(key: str) -> None:
        """Delete an analysis with all its files; one that runs is ended."""
        if not runner.delete(key):
            raise HTTPException(404, "there is no such analysis")


def _add_events(app: FastAPI, store: Store, runner: Runner) -> None:
    @app.get("/v1/events", response_class=StreamingResponse)
    async def all_events() -> StreamingResponse:
        """The list of analyses whenever it changes, as server-sent events ``analyses``."""

        def look() -> tuple[Any, bool]:
            return [asdict(entry) for entry in store.all()], False

        return _events("analyses", look, runner)

    @app.get(
        "/v1/analyses/{key}/events",
        response_class=StreamingResponse,
        responses={404: {"description": "No such analysis"}},
    )
    async def events(key: str) -> StreamingResponse:
        """An analysis whenever it changes, as server-sent events ``analysis``, up to its end.

        One that is deleted meanwhile ends with ``null``.
        """
        _known(store, key)

        def look() -> tuple[Any, bool]:
            entry = store.get(key)
            return entry and asdict(entry), entry is None or entry.state in _ENDED

        return _events("analysis", look, runner)


def _events(kind: str, look: Callable[[], tuple[Any, bool]], runner: Runner) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        shown, silent_s = "", 0.0
        while not runner.stopping.is_set():
            found, is_last = look()
            text = json.dumps(found)
            if text != shown:
                yield f"event: {kind}\ndata: {text}\n\n"
                shown, silent_s = text, 0.0
            elif silent_s >= _BEAT_S:  # so that nobody between takes the line for dead
                yield ": still here\n\n"
                silent_s = 0.0
            if is_last:
                return
            await asyncio.sleep(_LOOK_S)
            silent_s += _LOOK_S

    return StreamingResponse(lines(), media_type="text/event-stream")


def _add_results(app: FastAPI, store: Store) -> None:
    responses: dict[int | str, dict[str, Any]] = {
        404: {"description": "No such analysis"},
        409: {"description": "It has no results (yet)"},
    }

    @app.get("/v1/analyses/{key}/report", response_class=FileResponse, responses=responses)
    def report(key: str) -> FileResponse:
        """The report, a page that fetches nothing."""
        _, folder = _results(store, key)
        path = folder / "report.html"
        rules = {"Content-Security-Policy": report_rules(path, framed_by="'self'")}
        return FileResponse(path, media_type="text/html; charset=utf-8", headers=rules)

    @app.get("/v1/analyses/{key}/result.zip", response_class=StreamingResponse, responses=responses)
    def archive(key: str) -> StreamingResponse:
        """All files of the result in a zip."""
        entry, folder = _results(store, key)
        file = zip_of({"": folder}, store.data)
        headers = {"Content-Disposition": _attachment(entry, "mien.zip")}
        return StreamingResponse(chunks(file), media_type="application/zip", headers=headers)

    @app.get("/v1/results.zip", response_class=StreamingResponse)
    def everything() -> StreamingResponse:
        """All results in a zip, each in a folder named after its upload."""
        folders: dict[str, Path] = {}
        for entry in reversed(store.all()):
            folder = store.folder(entry.id) / RESULTS
            if entry.state == "done" and folder.is_dir():
                folders[folder_name(entry.name, {one[:-1] for one in folders}) + "/"] = folder
        headers = {"Content-Disposition": 'attachment; filename="mien-results.zip"'}
        file = zip_of(folders, store.data)
        return StreamingResponse(chunks(file), media_type="application/zip", headers=headers)

    def add(name: str, kind: str) -> None:
        path = f"/v1/analyses/{{key}}/{name}"

        @app.get(path, name=name, response_class=FileResponse, responses=responses)
        def table(key: str) -> FileResponse:
            entry, folder = _results(store, key)
            headers = {"Content-Disposition": _attachment(entry, name)}
            return FileResponse(folder / name, media_type=kind, headers=headers)

    for name, kind in TYPES.items():
        add(name, kind)


def _known(store: Store, key: str) -> Analysis:
    entry = store.get(key)
    if entry is None:
        raise HTTPException(404, "there is no such analysis")
    return entry


def _results(store: Store, key: str) -> tuple[Analysis, Path]:
    """An analysis and the folder of its results."""
    entry = _known(store, key)
    folder = store.folder(entry.id) / RESULTS
    if entry.state != "done" or not folder.is_dir():
        raise HTTPException(409, entry.message or f"it is {entry.state}; there are no results yet")
    return entry, folder


def shown_name(sent: str) -> str:
    r"""What a sender calls a file, for showing: the last part, on one line, of bounded length.

    Examples
    --------
    >>> shown_name("..\\..\\etc/pass\nwd.mp4")
    'pass wd.mp4'
    """
    text = one_line(PureWindowsPath(sent).name).encode("utf-8", "replace").decode("utf-8")
    return text[-_NAME_LENGTH:].strip() or "upload"


def _known_suffix(name: str) -> str:
    """One of the suffixes that mien knows, or none: it tells a few formats apart."""
    suffix = PureWindowsPath(name).suffix.lower()
    return suffix if suffix in VIDEO_SUFFIXES | IMAGE_SUFFIXES else ""


def _attachment(entry: Analysis, ending: str) -> str:
    stem = PureWindowsPath(entry.name).stem or "upload"
    return f"attachment; filename*=UTF-8''{quote(f'{stem}-{ending}', safe='')}"
