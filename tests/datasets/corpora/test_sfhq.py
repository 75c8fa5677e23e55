"""Synthetic people in color without labels: which of them may teach."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from corpus_builder import jpeg, mesh_arrays, muxspace_rows, table_text, write_npz
from mien.data.corpora.sfhq import PANEL_EXTRA, load_sfhq
from mien.errors import DataError
from mien.labels import ACTION_UNITS, EXPRESSIONS

CAPTIONS = ["happiness", "a man with glasses", "surprise"]


def rows_of(train: int) -> list[dict[str, str]]:
    """Three faces of ``eval`` and so many of ``train``."""
    points = {key: value for key, value in muxspace_rows(1)[0].items() if key.startswith("l")}
    points.pop("label")
    rows = [
        {"file": f"e{k}.jpg", "use": "eval", "caption": caption, **points}
        for k, caption in enumerate(CAPTIONS)
    ]
    captions = ["anger", ""]  # what found a training face says nothing of it
    return rows + [
        {"file": f"t{k:03d}.jpg", "use": "train", "caption": captions[k % 2], **points}
        for k in range(train)
    ]


def write_sfhq(folder: Path, rows: list[dict[str, str]]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "sfhq_faces.zip"
    picture = jpeg(0)
    with zipfile.ZipFile(path, "w") as archive:
        for row in rows:
            archive.writestr(row["file"], picture)
    path.with_suffix(".csv").write_text(table_text(rows), encoding="utf-8")
    return path


def test_faces_of_the_panel_leave_training(tmp_path: Path) -> None:
    rows = rows_of(60)
    faces = load_sfhq(write_sfhq(tmp_path / "a", rows))
    split = dict(zip(faces.names.tolist(), faces.split.tolist(), strict=True))
    assert [split[f"e{k}.jpg"] for k in range(3)] == ["valid"] * 3
    drawn = {name for name, part in split.items() if part == "test"}
    assert len(drawn) == PANEL_EXTRA == 31 and all(name.startswith("t") for name in drawn)
    assert sum(part == "train" for part in split.values()) == 60 - 31
    again = load_sfhq(write_sfhq(tmp_path / "b", rows[::-1]))  # whatever the order of the rows
    assert dict(zip(again.names.tolist(), again.split.tolist(), strict=True)) == split


def test_only_faces_that_were_searched_for_have_an_expression(tmp_path: Path) -> None:
    faces = load_sfhq(write_sfhq(tmp_path, rows_of(40)))
    happy, surprised = EXPRESSIONS.index("happiness"), EXPRESSIONS.index("surprise")
    assert faces.majority.tolist() == [happy, -1, surprised, *[-1] * 40]
    assert faces.expression_weight.tolist() == [1, 0, 1, *[0] * 40]
    training = faces.select(faces.split == "train")
    assert len(training) == 9
    assert not training.expression_weight.any() and np.isnan(training.expressions).all()
    assert np.isnan(faces.valence_arousal).all() and np.isnan(faces.action_units).all()
    assert np.isfinite(faces.aligned).all()


def test_a_mesh_teaches_units_without_votes(tmp_path: Path) -> None:
    path = write_sfhq(tmp_path, rows_of(40))
    names = load_sfhq(path).names
    mesh = write_npz(tmp_path / "mesh.npz", mesh_arrays(names, {"jawOpen": 0.24}, lip_gap=0.3))
    faces = load_sfhq(path, mesh)
    known = dict(zip(ACTION_UNITS, faces.action_units[0].tolist(), strict=True))
    assert known[25] == 1 and known[26] == pytest.approx(0.5, abs=1e-5) and known[12] == 0
    assert np.isnan(known[9]) and np.isnan(known[11])
    assert faces.face_landmarks is not None and np.isfinite(faces.face_landmarks).all()


def test_a_smile_is_labelled_by_the_mesh_and_captions_by_their_word(tmp_path: Path) -> None:
    path = write_sfhq(tmp_path, rows_of(40))
    names = load_sfhq(path).names
    seen = {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4}
    faces = load_sfhq(path, write_npz(tmp_path / "mesh.npz", mesh_arrays(names, seen)))
    happy, neutral = EXPRESSIONS.index("happiness"), EXPRESSIONS.index("neutral")
    assert faces.majority.tolist() == [happy, -1, EXPRESSIONS.index("surprise"), *[-1] * 40]
    assert faces.expression_weight.tolist() == [1, 0, 1, *[0.5] * 40]
    assert np.isnan(faces.expressions[1]).all() and faces.expressions[2, happy] < 0.02
    # 0.4 lies half way on AU 12's line: half a smile.
    np.testing.assert_allclose(faces.expressions[3:, happy], 0.45 + 0.1 / 7, atol=1e-5)
    np.testing.assert_allclose(faces.expressions[3:, neutral], 0.45 + 0.1 / 7, atol=1e-5)


def test_a_frown_beside_the_smile_leaves_a_face_unlabelled(tmp_path: Path) -> None:
    path = write_sfhq(tmp_path, rows_of(40))
    names = load_sfhq(path).names
    seen = {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4, "mouthFrownLeft": 0.5}
    seen |= {"mouthFrownRight": 0.5}
    faces = load_sfhq(path, write_npz(tmp_path / "mesh.npz", mesh_arrays(names, seen)))
    assert not faces.expression_weight[3:].any() and np.isnan(faces.expressions[3:]).all()


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "use"} for row in rows_of(2)]
    with pytest.raises(DataError, match=r"looked for columns \['use'\]"):
        load_sfhq(write_sfhq(tmp_path, rows))
