from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_replicas import (
    AFF_WILD_EXPRESSIONS,
    AFF_WILD_UNITS,
    write,
    write_aff_wild,
    write_crops,
)
from mien.datasets import load_aff_wild2
from mien.errors import DataError
from mien.labels import ACTION_UNITS, EXPRESSIONS

VA = "VA_Estimation_Challenge/Train_Set/1-30.txt"
EXPR = "EXPR_Classification_Challenge/Train_Set/1-30.txt"
AU = "AU_Detection_Challenge/Train_Set/1-30.txt"
MTL_HEADER = f"image,valence,arousal,expression,{AFF_WILD_UNITS}"


@pytest.mark.parametrize("folder", ["EXPR_Classification_Challenge", "EXPR_Recognition_Challenge"])
@pytest.mark.parametrize("below", ["", "annotations", "5th_ABAW_Annotations/Annotations"])
def test_frames_have_the_labels_of_all_tasks(folder: str, below: str, tmp_path: Path) -> None:
    write_aff_wild(tmp_path / below, folder)
    if below:
        (tmp_path / below / "cropped_aligned").rename(tmp_path / "cropped_aligned")
    corpus = load_aff_wild2(tmp_path)
    table = corpus.table.to_pydict()
    # Frame 2 of the first video is not annotated by anything.
    assert list(zip(table["video"], table["frame"], strict=True)) == [
        ("1-30", 1), ("1-30", 3), ("1-30", 4), ("2_left", 1), ("2_left", 2), ("2_left", 3),
    ]  # fmt: skip
    assert table["split"] == ["train"] * 3 + ["valid"] * 3
    assert table["image"][:2] == [
        "cropped_aligned/1-30/00001.jpg",
        "cropped_aligned/1-30/00003.jpg",
    ]
    assert all((tmp_path / image).is_file() for image in table["image"])
    nan = np.nan
    expected = [[0.5, -0.25], [1, 0], [-1, 1], [nan, nan], [0.1, 0.2], [0.3, 0.4]]
    np.testing.assert_allclose(corpus.valence_arousal, expected, rtol=1e-6)
    index = EXPRESSIONS.index
    assert corpus.expressions.tolist() == [
        index("neutral"), -1, -1, index("surprise"), index("anger"), index("sadness"),
    ]  # fmt: skip
    units = corpus.action_units
    assert np.isfinite(units[0]).sum() == 12
    assert units[0, ACTION_UNITS.index(2)] == units[0, ACTION_UNITS.index(12)] == 1
    assert np.isnan(units[:, ACTION_UNITS.index(5)]).all()  # not among the twelve
    assert np.isnan(units[1, ACTION_UNITS.index(2)]) and units[1, ACTION_UNITS.index(26)] == 1
    assert np.isnan(units[4]).all()
    assert corpus.notes == ()
    assert corpus.counts() == {
        "annotated": 6, "train": 3, "valid": 3, "test": 0, "image files": 6,
        "valence-arousal": 5, "expressions": 4, "action units": 5, "videos": 2,
    }  # fmt: skip


def test_codes_mean_names_not_numbers(tmp_path: Path) -> None:
    path = tmp_path / "EXPR_Classification_Challenge/Train_Set/v.txt"
    header = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
    write(path, [header.replace(",", " , "), *"01234567"])
    write(tmp_path / "VA_Estimation_Challenge/Train_Set/v.txt", ["valence,arousal"] + ["0,0"] * 8)
    corpus = load_aff_wild2(tmp_path)
    # As its authors list them; Other is none of the seven.
    assert [EXPRESSIONS[k] for k in corpus.expressions[:7]] == [
        "neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise",
    ]  # fmt: skip
    assert corpus.expressions[7] == -1


