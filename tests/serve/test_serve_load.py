"""A server under load and after a sudden end: nothing is lost, and everything ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="the extra `test` is not installed")
pytest.importorskip("onnx")
import httpx2
from serving import serving, upload

from fault_detector import picture
from mien.serve.settings import Settings
from mien.serve.store import Store

UPLOADS = 32

# A server of these tests as a process of its own: the verb has no option for a detector.
PROGRAM = """
import sys
from pathlib import Path
from mien.pipeline.options import AnalysisOptions
from mien.serve.listen import listen
from mien.serve.settings import Settings
data, model = map(Path, sys.argv[1:3])
options = AnalysisOptions(affect_model=model, detector="faults", threads=1)
settings = Settings(data, options=options, jobs=2)
listen(settings, 0, lambda line: print(line, flush=True))
"""


def test_many_uploads_at_once_are_all_kept(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    """32 clients at once; only whether they are kept is asked here, a few are read."""
    claim, read = Store.claim, iter(range(3))
    monkeypatch.setattr(Store, "claim", lambda self: claim(self) if next(read, 9) < 3 else None)
    contents = [picture(tmp_path / f"{k}.png", seed=k).read_bytes() for k in range(UPLOADS)]
    with serving(replace(settings, keep=UPLOADS)) as client, ThreadPoolExecutor(UPLOADS) as pool:

        def send(number: int) -> Any:
            return upload(client, contents[number], f"{number}.png")

        answers = list(pool.map(send, range(UPLOADS)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == UPLOADS
        kept = client.get("/v1/analyses").json()
        assert sorted(int(one["name"].split(".")[0]) for one in kept) == list(range(UPLOADS))
        assert upload(client, contents[0]).status_code == 507
        waiting = [one for one in kept if one["state"] == "queued"]
        for one in waiting:
            (file,) = (settings.data / one["id"]).glob("upload*")
            assert file.read_bytes() == contents[int(one["name"].split(".")[0])]


class Served:
    """A server in a process of its own."""

    def __init__(self, settings: Settings, faults: Path) -> None:
        path = os.pathsep.join([str(faults), *sys.path])
        command = [sys.executable, "-c", PROGRAM, settings.data, settings.options.affect_model]
        self.process = subprocess.Popen(
            [*map(str, command)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, "the server does not start"
        self.client = httpx2.Client(base_url=found[0])

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.client.get("/v1/analyses").json()}

    def end(self, how: int) -> None:
        """It and, where the kernel is to have killed it, its workers as well."""
        self.client.close()
        os.killpg(self.process.pid, how) if how == signal.SIGKILL else self.process.send_signal(how)
        self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()


def wait(is_so: Any, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def peak_mb(process: int) -> float:
    """Most memory that a process had."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+)", text)[0]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says how much memory")
def test_large_uploads_at_once_take_no_memory(settings: Settings, faults: Path) -> None:
    served = Served(settings, faults)
    upload(served.client, b"x", "first.bin")
    before = peak_mb(served.process.pid)
    content = os.urandom(8 << 20)
    with ThreadPoolExecutor(UPLOADS) as pool:
        answers = list(pool.map(lambda k: upload(served.client, content, f"{k}.bin"), range(32)))
    grown = peak_mb(served.process.pid) - before
    kept = served.client.get("/v1/analyses").json()
    served.end(signal.SIGTERM)
    assert {answer.status_code for answer in answers} == {201} and len(kept) == UPLOADS + 1
    assert grown < 128, f"{grown:.0f} MB for 256 MB of uploads"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_after_a_kill_every_job_ends_or_says_why(
    settings: Settings, faults: Path, tmp_path: Path
) -> None:
    """Killed while one hangs, three times: that one has failed, all others are done."""
    served = Served(settings, faults)
    upload(served.client, picture(tmp_path / "h.png", "hangs"), "hangs.png")
    for number in range(4):
        upload(served.client, picture(tmp_path / "g.png", seed=number), f"{number}.png")
    calm: set[str] = {"queued", "running", "done"}  # of the others when it is killed: any at first
    for _ in range(3):

        def is_time(now: Served = served, others: set[str] = calm) -> bool:
            states = now.states()
            return states.pop("hangs.png") == "running" and {*states.values()} <= others

        wait(is_time)
        served.end(signal.SIGKILL)
        served, calm = Served(settings, faults), {"done"}
    wait(lambda: not {"queued", "running"} & {*served.states().values()})
    told = served.client.get("/v1/analyses").json()
    served.end(signal.SIGTERM)
    assert {one["name"] for one in told} == {"hangs.png", *(f"{k}.png" for k in range(4))}
    for one in told:
        if one["name"] == "hangs.png":
            assert one["state"] == "failed" and "begun three times" in one["message"]
        else:
            assert one["state"] == "done", one
        left = {path.name for path in (settings.data / one["id"]).iterdir()}
        assert left <= {"results", "progress"}  # no upload, no half of a result
