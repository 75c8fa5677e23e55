"""A camera that the server reads: what it takes, what it refuses, what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="the extra `test` is not installed")
pytest.importorskip("onnx")
from fastapi.testclient import TestClient
from serving import serving

from mien.demo import demo_frames
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.serve.settings import Settings

TOKEN = "0123456789abcdef-token"
BYTES = {"content-type": "application/octet-stream"}


@pytest.fixture
def real(tmp_path: Path) -> Iterator[TestClient]:
    """A server with the networks that ship."""
    settings = Settings(tmp_path / "data", options=AnalysisOptions(threads=1))
    with serving(settings) as client:
        yield client


def rgba(image: Any) -> bytes:
    return np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]).tobytes()


def send(client: TestClient, key: str, time_s: float, content: bytes, **size: int) -> Any:
    size = {"width": 640, "height": 480} | size
    place = f"/v1/live/{key}/frames"
    return client.post(place, params={"time_s": time_s, **size}, content=content, headers=BYTES)


def packed(image: Any) -> bytes:
    done, content = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    return content.tobytes()


def test_a_jpeg_is_read_nearly_as_its_pixels(real: TestClient) -> None:
    image = next(iter(demo_frames(4)))
    said = []
    for kind, content in (("image/jpeg", packed(image)), ("application/octet-stream", rgba(image))):
        key = real.post("/v1/live", json={}).json()["id"]
        place = f"/v1/live/{key}/frames?time_s=0&width=640&height=480"
        [face] = real.post(place, content=content, headers={"content-type": kind}).json()
        said.append(np.array([*face["affect"], *face["intensities"]], float))
        assert real.delete(f"/v1/live/{key}").status_code == 204
    assert np.abs(said[0] - said[1]).max() < 0.05


def test_what_is_no_jpeg_of_that_size_is_refused(real: TestClient) -> None:
    image = next(iter(demo_frames(4)))
    key = real.post("/v1/live", json={}).json()["id"]
    place = f"/v1/live/{key}/frames?time_s=0&width=640&height=480"
    whole = packed(image)
    huge = whole.replace(bytes([1, 224, 2, 128]), bytes([255, 255, 255, 255]), 1)
    assert huge != whole  # it says that it has 65,535 x 65,535 pixels
    for content in (b"", b"GIF89a", whole[:20], packed(image[:100]), huge):
        answer = real.post(place, content=content, headers={"content-type": "image/jpeg"})
        assert answer.status_code == 400 and "no JPEG of 640 x 480" in answer.text
    assert (
        real.post(place, content=whole, headers={"content-type": "image/jpeg"}).status_code == 200
    )


def test_frames_are_read_as_python_reads_them(real: TestClient, tmp_path: Path) -> None:
    frames = list(demo_frames(4))[:8]
    begun = real.post("/v1/live", json={"prior": "balanced", "precise": True})
    assert begun.status_code == 201, begun.text
    told = begun.json()
    options = AnalysisOptions(batch=1, threads=1, prior="balanced", precise=True)
    analyzer = Analyzer(options)
    assert told["columns"] == list(analyzer.labels.affect_columns)
    assert told["decisions"] == analyzer.affect.au_decisions.tolist()
    with analyzer.open_frames(((k / 25, f) for k, f in enumerate(frames)), "x", None) as analysis:
        expected = [row for rows in analysis for row in rows]
    for k, (image, row) in enumerate(zip(frames, expected, strict=True)):
        [face] = send(real, told["id"], k / 25, rgba(image)).json()
        assert face["id"] == row.face_id and face["low"] == row.low_quality
        assert face["affect"] == pytest.approx(row.affect.tolist(), abs=1e-6)
        assert face["box"] == pytest.approx(row.face.box.tolist(), abs=1e-3)
        assert face["pose"] == pytest.approx(row.details.pose_deg.tolist(), abs=1e-3)
        assert len(face["landmarks"]) == 52 and len(face["points"]) == 10
    assert send(real, told["id"], 9.0, bytes(640 * 480 * 4)).json() == []  # nobody there
    assert real.delete(f"/v1/live/{told['id']}").status_code == 204
    assert real.delete(f"/v1/live/{told['id']}").status_code == 404
    assert send(real, told["id"], 10.0, rgba(frames[0])).status_code == 404
    kept = {path.name.split("-")[0] for path in (tmp_path / "data").rglob("*") if path.is_file()}
    assert kept == {"serve.sqlite"}  # no frame, no number


def test_one_camera_at_a_time(client: TestClient) -> None:
    key = client.post("/v1/live", json={}).json()["id"]
    again = client.post("/v1/live", json={})
    assert again.status_code == 409 and "being read already" in again.json()["detail"]
    assert client.delete("/v1/live/" + "0" * 32).status_code == 404
    assert client.delete(f"/v1/live/{key}").status_code == 204
    assert client.post("/v1/live", json={}).status_code == 201


@pytest.mark.parametrize(
    ("size", "length", "status"),
    [
        ({"width": 64, "height": 48}, 64 * 48 * 4 - 1, 400),
        ({"width": 64, "height": 48}, 64 * 48 * 4 + 1, 400),
        ({"width": 64, "height": 48}, 5_000_000, 400),
        ({"width": 64, "height": 48}, 0, 400),
        ({"width": 961, "height": 48}, 961 * 48 * 4, 422),
        ({"width": 0, "height": 48}, 0, 422),
        ({"width": -64, "height": -48}, 64 * 48 * 4, 422),
    ],
)
def test_what_is_no_frame_is_refused(
    client: TestClient, size: dict[str, int], length: int, status: int
) -> None:
    key = client.post("/v1/live", json={}).json()["id"]
    assert send(client, key, 1.0, bytes(length), **size).status_code == status
    assert send(client, key, 1.0, bytes(64 * 48 * 4), width=64, height=48).status_code == 200
    late = send(client, key, 0.5, bytes(64 * 48 * 4), width=64, height=48)
    assert late.status_code == 409 and "came after" in late.json()["detail"]
    nan = send(client, key, float("nan"), bytes(64 * 48 * 4), width=64, height=48)
    assert nan.status_code == 422


@pytest.mark.parametrize("wish", [{"prior": "/etc/passwd"}, {"model": "x"}, {"precise": "often"}])
def test_what_is_no_wish_is_refused(client: TestClient, wish: Any) -> None:
    assert client.post("/v1/live", json=wish).status_code == 422


def test_pages_of_others_and_those_without_the_token_cannot(settings: Settings) -> None:
    with serving(replace(settings, token=TOKEN)) as client:
        assert client.post("/v1/live", json={}).status_code == 401
        bearer = {"authorization": f"Bearer {TOKEN}"}
        evil = bearer | {"origin": "https://evil.example"}
        assert client.post("/v1/live", json={}, headers=evil).status_code == 403
        key = client.post("/v1/live", json={}, headers=bearer).json()["id"]
        assert send(client, key, 1.0, bytes(64 * 48 * 4), width=64, height=48).status_code == 401


def test_its_page_may_ask_for_that_alone(client: TestClient) -> None:
    for path in ("/live/here", "/live-here-worker.js"):
        rules = client.get(path).headers["content-security-policy"]
        place = "http://127.0.0.1/v1/live"
        assert f"connect-src {place} {place}/;" in rules and "default-src 'none'" in rules
    private, page = client.get("/live").text, client.get("/live/here").text
    assert 'data-worker="/live-worker.js"' in private and "$" not in private + page
    assert 'data-worker="/live-here-worker.js"' in page and "keeps none" in page
    assert "in this tab alone" in private and "in this tab alone" not in page
