"""Corpora in the layouts that their owners hand out, and every way in which a file can be wrong.

Expectations are those of the owners' descriptions and of public loaders, written out here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpus_replicas import (
    write,
    write_aff_wild,
    write_affectnet_npy,
    write_bp4d,
    write_disfa,
    write_disfa_plus,
    write_emotionet_2020,
    write_raf_db,
    write_s_aff_wild,
)
from mien.data.formats.annotations import ImageCorpus, read_annotations, write_annotations
from mien.data.recordings import split_by_hash
from mien.data.registry import load_corpus
from mien.datasets import load_aff_wild2, load_affectnet
from mien.errors import DataError

PAPERS_EXPRESSIONS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
PAPERS_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)
UNITS_OF_DISFA = {1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26}


def rows(corpus: ImageCorpus) -> list[dict[str, object]]:
    """Rows with names in place of numbers and only of what is known."""
    found = []
    for row in corpus.table.to_pylist():
        units = {int(k[2:4]): v for k, v in row.items() if k.startswith("au") and len(k) == 4}
        code = row["expression"]
        found.append(
            {
                "image": row["image"],
                "split": row["split"],
                "affect": None if np.isnan(row["valence"]) else (row["valence"], row["arousal"]),
                "expression": PAPERS_EXPRESSIONS[code] if code >= 0 else None,
                "active": {unit for unit, value in units.items() if value == 1},
                "known": {unit for unit, value in units.items() if not np.isnan(value)},
            }
        )
    return found


def test_single_frames_of_aff_wild2(tmp_path: Path) -> None:
    corpus = load_corpus("s-aff-wild2", write_s_aff_wild(tmp_path))
    first, second, third, fourth, fifth = rows(corpus)
    assert first["image"] == "cropped_aligned/5-60/00007.jpg" and first["split"] == "train"
    assert first["affect"] == pytest.approx((0.31, -0.42)) and first["expression"] == "happiness"
    assert first["active"] == {6, 12, 25}
    assert first["known"] == {1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26}
    assert second["affect"] is None and second["expression"] == "surprise"
    assert second["active"] == {1, 2, 25, 26}
    assert third["affect"] == pytest.approx((-0.6, 0.55)) and third["expression"] is None
    assert third["known"] == set()
    assert (fourth["split"], fourth["expression"]) == ("valid", None)  # 7 is "Other"
    assert fifth["expression"] == "fear" and fifth["image"] is None
    assert corpus.notes == ("1 of 5 annotated frames have no image",)
    assert corpus.table.column("frame").to_pylist() == [7, 31, 2, 120, 121]


def test_affectnet_as_npy(tmp_path: Path) -> None:
    corpus = load_corpus("affectnet-npy", write_affectnet_npy(tmp_path))
    happy, fearful, contempt, disgusted = rows(corpus)
    assert [row["image"] for row in rows(corpus)] == [
        "train_set/images/0.jpg", "train_set/images/5.jpg", "train_set/images/12.jpg",
        "val_set/images/3.jpg",
    ]  # fmt: skip
    assert happy["expression"] == "happiness" and happy["affect"] == pytest.approx((0.784, -0.0555))
    assert fearful["expression"] == "fear" and fearful["affect"] is None
    assert contempt["expression"] is None and contempt["affect"] == pytest.approx((-0.65, 0.5))
    assert disgusted["expression"] == "disgust" and disgusted["split"] == "valid"
    # the eyes of the replica are squares around (10, 12) and (22, 12)
    five = [
        corpus.table.column(f"{name}_{axis}")[0].as_py()
        for name in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
        for axis in "xy"
    ]
    assert five == pytest.approx([10, 12, 22, 12, 16, 17, 11, 22, 21, 22])
    assert corpus.notes == ()


def test_affectnet_without_one_of_its_sets_and_some_images(tmp_path: Path) -> None:
    write_affectnet_npy(tmp_path / "AffectNet")
    (tmp_path / "AffectNet/train_set/images/0.jpg").unlink()
    for path in (tmp_path / "AffectNet/val_set/annotations").iterdir():
        path.unlink()
    (tmp_path / "AffectNet/val_set/annotations").rmdir()
    corpus = load_corpus("affectnet-npy", tmp_path)
    place = tmp_path / "AffectNet"
    assert corpus.notes == (
        f"{place}: there is no val_set/annotations",
        "1 of 3 images are not there",
    )


def test_numbers_of_affectnet_may_be_numbers(tmp_path: Path) -> None:
    place = write_affectnet_npy(tmp_path) / "train_set/annotations"
    np.save(place / "0_exp.npy", np.array(3))
    np.save(place / "0_val.npy", np.array([1.0]))
    np.save(place / "0_aro.npy", np.float32(-1))
    first = rows(load_corpus("affectnet-npy", tmp_path))[0]
    assert first["expression"] == "surprise" and first["affect"] == (1.0, -1.0)


def test_emotionet_of_2020(tmp_path: Path) -> None:
    corpus = load_corpus("emotionet", write_emotionet_2020(tmp_path))
    smile, frown = rows(corpus)
    assert smile["image"] == "imgs/N_0000000001_00001.jpg"
    assert smile["active"] == {12, 25} and smile["known"] == set(PAPERS_UNITS)
    assert frown["active"] == {4} and frown["known"] == set(PAPERS_UNITS) - {1, 2}
    assert corpus.notes == ()


@pytest.mark.parametrize("basic", [True, False])
def test_raf_db(basic: bool, tmp_path: Path) -> None:
    corpus = load_corpus("raf-db", write_raf_db(tmp_path, basic))
    found = rows(corpus)
    assert [row["expression"] for row in found] == [
        "surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral",
        "neutral", "surprise",
    ]  # fmt: skip
    assert [row["split"] for row in found] == ["train"] * 7 + ["test"] * 2
    before = "basic/" if basic else ""
    assert found[0]["image"] == f"{before}Image/aligned/train_00001_aligned.jpg"
    (tmp_path / before / "Image/aligned/test_0001_aligned.jpg").unlink()
    assert load_corpus("raf-db", tmp_path).notes == ("1 of 9 images are not there",)


def test_disfa(tmp_path: Path) -> None:
    corpus = load_corpus("disfa", write_disfa(tmp_path))
    found = rows(corpus)
    assert [row["image"] for row in found[:2]] == [
        "Images/LeftVideoSN001_comp/00001.jpg", "Images/LeftVideoSN001_comp/00002.jpg",
    ]  # fmt: skip
    # intensity 0 to 4; active from 2 on
    assert [row["active"] for row in found] == [set(), set(), {12}, {12}, {12}] + [set()] * 5
    assert all(row["known"] == UNITS_OF_DISFA for row in found)
    strong = corpus.intensities
    assert strong is not None and strong.shape == (10, 17)
    assert strong[:5, PAPERS_UNITS.index(12)].tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(strong[:, PAPERS_UNITS.index(7)]).all()
    assert corpus.table.column("frame").to_pylist() == [1, 2, 3, 4, 5] * 2
    assert {row["split"] for row in found[:5]} == {split_by_hash("SN001")}
    assert corpus.notes[0] == (
        f"{tmp_path / 'Images/LeftVideoSN010_comp'}: 2 frames come after the last that is coded "
        "(5) and are left out"
    )
    assert corpus.notes[1:] == (
        "a unit counts as active from intensity 2 on",
        "people are divided by a hash (ours)",
    )
    (tmp_path / "Images/LeftVideoSN010_comp/00003.jpg").unlink()
    assert "1 of 10 frames are not there" in load_corpus("disfa", tmp_path).notes


def test_intensities_survive_the_prepared_folder(tmp_path: Path) -> None:
    corpus = load_corpus("disfa", write_disfa(tmp_path / "disfa"))
    write_annotations(corpus, tmp_path / "out")
    again = read_annotations(tmp_path / "out")
    np.testing.assert_array_equal(again.intensities, corpus.intensities)
    assert again.labels == corpus.labels
    corpus = load_corpus("bp4d", write_bp4d(tmp_path / "bp4d"))
    write_annotations(corpus, tmp_path / "other")
    again = read_annotations(tmp_path / "other")
    assert again.intensities is None and again.labels.action_units == (*PAPERS_UNITS, 14)


def test_disfa_plus(tmp_path: Path) -> None:
    corpus = load_corpus("disfa-plus", write_disfa_plus(tmp_path))
    found = rows(corpus)
    assert found[2]["image"] == "Images/SN003/A1_AU1_TrailNo_1/002.jpg"
    assert [row["active"] for row in found] == [set(), set(), {4}, set(), set(), set()]
    assert corpus.intensities is not None
    assert corpus.intensities[:3, PAPERS_UNITS.index(4)].tolist() == [0, 1, 5]
    assert set(corpus.table.column("video").to_pylist()) == {
        "SN003/A1_AU1_TrailNo_1", "SN003/Y_Fear_TrailNo_2",
    }  # fmt: skip
    write(tmp_path / "Labels/SN003/Y_Fear_TrailNo_2/AU9.txt",
          ["# coder 1", "000.jpg   0", "", "001.jpg\t1", "002.jpg 2"])  # fmt: skip
    assert rows(load_corpus("disfa-plus", tmp_path))[5]["active"] == {9}


def test_bp4d(tmp_path: Path) -> None:
    corpus = load_corpus("bp4d", write_bp4d(tmp_path))
    first, second, named = rows(corpus)
    assert first["image"] == "2D+3D/F001/T1/2440.jpg"
    assert first["active"] == {12, 14} and first["known"] == {*PAPERS_UNITS, 14} - {11}
    assert second["image"] is None and second["known"] == set()
    assert named["image"] == "2D+3D/M009/T8/007.jpg"
    assert named["active"] == {2, 14} and named["known"] == {1, 2, 4, 14}
    assert named["split"] == split_by_hash("M009")
    assert corpus.notes == (
        "people are divided by a hash (ours)",
        "1 of 3 coded frames have no image",
    )


@pytest.mark.parametrize("place", ["AU_OCC", "AUCoding"])
@pytest.mark.parametrize("images", ["", "Sequences_2D+3D"])
def test_bp4d_unpacked_otherwise(place: str, images: str, tmp_path: Path) -> None:
    root = write_bp4d(tmp_path / "as-it-comes")
    other = tmp_path / "other"
    (other / images).mkdir(parents=True)
    (root / "AUCoding/AU_OCC").rename(other / place)
    for person in ("F001", "M009"):
        (root / "2D+3D" / person).rename(other / images / person)
    assert load_corpus("bp4d", other).counts()["image files"] == 2


Change = Callable[[Path], object]


def edit(file: str, line: int, text: str | None) -> Change:
    """Put another text on a line of a file; None takes the line away."""

    def change(root: Path) -> None:
        lines = (root / file).read_text(encoding="utf-8").splitlines()
        lines[line - 1 : line] = [] if text is None else [text]
        write(root / file, lines)

    return change


def remove(file: str) -> Change:
    return lambda root: (root / file).unlink()


def save(file: str, value: object) -> Change:
    return lambda root: np.save(root / file, np.asarray(value))


def put(file: str, text: str) -> Change:
    return lambda root: (root / file).write_text(text)


TRAIN, VALID = "training_set_annotations.txt", "validation_set_annotations.txt"
NPY = "train_set/annotations"
NET = "EmotioNet_FACS_aws_2020_24600.csv"
RAF = "basic/EmoLabel/list_patition_label.txt"
ONE = "ActionUnit_Labels/SN001/SN001_au1.txt"
SIX = "ActionUnit_Labels/SN010/SN010_au6.txt"
TRIAL = "Labels/SN003/A1_AU1_TrailNo_1"
OCC = "AUCoding/AU_OCC/M009_T8.csv"
UNITS = ",0" * 12
FIRST_OF_NET = "'http://x/N_1.jpg','http://y/1.jpg'"

WRITERS = {
    "s-aff-wild2": write_s_aff_wild,
    "affectnet-npy": write_affectnet_npy,
    "emotionet": write_emotionet_2020,
    "raf-db": write_raf_db,
    "disfa": write_disfa,
    "disfa-plus": write_disfa_plus,
    "bp4d": write_bp4d,
}
WRONG: list[tuple[str, Change, str]] = [
    ("s-aff-wild2", edit(TRAIN, 1, "image,valence"), rf"{TRAIN}, line 1: is .*; expected \['image"),
    ("s-aff-wild2", edit(TRAIN, 3, "a/00001.jpg,0,0,1"), f"{TRAIN}, line 3: .* 15 num"),
    ("s-aff-wild2", edit(TRAIN, 3, f"a/1.png,0,0,1{UNITS}"), f"{TRAIN}, line 3: 'image' is 'a/1"),
    ("s-aff-wild2", edit(TRAIN, 2, f"a/00001.jpg,1.5,0,1{UNITS}"), f"{TRAIN}, line 2: .*at most 1"),
    ("s-aff-wild2", edit(TRAIN, 2, f"a/00001.jpg,0,0,9{UNITS}"), "line 2: 'expression' is 9; exp"),
    ("s-aff-wild2", edit(VALID, 2, f"a/00001.jpg,0,0,1,3{UNITS[2:]}"), f"{VALID}, line 2: .*-1, 0"),
    ("s-aff-wild2", edit(VALID, 2, f"5-60/00001.jpg,0,0,1{UNITS}"), "line 2: '5-60' is in both"),
    ("affectnet-npy", remove(f"{NPY}/5_aro.npy"), r"annotations/5_aro\.npy: no such file"),
    ("affectnet-npy", save(f"{NPY}/5_exp.npy", "8"), r"5_exp\.npy: is 8; expected an expression"),
    ("affectnet-npy", save(f"{NPY}/5_exp.npy", "1.5"), r"5_exp\.npy: is 1.5; expected an e"),
    ("affectnet-npy", save(f"{NPY}/5_exp.npy", "fear"), r"5_exp\.npy: holds 'fear'; expected one"),
    ("affectnet-npy", save(f"{NPY}/5_val.npy", [0.1, 0.2]), r"5_val\.npy: holds .*one number"),
    ("affectnet-npy", save(f"{NPY}/5_val.npy", "1.01"), r"5_val\.npy: is 1.01; expected -1 to 1"),
    ("affectnet-npy", save(f"{NPY}/5_aro.npy", "-3"), r"5_aro\.npy: is -3; .*-2 where not annot"),
    ("affectnet-npy", save(f"{NPY}/5_lnd.npy", np.zeros(10)), r"5_lnd\.npy: holds 10 float64; exp"),
    ("affectnet-npy", save(f"{NPY}/5_lnd.npy", np.full(136, np.nan)), "5_lnd.*expected 136 finite"),
    ("affectnet-npy", save(f"{NPY}/5_lnd.npy", ["a"] * 136), r"5_lnd\.npy: holds 136 <U1; expect"),
    ("affectnet-npy", put(f"{NPY}/5_lnd.npy", "text"), r"5_lnd\.npy: cannot be read as npy"),
    ("emotionet", edit(NET, 1, "URL,URL orig,two"), f"{NET}, line 1: starts with .*expected URL"),
    ("emotionet", edit(NET, 1, "name,o,'AU 1'"), f"{NET}, line 1: starts with .*expected URL"),
    ("emotionet", edit(NET, 2, f"{FIRST_OF_NET},0"), f"{NET}, line 2: has 3 cells separated"),
    ("emotionet", edit(NET, 2, f"{FIRST_OF_NET}{',2' * 60}"), "line 2: AU1 is '2'; expected 1"),
    ("emotionet", edit(NET, 2, f"x,y{',0' * 60}"), "line 2: starts with 'x'; expected the URL"),
    ("raf-db", edit(RAF, 2, "train_00002.jpg 0"), "line 2: the expression is '0'; expected 1 to 7"),
    ("raf-db", edit(RAF, 2, "train_00002.jpg 8"), "line 2: the expression is '8'; expected 1 to 7"),
    ("raf-db", edit(RAF, 2, "train_00002.jpg"), "line 2: is 'train_00002.jpg'; expected an image"),
    ("raf-db", edit(RAF, 2, "other_2.jpg 3"), "line 2: is 'other_2.jpg 3'; expected an image"),
    ("raf-db", edit(RAF, 2, "train_00001.jpg 3"), "line 2: train_00001.jpg is there twice: .*"),
    ("disfa", edit(ONE, 3, "3,6"), rf"{ONE}, line 3: is '3,6'; expected '3,' and"),
    ("disfa", edit(ONE, 3, "4,1"), f"{ONE}, line 3: is '4,1'; expected '3,'"),
    ("disfa", edit(ONE, 3, "3;1"), f"{ONE}, line 3: is '3;1'; expected '3,'"),
    ("disfa", edit(SIX, 5, None), f"{SIX}: codes 4 frames, SN010_au1.txt 5; expected the same"),
    ("disfa", remove(SIX), f"{SIX}: no such file"),
    ("disfa", put(ONE, ""), f"{ONE}: codes no frame"),
    ("disfa", lambda root: (root / "Images/LeftVideoSN001_comp/00001.jpg").rename(
        root / "Images/LeftVideoSN001_comp/00000.jpg"), "00000.jpg: is frame 0; expected frames"),
    ("disfa", lambda root: (root / "Images/LeftVideoSN010_comp").rename(
        root / "Images/RightVideoSN001_comp"), "RightVideoSN001_comp: frames of SN001 are in"),
    ("disfa-plus", edit(f"{TRIAL}/AU2.txt", 2, "001.jpg 6"), "AU2.txt, line 2: is '001.jpg 6'"),
    ("disfa-plus", edit(f"{TRIAL}/AU2.txt", 2, "001.jpg"), "AU2.txt, line 2: is '001.jpg'; expect"),
    ("disfa-plus", edit(f"{TRIAL}/AU2.txt", 2, "../1.jpg 1"), "AU2.txt, line 2: is '../1.jpg 1'"),
    ("disfa-plus", edit(f"{TRIAL}/AU2.txt", 2, "000.jpg 1"), "line 2: 000.jpg is there twice"),
    ("disfa-plus", edit(f"{TRIAL}/AU2.txt", 2, "004.jpg 1"), "AU2.txt: codes 3 frames, AU1.txt 3"),
    ("disfa-plus", remove(f"{TRIAL}/AU26.txt"), "AU26.txt: no such file"),
    ("bp4d", edit(OCC, 1, "1,1,2,4,4,24"), f"{OCC}, line 1: is '1,1,2,4,4,24'; expected a cell"),
    ("bp4d", edit(OCC, 1, "frame,AU1"), f"{OCC}, line 1: is 'frame,AU1'; expected a cell, and"),
    ("bp4d", edit(OCC, 1, "1,98,99"), f"{OCC}, line 1: names none of the action units"),
    ("bp4d", edit(OCC, 2, "7,0,1,0,1"), f"{OCC}, line 2: has 5 cells; expected 6"),
    ("bp4d", edit(OCC, 2, "7,0,1,0,1,2"), f"{OCC}, line 2: AU24 is '2'; expected 0, 1 or 9"),
    ("bp4d", edit(OCC, 2, "x,0,1,0,1,0"), f"{OCC}, line 2: starts with 'x'; expected the number"),
    ("bp4d", edit(OCC, 2, "7,0,1,0,1,0\n7,0,1,0,1,0"), f"{OCC}, line 3: starts with '7'"),
    ("bp4d", edit(OCC, 2, None), f"{OCC}: has a header and no frames"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "text"), WRONG)
def test_what_is_wrong_is_one_line(name: str, change: Change, text: str, tmp_path: Path) -> None:
    root = WRITERS[name](tmp_path)
    load_corpus(name, root)  # right as written
    change(root)
    with pytest.raises(DataError, match=text.replace("+", r"\+")) as caught:
        load_corpus(name, root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "looked"),
    [
        ("s-aff-wild2", f"looked for {TRAIN} or {VALID} in it and one folder below"),
        ("affectnet-npy", r"looked for \['train_set/annotations', 'val_set/annotations'\]"),
        ("emotionet", r"looked for dataFile_\*\.txt or EmotioNet\*\.csv in it and one"),
        ("raf-db", r"looked for EmoLabel.list_patition_label\.txt in it and in basic"),
        ("disfa", "looked for ActionUnit_Labels/SN001"),
        ("disfa-plus", "looked for Labels/SN001/<trial>/AU1.txt"),
        ("bp4d", r"looked for \['AUCoding/AU_OCC/F001_T1.csv'"),
    ],
)
def test_an_empty_folder_says_what_was_looked_for(name: str, looked: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=looked):
        load_corpus(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "images", "text"),
    [
        (
            "affectnet-npy",
            ["train_set/images", "val_set/images"],
            "images: looked for N.jpg, found",
        ),
        ("raf-db", ["basic/Image"], "looked for <name>_aligned.jpg of the 9 images"),
        ("disfa", ["Images"], r"looked for frames in Images/<person>, found none"),
        ("disfa-plus", ["Images"], r"looked for frames in Images/<person>/<trial>, found none"),
        ("bp4d", ["2D+3D"], r"looked for images in \['\./F001/T1', '2D\+3D/F001/T1', 'Seq"),
    ],
)
def test_labels_without_any_image(name: str, images: list[str], text: str, tmp_path: Path) -> None:
    root = WRITERS[name](tmp_path / "corpus")
    for number, place in enumerate(images):
        (root / place).rename(tmp_path / f"gone{number}")
    with pytest.raises(DataError, match=text):
        load_corpus(name, root)


def test_one_edition_names_the_other(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mien datasets prepare affectnet-npy"):
        load_affectnet(write_affectnet_npy(tmp_path / "npy"))
    with pytest.raises(DataError, match="mien datasets prepare s-aff-wild2"):
        load_aff_wild2(write_s_aff_wild(tmp_path / "static"))
    root = write_emotionet_2020(tmp_path / "net")
    (root / NET).rename(root / NET.replace("csv", "xlsx"))
    with pytest.raises(DataError, match=r"24600\.xlsx: is a workbook; save it as csv beside it"):
        load_corpus("emotionet", root)


def test_s_aff_wild2_with_one_list_none_and_two(tmp_path: Path) -> None:
    root = write_s_aff_wild(tmp_path)
    (root / VALID).unlink()
    assert f"{root}: there is no {VALID}" in load_corpus("s-aff-wild2", root).notes
    (root / "annotations").mkdir()
    (root / TRAIN).rename(root / "annotations" / TRAIN)
    (root / "cropped_aligned").rename(root / "elsewhere")
    corpus = load_corpus("s-aff-wild2", root)
    assert len(corpus) == 3 and corpus.counts()["image files"] == 0
    assert f"no images: {root} holds none of ['cropped_aligned', 'cropped']" in corpus.notes
    write_aff_wild(root / "x")
    write(root / TRAIN, ["image,valence,arousal,expression,aus"])
    with pytest.raises(DataError, match=f"{TRAIN} is there twice"):
        load_corpus("s-aff-wild2", root)
    (root / "annotations" / TRAIN).unlink()
    with pytest.raises(DataError, match="no frame is annotated in training_set"):
        load_corpus("s-aff-wild2", root)


def test_files_beside_the_folders_of_people_and_trials_are_passed_over(tmp_path: Path) -> None:
    plain, posed = write_disfa(tmp_path / "plain"), write_disfa_plus(tmp_path / "posed")
    write(plain / "ActionUnit_Labels/readme.txt", ["hello"])
    write(posed / "Labels/SN003/readme.txt", ["hello"])
    assert len(load_corpus("disfa", plain)) == 10
    assert len(load_corpus("disfa-plus", posed)) == 6
