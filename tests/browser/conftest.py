"""A real Chromium with a face before its camera, and a server of our own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import pytest

from mien.demo import demo_frames, write_demo_clip

CHROMIUM = os.environ.get("MIEN_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 860}},
    "phone": {
        "viewport": {"width": 390, "height": 780},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    why = None
    if CHROMIUM is None:
        why = "no Chromium here (apt-get install chromium, or MIEN_CHROMIUM)"
    for item in items:
        if why is not None and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip of `mien demo`, one second."""
    return write_demo_clip(tmp_path_factory.mktemp("clip") / "portrait.mp4", 1.0)


@pytest.fixture(scope="module")  # no longer: while it is there, a loop runs in this thread
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The browser; its camera sees the clip of `mien demo` over and over."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is missing")
    camera = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    with camera.open("wb") as file:
        for image in demo_frames(4):
            file.write(cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@dataclass
class Window:
    """A page with what it asked for and what went wrong in it."""

    page: Any
    requests: list[Any] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def origins(self) -> set[str]:
        """Of all requests; blob addresses are of this very page."""
        places = [urlsplit(request.url.removeprefix("blob:")) for request in self.requests]
        return {f"{place.scheme}://{place.netloc}" for place in places}

    def data(self, name: str) -> str:
        """What the page wrote about itself, for tests."""
        return str(self.page.evaluate(f"document.documentElement.dataset.{name} ?? '0'"))

    def wait(self, is_so: Callable[[], bool], seconds: float = 40) -> None:
        """Until something is so; the page's rules forbid Playwright's own way of waiting."""
        for _ in range(round(seconds * 20)):
            if is_so():
                return
            self.page.wait_for_timeout(50)
        shown = self.page.inner_text("body")
        raise AssertionError(f"not so after {seconds} s: {self.faults} {shown[:600]}")

    def no_serious_fault(self) -> None:
        """What axe-core finds; it is run from outside, whatever the page's rules are."""
        axe = pytest.importorskip("axe_playwright_python", reason="the extra `browser` is missing")
        script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(script)
        found = self.page.evaluate("axe.run().then((found) => found.violations)")
        serious = [
            (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []

    def picture(self, name: str, whole: bool = False) -> None:
        """A screenshot into the folder MIEN_SCREENSHOTS, where there is one."""
        if folder := os.environ.get("MIEN_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)


@pytest.fixture
def open_window(chromium: Any) -> Iterator[Callable[..., Window]]:
    """Opens an address on a screen of `SCREENS`."""
    contexts = []

    def opened(address: str, screen: str = "desktop", **settings: Any) -> Window:
        context = chromium.new_context(
            **SCREENS[screen], accept_downloads=True, reduced_motion="reduce", **settings
        )
        contexts.append(context)
        found = Window(None)
        context.on("request", lambda request: found.requests.append(request))
        found.page = context.new_page()
        found.page.on("pageerror", lambda error: found.faults.append(str(error)))
        found.page.on(
            "console",
            lambda told: told.type == "error" and found.faults.append(told.text),
        )
        found.page.goto(address)
        return found

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts a server with those options; gives its address."""
    running: list[subprocess.Popen[str]] = []

    def started(*options: str) -> str:
        command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--data"]
        process = subprocess.Popen(
            [*command, str(tmp_path_factory.mktemp("served")), *options],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        running.append(process)
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "the server does not start"
        return found[0].rstrip("/")

    yield started
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    """Of a server of this machine."""
    return serve()