@pytest.mark.parametrize("names_each", [True, False])
def test_each_column_is_the_action_unit_of_its_authors(names_each: bool, tmp_path: Path) -> None:
    """Row k shows the unit of column k alone: 1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26."""
    header = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26"
    rows = [",".join("1" if k == column else "0" for k in range(12)) for column in range(12)]
    if names_each:
        write(tmp_path / AU, [header, *rows])
    else:  # the joint files of some copies name the twelve together
        joint = [f"1-30/{k + 1:05d}.jpg,0,0,0,{row}" for k, row in enumerate(rows)]
        columns = "image,valence,arousal,expression,aus"
        write(tmp_path / "MTL_Challenge/train_set.txt", [columns, *joint])
    units = load_aff_wild2(tmp_path).action_units
    assert units.shape == (12, 17)
    shown = [[ACTION_UNITS[k] for k in np.flatnonzero(row == 1)] for row in units]
    assert shown == [[1], [2], [4], [6], [7], [10], [12], [15], [23], [24], [25], [26]]
    unknown = [ACTION_UNITS[k] for k in np.flatnonzero(np.isnan(units).all(axis=0))]
    assert unknown == [5, 9, 11, 17, 20]


def test_spaces_and_the_order_of_columns(tmp_path: Path) -> None:
    shuffled = ",".join(reversed(AFF_WILD_UNITS.split(",")))
    write(tmp_path / AU, [shuffled, "1,0,0,0,0,0,0,0,0,0,0,0"], end="\r\n")
    write(tmp_path / VA, [" arousal , valence ", " 0.25 , -1 ", "", ""])
    corpus = load_aff_wild2(tmp_path)
    assert corpus.valence_arousal.tolist() == [[-1, 0.25]]
    assert corpus.action_units[0, ACTION_UNITS.index(26)] == 1
    assert corpus.notes == (f"no images: {tmp_path} holds none of ['cropped_aligned', 'cropped']",)
    assert corpus.table.column("image").null_count == 1


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_what_is_annotated_comes_back(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    rows = data.draw(
        st.lists(
            st.one_of(st.just((-5.0, -5.0)), st.tuples(st.floats(-1, 1), st.floats(-1, 1))),
            min_size=1,
            max_size=8,
        ).filter(lambda rows: any(row[0] >= -1 for row in rows))
    )
    root = tmp_path_factory.mktemp("wild")
    write(root / VA, ["valence,arousal", *(f"{v!r},{a!r}" for v, a in rows)])
    corpus = load_aff_wild2(root)
    kept = {k + 1: row for k, row in enumerate(rows) if row[0] >= -1}
    assert corpus.table.column("frame").to_pylist() == list(kept)
    np.testing.assert_array_equal(corpus.valence_arousal, np.array(list(kept.values()), np.float32))


def test_one_frame_more_or_less_is_tolerated_and_noted(tmp_path: Path) -> None:
    root = write_aff_wild(tmp_path)
    write_crops(root, "1-30", [5])
    assert load_aff_wild2(root).notes == (
        "1 videos have one image more or less than annotated frames",
    )
    write(root / EXPR, [AFF_WILD_EXPRESSIONS, "0", "-1", "-1"])
    notes = load_aff_wild2(root).notes
    assert "1 videos have annotations whose lengths differ by one frame" in notes
    (root / "cropped_aligned/1-30/00005.jpg").unlink()
    (root / "cropped_aligned/1-30/00004.jpg").unlink()
    assert load_aff_wild2(root).notes[1:] == (
        "1 videos have one image more or less than annotated frames",
        "1 annotated frames have no image",
    )


def test_a_video_with_more_images_than_annotated_frames_is_left_out_and_named(
    tmp_path: Path,
) -> None:
    root = write_aff_wild(tmp_path)
    write_crops(root, "1-30", [6])
    corpus = load_aff_wild2(root)
    assert set(corpus.table.column("video").to_pylist()) == {"2_left"}
    assert corpus.counts()["annotated"] == 3
    (note,) = corpus.notes
    assert note.startswith(f"{root / 'cropped_aligned/1-30'}: has images up to frame 6, the anno")
    assert "of '1-30' has 4 frames; expected" in note and note.endswith("the video is left out")
    write_crops(root, "2_left", [9])
    with pytest.raises(DataError, match=r"no frame is annotated in .*'2_left' has 3 frames"):
        load_aff_wild2(root)


def test_annotations_of_a_video_that_differ_by_more_than_one_frame(tmp_path: Path) -> None:
    root = write_aff_wild(tmp_path)
    write(root / EXPR, [AFF_WILD_EXPRESSIONS, "0", "-1"])
    with pytest.raises(
        DataError, match=r"annotates 4 frames of '1-30', .*EXPR_.*1-30\.txt 2; expected the same"
    ):
        load_aff_wild2(root)


def test_crops_may_be_missing_anywhere(tmp_path: Path) -> None:
    root = write_aff_wild(tmp_path)
    shutil.rmtree(root / "cropped_aligned/1-30")
    corpus = load_aff_wild2(root)
    assert corpus.notes == ("3 annotated frames have no image",)
    assert corpus.counts()["image files"] == 3


def test_a_video_of_both_sets_validates(tmp_path: Path) -> None:
    root = write_aff_wild(tmp_path)
    folder = root / "EXPR_Classification_Challenge"
    (folder / "Train_Set/1-30.txt").rename(folder / "Validation_Set/1-30.txt")
    corpus = load_aff_wild2(root)
    assert set(corpus.table.column("split").to_pylist()) == {"valid"}
    assert corpus.notes == (
        "1 videos train one task and validate another; they count as validation",
    )
    write(folder / "Train_Set/1-30.txt", [AFF_WILD_EXPRESSIONS, "0", "-1", "-1", "7"])
    with pytest.raises(DataError, match=r"Validation_Set/1-30\.txt: .*Train_Set.* annotates the"):
        load_aff_wild2(root)


def test_multi_task_files_fill_what_the_others_lack(tmp_path: Path) -> None:
    root = write_aff_wild(tmp_path)
    units = "0,0,1,0,0,0,0,0,0,0,0,0"
    rows = [f"1-30/00002.jpg,0.25,-0.5,4,{units}", f"1-30/00001.jpg,-1,-1,5,{units}"]
    write(root / "MTL_Challenge/train_set.txt", [MTL_HEADER, *rows])
    nothing = ",".join(["-1"] * 12)
    rows = [f"new/00003.jpg,-5,-5,6,{nothing}", f"new/00001.jpg,-5,-5,-1,{nothing}"]
    write(root / "MTL_Challenge/validation_set.csv", [MTL_HEADER, *rows])
    corpus = load_aff_wild2(root)
    table = corpus.table.to_pydict()
    assert list(zip(table["video"], table["frame"], strict=True))[:2] == [("1-30", 1), ("1-30", 2)]
    assert (table["video"][-1], table["frame"][-1], table["split"][-1]) == ("new", 3, "valid")
    assert corpus.expressions[:2].tolist() == [0, EXPRESSIONS.index("happiness")]
    assert corpus.expressions[-1] == EXPRESSIONS.index("surprise")
    np.testing.assert_allclose(corpus.valence_arousal[:2], [[0.5, -0.25], [0.25, -0.5]])
    assert corpus.action_units[1, ACTION_UNITS.index(4)] == 1
    assert corpus.action_units[0, ACTION_UNITS.index(4)] == 0  # the task's own file counts
    joint = [MTL_HEADER.replace(AFF_WILD_UNITS, "aus"), f"1-30/00002.jpg,0.25,-0.5,4,{units}"]
    write(root / "MTL_Challenge/train_set.txt", joint)
    assert load_aff_wild2(root).action_units[1, ACTION_UNITS.index(4)] == 1


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("1-30/00002.jpg,0.25,-0.5,4,0", "expected an image and 15 numbers"),
        (f"1-30/00002.jpg,x,-0.5,4{',0' * 12}", "expected an image and 15 numbers"),
        (f"1-30.jpg,0.25,-0.5,4{',0' * 12}", r"'image' is '1-30\.jpg'; expected <video>/00001"),
        (f"1-30/00000.jpg,0.25,-0.5,4{',0' * 12}", "'image' is '1-30/00000"),
        (
            f"1-30/00002.jpg,1.25,-0.5,4{',0' * 12}",
            r"valence and arousal are 1\.25, -0\.5; at",
        ),
        (f"1-30/00002.jpg,0,0,8{',0' * 12}", "'expression' is 8; expected -1 to 7"),
        (f"1-30/00002.jpg,0,0,4,2{',0' * 11}", r"action units are \[2\.0, .* expected -1, 0 or 1"),
    ],
)
def test_multi_task_rows_that_are_wrong(row: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "MTL_Challenge/train_set.txt"
    write(path, [MTL_HEADER, f"1-30/00001.jpg,0,0,4{',0' * 12}", row])
    with pytest.raises(DataError, match=rf"train_set\.txt, line 3: .*{text}"):
        load_aff_wild2(tmp_path)


def test_multi_task_files_that_are_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "MTL_Challenge"
    folder.mkdir()
    with pytest.raises(DataError, match="looked for csv files whose names start with train or val"):
        load_aff_wild2(tmp_path)
    row = f"v/00001.jpg,0,0,4{',0' * 12}"
    path = write(folder / "train.csv", [MTL_HEADER.replace("image", "name"), row])
    with pytest.raises(
        DataError, match=r"train\.csv, line 1: is \['name', .* expected \['image', 'valence'"
    ):
        load_aff_wild2(tmp_path)
    write(path, [MTL_HEADER, row])
    write(folder / "val.csv", [MTL_HEADER, row])
    with pytest.raises(DataError, match=r"val\.csv, line 2: 'v' is in both MTL splits"):
        load_aff_wild2(tmp_path)
    (folder / "val.csv").rename(folder / "other.csv")
    with pytest.raises(
        DataError, match=r"other\.csv: expected a name that starts with 'train' or 'val'"
    ):
        load_aff_wild2(tmp_path)


@pytest.mark.parametrize(
    ("file", "lines", "text"),
    [
        (VA, ["arousal", "1"], r"line 1: is 'arousal'; expected 'valence,arousal'"),
        (VA, ["valence,arousal", "0,0", "0,1.5"], r"line 3: is '0,1\.5'; expected -1 to 1"),
        (VA, ["valence,arousal", "0,0", "0"], r"line 3: is '0'; expected 2 number\(s\)"),
        (VA, ["valence,arousal", "0,0", "", "0,0"], r"line 3: is ''; expected 2 number"),
        (VA, ["valence,arousal", "0,nan"], r"line 2: is '0,nan'; expected 2 number"),
        (VA, ["valence,arousal"], "has a header and no frames"),
        (EXPR, ["0", "1", "2"], r"line 1: is '0'; expected 'Neutral,Anger"),
        (EXPR, [AFF_WILD_EXPRESSIONS, "0", "8"], r"line 3: is '8'; expected -1 to 7"),
        (EXPR, [AFF_WILD_EXPRESSIONS, "0.5"], r"line 2: is '0\.5'; expected -1 to 7"),
        (EXPR, [AFF_WILD_EXPRESSIONS[:-6], "7"], r"line 2: is '7'; expected -1 to 6"),
        (AU, [AFF_WILD_UNITS.replace("AU26", "AU27"), "0"], r"line 1: is .*AU27'; expected 'AU1,"),
        (AU, [AFF_WILD_UNITS, "0" + ",2" * 11], r"line 2: is '0,2,.*; expected 0 or 1"),
        (AU, [AFF_WILD_UNITS, "0,1"], r"line 2: is '0,1'; expected 12 number\(s\)"),
    ],
)
def test_annotations_that_are_wrong(file: str, lines: list[str], text: str, tmp_path: Path) -> None:
    write(tmp_path / file, lines)
    with pytest.raises(DataError, match=rf"1-30\.txt(, |: ){text}"):
        load_aff_wild2(tmp_path)


def test_folders_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such folder"):
        load_aff_wild2(tmp_path / "none")
    (tmp_path / "annots").mkdir()
    with pytest.raises(
        DataError, match=r"looked for \['VA_Est.* and in folders with 'annot' .* \(1\), found"
    ):
        load_aff_wild2(tmp_path)
    (tmp_path / "VA_Estimation_Challenge").mkdir()
    with pytest.raises(
        DataError, match=r"looked for \['Train_Set', 'Validation_Set'\], found neither"
    ):
        load_aff_wild2(tmp_path)
    (tmp_path / "VA_Estimation_Challenge/Train_Set").mkdir()
    with pytest.raises(DataError, match="no frame is annotated in"):
        load_aff_wild2(tmp_path)
    for name in ("EXPR_Classification_Challenge", "EXPR_Recognition_Challenge"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="EXPR annotations are there twice"):
        load_aff_wild2(tmp_path)
