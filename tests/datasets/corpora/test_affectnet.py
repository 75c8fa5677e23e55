from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus_replicas import (
    AFFECTNET_HEADER,
    AFFECTNET_ROWS,
    affectnet_row,
    write,
    write_affectnet,
)
from mien.data.formats.annotations import BOX_COLUMNS, LANDMARK_COLUMNS
from mien.datasets import load_affectnet
from mien.errors import DataError
from mien.labels import EXPRESSIONS


@pytest.mark.parametrize("lists", ["", "Manually_Annotated/Manually_Annotated_file_lists"])
@pytest.mark.parametrize("images", ["", "Manually_Annotated_Images"])
def test_rows_become_annotations(lists: str, images: str, tmp_path: Path) -> None:
    corpus = load_affectnet(write_affectnet(tmp_path, lists=lists, images=images))
    table = corpus.table.to_pydict()
    assert table["split"] == ["train"] * 4 + ["valid"]
    index = EXPRESSIONS.index
    # Contempt is none of the seven, None is no expression.
    assert corpus.expressions.tolist() == [index("happiness"), -1, -1, index("anger"), 0]
    nan = np.nan
    expected = [[0.75, 0.25], [-0.5, 0.5], [nan, nan], [-0.25, 1], [0, 0]]
    np.testing.assert_array_equal(corpus.valence_arousal, np.array(expected, np.float32))
    assert np.isnan(corpus.action_units).all()
    assert table["image"][0] == str(Path(images, "1/a.jpg"))
    assert table["image"][2] is None  # its file is not there
    assert corpus.notes == ("1 of 5 images are not there",)
    assert [table[name][0] for name in BOX_COLUMNS] == [4, 5, 24, 25]
    marks = [table[name][0] for name in LANDMARK_COLUMNS]
    assert marks == [10, 12, 22, 12, 16, 17, 11, 22, 21, 22]  # the person's right eye first
    assert table["video"] == table["frame"] == [None] * 5
    counts = corpus.counts()
    assert (counts["annotated"], counts["image files"], counts["expressions"]) == (5, 4, 3)
    assert "videos" not in counts


def test_codes_mean_names_not_numbers(tmp_path: Path) -> None:
    rows = [affectnet_row("1/a.jpg", 0, 0, 0)]
    rows += [affectnet_row(f"{code}.jpg", code, 0, 0) for code in range(1, 11)]
    corpus = load_affectnet(write_affectnet(tmp_path, rows))
    # 0 to 7 are Neutral, Happy, Sad, Surprise, Fear, Disgust, Anger, Contempt in the corpus's own
    # description; 8 to 10 are None, Uncertain and Non-Face.
    assert [EXPRESSIONS[k] if k >= 0 else None for k in corpus.expressions[:11]] == [
        "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger",
        None, None, None, None,
    ]  # fmt: skip


def test_boxes_and_landmarks_may_be_unknown(tmp_path: Path) -> None:
    row = "1/a.jpg,NULL,NULL,NULL,NULL,,0,0,0"
    table = load_affectnet(write_affectnet(tmp_path, [row])).table.to_pydict()
    assert np.isnan([table[name][0] for name in (*BOX_COLUMNS, *LANDMARK_COLUMNS)]).all()


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (affectnet_row("x.jpg", 11, 0, 0), "'expression' is '11'; expected one of 0 to 10"),
        (affectnet_row("x.jpg", "Happy", 0, 0), "'expression' is 'Happy'; expected one of"),
        (affectnet_row("x.jpg", 0, 1.5, 0), r"'valence' is '1\.5'; expected -1 to 1, or -2"),
        (affectnet_row("x.jpg", 0, 0, ""), "'arousal' is ''; expected -1 to 1, or -2"),
        (affectnet_row("x.jpg", 0, 0, -5), "'arousal' is '-5'; expected -1 to 1, or -2"),
        (affectnet_row("1/a.jpg", 0, 0, 0), "the image '1/a.jpg' is there twice: first on line 2"),
        (affectnet_row("../x.jpg", 0, 0, 0), "'subDirectory_filePath' is '../x.jpg'; expected a"),
        (affectnet_row("", 0, 0, 0), "'subDirectory_filePath' is empty"),
        (
            affectnet_row("x.jpg", 0, 0, 0, "1;2;3"),
            "'facial_landmarks' has 3 entries; expected",
        ),
        (affectnet_row("x.jpg", 0, 0, 0, ";".join(["x"] * 136)), "'facial_landmarks' has 136"),
        (affectnet_row("x.jpg", 0, 0, 0).replace(",4,5,", ",a,5,"), "'face_x' is 'a'; expected a"),
    ],
)
def test_rows_that_are_wrong(row: str, text: str, tmp_path: Path) -> None:
    write_affectnet(tmp_path, [*AFFECTNET_ROWS, row])
    with pytest.raises(DataError, match=rf"training\.csv, line 6: {text}"):
        load_affectnet(tmp_path)


def test_folders_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looked for \['training\.csv', .*validation\.csv there"):
        load_affectnet(tmp_path)
    write(tmp_path / "training.csv", [AFFECTNET_HEADER, *AFFECTNET_ROWS])
    with pytest.raises(DataError, match=r"looked for \['1/a\.jpg', .* and 3 more, found no image"):
        load_affectnet(tmp_path)
    write_affectnet(tmp_path, lists="Manually_Annotated_file_lists")
    with pytest.raises(DataError, match=r"training\.csv is there twice"):
        load_affectnet(tmp_path)
    (tmp_path / "training.csv").unlink()
    (tmp_path / "Manually_Annotated_file_lists/training.csv").unlink()
    assert load_affectnet(tmp_path).notes == (f"{tmp_path}: there is no training.csv",)
    write(tmp_path / "training.csv", [AFFECTNET_HEADER.replace("valence", "v"), *AFFECTNET_ROWS])
    with pytest.raises(DataError, match=r"training\.csv, line 1: looked for columns \['valence'\]"):
        load_affectnet(tmp_path)
