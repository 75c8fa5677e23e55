"""``mien datasets prepare`` for corpora with traces: aligned crops of every stream.

Recordings whose files, calibration or annotations have changed since are read again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mien._version import __version__
from mien.data.formats.parquet import read_parquet
from mien.data.formats.stream_files import recording_folder
from mien.data.formats.stream_tables import StreamRecording, finish_streams, finished
from mien.data.prepare.face_cutting import open_detector, settings
from mien.data.prepare.job import Failed, Found, Job, run_job, with_path
from mien.data.prepare.stream_extraction import (
    RecordingTask,
    no_detector,
    read_recording,
)
from mien.data.prepare.stream_identity import source_digest
from mien.data.recordings import StreamCorpus
from mien.errors import DataError
from mien.faces.detectors import FaceDetector


def prepare_streams(
    corpus: StreamCorpus,
    out: Path,
    fps: float | None = None,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: Callable[[], FaceDetector | None] | None = None,
) -> dict[str, Any]:
    """Cut the faces out of all recordings of a corpus and write a folder of aligned streams.

    Parameters
    ----------
    corpus
        Its recordings; one that cannot be read becomes a line of ``failed``.
    out
        The folder; a run that was stopped goes on from there.
    fps
        Frames per second to keep; None: what the corpus asks for.
    jobs
        Processes, one thread each; None: one per core.
    progress
        Called with the number of recordings finished since the last call.
    factory
        Makes the detector, once per process; None for the usual one.

    Returns
    -------
    The content of ``dataset.json``.

    Raises
    ------
    DataError
        If no recording at all could be read.
    OutputError
        If the folder holds something else, was begun differently, or cannot be written.
    """
    rate = fps if fps is not None else corpus.fps
    chosen = {} if corpus.aligned else settings()
    identity = {"corpus": corpus.name, "modalities": list(corpus.modalities), "fps": rate}
    digests = {source.id: source_digest(source) for source in corpus.recordings}
    job = Job(
        out,
        {**identity, "settings": chosen},
        {
            source.id: RecordingTask(source, out, corpus.modalities, rate, digests[source.id])
            for source in corpus.recordings
        },
        read_recording,
        lambda name: _current(out, name, digests[name]),
        "streams/.*.partial",
        with_path,
    )

    def finish(found: Found, failed: Failed) -> dict[str, Any]:
        if not found:
            raise DataError(
                f"none of {len(failed)} recordings could be read; the first: "
                f"{next(iter(failed.values()))}"
            )
        done = [
            StreamRecording(one.id, one.split, one.person, attributes=dict(one.attributes))
            for one in corpus.recordings
            if one.id in found
        ]
        extra = {"mien_version": __version__, "settings": chosen, "notes": list(corpus.notes)}
        nominal = rate or _usual_fps(out, done[0].id)
        reasons = list(failed.items())
        return finish_streams(out, corpus.name, nominal, corpus.modalities, done, reasons, extra)

    maker = factory or (no_detector if corpus.aligned else open_detector)
    return run_job(job, maker, finish, jobs, progress)


def _current(out: Path, name: str, digest: str) -> dict[str, Any] | None:
    """Facts of a recording that is written whole, from what is there now; None of others."""
    found = finished(out, name)
    # A folder made before hashes were kept says nothing of its sources: it is taken as it is.
    return found[1] if found is not None and found[1].get("source", digest) == digest else None


def _usual_fps(out: Path, name: str) -> float:
    """Frames per second of a recording, from the times of its frames."""
    table = read_parquet(recording_folder(out, name) / "frames.parquet")
    times_s = table.column("time_s").to_numpy()
    if len(times_s) < 2:
        return 1.0
    return round(1 / float(np.median(np.diff(times_s))), 3)
