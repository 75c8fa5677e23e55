from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_replicas import write_aff_wild, write_affectnet
from mien.data.formats.annotations import (
    ANNOTATION_SCHEMA,
    annotation_table,
    expression_index,
    read_annotations,
    write_annotations,
)
from mien.datasets import ImageCorpus, load_aff_wild2, load_affectnet
from mien.errors import DataError
from mien.labels import EXPRESSIONS


@pytest.fixture
def corpus(tmp_path: Path) -> ImageCorpus:
    return load_aff_wild2(write_aff_wild(tmp_path / "wild"))


def test_what_is_written_is_read(corpus: ImageCorpus, tmp_path: Path) -> None:
    document = write_annotations(corpus, tmp_path / "out")
    again = read_annotations(tmp_path / "out")
    texts = ["image", "video", "frame", "split", "expression"]  # without NaN, which equals nothing
    assert again.table.select(texts).equals(corpus.table.select(texts))
    np.testing.assert_array_equal(again.valence_arousal, corpus.valence_arousal)
    np.testing.assert_array_equal(again.action_units, corpus.action_units)
    assert (again.name, again.notes) == (corpus.name, corpus.notes)
    assert again.root == corpus.root.resolve()
    assert document == json.loads((tmp_path / "out/dataset.json").read_text())
    assert document["counts"] == corpus.counts() == again.counts()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "annotations.parquet", "dataset.json",
    }  # fmt: skip


def test_all_corpora_have_one_schema(corpus: ImageCorpus, tmp_path: Path) -> None:
    other = load_affectnet(write_affectnet(tmp_path / "net"))
    assert corpus.table.schema.equals(other.table.schema)
    joined = pa.concat_tables([corpus.table, other.table])
    assert joined.num_rows == len(corpus) + len(other)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_tables_keep_every_number(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {
        "valence_arousal": rng.uniform(-1, 1, (count, 2)).astype(np.float32),
        "expression": rng.integers(-1, 7, count),
        "action_units": rng.choice([0, 1, np.nan], (count, 17)).astype(np.float32),
    }
    table = annotation_table(["x.jpg"] * count, ["train"] * count, **values)
    corpus = ImageCorpus("any", Path(), table)
    assert table.schema.equals(ANNOTATION_SCHEMA)
    np.testing.assert_array_equal(corpus.valence_arousal, values["valence_arousal"])
    np.testing.assert_array_equal(corpus.expressions, values["expression"])
    np.testing.assert_array_equal(corpus.action_units, values["action_units"])
    assert corpus.counts()["expressions"] == (values["expression"] >= 0).sum()


def test_expressions_have_names() -> None:
    assert [expression_index(name.title(), ()) for name in EXPRESSIONS] == list(range(7))
    assert expression_index("Other", ("Other",)) == -1
    with pytest.raises(DataError, match=r"expression 'Smirk' is neither one of \('neutral'"):
        expression_index("Smirk", ("Other",))


def test_folders_that_are_wrong(corpus: ImageCorpus, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"out: no prepared annotations: there is no dataset\.json"):
        read_annotations(out)
    document = write_annotations(corpus, out)
    pq.write_table(corpus.table.drop(["au01"]), out / "annotations.parquet")
    with pytest.raises(DataError, match=r"annotations\.parquet: its columns are not those of this"):
        read_annotations(out)
    (out / "annotations.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"annotations\.parquet: cannot be read; run the same"):
        read_annotations(out)
    (out / "annotations.parquet").unlink()
    with pytest.raises(DataError, match=r"annotations\.parquet: there is no such file; run the"):
        read_annotations(out)
    (out / "dataset.json").write_text(json.dumps({**document, "version": 2}))
    with pytest.raises(DataError, match=r"holds 'mien prepared annotations' version 2; expected"):
        read_annotations(out)
    (out / "dataset.json").write_text("[]")
    with pytest.raises(DataError, match=r"dataset\.json: cannot be read as that of prepared"):
        read_annotations(out)
