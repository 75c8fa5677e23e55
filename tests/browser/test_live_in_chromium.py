"""The private page in a real browser, with a face before its camera."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.demo import demo_frames, write_demo_clip
from mien.output.schema import FRAME_SCHEMA

pytest.importorskip("playwright", reason="the extra `browser` is not installed")
pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

_FRAMES = 30


def started(window: Any) -> None:
    window.page.click("#camera")
    window.wait(lambda: int(window.data("frames")) > 5)


def saved(page: Any, button: str, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_a_camera_is_read_in_the_tab(
    open_window: Callable[..., Any], address: str, screen: str, tmp_path: Path
) -> None:
    window = open_window(f"{address}/live", screen, permissions=["camera"])
    page = window.page
    window.no_serious_fault()
    started(window)
    asked = len(window.requests)
    page.click("#record")
    first = int(window.data("frames"))
    page.keyboard.press("m")
    window.wait(lambda: int(window.data("frames")) > first + _FRAMES)
    page.click("#mark")
    page.wait_for_timeout(250)
    page.click("#record")
    window.picture(f"live-{screen}")
    window.no_serious_fault()
    assert page.inner_text("#count") == "1" and page.is_hidden("#problem")
    assert "happiness" in page.inner_text("#expressions .active")
    assert float(page.inner_text("#rate")) > 0 and page.inner_text("#latency").endswith(" ms")

    rows = saved(page, "#table", tmp_path)
    assert list(rows[0]) == FRAME_SCHEMA.names
    assert len(rows) >= _FRAMES and {row["face_id"] for row in rows} == {"0"}
    expected = mien.analyze_frames(list(demo_frames(4))[::8], fps=25 / 8)
    names = expected.table.column_names
    for name in names[names.index("valence") : names.index("quality") + 1]:
        there = np.median([float(row[name]) for row in rows])
        here = np.median(expected.table.column(name).to_numpy())
        # Chromium decodes JPEG, and the camera is anywhere in its loop.
        assert abs(there - here) < 0.1, name
    marks = saved(page, "#events", tmp_path)
    assert [mark["label"] for mark in marks] == ["mark 1", "mark 2"]
    assert list(marks[0]) == ["onset", "duration", "label"] and (tmp_path / "events.csv").is_file()

    blobs = [request for request in window.requests[asked:] if request.url.startswith("blob:")]
    assert len(window.requests) - asked == len(blobs)  # reading asks for nothing, of anybody
    page.click("#stop")
    assert page.is_visible("#camera")
    assert page.evaluate("document.getElementById('video').srcObject") is None
    assert window.origins() == {address} and window.faults == []
    assert {request.method for request in window.requests} == {"GET"}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_networks_can_be_changed_while_it_runs(
    open_window: Callable[..., Any], address: str
) -> None:
    window = open_window(f"{address}/live", permissions=["camera"])
    started(window)
    window.page.select_option("#prior", "balanced")
    window.page.select_option("#model", "precise")
    first = int(window.data("frames"))
    window.wait(lambda: any("extractor.onnx" in request.url for request in window.requests))
    window.wait(lambda: int(window.data("frames")) > first + 5)
    assert window.page.is_hidden("#problem") and window.faults == []


def test_the_rules_hold_in_a_browser(open_window: Callable[..., Any], address: str) -> None:
    """Were the script another one, it could still send no frame away."""
    page = open_window(f"{address}/live").page
    tried = page.evaluate(
        """async (place) => {
          const tries = {
            here: () => fetch("/v1/analyses"),
            write: () => fetch("/v1/analyses", { method: "POST", body: new FormData() }),
            other: () => fetch("https://example.invalid/"),
            beacon: async () => navigator.sendBeacon("/v1/analyses", "x"),
            picture: () => new Promise((done, failed) => {
              const image = new Image(); image.onload = done; image.onerror = failed;
              image.src = "https://example.invalid/x.png";
            }),
          };
          const refused = [];
          const note = (event) => refused.push(event.blockedURI);
          document.addEventListener("securitypolicyviolation", note);
          for (const attempt of Object.values(tries)) await attempt().catch(() => {});
          await new Promise((done) => setTimeout(done, 100));
          return refused.length;
        }"""
    )
    assert tried == 5


def test_a_video_of_mine_is_read_in_the_tab(
    open_window: Callable[..., Any], address: str, tmp_path: Path
) -> None:
    window = open_window(f"{address}/live")
    window.page.set_input_files("#file", write_demo_clip(tmp_path / "mine.mp4", 4.0))
    window.wait(lambda: int(window.data("frames")) > 3)
    window.wait(lambda: window.page.is_visible("#camera"))  # it has ended
    assert window.faults == [] and window.origins() == {address}
    assert not any("/v1/" in request.url for request in window.requests)


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_a_camera_is_read_by_the_server(
    open_window: Callable[..., Any], address: str, screen: str, tmp_path: Path
) -> None:
    window = open_window(f"{address}/live", screen, permissions=["camera"])
    page = window.page
    page.click(".modes a:not([aria-current])")
    page.wait_for_url(f"{address}/live/here")
    assert "keeps none" in page.inner_text("header")
    window.no_serious_fault()
    started(window)
    page.click("#record")
    first = int(window.data("frames"))
    window.wait(lambda: int(window.data("frames")) > first + _FRAMES)
    page.click("#record")
    window.picture(f"live-here-{screen}")
    window.no_serious_fault()
    assert "happiness" in page.inner_text("#expressions .active") and page.is_hidden("#problem")
    rows = saved(page, "#table", tmp_path)
    assert list(rows[0]) == FRAME_SCHEMA.names
    assert len(rows) >= _FRAMES and {row["face_id"] for row in rows} == {"0"}
    expected = mien.analyze_frames(list(demo_frames(4))[::8], fps=25 / 8)
    for name in ("valence", "arousal", "expr_happiness", "au06", "au12"):
        there = np.median([float(row[name]) for row in rows])
        assert abs(there - np.median(expected.table.column(name).to_numpy())) < 0.1, name

    # Somebody else has to wait until this one stops.
    other = open_window(f"{address}/live/here", screen, permissions=["camera"])
    other.page.click("#camera")
    other.wait(lambda: other.page.is_visible("#problem"))
    assert "being read already" in other.page.inner_text("#problem")
    page.click("#stop")
    window.wait(lambda: page.is_visible("#camera"))
    page.wait_for_timeout(1000)
    started(other)
    other.page.click("#stop")
    other.wait(lambda: any(request.method == "DELETE" for request in other.requests))
    other.page.wait_for_timeout(1000)  # or the next test finds the camera taken
    assert window.origins() == {address} and window.faults == []
    asked = {request.url.split("?")[0] for request in window.requests if request.method != "GET"}
    assert all(url.startswith(f"{address}/v1/live") for url in asked) and asked


def test_a_frame_of_before_the_start_is_read_too_and_a_fault_ends_the_session(
    open_window: Callable[..., Any], address: str
) -> None:
    # A callback may tell a moment that is over, or the same one twice.
    window = open_window(f"{address}/live/here")
    said = window.page.evaluate(
        """() => new Promise((done) => {
          const worker = new Worker("/live-here-worker.js", { type: "module" });
          const said = [];
          const send = (time, side) => {
            const canvas = new OffscreenCanvas(side, side);
            canvas.getContext("2d").fillRect(0, 0, 9, 9);
            const bitmap = canvas.transferToImageBitmap();
            worker.postMessage({ kind: "frame", bitmap, time, taken: 0 }, [bitmap]);
          };
          const steps = [() => send(-0.014, 64), () => send(-0.014, 64), () => send(2e7, 64),
            () => worker.postMessage({ kind: "open", model: "quick", prior: "default" }),
            () => worker.postMessage({ kind: "stop" })];
          worker.addEventListener("message", ({ data }) => {
            said.push([data.kind, data.time ?? null]);
            steps.shift()();
            if (steps.length === 0) done(said);
          });
          worker.postMessage({ kind: "open", model: "quick", prior: "default" });
        })"""
    )
    assert [kind for kind, _ in said] == ["ready", "read", "read", "failed", "ready"]
    assert said[1][1] == -0.014  # the page's own count is not changed


def test_a_camera_that_is_refused_is_explained(
    open_window: Callable[..., Any], address: str
) -> None:
    page = open_window(f"{address}/live").page
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => "
        "Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    page.click("#camera")
    page.wait_for_timeout(200)
    assert "was not allowed" in page.inner_text("#problem")
    assert page.is_enabled("#camera")
