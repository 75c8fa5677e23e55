"""``overlay.mp4``: the video with every face's box and live gauges, its own times and sound."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.errors import OutputError
from mien.labels import PAPERS_LABELS, LabelSet
from mien.output.drawing import shrunk
from mien.output.overlay_panel import draw_faces
from mien.output.schema import BOX_COLUMNS, frame_schema
from mien.types import ImageArray
from mien.video.audio import add_audio
from mien.video.reader import VideoReader
from mien.video.writer import VideoWriter

VIDEO_FILE, PICTURE_FILE = "overlay.mp4", "overlay.png"

_BATCH_ROWS = 4096
_SHORTEST_STEP_S = 1e-4  # frames nearer to the one before are left out

Row = dict[str, Any]


def write_overlay(
    source: str | Path,
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    decisions: Sequence[float],
    progress: Callable[[int], object] | None = None,
    opening: Callable[[str | Path], VideoReader] = VideoReader,
) -> list[str]:
    """Read the source once more and draw what was found into it.

    Parameters
    ----------
    source
        The video or image.
    batches
        Its frames table, in order of frames; small ones, since a whole one is unpacked at once.
    folder
        Where ``overlay.mp4``, or ``overlay.png`` of an image, is written.
    decisions
        From which probability on each action unit counts as active (17).
    progress
        Called with the number of frames done since the last call.
    opening
        Opens the source as it was opened when it was analysed.

    Returns
    -------
    What is worth knowing, one sentence each. Frames are shrunk to at most 1280 px; their times are
    the source's, moved to begin at zero where the source begins before. A frame whose time is not
    after the one before is left out.

    Raises
    ------
    InputError
        If the source cannot be read any more.
    OutputError
        If the file cannot be written, or the table is not that of this video.
    """
    waiting = iter(batches)
    first = next(waiting, None)
    labels = PAPERS_LABELS if first is None else LabelSet.of_columns(first.schema.names)
    faces = _by_frame(waiting if first is None else chain([first], waiting))
    with opening(source) as reader:
        if reader.info.is_image:
            frame = next(reader)
            painted = _paint(frame.image, _of_frame(faces, frame.index), decisions, labels)
            _write_picture(painted, folder / PICTURE_FILE)
            return []
        path = folder / VIDEO_FILE
        start_s, last_s = None, -np.inf
        left_out = 0
        shape: tuple[int, ...] | None = None
        with VideoWriter(path, fps=reader.info.nominal_fps or 25) as out:
            for frame in reader:
                rows = _of_frame(faces, frame.index)
                if start_s is None:
                    start_s = min(0.0, frame.timestamp_s)
                time_s = frame.timestamp_s - start_s
                if time_s > last_s + _SHORTEST_STEP_S:
                    canvas = _paint(frame.image, rows, decisions, labels)
                    shape = shape or canvas.shape
                    if canvas.shape != shape:  # a video may change its size on the way
                        canvas = cv2.resize(canvas, shape[1::-1]).astype(np.uint8)
                    out.write(canvas, time_s)
                    last_s = time_s
                else:
                    left_out += 1
                if progress is not None:
                    progress(1)
            if next(faces, None) is not None:
                raise _another_video("the table has more frames than the video")
    warnings = []
    if left_out:
        warnings.append(
            f"{VIDEO_FILE} lacks {left_out} frame(s) whose time is not after the frame before"
        )
    silence = add_audio(path, source, -Fraction(start_s or 0.0))
    if silence is not None:
        warnings.append(f"{VIDEO_FILE} is without sound: {silence}")
    return warnings


def read_frames_table(folder: Path, kind: str) -> Generator[pa.RecordBatch]:
    """The frames table that was written into a folder, a batch at a time."""
    # Opened here: Arrow takes some names for protocols and refuses others.
    with (folder / f"frames.{kind}").open("rb") as data:
        if kind == "parquet":
            with pa.parquet.ParquetFile(data) as file:
                columns = _columns(file.schema_arrow.names)
                yield from file.iter_batches(_BATCH_ROWS, columns=columns)
            return
        header = data.readline().decode().strip()
        data.seek(0)
        columns = _columns([name.strip('"') for name in header.split(",")])
        schema = frame_schema(labels=LabelSet.of_columns(columns))
        types = {name: schema.field(name).type for name in columns}
        options = pa.csv.ConvertOptions(column_types=types, include_columns=columns)
        with pa.csv.open_csv(data, convert_options=options) as reader:
            yield from reader


def _columns(names: list[str]) -> list[str]:
    """Of a frames table's columns those that are drawn."""
    return ["frame", "face_id", *BOX_COLUMNS, *LabelSet.of_columns(names).affect_columns]


def _by_frame(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, list[Row]]]:
    """Frame numbers with their faces, in order."""
    current: int | None = None
    rows: list[Row] = []
    for batch in batches:
        for row in batch.select(_columns(batch.schema.names)).to_pylist():
            if current is not None and row["frame"] != current:
                yield current, rows
                rows = []
            current = row["frame"]
            if row["face_id"] is not None:
                rows.append(row)
    if current is not None:
        yield current, rows


def _of_frame(faces: Iterator[tuple[int, list[Row]]], index: int) -> list[Row]:
    """The faces of the next frame of the table, which has a row for every frame."""
    number, rows = next(faces, (None, []))
    if number != index:
        raise _another_video(f"the video is at frame {index}, the table at {number or 'its end'}")
    return rows


def _another_video(what: str) -> OutputError:
    return OutputError(
        f"overlay: {what}; the video has changed since it was analysed: analyse it again"
    )


def _paint(
    image: ImageArray, rows: list[Row], decisions: Sequence[float], labels: LabelSet
) -> ImageArray:
    canvas, scale = shrunk(image)
    draw_faces(canvas, rows, scale, decisions, labels)
    return canvas


def _write_picture(canvas: ImageArray, path: Path) -> None:
    ok, data = cv2.imencode(".png", cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR))
    if not ok:
        raise OutputError(f"{path}: cannot be written (the picture cannot be encoded)")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
