"""``mien datasets prepare`` for corpora with traces: aligned crops of every stream.

A recording leaves its result on disk when it is finished, so a run that is killed goes on where it
was; recordings that could not be read are tried again, and so are those whose files, calibration
or annotations have changed since.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien._version import __version__
from mien.datasets.afew_va import load_afew_va
from mien.datasets.claims import cannot_write, claim
from mien.datasets.face_cutting import open_detector
from mien.datasets.mavfer import load_mavfer
from mien.datasets.prepared_files import read_parquet
from mien.datasets.recola import load_recola
from mien.datasets.sewa import load_sewa
from mien.datasets.stream_corpus import StreamCorpus
from mien.datasets.stream_extraction import (
    RecordingTask,
    extraction_settings,
    no_detector,
    read_recording,
)
from mien.datasets.stream_files import recording_folder
from mien.datasets.stream_identity import source_digest
from mien.datasets.stream_tables import StreamRecording, finish_streams, finished
from mien.datasets.synthetic_trimodal import load_synthetic_trimodal
from mien.errors import DataError
from mien.faces.detectors import FaceDetector
from mien.workers import run

STREAM_CORPORA: dict[str, Callable[[str | Path], StreamCorpus]] = {
    "recola": load_recola,
    "sewa": load_sewa,
    "afew-va": load_afew_va,
    "mavfer": load_mavfer,
    "synthetic-trimodal": load_synthetic_trimodal,
}
"""How corpora with traces are read, by name."""

_FAILURES = ".failed"


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
    modalities = corpus.modalities
    settings = {} if corpus.aligned else extraction_settings()
    identity = {"corpus": corpus.name, "modalities": list(modalities), "fps": rate}
    claim(out, {**identity, "settings": settings})
    failures = out / _FAILURES
    shutil.rmtree(failures, ignore_errors=True)  # what failed may have been mended
    digests = {source.id: source_digest(source) for source in corpus.recordings}
    tasks = [
        RecordingTask(
            source,
            out,
            failures / source.id,
            modalities,
            corpus.aligned,
            rate,
            digests[source.id],
        )
        for source in corpus.recordings
        if not _current(out, source.id, digests[source.id])
    ]
    if progress is not None:
        progress(len(corpus) - len(tasks))
    maker = factory or (no_detector if corpus.aligned else open_detector)
    run(read_recording, tasks, maker, jobs, progress)
    try:
        return _finish(corpus, out, rate, settings, digests)
    except OSError as error:
        raise cannot_write(out, error) from error


def _finish(
    corpus: StreamCorpus,
    out: Path,
    rate: float | None,
    settings: dict[str, Any],
    digests: dict[str, str],
) -> dict[str, Any]:
    done: list[StreamRecording] = []
    failed: list[tuple[str, str]] = []
    for source in corpus.recordings:
        if not _current(out, source.id, digests[source.id]):
            reason = (out / _FAILURES / source.id).read_text(encoding="utf-8")
            failed.append((source.id, reason))
        else:
            attributes = dict(source.attributes)
            done.append(
                StreamRecording(source.id, source.split, source.person, attributes=attributes)
            )
    if not done:
        raise DataError(
            f"none of {len(failed)} recordings could be read; the first: {failed[0][1]}"
        )
    extra = {"mien_version": __version__, "settings": settings, "notes": list(corpus.notes)}
    nominal = rate or _usual_fps(out, done[0].id)
    document = finish_streams(out, corpus.name, nominal, corpus.modalities, done, failed, extra)
    shutil.rmtree(out / _FAILURES, ignore_errors=True)
    return document


def _current(out: Path, name: str, digest: str) -> bool:
    """Whether a recording is written whole, from the files and annotations that are there now."""
    found = finished(out, name)
    # A folder made before hashes were kept says nothing of its sources: it is taken as it is.
    return found is not None and found[1].get("source", digest) == digest


def _usual_fps(out: Path, name: str) -> float:
    """Frames per second of a recording, from the times of its frames."""
    import numpy as np

    table = read_parquet(recording_folder(out, name) / "frames.parquet")
    times_s = table.column("time_s").to_numpy()
    if len(times_s) < 2:
        return 1.0
    return round(1 / float(np.median(np.diff(times_s))), 3)
