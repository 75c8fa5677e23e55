"""Frames a second and latency of the live page: Chromium, a face of 640 x 480 before its camera.

First the networks in the tab, then the server's.

    python benchmarks/page_live.py [--seconds 15]

Needs the extras ``serve`` and ``browser`` and a Chromium. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import cv2
from playwright.sync_api import sync_playwright

from mien.demo import demo_frames

FLAGS = ("--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        camera = Path(folder) / "face.mjpeg"
        with camera.open("wb") as file:
            for image in demo_frames(4):
                file.write(cv2.imencode(".jpg", image[..., ::-1])[1])
        serve = [sys.executable, "-m", "mien", "serve", "--port", "0", "--data", f"{folder}/data"]
        with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split()[2]
            try:
                measure(given.chromium, camera, f"{address}live", given.seconds)
            finally:
                server.terminate()


def measure(chromium: str, camera: Path, address: str, seconds: float) -> None:
    capture = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *capture])
        print("where      networks  frames/s  latency ms (median)  in the worker ms (median)")
        for mode, model in product(("", "/here"), ("quick", "precise")):
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(address + mode)
            page.select_option("#model", model)
            page.click("#camera")

            def data(name: str, page: object = page) -> float:
                return float(page.evaluate(f"document.documentElement.dataset.{name} ?? '0'"))

            while data("frames") < 30:
                page.wait_for_timeout(100)
            first, began, took = data("frames"), page.evaluate("performance.now()"), []
            for _ in range(round(seconds * 5)):
                page.wait_for_timeout(200)
                took.append(data("took"))
            spent_s = (page.evaluate("performance.now()") - began) / 1000
            rate = (data("frames") - first) / spent_s
            latency = page.inner_text("#latency")
            where = "server" if mode else "this tab"
            print(
                f"{where:9}  {model:8}  {rate:8.1f}  {latency:>19}  {statistics.median(took):.1f}"
            )
            page.click("#stop")
            page.wait_for_timeout(500)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
