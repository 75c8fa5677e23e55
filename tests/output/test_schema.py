from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from face_doubles import make_face
from mien.labels import DETAIL_COLUMNS, FACE_LANDMARK_COLUMNS
from mien.output.schema import FRAME_SCHEMA, frame_schema, to_table
from mien.output.sinks import FileSink, MemorySink, open_sinks
from mien.pipeline.analyzer import FrameRow
from mien.types import FaceDetails, no_details

# Written out by hand from the specification of the outputs, schema version 1.
EXPECTED = (
    [("frame", "int64"), ("timestamp_s", "double"), ("face_id", "int32"), ("face_score", "float")]
    + [(f"box_{key}", "float") for key in "xywh"]
    + [
        (f"{point}_{axis}", "float")
        for point in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
        for axis in "xy"
    ]
    + [("valence", "float"), ("arousal", "float")]
    + [
        (f"expr_{name}", "float")
        for name in ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    ]
    + [
        (f"au{number:02d}", "float")
        for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)
    ]
)

# The same of version 2: what comes behind.
EXPECTED_BEHIND = (
    ["quality", "pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"]
    + ["eye_open_left", "eye_open_right", "gaze_yaw_deg", "gaze_pitch_deg"]
    + [
        f"au{number:02d}_intensity"
        for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)
    ]
    + [f"landmark_{number:02d}_{axis}" for number in range(26) for axis in "xy"]
)


def some_details(seed: int) -> FaceDetails:
    rng = np.random.default_rng(seed)
    shapes = ((), (3,), (2,), (2,), (17,), (26, 2))
    return FaceDetails(*(np.float32(rng.random(shape) * 40) for shape in shapes))


def some_rows(count: int = 9) -> list[FrameRow]:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        time_s = float(i * 1001 / 30000 + 12345.6)
        if i % 3 == 1:
            rows.append(FrameRow(i, time_s))
            continue
        face = make_face(10 + i / 3, 20, 40, score=0.9 + i / 1000)
        row = FrameRow(i, time_s, i % 2, face, rng.random(26).astype(np.float32))
        row.details = (some_details(i), no_details(), None)[i % 4 if i % 4 < 3 else 0]
        rows.append(row)
    return rows


def test_columns_are_those_of_the_specification() -> None:
    behind = [(name, "float") for name in EXPECTED_BEHIND]
    assert [(field.name, str(field.type)) for field in FRAME_SCHEMA] == EXPECTED + behind
    assert [(field.name, str(field.type)) for field in frame_schema("v1")] == EXPECTED
    mran = [("mran_valence", "float"), ("mran_arousal", "float")]  # always the last ones
    for columns, others in (("v1", EXPECTED), ("v2", EXPECTED + behind)):
        schema = frame_schema(columns, mran=True)
        assert [(field.name, str(field.type)) for field in schema] == others + mran
    assert FRAME_SCHEMA.metadata == {b"schema_version": b"2"}
    assert frame_schema("v1").metadata is None
    assert [field.name for field in FRAME_SCHEMA if not field.nullable] == ["frame", "timestamp_s"]
    assert to_table(some_rows()).schema == FRAME_SCHEMA
    assert to_table([]).schema == FRAME_SCHEMA
    assert to_table([]).num_rows == 0


def test_values_stand_in_their_columns() -> None:
    rows = some_rows()
    table = to_table(rows)
    table.validate(full=True)
    for row, cells in zip(rows, table.to_pylist(), strict=True):
        assert (cells["frame"], cells["timestamp_s"]) == (row.frame, row.timestamp_s)
        assert cells["face_id"] == row.face_id
        others = [cells[field.name] for field in FRAME_SCHEMA][3:]
        if row.face is None or row.affect is None:
            assert np.isnan(others).all()
            continue
        expected = [row.face.score, *row.face.box, *row.face.landmarks.ravel(), *row.affect]
        details = row.details or no_details()
        expected += [details.quality, *details.pose_deg, *details.eye_open, *details.gaze_deg]
        expected += [*details.au_intensity, *details.landmarks.ravel()]
        np.testing.assert_array_equal(np.float32(others), np.float32(expected))


@pytest.mark.parametrize("mran", [False, True])
def test_the_first_version_is_the_second_without_what_came_behind(mran: bool) -> None:
    rows = some_rows()
    for row in rows:
        row.mran = np.array([0.25, row.frame / 9], np.float32) if row.frame % 2 else None
    first, second = to_table(rows, mran, "v1"), to_table(rows, mran)
    assert first.schema.equals(frame_schema("v1", mran), check_metadata=True)
    kept = second.select(first.column_names)
    for name in first.column_names:  # NaN is not equal to itself, its words are
        assert repr(kept[name].to_pylist()) == repr(first[name].to_pylist())
    assert set(second.column_names) - set(first.column_names) == set(EXPECTED_BEHIND)
    assert [*DETAIL_COLUMNS, *FACE_LANDMARK_COLUMNS] == EXPECTED_BEHIND


