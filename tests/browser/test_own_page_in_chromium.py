"""The page of the tutorial `live-in-a-page`, as it stands there, with a face before its camera."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mien
from mien.demo import demo_frames

pytest.importorskip("playwright", reason="the extra `browser` is not installed")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorials/live-in-a-page.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Quiet(SimpleHTTPRequestHandler):
    """What `python -m http.server` answers with, without a line for each request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the folder that the tutorial makes."""
    monkeypatch.chdir(tmp_path)
    blocks = dict(BLOCK.findall(PAGE))
    assert blocks.keys() == {"python", "html", "sh"}
    exec(compile(blocks["python"], "live-in-a-page.md", "exec"), {})
    (tmp_path / "site" / "index.html").write_text(blocks["html"], encoding="utf-8")
    (tmp_path / "site" / "favicon.ico").touch()  # browsers ask for one, whatever the page is
    assert "-m http.server" in blocks["sh"] and "--directory site" in blocks["sh"]
    handler = partial(Quiet, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_the_page_reads_the_smile_that_python_reads(
    open_window: Callable[..., Any], site: str, screen: str
) -> None:
    window = open_window(site, screen, permissions=["camera"])
    page = window.page
    window.no_serious_fault()
    page.click("#start")
    window.wait(lambda: page.inner_text("#words").startswith("AU12"))
    page.wait_for_timeout(1000)  # numbers are smoothed
    seen = []
    for _ in range(20):
        seen.append(float(page.evaluate("document.getElementById('smile').value")))
        page.wait_for_timeout(100)
    window.picture(f"own-page-{screen}")
    expected = mien.analyze_frames(list(demo_frames(4))[::8], fps=25 / 8)
    here = expected.table.column("au12_intensity").to_numpy()
    # The camera is anywhere in its loop.
    assert here.min() - 0.5 < min(seen) and max(seen) < here.max() + 0.5
    assert window.origins() == {site}
    assert {request.method for request in window.requests} == {"GET"}
    assert window.faults == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_camera_the_page_says_so(open_window: Callable[..., Any], site: str) -> None:
    window = open_window(site)
    window.page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => "
        "Promise.reject(new Error('no camera here')); }"
    )
    window.page.click("#start")
    window.wait(lambda: "It does not work: no camera here" in window.page.inner_text("#words"))
    assert window.page.is_enabled("#start")
