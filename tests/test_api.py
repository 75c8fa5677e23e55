from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import mien
from face_doubles import FullAffect, double_analyzer, make_face, texture
from mien.api import Result, analyze
from mien.errors import InputError, MienError, OutputError
from mien.labels import AFFECT_COLUMNS, DETAIL_COLUMNS, INTENSITY_COLUMNS, REACTIONS
from mien.output.schema import FRAME_SCHEMA, frame_schema
from mien.pipeline.options import AnalysisOptions
from mien.video import write_video

LEFT, RIGHT = make_face(4, 10), make_face(80, 12, 36)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "clip.mp4"
    write_video(path, (texture(1) for _ in range(40)), fps=25, codec="h264-lossless")
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import cv2

    path = tmp_path_factory.mktemp("api") / "picture.png"
    cv2.imwrite(str(path), texture(1))
    return path


def script(call: int) -> list:
    return [] if call < 5 else [LEFT, RIGHT] if call < 20 else [LEFT]


@pytest.fixture(scope="module")
def result(clip: Path) -> Result:
    return analyze(clip, analyzer=double_analyzer(script))


def test_what_is_public() -> None:
    assert mien.analyze is analyze
    assert set(mien.__all__) <= set(dir(mien))
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        _ = mien.analyse


def test_repr_is_readable(result: Result, clip: Path) -> None:
    lines = repr(result).splitlines()
    assert lines[0] == f"mien result of {clip}"
    assert lines[1] == "  40 frames, 1.60 s, 25.00 fps, 128 x 72 px; 2 face(s)"
    assert lines[2].startswith("  face 0: 35 frames, 0.20-1.56 s, mean valence +0.0")
    assert "mostly surprise (0." in lines[2]
    assert ".save(folder)" in lines[-1]
    assert "nan" not in repr(result)
    assert "trust" not in repr(result)  # of which this extractor says nothing


def test_all_that_an_extractor_says_reaches_python(clip: Path, tmp_path: Path) -> None:
    result = analyze(
        clip, analyzer=double_analyzer(script, FullAffect(), min_quality=0, detect="every")
    )
    assert "  trust: expressions 6 unknown, 1 measured; action units 16 unknown, 1 teacher; " in (
        repr(result)
    )
    assert "pose synthetic" in repr(result)
    assert result.channels["pose_yaw_deg"] == {"mark": "synthetic", "figure": "2 degrees"}
    frames = result.frames.query("face_id == 0")
    np.testing.assert_allclose(frames["pose_yaw_deg"], 10)
    faces = result.faces
    assert faces.loc[0, "mean_quality"] == pytest.approx(frames["quality"].mean(), abs=1e-5)
    assert faces.loc[0, "peak_au12_intensity"] == pytest.approx(
        frames["au12_intensity"].max(), abs=1e-5
    )
    folder = result.save(tmp_path / "full", layouts=("openface",))
    assert json.loads((folder / "video.json").read_text(encoding="utf-8"))["warnings"] == []
    saved = pa.parquet.read_table(folder / "frames.parquet")
    assert saved.schema.metadata[b"schema_version"] == b"2"
    assert saved.column_names == FRAME_SCHEMA.names


