from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_replicas import CREMA_HEADER, CREMA_ROWS, crema_row, write, write_crema
from mien.data.corpora.crema_d import _intensities, split_of_actor
from mien.data.formats.text_tables import Row, read_rows
from mien.datasets import load_crema_d
from mien.errors import DataError


def test_face_rows_become_clips(tmp_path: Path) -> None:
    corpus = load_crema_d(write_crema(tmp_path))
    assert corpus.outputs == ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
    assert [clip.id for clip in corpus.clips] == [
        "1001_DFA_ANG_XX", "1002_IEO_HAP_HI", "1003_ITH_SAD_X",
    ]  # fmt: skip
    assert corpus.clips[0].path == tmp_path / "VideoFlash" / "1001_DFA_ANG_XX.flv"
    assert [clip.person for clip in corpus.clips] == ["1001", "1002", "1003"]
    assert [clip.split for clip in corpus.clips] == ["test", "train", "valid"]
    expected = [
        [6 / 9 * 0.5, 2 / 9 * 0.25, 0, 0, 1 / 9 * 0.9, 0],
        [0, 0, 0, 0.675, 0, 0],
        [0, 0, 0, 0, 0.4 * 0.4, 0.5 * 0.6],
    ]
    np.testing.assert_allclose(corpus.labels, expected, rtol=1e-6)
    assert corpus.counts() == {"videos": 3, "train": 1, "valid": 1, "test": 1, "people": 3}
    assert corpus.notes == ()


def test_actors_are_divided_for_ever() -> None:
    splits = Counter(split_of_actor(str(actor)) for actor in range(1001, 1092))
    assert splits == {"train": 66, "valid": 13, "test": 12}


@given(
    st.lists(st.integers(0, 12), min_size=6, max_size=6).filter(any),
    st.lists(st.floats(0, 100), min_size=6, max_size=6),
)
def test_intensities_are_what_the_average_rater_saw(votes: list[int], levels: list[float]) -> None:
    means = [level if count else -1.0 for count, level in zip(votes, levels, strict=True)]
    header = [name.strip('"') for name in CREMA_HEADER.split(",")]
    cells = crema_row("200001", "1001_DFA_ANG_XX", votes, means).replace('"', "").split(",")
    labels = _intensities(Row(Path("x"), 2, dict(zip(header, cells, strict=True))))
    each = [level for count, level in zip(votes, levels, strict=True) for _ in range(count)]
    assert labels.min() >= 0 and labels.max() <= 1
    np.testing.assert_allclose(labels.sum(), np.mean(each) / 100, rtol=1e-5, atol=1e-6)


def test_missing_clips_are_noted(tmp_path: Path) -> None:
    corpus = load_crema_d(write_crema(tmp_path, videos=["1002_IEO_HAP_HI"]))
    assert corpus.notes == ("2 of 3 videos are not there",)
    with pytest.raises(DataError, match=r"VideoFlash/1001_DFA_ANG_XX\.flv and 2 more, found none"):
        load_crema_d(write_crema(tmp_path / "other", videos=[]))
    with pytest.raises(DataError, match=r"looked for processedResults/tabulatedVotes\.csv, found"):
        load_crema_d(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (crema_row("4001", "1001_DFA_ANG_XX", [1, 0, 0, 0, 0, 0], [1, -1, -1, -1, -1, -1]),
         "the first cell is '4001'; expected a number that starts with 1"),
        (crema_row("", "1001_DFA_ANG_XX", [1, 0, 0, 0, 0, 0], [1, -1, -1, -1, -1, -1]),
         "the first cell is ''"),
        (crema_row("21", "1001_DFA", [1, 0, 0, 0, 0, 0], [1, -1, -1, -1, -1, -1]),
         "'fileName' is '1001_DFA'; expected a name such as"),
        (crema_row("21", "1002_IEO_HAP_HI", [1, 0, 0, 0, 0, 0], [1, -1, -1, -1, -1, -1]),
         "the clip '1002_IEO_HAP_HI' is there twice: first on line 4"),
        (crema_row("21", "1009_IEO_HAP_HI", [1, 0, 0, 0, 0, 0], [101, -1, -1, -1, -1, -1]),
         "'meanAngerResp' is '101'; expected a number from 0 to 100"),
        (crema_row("21", "1009_IEO_HAP_HI", [1, 0, 0, 0, 0, 0], [-1, -1, -1, -1, -1, -1]),
         "'meanAngerResp' is '-1'; expected a number from 0 to 100"),
        (crema_row("21", "1009_IEO_HAP_HI", [1, 0, 0, 0, 0, 0], [50, 7, -1, -1, -1, -1]),
         "'meanDisgustResp' is '7'; expected -1, as 'D' is 0"),
        (crema_row("21", "1009_IEO_HAP_HI", [1, 0, 0, 0, 0, 0], [50, -1, -1, -1, -1, -1], 3),
         "'numResponses' is 3; expected the 1 votes"),
        (crema_row("21", "1009_IEO_HAP_HI", [0] * 6, [-1] * 6),
         "'numResponses' is '0'; expected a number from 1"),
    ],
)  # fmt: skip
def test_rows_that_are_wrong(row: str, text: str, tmp_path: Path) -> None:
    write_crema(tmp_path, [*CREMA_ROWS, row])
    with pytest.raises(DataError, match=rf"tabulatedVotes\.csv, line 7: {text}"):
        load_crema_d(tmp_path)


def test_tables_that_are_wrong(tmp_path: Path) -> None:
    write_crema(tmp_path, [row for row in CREMA_ROWS if not row.startswith('"2')])
    with pytest.raises(DataError, match="no row is of the face alone"):
        load_crema_d(tmp_path)
    path = tmp_path / "processedResults/tabulatedVotes.csv"
    write(path, [CREMA_HEADER.replace("meanSadResp", "meanSad"), CREMA_ROWS[1]])
    with pytest.raises(DataError, match=r"line 1: looked for columns \['meanSadResp'\]"):
        load_crema_d(tmp_path)
    assert len(list(read_rows(path, ("fileName",)))) == 1
