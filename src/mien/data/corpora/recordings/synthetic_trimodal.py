"""The open benchmark of ``mien synthesize trimodal``: clips in even, harsh and dark light.

The pictures are the aligned crops already, and frames of the three streams have the same times, so
preparing it is reading and writing. Who is seen (skin tone, age, gender and so on) and the light go
into ``recordings.parquet``, the true action units into each recording's ``frames.parquet``; the
splits are the set's own, by person.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.data.formats.traces import Traces, read_trace_table
from mien.data.recordings import StreamCorpus, StreamSource
from mien.data.registry import Corpus, register_corpus
from mien.errors import DataError
from mien.faces.modalities import STREAMS
from mien.io import read_dataset
from mien.labels import ACTION_UNIT_COLUMNS
from mien.parquet import matrix, read_parquet
from mien.video.companions.streams import StreamFile

_FORMAT = "mien synthetic trimodal"
_WHAT = f"{_FORMAT!r} (mien synthesize trimodal)"
_SIZES = ("arguments.train", "arguments.valid", "arguments.test")
_AGAIN = "run the same `mien synthesize trimodal` again to finish it"
_REQUIRED = ("id", "path", "split", "identity_seed", "light", "fps", *STREAMS)


@register_corpus(
    Corpus(
        name="synthetic-trimodal",
        title="The open tri-modal benchmark of mien: faces in even, harsh and dark light",
        kind="streams",
        labels="per frame: everything, exactly; valence and arousal are used",
        access="mien synthesize trimodal",
        terms="CC0: nobody in the pictures exists",
        layout=("the folder that mien synthesize trimodal wrote",),
    )
)
def load_synthetic_trimodal(root: str | Path) -> StreamCorpus:
    """The clips of a finished set.

    Raises
    ------
    DataError
        If the folder is none or is not finished.
    """
    folder = Path(root)
    arguments = read_dataset(folder, _WHAT, _FORMAT, _SIZES)["arguments"]
    manifest = folder / "manifest.parquet"
    if not manifest.is_file():
        raise DataError(f"{folder}: the set is not finished; {_AGAIN}")
    table = read_parquet(manifest)
    if lacking := [name for name in _REQUIRED if name not in table.column_names]:
        raise DataError(f"{manifest}: looked for columns {lacking}, found {table.column_names}")
    expected = arguments["train"] + arguments["valid"] + 3 * arguments["test"]
    if table.num_rows != expected:
        raise DataError(f"{manifest}: {table.num_rows} of {expected} clips are there; {_AGAIN}")
    rows = table.to_pylist()
    return StreamCorpus(
        "synthetic-trimodal", None, tuple(_source(folder, row) for row in rows), aligned=True
    )


def _source(folder: Path, row: dict[str, Any]) -> StreamSource:
    streams = {name: StreamFile(folder / row[name]) for name in STREAMS}
    attributes: dict[str, str | float | None] = {"light": row["light"]}
    for name, value in row.items():
        if name.startswith("actor_"):
            attributes[name.removeprefix("actor_")] = value
    traces = _traces(folder / row["path"])
    person = str(row["identity_seed"])
    return StreamSource(row["id"], row["split"], person, streams, traces, attributes)


def _traces(clip: Path) -> Traces:
    """The annotation of a clip, with the action units of its truth, which has the same rows."""
    traces = read_trace_table(clip / "annotation.csv")
    path = clip / "truth.parquet"
    truth = read_parquet(path)
    if lacking := [name for name in ACTION_UNIT_COLUMNS if name not in truth.column_names]:
        raise DataError(f"{path}: looked for columns {lacking}, found {truth.column_names[:9]}")
    if truth.num_rows != len(traces.time_s):
        raise DataError(
            f"{path}: has {truth.num_rows} rows, annotation.csv {len(traces.time_s)}; {_AGAIN}"
        )
    return replace(traces, units=matrix(truth, ACTION_UNIT_COLUMNS))
