"""The private page: it reads a camera in the tab. The server hands out files and learns nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse

from mien.serve.embed import faces_package
from mien.weights import AFFECT_MODEL, FAST_AFFECT_MODEL, weight_path

_SCRIPT = "text/javascript; charset=utf-8"
_BYTES = "application/octet-stream"
_FILES = {
    "/live": ("live.html", "text/html; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
    "/live.js": ("live.js", _SCRIPT),
    "/live-worker.js": ("live-worker.js", _SCRIPT),
    "/onnxruntime/ort.wasm.min.mjs": ("onnxruntime/ort.wasm.min.mjs", _SCRIPT),
    "/onnxruntime/ort-wasm-simd-threaded.mjs": ("onnxruntime/ort-wasm-simd-threaded.mjs", _SCRIPT),
    "/live/files/ort-wasm-simd-threaded.wasm": (
        "onnxruntime/ort-wasm-simd-threaded.wasm",
        "application/wasm",
    ),
}
_FETCHED = "/live/files/"  # the networks and what runs them: all that the page may fetch


def add_live(app: FastAPI) -> None:
    """Routes of the page, its scripts, and the networks that it loads."""

    def add(path: str, place: Path, kind: str) -> None:
        @app.get(path, include_in_schema=False)
        def file(request: Request) -> FileResponse:
            return FileResponse(place, media_type=kind, headers=_rules(request))

    page = Path(str(resources.files("mien.serve").joinpath("page")))
    for path, (name, kind) in _FILES.items():
        add(path, page / name, kind)
    for module in sorted(faces_package().glob("*.js")):
        add(f"/faces/{module.name}", module, _SCRIPT)
    for name in (AFFECT_MODEL, FAST_AFFECT_MODEL):
        _add_bytes(app, f"{_FETCHED}{name}.onnx", partial(_network, name))
    _add_bytes(app, f"{_FETCHED}detector.onnx", _detector)


def _add_bytes(app: FastAPI, path: str, read: Callable[[], bytes]) -> None:
    """A route of a network, which is read when it is asked for."""

    @app.get(path, include_in_schema=False)
    def network() -> Response:
        return Response(read(), media_type=_BYTES)


def _network(name: str) -> bytes:
    return weight_path(name).read_bytes()


@cache
def _detector() -> bytes:
    from retinaface.weights import WEIGHTS

    return bytes(WEIGHTS)


def _rules(request: Request) -> dict[str, str]:
    """The page may fetch the networks, and nothing else of this server or any other.

    Nothing that could carry a frame away is allowed: no other address, no form, no socket.
    """
    host = request.headers["host"]  # checked by the guard
    # Brackets of IPv6 are unknown to these rules.
    fetched = "'self'" if "[" in host else f"{request.url.scheme}://{host}{_FETCHED}"
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src {fetched}; "
            "worker-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    }