def test_the_first_version_is_a_part_of_the_second(clip: Path, tmp_path: Path) -> None:
    first, second = (
        analyze(
            clip, analyzer=double_analyzer(script, FullAffect(), columns=columns, detect="every")
        )
        for columns in ("v1", "v2")
    )
    assert first.table.column_names == frame_schema("v1").names
    for name in first.table.column_names:
        assert repr(first.table[name].to_pylist()) == repr(second.table[name].to_pylist())
    assert (first.document["schema_version"], second.document["schema_version"]) == (1, 2)
    folders = {
        (result, kind): result.save(tmp_path / f"{k}{kind}", kind, ("openface",))
        for k, result in enumerate((first, second))
        for kind in ("parquet", "csv")
    }
    assert pa.parquet.read_schema(folders[first, "parquet"] / "frames.parquet").metadata is None
    with (folders[first, "csv"] / "openface.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["success"] == "1"]
    assert "pose_Rx" not in rows[0]
    au12 = [row["au12"] for row in first.table.to_pylist() if row["face_id"] is not None]
    assert [float(row["AU12_r"]) for row in rows] == pytest.approx(au12, abs=1e-5)


def test_a_face_without_a_frame_that_counts_is_told(clip: Path, tmp_path: Path) -> None:
    result = analyze(
        clip, analyzer=double_analyzer(script, FullAffect(), min_quality=1.0, detect="every")
    )
    text = repr(result)
    assert "face 0: 0.20-1.56 s, no frame of enough quality (35 below)" in text
    assert "warning: faces 0, 1: 50 of 50 frames lie below quality 1 and count for no" in text
    assert result.faces["low_quality_frames"].tolist() == [35, 15]
    assert result.faces["mean_valence"].isna().all()
    assert (result.save(tmp_path / "poor") / "report.html").is_file()


def test_frames_have_their_dtypes(result: Result) -> None:
    pandas = pytest.importorskip("pandas")
    frames = result.frames
    assert list(frames.columns) == FRAME_SCHEMA.names
    assert str(frames["frame"].dtype) == "int64"
    assert str(frames["timestamp_s"].dtype) == "float64"
    assert frames["face_id"].dtype == pandas.Int32Dtype()
    assert {str(frames[name].dtype) for name in FRAME_SCHEMA.names[3:]} == {"float32"}
    assert frames["face_id"].isna().sum() == 5
    assert len(frames) == 5 + 15 * 2 + 20
    np.testing.assert_array_equal(frames["timestamp_s"], result.table["timestamp_s"].to_numpy())


def test_faces_and_reactions(result: Result) -> None:
    faces = result.faces
    assert faces.index.name == "face_id"
    assert faces.index.tolist() == [0, 1]
    assert faces["usable_frames"].tolist() == [35, 15]
    expected = [f"{kind}_{name}" for kind in ("mean", "peak") for name in AFFECT_COLUMNS]
    behind = ["low_quality_frames", *(f"mean_{name}" for name in DETAIL_COLUMNS)]
    behind += [f"peak_{name}" for name in INTENSITY_COLUMNS]
    assert list(faces.columns) == ["first_s", "last_s", "usable_frames", *expected, *behind]
    assert faces["low_quality_frames"].tolist() == [0, 0]
    assert faces[behind[1:]].isna().all(axis=None)  # this extractor says nothing of them
    mean = result.frames.query("face_id == 0")["au12"].mean()
    assert faces.loc[0, "mean_au12"] == pytest.approx(mean, abs=1e-5)
    reactions = result.reactions
    assert reactions["face_id"].tolist() == [0, 0]  # face 1 was there for 0.6 s only
    assert reactions["span"].tolist() == ["video", "window"]
    assert list(reactions.columns) == ["face_id", "span", "start_s", "end_s", "first", "last"]
    assert result.document["faces"][1]["reactions"]["video"] is None
    assert "too short for a reaction" in result.document["faces"][1]["reactions"]["note"]


def test_no_faces_are_empty_tables(clip: Path) -> None:
    result = analyze(clip, analyzer=double_analyzer(lambda call: []))
    assert len(result.frames) == 40
    assert result.frames["face_id"].isna().all()
    assert len(result.faces) == len(result.reactions) == 0
    assert result.faces.index.name == "face_id"
    # The same columns as where there are faces, so that tables of many files can be joined.
    assert list(result.reactions.columns) == ["face_id", "span", "start_s", "end_s", *REACTIONS]
    assert {"usable_frames", "mean_valence", "peak_au26"} <= set(result.faces.columns)
    assert result.warnings == ["no face was found in any frame"]
    assert "warning: no face was found in any frame" in repr(result)


def test_an_image_is_one_frame_without_reactions(picture: Path) -> None:
    result = analyze(picture, analyzer=double_analyzer(lambda call: [LEFT]))
    assert result.frames["timestamp_s"].tolist() == [0.0]
    assert result.frames["frame"].tolist() == [0]
    assert len(result.reactions) == 0
    assert "still image" in result.document["faces"][0]["reactions"]["note"]
    assert repr(result).splitlines()[1] == "  image, 128 x 72 px; 1 face(s)"


def test_save_writes_what_the_command_writes(result: Result, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "new" / "clip", layouts=("openface", "pyfeat"))
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "frames.parquet", "video.json", "report.html", "openface.csv", "pyfeat.csv",
    }  # fmt: skip
    with (folder / "openface.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["success"] == "1"]
    faces = [row for row in result.table.to_pylist() if row["face_id"] is not None]
    for unit, level in result.document["models"][1]["au_decisions"].items():
        decided = [row[f"AU{unit[2:]}_c"] for row in rows]
        assert decided == [str(int(row[unit] >= level)) for row in faces]
    assert {row["AU01_c"] for row in rows} != {row["AU26_c"] for row in rows}
    saved = pa.parquet.read_table(folder / "frames.parquet")
    for name in FRAME_SCHEMA.names:
        column = np.array(saved[name].to_pylist(), float)  # null becomes NaN
        np.testing.assert_array_equal(column, np.array(result.table[name].to_pylist(), float))
    document = json.loads((folder / "video.json").read_text(encoding="utf-8"))
    assert [text[:31] for text in document.pop("warnings")] == ["AU*_r in openface.csv are empty"]
    told = json.loads(json.dumps(result.document))
    assert told.pop("warnings") == []  # what was read is as it was
    assert document == told
    again = result.save(folder, format="csv")  # replaces its own earlier result
    assert {path.name for path in again.iterdir()} == {"frames.csv", "video.json", "report.html"}


def test_save_touches_no_folder_of_others(result: Result, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years")
    with pytest.raises(OutputError, match="holds something else than results of mien"):
        result.save(tmp_path)
    assert (tmp_path / "thesis.docx").read_text() == "years"
    with pytest.raises(ValueError, match="format is one of"):
        result.save(tmp_path / "x", format="xlsx")
    with pytest.raises(ValueError, match="layouts are"):
        result.save(tmp_path / "x", layouts=("other",))
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.docx"}


def test_settings_are_given_in_one_way(clip: Path) -> None:
    analyzer, options = double_analyzer(script), AnalysisOptions()
    for mixed in (
        {"options": options, "analyzer": analyzer},
        {"options": options, "faces": "all"},
        {"analyzer": analyzer, "faces": "all"},
    ):
        with pytest.raises(ValueError, match="give options, an analyzer, or single settings"):
            analyze(clip, **mixed)
    with pytest.raises(ValueError, match="faces is one of"):
        analyze(clip, faces="both")
    with pytest.raises(TypeError, match="colour"):
        analyze(clip, colour="red")


def test_progress_counts_frames(clip: Path) -> None:
    done: list[int] = []
    analyze(clip, analyzer=double_analyzer(script), progress=done.append)
    assert sum(done) == 40


def test_bad_files_raise_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file") as caught:
        analyze(tmp_path / "none.mp4", analyzer=double_analyzer(script))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", ["frames", "faces", "reactions"])
def test_without_pandas_the_way_out_is_named(
    table: str, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        MienError, match=r"pandas is not installed: pip install .*\.table"
    ) as caught:
        getattr(result, table)
    assert "\n" not in str(caught.value)
    assert len(result.table) == 55  # goes on working


@pytest.mark.parametrize("kind", ["bytes", "file", "stream"])
def test_bytes_are_read_as_their_file_is(
    clip: Path, result: Result, kind: str, tmp_path: Path
) -> None:
    data = clip.read_bytes()
    analyzer = double_analyzer(script)
    if kind == "bytes":
        found = analyze(data, analyzer=analyzer, name="upload 7")
    elif kind == "file":
        with clip.open("rb") as file:
            found = analyze(file, analyzer=analyzer, name="upload 7")
    else:
        found = analyze(io.BytesIO(data), analyzer=analyzer, name="upload 7")
    assert found.frames.equals(result.frames)
    source = found.document["source"]
    assert (source["path"], source["size_bytes"]) == ("upload 7", len(data))
    folder = found.save(tmp_path / "saved")
    assert mien.read(folder).table.num_rows == result.table.num_rows
    written = (folder / "video.json").read_text() + (folder / "report.html").read_text()
    assert tempfile.gettempdir() + "/mien-" not in written
    with pytest.raises(InputError, match=r"^upload 7: came from memory, and its pictures"):
        found.save(tmp_path / "more", overlay=True)


def test_bytes_that_are_no_video_are_called_by_their_name() -> None:
    with pytest.raises(InputError, match=r"^upload 8: the file is empty"):
        analyze(b"", analyzer=double_analyzer(script), name="upload 8")
    with pytest.raises(InputError, match=r"^bytes: ") as found:
        analyze(b"not a video" * 50, analyzer=double_analyzer(script))
    assert tempfile.gettempdir() not in str(found.value)
    text = cast(BinaryIO, io.StringIO("text"))
    with pytest.raises(InputError, match=r"^bytes: gives text, not bytes; open it with 'rb'"):
        analyze(text, analyzer=double_analyzer(script))
