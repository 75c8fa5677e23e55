from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_replicas import (
    REACTION_HEADER,
    REACTION_SPLITS,
    REACTION_VALUES,
    reaction_row,
    touch_videos,
    write_abaw,
    write_muse,
)
from mien.data.corpora.hume_reaction import LABEL_COLUMNS
from mien.data.formats.text_tables import Row
from mien.data.videos import check_id, is_safe_id
from mien.datasets import load_hume_reaction
from mien.errors import DataError
from mien.labels import REACTIONS

MUSE_HEADER = f"File_ID,{REACTION_HEADER}"
ABAW_HEADER = f"File_ID,Split,{REACTION_HEADER}"
VALUES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_the_columns_are_the_reactions_in_order() -> None:
    assert tuple(name.lower().replace("-", "_") for name in LABEL_COLUMNS) == REACTIONS


@pytest.mark.parametrize("edition", [write_muse, write_abaw])
def test_both_editions_give_the_same_clips(edition, tmp_path: Path) -> None:
    corpus = load_hume_reaction(edition(tmp_path))
    assert (corpus.name, corpus.outputs, corpus.notes) == ("hume-reaction", REACTIONS, ())
    assert [clip.id for clip in corpus.clips] == list(REACTION_SPLITS)
    assert [clip.split for clip in corpus.clips] == ["train", "train", "valid", "test"]
    assert all(clip.path.is_file() and clip.path.stem == clip.id for clip in corpus.clips)
    assert all(clip.person is None for clip in corpus.clips)
    assert corpus.labels.dtype == np.float32
    np.testing.assert_allclose(corpus.labels[:3], list(REACTION_VALUES.values()), rtol=1e-6)
    assert np.isnan(corpus.labels[3]).all()  # withheld
    assert corpus.counts() == {"videos": 4, "train": 2, "valid": 1, "test": 1}


def test_the_folder_itself_and_metadata_are_found(tmp_path: Path) -> None:
    folder = write_muse(tmp_path) / "c2_muse_reaction"
    (folder / "metadata").mkdir()
    (folder / "partition.csv").rename(folder / "metadata" / "partition.csv")
    assert len(load_hume_reaction(folder)) == 4
    write_muse(tmp_path)
    with pytest.raises(DataError, match=r"partition\.csv or .*metadata/partition\.csv, found both"):
        load_hume_reaction(tmp_path)


def test_untidy_headers_and_bracketed_names_of_videos(tmp_path: Path) -> None:
    rows = [" File_ID , Split ,Adoration,Amusement, Anxiety ,Disgust,Empathic-Pain,Fear,Surprise "]
    rows.append(f"[ 7 ], Train ,{','.join(map(str, VALUES))}")
    corpus = load_hume_reaction(write_abaw(tmp_path, rows, videos=["[7]"]))
    assert corpus.clips[0].id == "7" and corpus.clips[0].path.name == "[7].mp4"


def test_missing_videos_are_noted_and_their_place_is_known(tmp_path: Path) -> None:
    corpus = load_hume_reaction(write_abaw(tmp_path, videos=["10002", "99999"]))
    assert corpus.notes == ("3 of 4 videos are not there",)
    assert corpus.clips[0].path == tmp_path / "10001.mp4"
    with pytest.raises(DataError, match=r"such as 10001\.mp4 below it, found none of 4 \(1 other"):
        load_hume_reaction(write_abaw(tmp_path / "other", videos=["99999"]))


