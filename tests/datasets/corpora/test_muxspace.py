from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from corpus_builder import (
    blendshape_arrays,
    jpeg,
    muxspace_rows,
    table_text,
    write_muxspace,
    write_npz,
)
from mien.datasets import load_muxspace
from mien.errors import DataError
from mien.faces.align import TEMPLATE
from mien.labels import ACTION_UNITS, EXPRESSIONS


def assert_refused(text: str, archive: Path, *others: Path) -> None:
    with pytest.raises(DataError, match=text) as caught:
        load_muxspace(archive, *others)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", ["beside", "inside"])
def test_rows_become_faces(table: str, tmp_path: Path) -> None:
    faces = load_muxspace(write_muxspace(tmp_path, table=table))
    index = EXPRESSIONS.index
    assert faces.corpus == "muxspace"
    assert faces.names.tolist() == [f"face_{i:03d}.jpg" for i in range(6)]
    assert faces.images.shape == (6, 160, 160)
    expected = [
        index("happiness"), index("neutral"), -1, index("surprise"), index("anger"),
        index("happiness"),
    ]  # fmt: skip
    assert faces.majority.tolist() == expected
    assert faces.expression_weight.tolist() == [1, 1, 0, 1, 1, 1]
    assert np.isnan(faces.expressions[2]).all()
    assert faces.expressions[0, index("happiness")] == pytest.approx(0.9 + 0.1 / 7)
    np.testing.assert_allclose(faces.expressions[[0, 1, 3, 4, 5]].sum(axis=1), 1, rtol=1e-6)
    assert np.isnan(faces.valence_arousal).all()  # one label has no degree
    assert faces.counted.all()


def test_images_are_read_in_grey(tmp_path: Path) -> None:
    faces = load_muxspace(write_muxspace(tmp_path))
    for i, image in enumerate(faces.images):
        expected = cv2.imdecode(np.frombuffer(jpeg(i), np.uint8), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(image, expected)


def test_landmarks_become_alignment(tmp_path: Path) -> None:
    rows = muxspace_rows()
    rows[1]["lx3"] = ""  # unknown
    for i in range(5):
        rows[2][f"lx{i}"] = rows[2][f"ly{i}"] = "80"  # absurd
    faces = load_muxspace(write_muxspace(tmp_path, rows))
    assert np.isfinite(faces.aligned).all(axis=(1, 2)).tolist() == [True, False, False] + [True] * 3
    mapped = faces.aligned[0] @ np.vstack([TEMPLATE.T, np.ones(5)])
    points = np.array([[float(rows[0][f"l{a}{i}"]) for a in "xy"] for i in range(5)])
    assert np.abs(mapped.T - points).max() < 3  # the points are near to a similarity of it


def test_without_landmark_columns_there_is_no_alignment(tmp_path: Path) -> None:
    rows = [{"file": row["file"], "label": row["label"]} for row in muxspace_rows()]
    faces = load_muxspace(write_muxspace(tmp_path, rows))
    assert np.isnan(faces.aligned).all()
    assert len(faces) == 6


def test_people_are_on_one_side_of_the_split(tmp_path: Path) -> None:
    rows = muxspace_rows(200)
    members = {row["file"]: jpeg(0, 16, 16) for row in rows}
    faces = load_muxspace(write_muxspace(tmp_path, rows, members))
    people = np.array([row["person"] for row in rows])
    held_out = set(people[faces.split == "valid"])
    assert held_out.isdisjoint(people[faces.split == "train"])
    assert 3 <= len(held_out) <= 20  # about a tenth of 100
    again = load_muxspace(write_muxspace(tmp_path, rows[::-1], members))
    assert again.split.tolist() == faces.split.tolist()[::-1]
    # Stable for ever: a change would move people from test to training.
    assert sorted(held_out)[:4] == ["person 1", "person 10", "person 15", "person 23"]


def test_without_people_files_are_split(tmp_path: Path) -> None:
    rows = [{"file": f"{i}.jpg", "label": "sad"} for i in range(60)]
    faces = load_muxspace(
        write_muxspace(tmp_path, rows, {r["file"]: jpeg(0, 16, 16) for r in rows})
    )
    assert set(faces.split.tolist()) == {"train", "valid"}


def test_teacher_scores(tmp_path: Path) -> None:
    path = write_muxspace(tmp_path)
    names = np.array([row["file"] for row in muxspace_rows()])
    scores = write_npz(tmp_path / "muxspace_blendshapes.npz", blendshape_arrays(names))
    faces = load_muxspace(path, None, scores)
    smile = ACTION_UNITS.index(12)
    assert np.isfinite(faces.action_units[:5, smile]).all()
    assert np.isnan(faces.action_units[5, smile])  # found with lowered thresholds only
    # The nose wrinkler, which no mesh sees, is what the label expects; contempt expects nothing.
    nose = np.isfinite(faces.action_units[:, ACTION_UNITS.index(9)])
    assert nose.tolist() == [True, True, False, True, True, True]
    for part in (faces.intensities, faces.blendshapes, faces.eye_open, faces.gaze_deg):
        assert part is not None and np.isfinite(part[:5]).any(axis=1).all()
    # The file has scores alone: where landmarks are and how the head is held is unknown.
    assert np.isnan(faces.face_landmarks).all() and np.isnan(faces.pose_deg).all()
    wrong = write_npz(tmp_path / "wrong.npz", blendshape_arrays(names[::-1]))
    with pytest.raises(DataError, match=r"wrong\.npz: its 'name' column is not that of the images"):
        load_muxspace(path, None, wrong)


def test_labels_of_color_sources_can_count_less(tmp_path: Path) -> None:
    rows = [{**row, "grey_source": "0" if i % 2 else "1"} for i, row in enumerate(muxspace_rows())]
    members = {f"face_{i:03d}.jpg": jpeg(i) for i in range(6)}
    path = write_muxspace(tmp_path, rows, members)
    plain = load_muxspace(path).expression_weight
    less = load_muxspace(path, color_weight=0.25).expression_weight
    np.testing.assert_array_equal(less, plain * np.array([1, 0.25] * 3, np.float32))
    assert plain.any()
    bare = [{k: v for k, v in row.items() if k != "grey_source"} for row in rows]
    without = write_muxspace(tmp_path, bare, members)
    with pytest.raises(DataError, match=r"csv: a color_weight needs a column grey_source of 0"):
        load_muxspace(without, color_weight=0.25)


@pytest.mark.parametrize("column", ["file", "label"])
def test_missing_columns(column: str, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != column} for row in muxspace_rows()]
    names = {f"face_{i:03d}.jpg": jpeg(i) for i in range(6)}
    assert_refused(
        rf"faces.csv: looked for columns \['{column}'\]", write_muxspace(tmp_path, rows, names)
    )


