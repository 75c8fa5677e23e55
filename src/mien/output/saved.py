"""Result folders read back: the table, the document, and the summaries made again from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.errors import DataError, InputError, MienError
from mien.faces.align import align
from mien.labels import FACE_LANDMARK_COLUMNS, LabelSet
from mien.output.schema import LANDMARK_COLUMNS, MRAN_COLUMNS, frame_schema, is_first_version
from mien.pipeline.face_state import WORTH_A_PICTURE, FaceState, encode_picture
from mien.pipeline.face_states import FaceStates
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.resample import longest_step_s
from mien.pipeline.summary import file_stamp
from mien.types import FaceDetails, FaceSummary, FloatArray, ReactionWindow
from mien.video.reader import VideoReader, opening_of

DOCUMENT = "video.json"
TABLES = ("frames.parquet", "frames.csv")
_PARTS = ("schema_version", "mien_version", "source", "settings", "models", "faces", "warnings")


def read_document(folder: Path) -> dict[str, Any]:
    """``video.json`` of a result folder.

    Raises
    ------
    InputError
        If the folder is no result.
    """
    path = folder / DOCUMENT
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        _ = [document[name] for name in _PARTS]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(no_result(folder)) from error
    assert isinstance(document, dict)
    return document


def no_result(folder: Path) -> str:
    """What is wrong with a folder that should be a result and is none, and what to do."""
    path = folder / DOCUMENT
    if path.is_file():
        return f"{path}: is damaged, or not a video.json of mien; analyse the input again"
    if not folder.is_dir():
        return f"{folder}: there is no such folder"
    if inside := sorted(place.parent for place in folder.glob(f"*/{DOCUMENT}")):
        return f"{folder}: is a folder of results; give one of them, such as {inside[0]}"
    return f"{folder}: holds no {DOCUMENT}; give a folder of a result, as mien analyze wrote it"


def read_table(folder: Path) -> pa.Table:
    """The frames table of a result folder, with its own columns.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    for name in TABLES:
        path = folder / name
        if path.is_file():
            try:
                with path.open("rb") as data:  # Arrow takes some names for addresses
                    if path.suffix != ".parquet":
                        return _csv(data)
                    return pa.parquet.ParquetFile(data, pre_buffer=False).read(use_threads=False)
            except (OSError, ValueError, pa.ArrowException) as error:
                raise DataError(f"{path}: cannot be read; analyse the input again") from error
    raise DataError(f"{folder}: holds no frames table; analyse the input again")


def _csv(data: Any) -> pa.Table:
    header = data.readline().decode("utf-8").strip()
    data.seek(0)
    names = [name.strip('"') for name in header.split(",")]
    everything = frame_schema(mran=True, labels=LabelSet.of_columns(names))
    known = pa.schema([everything.field(name) for name in names if name in everything.names])
    if not is_first_version(known):
        known = known.with_metadata(everything.metadata)
    types = {field.name: field.type for field in known}
    options = pa.csv.ConvertOptions(column_types=types)
    table = pa.csv.read_csv(data, convert_options=options)
    arrays = [
        pa.chunked_array([column.combine_chunks().fill_null(float("nan"))])
        if pa.types.is_floating(column.type)
        else column
        for column in table.columns
    ]
    found = pa.Table.from_arrays(arrays, names=table.column_names)
    return found.cast(known) if found.column_names == known.names else found


def summaries_of(table: pa.Table, document: dict[str, Any]) -> list[FaceSummary]:
    """A summary per face of the table, without pictures; reactions are those of the document.

    Parameters
    ----------
    table
        A frames table of any schema version.
    document
        Its ``video.json``.
    """
    labels = LabelSet.of_columns(table.column_names)
    max_gap_s = longest_step_s(document["source"]["nominal_fps"])
    states = FaceStates(max_gap_s, None, AnalysisOptions(), labels)
    number = face_numbers(table)
    told = {entry["face_id"]: entry for entry in document["faces"]}
    for face_id in sorted({*number[number >= 0].tolist()}):
        rows = table.take(pa.array(np.flatnonzero(number == face_id)))
        _push(states.of(face_id), rows, labels, document.get("min_quality"))
        states.retire(face_id)
    faces = states.finish()
    for face in faces:
        add_reactions(face, told.get(face.face_id, {}).get("reactions") or {})
    return faces


