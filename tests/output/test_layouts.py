from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from face_doubles import make_face
from mien.labels import AFFECT_COLUMNS
from mien.output.layouts import LayoutWriter
from mien.output.other_angles import head_matrix, openface_gaze, openface_pose, pyfeat_pose
from mien.output.schema import to_table
from mien.pipeline.analyzer import FrameRow
from mien.types import FaceDetails

UNITS = [f"{n:02d}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)]
TIME_S = 5432.016683333335  # an hour and a half in, where six digits are ten milliseconds


def written(folder: Path, layout: str, first: bool = True) -> list[dict[str, str]]:
    """Of the first version; of the second with an extractor that gives nothing more."""
    affect = np.linspace(0, 1, 26, dtype=np.float32)
    rows = [
        FrameRow(0, 0.0, 3, make_face(1.5, 2, 40, score=0.75), affect),
        FrameRow(1, TIME_S),
    ]
    writer = LayoutWriter(folder, layout, "in, put.mp4", first=first)
    writer.write(to_table(rows, columns="v1" if first else "v2"))
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


ANGLES = {"openface": ["gaze_angle_x", "gaze_angle_y", "pose_Rx", "pose_Ry", "pose_Rz"]}
ANGLES["pyfeat"] = ["Pitch", "Roll", "Yaw"]


@pytest.mark.parametrize("layout", ["openface", "pyfeat"])
def test_what_the_extractor_does_not_give_is_empty(layout: str, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    old, _ = written(tmp_path / "first", layout)
    seen, empty = written(tmp_path, layout, first=False)
    start = list(seen).index(ANGLES[layout][0])
    assert [name for name in seen if name not in old] == ANGLES[layout]
    assert list(seen)[start : start + len(ANGLES[layout])] == ANGLES[layout]
    for name in seen:
        missing = name in ANGLES[layout] or name.endswith("_r")  # never a number of another scale
        assert seen[name] == ("" if missing else old[name])
    assert all(empty[name] == "" for name in ANGLES[layout])


def full_row(folder: Path, layout: str) -> dict[str, str]:
    details = FaceDetails(
        np.float32(0.9),
        np.float32([20, -10, 5]),
        np.float32([1, 0.5]),
        np.float32([8, 3]),
        np.linspace(0, 5, 17, dtype=np.float32),
        np.zeros((26, 2), np.float32),
    )
    affect = np.linspace(0, 1, 26, dtype=np.float32)
    row = FrameRow(0, 0.0, 3, make_face(1.5, 2, 40), affect, details=details)
    writer = LayoutWriter(folder, layout, "a.mp4")
    writer.write(to_table([row]))
    writer.close()
    with (folder / f"{layout}.csv").open(newline="", encoding="utf-8") as file:
        (found,) = csv.DictReader(file)
    return found


def test_openface_has_intensities_pose_and_gaze(tmp_path: Path) -> None:
    row = full_row(tmp_path, "openface")
    for k, unit in enumerate(UNITS):
        assert float(row[f"AU{unit}_r"]) == pytest.approx(5 * k / 16, abs=1e-5)
        assert row[f"AU{unit}_c"] == str(int(value(f"au{unit}") >= 0.5))  # by the probability
    pose = [float(row[name]) for name in ("pose_Rx", "pose_Ry", "pose_Rz")]
    np.testing.assert_allclose(pose, openface_pose(20, -10, 5), atol=1e-5)
    gaze = [float(row[name]) for name in ("gaze_angle_x", "gaze_angle_y")]
    np.testing.assert_allclose(gaze, openface_gaze((20, -10, 5), 8, 3), atol=1e-5)


def test_pyfeat_has_the_pose(tmp_path: Path) -> None:
    row = full_row(tmp_path, "pyfeat")
    pose = [float(row[name]) for name in ("Pitch", "Roll", "Yaw")]
    np.testing.assert_allclose(pose, pyfeat_pose(20, -10, 5), atol=1e-3)
    assert float(row["AU12"]) == pytest.approx(value("au12"), abs=1e-6)  # a probability as before


@pytest.mark.parametrize(
    ("pose", "openface", "pyfeat"),
    [
        ((30, 0, 0), (0, -np.pi / 6, 0), (0, 0, -30)),  # to the person's own left
        ((0, 30, 0), (-np.pi / 6, 0, 0), (30, 0, 0)),  # up
        ((0, 0, 30), (0, 0, -np.pi / 6), (0, -30, 0)),  # counter-clockwise in the image
    ],
)
def test_signs_of_other_tools(pose: tuple, openface: tuple, pyfeat: tuple) -> None:
    np.testing.assert_allclose(openface_pose(*pose), openface, atol=1e-9)
    np.testing.assert_allclose(pyfeat_pose(*pose), pyfeat, atol=1e-9)


def test_other_tools_angles_are_the_same_rotation() -> None:
    """Rx Ry Rz in a camera's axes is the head's matrix that went in, seen upside down."""
    rng = np.random.default_rng(0)
    flip = np.diag([1, -1, -1])
    for pose in rng.uniform(-80, 80, (50, 3)):
        x, y, z = openface_pose(*pose)
        turns = [np.eye(3)] * 3
        for k, angle in enumerate((x, y, z)):
            turn = np.eye(3)
            i, j = (k + 1) % 3, (k + 2) % 3
            turn[i, i] = turn[j, j] = np.cos(angle)
            turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
            turns[k] = turn
        expected = flip @ head_matrix(*pose) @ flip
        np.testing.assert_allclose(turns[0] @ turns[1] @ turns[2], expected, atol=1e-9)


def test_gaze_of_other_tools_is_against_the_camera() -> None:
    # A head turned to its left by 20 degrees that looks 20 degrees to its right looks straight.
    np.testing.assert_allclose(openface_gaze((20, 0, 0), -20, 0), (0, 0), atol=1e-9)
    np.testing.assert_allclose(openface_gaze((0, 0, 0), 10, 0), (np.radians(10), 0), atol=1e-9)
    np.testing.assert_allclose(openface_gaze((0, 10, 0), 0, 0), (0, -np.radians(10)), atol=1e-9)
    # Tilted by a quarter turn counter-clockwise, the head's left is the image's upper side.
    np.testing.assert_allclose(openface_gaze((0, 0, 90), 10, 0), (0, -np.radians(10)), atol=1e-9)
    assert np.isnan(openface_gaze((0, np.nan, 0), 0, 0)).all()
    assert np.isnan(openface_pose(np.nan, 0, 0)).all()