def test_no_rows(tmp_path: Path) -> None:
    assert_refused("found no rows", write_muxspace(tmp_path, [], {}))


def test_labels_and_landmarks_that_cannot_be_read_name_their_line(tmp_path: Path) -> None:
    rows = muxspace_rows()
    rows[3]["label"] = "smirk"
    assert_refused(r"faces\.csv, line 5: label 'smirk' is none of", write_muxspace(tmp_path, rows))
    rows = muxspace_rows()
    rows[4]["ly2"] = "7o"
    assert_refused(r"faces\.csv, line 6: landmarks .*'7o'", write_muxspace(tmp_path, rows))


def test_images_that_are_missing_broken_or_of_another_shape(tmp_path: Path) -> None:
    rows = muxspace_rows()
    good = {row["file"]: jpeg(i) for i, row in enumerate(rows)}
    missing = {k: v for k, v in good.items() if k != "face_002.jpg"}
    assert_refused(
        "'face_002.jpg' is in the table but not in", write_muxspace(tmp_path, rows, missing)
    )
    for data in (b"no image", b""):
        broken = good | {"face_003.jpg": data}
        assert_refused("'face_003.jpg' is not a readable", write_muxspace(tmp_path, rows, broken))
    oblong = good | {"face_000.jpg": jpeg(0, 160, 152)}
    assert_refused(
        r"'face_000.jpg' is \(160, 152\): expected", write_muxspace(tmp_path, rows, oblong)
    )
    other = good | {"face_004.jpg": jpeg(0, 80, 80)}
    assert_refused(r"'face_004.jpg' is \(80, 80\): expected", write_muxspace(tmp_path, rows, other))


def test_one_name_in_two_folders_is_not_guessed(tmp_path: Path) -> None:
    rows = [{"file": "face.jpg", "label": "fear"}]
    members = {"a/face.jpg": jpeg(0), "b/face.jpg": jpeg(1)}
    path = write_muxspace(tmp_path, rows, members)
    assert_refused(r"several times in the archive: \['a/face.jpg', 'b/face.jpg'\]", path)
    rows = [{"file": f"{folder}/face.jpg", "label": "fear"} for folder in "ba"]
    faces = load_muxspace(write_muxspace(tmp_path, rows, members))
    for image, seed in zip(faces.images, (1, 0), strict=True):
        expected = cv2.imdecode(np.frombuffer(jpeg(seed), np.uint8), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(image, expected)


def test_tables_that_are_missing_ambiguous_or_no_text(tmp_path: Path) -> None:
    path = write_muxspace(tmp_path, table="none")
    assert_refused(r"looked for .*muxspace_faces.csv or one csv inside, found \[\]", path)
    assert_refused(r"looked for .*other.csv or one csv inside", path, tmp_path / "other.csv")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.csv", table_text(muxspace_rows()))
        archive.writestr("b.csv", "x")
    assert_refused(r"found \['a.csv', 'b.csv'\]", path)
    path.with_suffix(".csv").write_bytes(b"file,label\n\xe9.jpg,fear\n")
    assert_refused("faces.csv: not a text in UTF-8", path)


def test_archives_that_are_none(tmp_path: Path) -> None:
    assert_refused("no such file", tmp_path / "none.zip")
    path = write_muxspace(tmp_path)
    whole = path.read_bytes()
    for data in (b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(data)
        assert_refused("not a readable zip file", path)
    at = whole.index(b"face_002.jpg") + 500
    path.write_bytes(whole[:at] + bytes(60) + whole[at + 60 :])
    assert_refused("not a readable zip file.*CRC", path)