def face_numbers(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(n,) ``face_id``; -1 where a frame has no face."""
    column = table.column("face_id").combine_chunks().fill_null(-1)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def _push(state: FaceState, rows: pa.Table, labels: LabelSet, least: float | None) -> None:
    time_s, frame = (rows.column(name).to_numpy() for name in ("timestamp_s", "frame"))
    affect = _numbers(rows, labels.affect_columns)
    told = None if is_first_version(rows.schema) else _details(rows, labels)
    mran = _numbers(rows, MRAN_COLUMNS) if MRAN_COLUMNS[0] in rows.column_names else None
    for k in range(len(rows)):
        details = None if told is None else told.of(k)
        low = least is not None and details is not None and bool(details.quality < least)
        state.push(float(time_s[k]), affect[k], None, int(frame[k]), details=details, low=low)
        if mran is not None and not low and np.isfinite(mran[k]).all():
            state.push_mran(float(time_s[k]), mran[k], int(frame[k]))


def _numbers(rows: pa.Table, names: tuple[str, ...]) -> FloatArray:
    """float32 (n, len(names)); columns that the table lacks are NaN."""
    there, nothing = {*rows.column_names}, np.full(len(rows), np.nan, np.float32)
    columns = [
        rows.column(name).to_numpy().astype(np.float32) if name in there else nothing
        for name in names
    ]
    return np.stack(columns, axis=1)


def _details(rows: pa.Table, labels: LabelSet) -> FaceDetails:
    """Of n faces; columns that the table lacks are unknown."""
    numbers = _numbers(rows, labels.detail_columns)
    return FaceDetails(
        numbers[:, 0],
        numbers[:, 1:4],
        numbers[:, 4:6],
        numbers[:, 6:8],
        numbers[:, 8:],
        _numbers(rows, FACE_LANDMARK_COLUMNS).reshape(len(rows), -1, 2),
    )


def add_reactions(face: FaceSummary, told: dict[str, Any]) -> None:
    """Set the reactions of a summary to what a document says of them."""
    if not told.get("video"):
        return
    names = tuple(told["video"])

    def intensities(values: dict[str, Any]) -> FloatArray:
        return np.array([_float(values[name]) for name in names], np.float32)

    face.reaction_names, face.reactions = names, intensities(told["video"])
    face.reaction_windows = [
        ReactionWindow(
            window["start_s"], window["end_s"], window["routed"], intensities(window["intensities"])
        )
        for window in told["windows"]
    ]


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def find_source(document: dict[str, Any], folder: Path) -> Path | None:
    """The analysed file, where it is there and has not changed: by its path, from here or from the
    folder's place, or beside the folder. None where it is not."""
    source = document["source"]
    stamp = (source.get("size_bytes"), source.get("modified_ns"))
    path = Path(source["path"])
    for place in (path, folder / path, folder.parent / path.name, folder / path.name):
        if stamp[0] is not None and file_stamp(place) == stamp:
            return place
    return None


def open_source(path: Path, document: dict[str, Any]) -> VideoReader:
    """The source as it was opened when it was analysed."""
    return opening_of(document["settings"])(path)


def cut_pictures(
    faces: list[FaceSummary], table: pa.Table, document: dict[str, Any], source: Path
) -> bool:
    """Cut the crops at the peaks of all faces out of the source again, into their summaries.

    Returns
    -------
    Whether the source could be read; where it cannot, faces are without pictures.
    """
    wanted = _places(faces, table)
    try:
        with open_source(source, document) as reader:
            for frame in reader:
                if frame.index in wanted:
                    for face, channels, landmarks in wanted.pop(frame.index):
                        picture = encode_picture(align(frame.image, landmarks))
                        face.thumbnails |= dict.fromkeys(channels, picture)
                if not wanted:
                    break
    except MienError:
        return False
    for face in faces:  # in the order of the channels, as an analysis has them
        names = face.labels.affect_columns
        face.thumbnails = {n: face.thumbnails[n] for n in names if n in face.thumbnails}
    return True


def _places(
    faces: list[FaceSummary], table: pa.Table
) -> dict[int, list[tuple[FaceSummary, list[str], FloatArray]]]:
    """By frame: faces that peak there, in which channels, and their landmarks."""
    number, time_s = face_numbers(table), table.column("timestamp_s").to_numpy()
    frame, points = table.column("frame").to_numpy(), _numbers(table, LANDMARK_COLUMNS)
    found: dict[int, list[tuple[FaceSummary, list[str], FloatArray]]] = {}
    for face in faces:
        if not len(face.timeline.time_s):
            continue  # one of so many that its curves were let go
        own = np.flatnonzero(number == face.face_id)
        by_row: dict[int, list[str]] = {}
        for name, peak, peak_s in zip(
            face.labels.affect_columns, face.peak, face.peak_time_s, strict=True
        ):
            if abs(float(peak)) >= WORTH_A_PICTURE:  # not NaN
                row = int(own[np.abs(time_s[own] - peak_s).argmin()])
                by_row.setdefault(row, []).append(name)
        for row, names in by_row.items():
            if np.isfinite(points[row]).all():
                place = points[row].reshape(5, 2)
                found.setdefault(int(frame[row]), []).append((face, names, place))
    return found