def test_layouts_that_are_none_or_two(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.csv \(MuSe 2022\) or data_info\.csv .*neither"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path)
    (tmp_path / "c2_muse_reaction/partition.csv").unlink()
    with pytest.raises(DataError, match=r"looked for .*partition\.csv .*, found neither"):
        load_hume_reaction(tmp_path)
    write_abaw(tmp_path)
    with pytest.raises(DataError, match="found both"):
        load_hume_reaction(tmp_path)


def test_two_videos_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    write_abaw(tmp_path)
    touch_videos(tmp_path / "again", ["10001"])
    with pytest.raises(DataError, match=r"two videos are called '10001': .*again.* and .*mp4"):
        load_hume_reaction(tmp_path)


def test_muse_labels_that_are_wrong(tmp_path: Path) -> None:
    good = [MUSE_HEADER, *(reaction_row(f"[{n}]", v) for n, v in REACTION_VALUES.items())]
    write_muse(tmp_path, labels=[good[0].replace("Empathic-Pain", "Pain"), *good[1:]])
    with pytest.raises(DataError, match=r"labels\.csv, line 1: looked for columns \['Empa"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, labels=[*good, reaction_row("[10001]", VALUES)])
    with pytest.raises(DataError, match=r"line 5: the id '10001' is there twice: first on line 2"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, labels=[*good, reaction_row("[5]", VALUES)])
    with pytest.raises(DataError, match=r"labels\.csv, line 5: the id '5' is not in .*partition"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, labels=good[:3])
    with pytest.raises(DataError, match=r"has no row for '10003', .* puts in valid \(1 such ids\)"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, labels=[*good[:2], reaction_row("[10002]", [1.5, *VALUES[1:]]), good[3]])
    with pytest.raises(DataError, match=r"line 3: 'Adoration' is '1\.5'; expected a number from 0"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, labels=[*good[:2], reaction_row("[10002]", ["", *VALUES[1:]]), good[3]])
    with pytest.raises(
        DataError, match=r"line 3: 'Adoration' is ''; expected a number from 0 to 1"
    ):
        load_hume_reaction(tmp_path)


def test_partitions_that_are_wrong(tmp_path: Path) -> None:
    write_muse(tmp_path, partition=["Id,Proposal", "10001,train", "10002,dev"])
    with pytest.raises(DataError, match=r"partition\.csv, line 3: the partition is 'dev'; exp"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, partition=["10001,train", "10002,train"])
    with pytest.raises(DataError, match=r"partition\.csv, line 1: is an entry; expected a header"):
        load_hume_reaction(tmp_path)
    write_muse(tmp_path, partition=["Id,Proposal", "10001,train", "[10001],test"])
    with pytest.raises(DataError, match="line 3: the id '10001' is there twice: first on line 2"):
        load_hume_reaction(tmp_path)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (f"8,Validation,{','.join(map(str, VALUES))}", r"'Split' is 'Validation'; expected one of"),
        (f"../8,Train,{','.join(map(str, VALUES))}", r"the id '\.\./8' cannot be a file name"),
        (f"8,Train,-1,{','.join(map(str, VALUES[1:]))}", r"'Adoration' is '-1'; expected a number"),
        ("8,Val,,,,,,,", r"'Adoration' is ''; expected a number from 0 to 1"),
        ("8,Test,0.5,,,,,,", r"'Amusement' is ''; expected a number from 0 to 1"),
        ("8,Train,0.5", r"has 3 cells; expected 9, as in the header"),
        (f",Train,{','.join(map(str, VALUES))}", r"'File_ID' is empty"),
    ],
)
def test_abaw_rows_that_are_wrong(row: str, text: str, tmp_path: Path) -> None:
    write_abaw(tmp_path, [ABAW_HEADER, reaction_row("7,Train", VALUES), row], videos=["7"])
    with pytest.raises(DataError, match=rf"data_info\.csv, line 3: {text}"):
        load_hume_reaction(tmp_path)


@given(st.text(min_size=1, max_size=20))
def test_ids_are_safe_or_refused(name: str) -> None:
    row = Row(Path("x.csv"), 2, {})
    if is_safe_id(name):
        assert check_id(name, row) == name and Path(name).name == name and name.isascii()
    else:
        with pytest.raises(DataError, match=r"line 2: the id .* cannot be a file name"):
            check_id(name, row)