def test_files_say_their_version_and_the_first_is_as_it_was(tmp_path) -> None:
    rows = some_rows()
    for columns in ("v1", "v2"):
        for kind in ("parquet", "csv"):
            folder = tmp_path / columns
            folder.mkdir(exist_ok=True)
            sink = FileSink(folder, kind, frame_schema(columns))
            sink.write(to_table(rows, columns=columns))
            sink.close()
    metadata = pa.parquet.read_schema(tmp_path / "v2" / "frames.parquet").metadata
    assert metadata[b"schema_version"] == b"2"
    assert pa.parquet.read_schema(tmp_path / "v1" / "frames.parquet").metadata is None
    first = (tmp_path / "v1" / "frames.csv").read_text().splitlines()
    second = (tmp_path / "v2" / "frames.csv").read_text().splitlines()
    assert len(first) == len(second) == 10
    assert first[0] == ",".join(f'"{name}"' for name, _ in EXPECTED)
    assert first[2] == ",".join([*second[2].split(",")[:2], "", *["nan"] * (len(EXPECTED) - 3)])
    assert second[2].endswith("," * (len(EXPECTED) + len(EXPECTED_BEHIND) - 2))
    assert "nan" not in "".join(second)
    for one, other in zip(first, second, strict=True):
        cells = ["" if cell == "nan" else cell for cell in one.split(",")]
        assert other.split(",")[: len(EXPECTED)] == cells


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17])
def test_a_missing_face_is_null_and_not_a_number(count: int) -> None:
    table = to_table([FrameRow(i, i / 25) for i in range(count)])
    assert table["face_id"].null_count == count
    assert table["face_score"].null_count == 0  # NaN, so that float columns stay float
    mixed = to_table(some_rows(count))
    assert mixed["face_id"].to_pylist() == [row.face_id for row in some_rows(count)]


def test_parquet_and_csv_hold_the_same(tmp_path) -> None:
    tables = [to_table(some_rows(4)), to_table([]), to_table(some_rows(9))]
    for kind in ("parquet", "csv"):
        sink = FileSink(tmp_path, kind)
        for table in tables:
            sink.write(table)
        sink.close()
    parquet = pa.parquet.read_table(tmp_path / "frames.parquet")
    assert parquet.schema == FRAME_SCHEMA
    types = {field.name: field.type for field in FRAME_SCHEMA}
    options = pa.csv.ConvertOptions(column_types=types, null_values=[""])
    csv = pa.csv.read_csv(tmp_path / "frames.csv", convert_options=options)
    assert csv.column_names == FRAME_SCHEMA.names
    for name in FRAME_SCHEMA.names:
        a = np.array(parquet[name].to_pylist(), float)
        np.testing.assert_array_equal(a, np.array(csv[name].to_pylist(), float), err_msg=name)
    memory = MemorySink()
    for table in tables:
        memory.write(table)
    np.testing.assert_array_equal(
        memory.table()["timestamp_s"].to_numpy(), parquet["timestamp_s"].to_numpy()
    )


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_table_without_rows_has_its_columns(kind: str, tmp_path) -> None:
    FileSink(tmp_path, kind).close()
    path = tmp_path / f"frames.{kind}"
    table = pa.parquet.read_table(path) if kind == "parquet" else pa.csv.read_csv(path)
    assert table.column_names == FRAME_SCHEMA.names
    assert table.num_rows == 0


def test_memory_of_a_file_is_one_group_of_rows(tmp_path) -> None:
    sink, table = FileSink(tmp_path), to_table(some_rows(100) * 70)
    for _ in range(9):
        sink.write(table)
        assert sum(part.num_rows for part in sink._waiting) < 20_000
    sink.close()
    assert pa.parquet.read_metadata(tmp_path / "frames.parquet").num_rows == 63_000


def test_unknown_formats_and_layouts(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"format is one of .*not 'xlsx'"):
        FileSink(tmp_path, "xlsx")
    with pytest.raises(ValueError, match=r"layouts are .*openface.*not \['affdex'\]"):
        open_sinks(tmp_path, "csv", ("openface", "affdex"), "a.mp4")
    assert list(tmp_path.iterdir()) == []
