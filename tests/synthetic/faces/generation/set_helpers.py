"""What the tests of image and video sets share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def files(folder):
    """Every file below a folder, hidden ones too: relative path -> bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stop_after(count):
    """A progress function that breaks the run off, as Ctrl-C does, after so many frames."""
    done = 0

    def progress(frames):
        nonlocal done
        done += frames
        if done >= count:
            raise KeyboardInterrupt

    return progress


def kill_run(code, ready, number=signal.SIGKILL):
    """Run Python code in a process of its own and send a signal once `ready()`; its exit code."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"ended or hung before it was killed: {process.communicate()[1]}")
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors
