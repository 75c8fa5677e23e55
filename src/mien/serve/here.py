"""Live by the server: a page sends frames of its camera, and has the numbers back; none is kept."""

from __future__ import annotations

import math
import secrets
import threading
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt
from fastapi import FastAPI, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from mien.errors import MienError, one_line
from mien.live.pushed import PushedSession
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import FrameRow
from mien.types import ImageArray
from mien.video.image_headers import picture_size

_LONGEST_PX = 960  # as the page sends them
_Side = Annotated[int, Query(ge=16, le=_LONGEST_PX)]
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "No such session"}}
_JPEG = "image/jpeg"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/octet-stream", _JPEG)
        },
    }
}


class Wish(BaseModel):
    """How frames are read, as by the options of ``mien live``."""

    model_config = ConfigDict(extra="forbid")

    prior: Literal["default", "balanced", "everyday"] = "default"
    precise: bool = False


@dataclass(frozen=True)
class LiveSession:
    """A session that is open, and what the extractor's numbers are called."""

    id: str
    columns: list[str]
    expressions: list[str]
    action_units: list[int]
    decisions: list[float]
    caveat: str
    priors: list[str]


@dataclass(frozen=True)
class LiveFace:
    """A face of a frame; None stands for what the extractor does not say.

    `box` is x, y, width, height; `points` are the five of the detector, `landmarks` 26, x and y in
    turn, all in pixels of the frame. Angles are in degrees.
    """

    id: int
    score: float
    box: list[float]
    points: list[float]
    affect: list[float | None]
    intensities: list[float | None]
    landmarks: list[float | None]
    pose: list[float | None]
    eye_open: list[float | None]
    gaze: list[float | None]
    quality: float | None
    low: bool


class Here:
    """The one camera that is read at a time."""

    def __init__(self, options: AnalysisOptions) -> None:
        self._options = options
        self._opening = threading.Lock()
        self._key = ""
        self._session: PushedSession | None = None

    def open(self, wish: Wish) -> LiveSession:
        """A new session; 409 where another one goes on."""
        with self._opening:
            if self._session is not None and self._session.is_open:
                raise HTTPException(409, "a camera is being read already; stop it there first")
            options = replace(self._options, batch=1, prior=wish.prior, precise=wish.precise)
            try:
                analyzer = Analyzer(options)
            except MienError as error:
                raise HTTPException(409, one_line(str(error))) from error
            self._key, self._session = secrets.token_hex(16), PushedSession(analyzer)
            affect, labels = analyzer.affect, analyzer.labels
            return LiveSession(
                self._key,
                list(labels.affect_columns),
                list(labels.expressions),
                list(labels.action_units),
                affect.au_decisions.tolist(),
                str(affect.metadata.get("caveat") or ""),
                list(affect.priors or ()),
            )

    def known(self, key: str) -> PushedSession:
        """The session of that name; 404 where it is not there."""
        session = self._session
        if session is None or not secrets.compare_digest(key.encode(), self._key.encode()):
            raise HTTPException(404, "there is no such session")
        return session

    def close(self) -> None:
        """End the session, where there is one, and wait for its end."""
        with self._opening:
            session, self._session = self._session, None
        if session is not None:
            session.close()
            session.wait()


def add_here(app: FastAPI, here: Here) -> None:
    """Routes: open a session, hand frames in, end it."""

    @app.post(
        "/v1/live",
        status_code=201,
        responses={409: {"description": "A camera is being read already"}},
    )
    def begin(wish: Wish) -> LiveSession:
        """Begin to read a camera; one at a time. Ten seconds without a frame end it."""
        return here.open(wish)

    @app.post(
        "/v1/live/{key}/frames",
        openapi_extra=_BODY,
        responses={
            **_NONE,
            400: {"description": "The body is no frame of that size"},
            409: {"description": "The frame cannot be read, or came too late"},
        },
    )
    async def frame(
        key: str,
        request: Request,
        time_s: Annotated[float, Query(ge=0, le=1e7, allow_inf_nan=False)],
        width: _Side,
        height: _Side,
    ) -> list[LiveFace]:
        """Read one frame: a JPEG, or RGBA, a byte each, row by row. It is kept nowhere."""
        session = here.known(key)
        content = await _body(request, width * height * 4)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        decode = _from_jpeg if kind == _JPEG else _from_rgba
        try:
            moment = await run_in_threadpool(
                lambda: session.read(time_s, decode(content, width, height))
            )
        except MienError as error:
            raise HTTPException(409, one_line(str(error))) from error
        return [_face(row) for row in moment.rows if row.face is not None]

    @app.delete("/v1/live/{key}", status_code=204, responses=_NONE)
    def end(key: str) -> None:
        """End a session."""
        here.known(key)
        here.close()


async def _body(request: Request, most: int) -> bytes:
    """So many bytes at most; what is larger is not read to its end."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise HTTPException(400, f"a frame of that size has {most} bytes at most")
    return bytes(content)


def _from_rgba(content: bytes, width: int, height: int) -> ImageArray:
    if len(content) != width * height * 4:
        raise HTTPException(400, f"a frame of that size has {width * height * 4} bytes, RGBA")
    image = np.frombuffer(content, np.uint8).reshape(height, width, 4)[:, :, :3]
    return np.ascontiguousarray(image)


def _from_jpeg(content: bytes, width: int, height: int) -> ImageArray:
    # Its header is asked first: a small file may hold a huge picture.
    if picture_size(content, "jpeg") != (width, height):
        raise HTTPException(400, f"this is no JPEG of {width} x {height} pixels")
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None or image.shape[:2] != (height, width):
        raise HTTPException(400, "this JPEG is damaged")
    return cast(ImageArray, image)


def _face(row: FrameRow) -> LiveFace:
    face, said = row.face, row.details
    assert face is not None and row.face_id is not None
    none = np.empty(0)
    return LiveFace(
        row.face_id,
        float(face.score),
        face.box.tolist(),
        face.landmarks.ravel().tolist(),
        _numbers(none if row.affect is None else row.affect),
        _numbers(none if said is None else said.au_intensity),
        _numbers(none if said is None else said.landmarks),
        _numbers(none if said is None else said.pose_deg),
        _numbers(none if said is None else said.eye_open),
        _numbers(none if said is None else said.gaze_deg),
        None if said is None else _numbers(np.atleast_1d(said.quality))[0],
        row.low_quality,
    )


def _numbers(values: npt.NDArray[Any]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in np.ravel(values).tolist()]
