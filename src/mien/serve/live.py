"""The live page, in two modes: it reads a camera in the tab, or has the server read it.

In the first, the server hands out files and learns nothing. Each mode has an address, and rules, of
its own: those of the first let no frame leave the tab.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import resources
from pathlib import Path
from string import Template

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse

from mien.serve.embed import faces_package
from mien.weights import AFFECT_MODEL, FAST_AFFECT_MODEL, weight_path

_SCRIPT = "text/javascript; charset=utf-8"
_BYTES = "application/octet-stream"
_FILES = {
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
_FETCHED = "/live/files/"  # the networks and what runs them: all that the private page may fetch
_HERE = ("/v1/live", "/v1/live/")  # all that the other one may ask
_MODES = {
    "/live": {
        "title": "live, in this tab",
        "head": "Live, in this tab alone",
        "words": "The networks run in your browser. No frame is sent anywhere, not even to the "
        "machine that serves this page.",
        "worker": "/live-worker.js",
        "tab": ' aria-current="page"',
        "here": "",
    },
    "/live/here": {
        "title": "live, by the server",
        "head": "Live, by the server",
        "words": "Frames go to the mien that serves this page, and nowhere else. It reads them, "
        "sends the numbers back, and keeps none.",
        "worker": "/live-here-worker.js",
        "tab": "",
        "here": ' aria-current="page"',
    },
}


def add_live(app: FastAPI) -> None:
    """Routes of the page, its scripts, and the networks that it loads."""

    def add(path: str, place: Path, kind: str, fetched: tuple[str, ...] = (_FETCHED,)) -> None:
        @app.get(path, include_in_schema=False)
        def file(request: Request) -> FileResponse:
            return FileResponse(place, media_type=kind, headers=_rules(request, *fetched))

    def add_page(path: str, text: str, fetched: tuple[str, ...]) -> None:
        @app.get(path, include_in_schema=False)
        def page(request: Request) -> Response:
            kind = "text/html; charset=utf-8"
            return Response(text, media_type=kind, headers=_rules(request, *fetched))

    page = Path(str(resources.files("mien.serve").joinpath("page")))
    template = Template((page / "live.html").read_text(encoding="utf-8"))
    add_page("/live", template.substitute(_MODES["/live"]), (_FETCHED,))
    add_page("/live/here", template.substitute(_MODES["/live/here"]), _HERE)
    add("/live-here-worker.js", page / "live-here-worker.js", _SCRIPT, _HERE)
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


def _rules(request: Request, *paths: str) -> dict[str, str]:
    """The page may fetch what lies at these paths, and nothing else of this server or any other.

    The private page has the networks: nothing that could carry a frame away is allowed, no other
    address, no form, no socket.
    """
    host = request.headers["host"]  # checked by the guard
    # Brackets of IPv6 are unknown to these rules.
    origin = f"{request.url.scheme}://{host}"
    fetched = "'self'" if "[" in host else " ".join(f"{origin}{path}" for path in paths)
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src {fetched}; "
            "worker-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    }
