"""What workers of tests do; their processes import it by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from mien.errors import ModelError
from mien.jobs.cluster import RemoteJob
from mien.jobs.job import Outcome


def nothing() -> None:
    return None


def no_model() -> None:
    raise ModelError("a.onnx: there is no such file")


def stub(_: Any, job: RemoteJob) -> Outcome:
    """An analysis that takes no time."""
    return Outcome(job.source, "analysed", seconds=0.5, frames=len(job.source), faces=1)


def write(_: Any, job: RemoteJob) -> Outcome:
    """Write down that it was read and by whom; sources say what else happens."""
    place = Path(job.target)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a") as file:
        file.write(f"{os.getpid()} {os.environ.get('OMP_NUM_THREADS')}\n")
    if "always" in job.source or ("once" in job.source and len(place.read_text().split()) == 2):
        os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in job.source:
        time.sleep(0.1)
    if "wrong" in job.source:
        return Outcome(job.source, "failed", message=f"{job.source}: is wrong", seconds=0.1)
    return Outcome(job.source, "analysed", frames=3, faces=1, seconds=0.1)
