"""The private page: what it may load, and that it may send nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="the extra `test` is not installed")
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mien.pipeline.options import AnalysisOptions
from mien.serve.guard import Guard
from mien.serve.live import add_live
from mien.serve.settings import Settings
from mien.weights import FAST_AFFECT_MODEL, weight_path

TOKEN = "0123456789abcdef-token"


def client(tmp_path: Path, base_url: str = "http://127.0.0.1:8765", **changes: str) -> TestClient:
    app = FastAPI()
    add_live(app)
    return TestClient(
        Guard(app, Settings(tmp_path, options=AnalysisOptions(), **changes)),  # type: ignore[arg-type]
        base_url=base_url,
    )


def rules(found: TestClient, path: str) -> dict[str, str]:
    told = found.get(path).headers["content-security-policy"]
    return dict(part.strip().split(" ", 1) for part in told.split(";"))


def test_the_page_may_fetch_the_networks_and_nothing_else(tmp_path: Path) -> None:
    found = client(tmp_path)
    for path in ("/live", "/live-worker.js"):
        own = rules(found, path)
        assert own["default-src"] == "'none'"
        assert own["connect-src"] == "http://127.0.0.1:8765/live/files/"
        assert own["script-src"] == "'self' 'wasm-unsafe-eval'"
        assert own["form-action"] == own["base-uri"] == own["frame-ancestors"] == "'none'"
        assert "unsafe-inline" not in str(own) and "*" not in str(own) and "data:" not in str(own)
    assert rules(client(tmp_path, "http://[::1]:8765"), "/live")["connect-src"] == "'self'"
    allowed = found.get("/live").headers["permissions-policy"]
    assert allowed == "camera=(self), microphone=(), geolocation=()"


def test_all_that_its_scripts_name_is_there(tmp_path: Path) -> None:
    found = client(tmp_path)
    texts = {path: found.get(path).text for path in ("/live", "/live.js", "/live-worker.js")}
    named = {name for text in texts.values() for name in re.findall(r'"(/[\w./-]+\.\w+)"', text)}
    modules = re.findall(r"\./(\w+\.js)", found.get("/faces/index.js").text)
    named |= {f"/faces/{name}" for name in modules}
    assert {"/live.js", "/live-worker.js", "/faces/index.js", "/faces/reader.js"} < named
    for name in named - {"/icon.svg", "/page.css"}:  # these are the other page's
        assert found.get(name).status_code == 200, name
        kind = found.get(name).headers["content-type"]
        expected = {"css": "text/css", "wasm": "application/wasm"}
        assert kind.startswith(expected.get(name.rpartition(".")[2], "text/javascript")), name
    for text in texts.values():
        assert "http://" not in text and "https://" not in text and "innerHTML" not in text
        assert "style=" not in text and "onclick" not in text
    assert "XMLHttpRequest" not in texts["/live.js"] and "fetch(" not in texts["/live.js"]


def test_the_networks_are_those_that_ship(tmp_path: Path) -> None:
    from retinaface.weights import WEIGHTS

    found = client(tmp_path)
    content = found.get(f"/live/files/{FAST_AFFECT_MODEL}.onnx").content
    assert content == weight_path(FAST_AFFECT_MODEL).read_bytes()
    assert found.get("/live/files/detector.onnx").content == WEIGHTS
    for path in ("/live/files/mran.onnx", "/live/files/..%2fSHA256SUMS", "/faces/..%2findex.js"):
        assert found.get(path).status_code == 404
    for path in ("/live", "/live/files/detector.onnx"):
        assert found.post(path, content=b"frame").status_code == 405


def test_others_need_the_token(tmp_path: Path) -> None:
    found = client(tmp_path, host="0.0.0.0", token=TOKEN)
    for path in ("/live", "/live.js", "/live/files/extractor.onnx", "/faces/align.js"):
        assert found.get(path).status_code == 401
        shown = found.get(path, headers={"authorization": f"Bearer {TOKEN}"})
        assert shown.status_code == 200
