"""Corpora with traces: their layouts, and what is said of anything else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mien.data.corpora.recordings.afew_va import load_afew_va
from mien.data.corpora.recordings.mavfer import load_mavfer
from mien.data.corpora.recordings.recola import load_recola
from mien.data.corpora.recordings.sewa import load_sewa
from mien.data.recordings import split_by_hash
from mien.data.targets.raters import merge_raters
from mien.errors import DataError
from stream_replicas import (
    afew_document,
    recola_ratings,
    write_afew,
    write_color,
    write_mavfer,
    write_recola,
    write_recola_gold,
    write_sewa,
    write_sewa_avec,
)


def test_recola_merges_its_raters(tmp_path: Path) -> None:
    corpus = load_recola(write_recola(tmp_path))
    assert [one.id for one in corpus.recordings] == ["P16", "P17"] and corpus.fps == 12.5
    one = corpus.recordings[0]
    assert one.person == "P16" and one.split == split_by_hash("P16")
    assert one.streams["color"].path.name == "P16.mp4" and corpus.modalities == ("color",)
    np.testing.assert_allclose(one.traces.time_s, np.arange(26) / 25)
    for column, dimension in enumerate(("valence", "arousal")):
        expected, _ = merge_raters(recola_ratings(dimension).T)
        np.testing.assert_allclose(one.traces.affect[:, column], expected, atol=1e-4)
    assert any("EWE" in note for note in corpus.notes)
    counts = corpus.counts()
    assert counts["recordings"] == counts["people"] == 2


def test_recola_gold_standard(tmp_path: Path) -> None:
    corpus = load_recola(write_recola_gold(tmp_path))
    assert {one.id: one.split for one in corpus.recordings} == {
        "dev_1": "valid",
        "train_1": "train",
    }
    expected = np.linspace(-0.5, 0.5, 26)
    np.testing.assert_allclose(corpus.recordings[0].traces.affect[:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(corpus.recordings[0].traces.affect[:, 1], -expected, atol=1e-6)
    (tmp_path / "recordings_video" / "dev_1.mp4").unlink()
    corpus = load_recola(tmp_path)
    assert len(corpus) == 1
    assert corpus.notes == (
        "1 of 2 annotated recordings have no video and are left out (first: dev_1)",
    )


def edit(path: Path, line: int, old: str, new: str) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert old in lines[line - 1], lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines), encoding="utf-8")


RATED = "RECOLA-Annotation/emotional_behaviour/valence/P16.csv"
GOLD = "ratings_gold_standard/arousal/dev_1.arff"


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (1, "FF3 ", "FF4", r"line 1: looked for columns \['FF3'\], found"),
        (3, "0.04;", "x;", r"line 3: 'time' is 'x'; expected a number"),
        (4, "0.08;", "0.04;", r"line 4: the time is 0.08 s; expected 0.04 s"),
        (5, ";", ";7;", r"line 5: has 8 cells; expected 7"),
        (6, "-0", "-4", r"line 6: 'FM1' is '-4.*expected a number from -1 to 1"),
    ],
)
def test_recola_with_a_wrong_line(
    tmp_path: Path, line: int, old: str, new: str, message: str
) -> None:
    write_recola(tmp_path, ["P16"])
    edit(tmp_path / RATED, line, old, new)
    with pytest.raises(DataError, match=message) as caught:
        load_recola(tmp_path)
    assert "P16.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (5, "GoldStandard", "Gold", r"line 8: looked for attributes frameTime and GoldStandard"),
        (9, ",", ";", r"line 9: has 2 cells; expected 3"),
        (9, "0.04,0.4", "0.04,4.4", r"line 9: 'GoldStandard' is '4.4.*expected a number from -1"),
        (10, "0.08", "nan", r"line 10: 'frameTime' is 'nan'; expected a number"),
        (10, "0.08", "0.09", r"line 10: the time is 0.09 s; expected 0.08 s"),
        (7, "@data", "@date", r"has no line after @data"),
    ],
)
def test_recola_gold_with_a_wrong_line(
    tmp_path: Path, line: int, old: str, new: str, message: str
) -> None:
    write_recola_gold(tmp_path)
    edit(tmp_path / GOLD, line, old, new)
    with pytest.raises(DataError, match=message) as caught:
        load_recola(tmp_path)
    assert "dev_1.arff" in str(caught.value)


def test_recola_that_is_not_all_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looked for emotional_behaviour/ or ratings_gold_st"):
        load_recola(tmp_path)
    write_recola(tmp_path)
    (tmp_path / RATED).unlink()
    with pytest.raises(DataError, match=r"valence: looked for P16\.csv, as in the other folder"):
        load_recola(tmp_path)
    write_recola(tmp_path)
    edit(tmp_path / RATED, 27, "1.00", "1.00")
    (tmp_path / RATED).write_text("\n".join((tmp_path / RATED).read_text().split("\n")[:20]))
    with pytest.raises(DataError, match=r"P16\.csv: has 26 samples; expected 19, as in .*valence"):
        load_recola(tmp_path)
    write_recola(tmp_path)
    for video in tmp_path.rglob("*.mp4"):
        video.rename(video.with_name("P99.mp4"))
    with pytest.raises(DataError, match="no video of the 2 annotated recordings is there"):
        load_recola(tmp_path)
    write_recola(tmp_path)
    write_color(tmp_path / "copy" / "P16.avi", 2)
    with pytest.raises(DataError, match="two videos are called"):
        load_recola(tmp_path)
    write_recola_gold(tmp_path)
    with pytest.raises(DataError, match="two annotations of the same recordings"):
        load_recola(tmp_path)
    with pytest.raises(DataError, match=r"holds .*; give a folder with one of them"):
        load_recola(write_recola(write_recola(tmp_path / "twice" / "a").parent / "b").parent)
    other = write_recola_gold(tmp_path / "other", ["train_1", "test_1"])
    with pytest.raises(DataError, match=r"test_1\.arff: its name is neither train_N nor dev_N"):
        load_recola(other)


def test_sewa(tmp_path: Path) -> None:
    names = ("Train_DE_01", "Devel_DE_02", "Test_HU_03", "SEWA_x")
    corpus = load_sewa(write_sewa(tmp_path, names))
    splits = {one.id: one.split for one in corpus.recordings}
    assert splits == {
        "Train_DE_01": "train",
        "Devel_DE_02": "valid",
        "Test_HU_03": "test",
        "SEWA_x": split_by_hash("SEWA_x"),
    }
    traces = corpus.recordings[0].traces
    np.testing.assert_allclose(traces.time_s, np.arange(9) / 10)
    np.testing.assert_allclose(traces.affect[:, 0], 0.4 - 0.1 * np.arange(9), atol=1e-6)
    np.testing.assert_allclose(traces.affect[:, 1], 0.1 * np.arange(9) - 0.4, atol=1e-6)
    assert corpus.notes == (
        "1 recordings name no split (Train, Devel, Test) and are split by a hash of the recording "
        "(ours; first: SEWA_x)",
    )


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (1, "valence", "valenz", r"line 1: looked for columns \['valence'\]"),
        (1, ";", ",", r"line 1: looked for columns \['time', 'arousal'\]"),
        (3, "0.1;", "0.0;", "line 3: the time 0 s does not come after 0 s"),
        (4, "-0.20", "-20", "line 4: 'arousal' is '-20'; expected a number from -1 to 1"),
    ],
)
def test_sewa_with_a_wrong_line(
    tmp_path: Path, line: int, old: str, new: str, message: str
) -> None:
    write_sewa(tmp_path)
    edit(tmp_path / "labels" / "Devel_DE_02.csv", line, old, new)
    with pytest.raises(DataError, match=message) as caught:
        load_sewa(tmp_path)
    assert "Devel_DE_02.csv" in str(caught.value)


def test_sewa_of_avec_2018_has_no_header(tmp_path: Path) -> None:
    corpus = load_sewa(write_sewa_avec(tmp_path))
    assert [(one.id, one.split) for one in corpus.recordings] == [
        ("Devel_DE_02", "valid"),
        ("Train_DE_01", "train"),
    ]
    traces = corpus.recordings[1].traces
    np.testing.assert_allclose(traces.time_s, np.arange(9) / 10)
    np.testing.assert_allclose(traces.affect[:, 0], 0.4 - 0.1 * np.arange(9), atol=1e-6)  # valence
    np.testing.assert_allclose(traces.affect[:, 1], 0.1 * np.arange(9) - 0.4, atol=1e-6)


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (
            1,
            "'Devel",
            "'Train",
            "line 1: is \"'Train_DE_02';0.0;.*; expected 'Devel_DE_02';time;ar",
        ),
        (2, ";0.5", "", "line 2: is .*; expected 'Devel_DE_02';time;arousal;valence;liking"),
        (3, ";0.2;", ";0.1;", r"line 3: the time 0\.1 s does not come after 0\.1 s"),
        (3, ";0.2;", ";-1;", "line 3: 'time' is '-1'; expected a number from 0"),
        (4, "-0.1000", "-1.1", r"line 4: 'arousal' is '-1\.1'; expected a number from -1 to 1"),
        (4, "0.1000;0.5", "x;0.5", "line 4: 'valence' is 'x'; expected a number from -1 to 1"),
    ],
)
def test_sewa_of_avec_2018_with_a_wrong_line(
    tmp_path: Path, line: int, old: str, new: str, message: str
) -> None:
    write_sewa_avec(tmp_path)
    edit(tmp_path / "labels" / "Devel_DE_02.csv", line, old, new)
    with pytest.raises(DataError, match=rf"Devel_DE_02\.csv, {message}"):
        load_sewa(tmp_path)


def test_sewa_that_is_not_there_or_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looked for labels/<id>\.csv"):
        load_sewa(tmp_path)
    write_sewa(tmp_path / "x", ["Train_DE_01"])
    write_sewa(tmp_path / "y", ["Train_DE_01"])
    with pytest.raises(DataError, match="there is another file of this name"):
        load_sewa(tmp_path)
    write_sewa(tmp_path / "z", ["Train 01"])
    with pytest.raises(DataError, match=r"Train 01\.csv: its name cannot be an id"):
        load_sewa(tmp_path / "z")


def test_afew_va(tmp_path: Path) -> None:
    corpus = load_afew_va(write_afew(tmp_path))
    first, second = corpus.recordings
    assert (first.id, first.person, second.person) == ("001", "Somebody", None)
    assert first.split == split_by_hash("Somebody") and second.split == split_by_hash("002")
    assert first.streams["color"].fps == 25 and first.streams["color"].path.is_dir()
    np.testing.assert_allclose(first.traces.time_s, np.arange(5) / 25)
    expected = np.stack([-np.arange(5) / 10, np.arange(5) / 5], 1)
    np.testing.assert_allclose(first.traces.affect, expected, atol=1e-6)
    assert corpus.notes[-1] == "1 of 2 clips name no actor and are split by their id"


def changed(**entry) -> str:
    document = afew_document(5)
    document["frames"]["00003"] = entry
    return json.dumps(document, indent=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"frames":\n}', "line 3: is no JSON"),
        ("[1]", "holds a list; expected an object"),
        ('{"frames": {}}', "looked for 'frames' with an entry for each frame"),
        ('{"frames": {"one": {"valence": 0, "arousal": 0}}}', "frame 'one': expected a number"),
        (changed(valence=1.0), "frame '00003': 'arousal' is None; expected a number from -10 to"),
        (changed(valence=11, arousal=0), "frame '00003': 'valence' is 11; expected a number"),
        (changed(valence="1", arousal=0), "frame '00003': 'valence' is '1'; expected a number"),
        (changed(valence=float("nan"), arousal=0), "frame '00003': 'valence' is nan"),
        (json.dumps(afew_document(6)), "frame 00005: has no image beside the file"),
    ],
)
def test_afew_va_with_a_wrong_file(tmp_path: Path, text: str, message: str) -> None:
    write_afew(tmp_path)
    path = tmp_path / "01" / "002" / "002.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load_afew_va(tmp_path)
    assert str(path) in str(caught.value)


def test_afew_va_that_is_not_there_or_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looked for <id>/<id>\.json"):
        load_afew_va(tmp_path)
    write_afew(tmp_path / "x")
    write_afew(tmp_path / "y")
    with pytest.raises(DataError, match=r"there are several 001/001\.json"):
        load_afew_va(tmp_path)


MANIFEST = "clip,split,person,light,skin_tone\na,test,ann,dark,0.25\nb,,bob,,\n"


def test_mavfer_style_folders(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path, "abc")
    (root / "manifest.csv").write_text(MANIFEST)
    (root / "c" / "thermal.mkv").unlink()
    shared = {"thermal": {"scale": 0.02, "offset": -273.15, "time_offset_s": 0.5}}
    (root / "streams.json").write_text(json.dumps(shared))
    homography = [[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]]
    own = {"thermal": {"time_offset_s": 0.25}, "depth": {"homography": homography}}
    (root / "b" / "streams.json").write_text(json.dumps(own))
    corpus = load_mavfer(root)
    a, b, c = corpus.recordings
    assert corpus.modalities == ("color", "depth", "thermal")
    assert (a.split, a.person, a.attributes) == (
        "test",
        "ann",
        {"light": "dark", "skin_tone": 0.25},
    )
    assert b.split == split_by_hash("bob") and b.attributes == {"light": None, "skin_tone": None}
    assert (c.split, c.person, c.attributes) == (split_by_hash("c"), None, {})
    assert (a.streams["thermal"].scale, a.streams["thermal"].shift_s) == (0.02, 0.5)
    assert (b.streams["thermal"].scale, b.streams["thermal"].shift_s) == (0.02, 0.25)
    assert a.streams["depth"].homography is None and a.streams["depth"].scale is None
    np.testing.assert_array_equal(b.streams["depth"].homography, homography)
    assert list(c.streams) == ["color", "depth"]
    assert corpus.notes == (
        "1 of 3 clips have no thermal: marked missing (first: c)",
        "clips without a split in manifest.csv are split by a hash (ours)",
    )
    np.testing.assert_allclose(a.traces.affect[0], [0.5, -0.5], atol=1e-6)
    elsewhere = next(split for split in ("train", "test") if split != split_by_hash("p"))
    (root / "manifest.csv").write_text(f"clip,split,person\na,{elsewhere},p\nb,,p\n")
    assert [one.split for one in load_mavfer(root).recordings[:2]] == [elsewhere] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"depth": }', "line 2: is no JSON"),
        ("[]", "holds a list; expected an object"),
        ('{"sonar": {}}', '"sonar": expected objects "depth" and "thermal"'),
        ('{"depth": 1}', '"depth": expected objects'),
        ('{"depth": {"size": 1}}', '"size" is unknown; expected some of scale, offset'),
        ('{"depth": {"scale": "1", "offset": 0}}', "\"scale\" is '1'; expected a number"),
        ('{"depth": {"scale": 0, "offset": 0}}', '"scale" is 0; expected another number'),
        ('{"depth": {"scale": 2}}', '"scale" and "offset" go together'),
        ('{"depth": {"tolerance_s": -1}}', '"tolerance_s" is -1; expected another'),
        ('{"depth": {"time_offset_s": NaN}}', '"time_offset_s" is nan; expected a number'),
        ('{"depth": {"missing": 0.5}}', '"missing" is 0.5; expected a whole number or null'),
        ('{"depth": {"homography": [1, 2]}}', '"homography" is .*; expected 3 rows of 3 numbers'),
        ('{"depth": {"homography": [[1,0,0],[0,1,0],[0,0,0]]}}', "that can be inverted"),
        ('{"depth": {"homography": [[1,0,0],[0,"a",0],[0,0,1]]}}', "that can be inverted"),
    ],
)
def test_calibrations_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = write_mavfer(tmp_path, "a") / "a" / "streams.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load_mavfer(tmp_path)
    assert str(path) in str(caught.value)


def test_mavfer_style_folders_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looked for <clip>/annotation\.csv"):
        load_mavfer(tmp_path)
    root = write_mavfer(tmp_path, "ab")
    for text, message in (
        ("name\na\n", r"manifest\.csv, line 1: looked for columns \['clip'\]"),
        ("clip,split\na,train\na,test\n", r"line 3: the clip 'a' is there again \(line 2\)"),
        ("clip,split\nz,train\n", r"line 2: looked for z/annotation\.csv, found none"),
        ("clip,split\na,dev\n", r"line 2: 'split' is 'dev'; expected one of train, valid, test"),
        ("clip,split,person\na,train,p\nb,test,p\n", r"line 3: 'p' is in the split 'test', and in"),
        ("clip,frames\na,3\n", r"line 1: a column cannot be called 'frames'"),
    ):
        (root / "manifest.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            load_mavfer(root)
    (root / "manifest.csv").unlink()
    edit(root / "a" / "annotation.csv", 3, "0.040", "0.000")
    with pytest.raises(DataError, match=r"a/annotation\.csv, line 3: the time 0 s does not come"):
        load_mavfer(root)
    write_mavfer(root, "a")
    write_color(root / "a" / "color.avi", 2)
    with pytest.raises(DataError, match=r"color\.avi and color\.mkv are there; expected one"):
        load_mavfer(root)
    for name in ("color.avi", "color.mkv"):
        (root / "a" / name).unlink()
    with pytest.raises(DataError, match=r"looked for color\.mp4"):
        load_mavfer(root)
    write_mavfer(root, ["-a"])
    with pytest.raises(DataError, match="its name cannot be an id"):
        load_mavfer(root)
