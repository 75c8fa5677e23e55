from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from face_doubles import make_face
from mien.inference.pipeline import FrameRow
from mien.labels import AFFECT_COLUMNS
from mien.output.layouts import LayoutWriter
from mien.output.schema import to_table

UNITS = [f"{n:02d}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)]
TIME_S = 5432.016683333335  # an hour and a half in, where six digits are ten milliseconds


def written(folder: Path, layout: str) -> list[dict[str, str]]:
    affect = np.linspace(0, 1, 26, dtype=np.float32)
    rows = [
        FrameRow(0, 0.0, 3, make_face(1.5, 2, 40, score=0.75), affect),
        FrameRow(1, TIME_S),
    ]
    writer = LayoutWriter(folder, layout, "in, put.mp4")
    writer.write(to_table(rows))
    writer.close()
    with (folder / f"{layout}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def value(name: str) -> float:
    return float(np.linspace(0, 1, 26, dtype=np.float32)[AFFECT_COLUMNS.index(name)])


def test_openface(tmp_path: Path) -> None:
    seen, empty = written(tmp_path, "openface")
    assert list(seen) == (
        ["frame", "face_id", "timestamp", "confidence", "success"]
        + [f"AU{unit}_r" for unit in UNITS]
        + [f"AU{unit}_c" for unit in UNITS]
    )
    assert (seen["frame"], empty["frame"]) == ("1", "2")  # OpenFace counts from 1
    assert (seen["success"], empty["success"]) == ("1", "0")
    assert seen["face_id"] == "3"
    assert float(seen["confidence"]) == 0.75
    for unit in UNITS:
        expected = value(f"au{unit}")
        assert float(seen[f"AU{unit}_r"]) == pytest.approx(expected, abs=1e-6)
        assert seen[f"AU{unit}_c"] == str(int(expected >= 0.5))
        assert empty[f"AU{unit}_r"] == empty[f"AU{unit}_c"] == ""
    assert empty["face_id"] == ""
    assert float(empty["confidence"]) == 0


def test_openface_decides_where_the_model_does(tmp_path: Path) -> None:
    levels = tuple(np.linspace(0.9, 0.1, 17).tolist())
    writer = LayoutWriter(tmp_path, "openface", "a.mp4", levels)
    affect = np.linspace(0, 1, 26, dtype=np.float32)
    writer.write(to_table([FrameRow(0, 0.0, 3, make_face(1.5, 2, 40, score=0.75), affect)]))
    writer.close()
    with (tmp_path / "openface.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    decided = [row[f"AU{unit}_c"] for unit in UNITS]
    expected = [value(f"au{unit}") >= level for unit, level in zip(UNITS, levels, strict=True)]
    assert decided == [str(int(one)) for one in expected]
    assert decided != [str(int(value(f"au{unit}") >= 0.5)) for unit in UNITS]


def test_pyfeat(tmp_path: Path) -> None:
    seen, empty = written(tmp_path, "pyfeat")
    emotions = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    box = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    assert list(seen) == (
        ["input", "frame", "approx_time", "Identity", *box]
        + [f"AU{unit}" for unit in UNITS]
        + emotions
    )
    assert seen["input"] == empty["input"] == "in, put.mp4"
    assert (seen["frame"], empty["frame"]) == ("0", "1")
    assert [float(seen[name]) for name in box] == [1.5, 2, 40, 40, 0.75]
    for name in emotions:
        assert float(seen[name]) == pytest.approx(value(f"expr_{name}"), abs=1e-6)
    for unit in UNITS:
        assert float(seen[f"AU{unit}"]) == pytest.approx(value(f"au{unit}"), abs=1e-6)
    for name in ["Identity", *box, *emotions, *(f"AU{unit}" for unit in UNITS)]:
        assert empty[name] == "", name


@pytest.mark.parametrize(
    ("layout", "column"), [("openface", "timestamp"), ("pyfeat", "approx_time")]
)
def test_times_are_exact(layout: str, column: str, tmp_path: Path) -> None:
    seen, empty = written(tmp_path, layout)
    assert float(seen[column]) == 0.0
    assert float(empty[column]) == TIME_S
