from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data.formats.features import (
    Features,
    features_path,
    read_features,
    resample,
    write_features,
)
from mien.data.formats.prepared_videos import (
    load_prepared,
    read_document,
)
from mien.errors import DataError
from mien.labels import AFFECT_COLUMNS
from mien.pipeline.resample import Resampler
from prepared_sets import PreparedVideo, write_prepared

OUTPUTS = ("joy", "calm")


def ramp(count: int, fps: float = 25.0, start_s: float = 0.0) -> Features:
    """Channel c is time x (c + 1): what interpolation gives is known."""
    time_s = start_s + np.arange(count) / fps
    affect = (time_s[:, None] * np.arange(1, len(AFFECT_COLUMNS) + 1)).astype(np.float32)
    return Features(time_s, affect)


def video(name: str, split: str = "train", count: int = 10, **more) -> PreparedVideo:
    labels = more.pop("labels", np.array([0.25, 0.5], np.float32))
    return PreparedVideo(name, split, labels, more.pop("features", ramp(count)), **more)


def write_some(folder: Path) -> Path:
    videos = [
        video("a", count=10, person="p1"),
        video("b", count=21, labels=np.array([1, np.nan], np.float32)),
        video("c", "test", 5, labels=np.full(2, np.nan, np.float32)),
        video("d.x-1_2", count=3),
    ]
    return write_prepared(folder, "sim", OUTPUTS, videos)


def test_layout(tmp_path: Path) -> None:
    folder = write_some(tmp_path / "set")
    document = json.loads((folder / "dataset.json").read_text())
    assert document == {
        "format": "mien prepared videos",
        "version": 1,
        "corpus": "sim",
        "outputs": ["joy", "calm"],
        "stage1": {"name": None, "version": None, "sha256": None},
        "counts": {"videos": 4, "train": 3, "valid": 0, "test": 1, "frames": 39},
        "failed": [],
    }
    labels = pq.read_table(folder / "labels.parquet")
    assert labels.column_names == ["id", "split", "person", "joy", "calm"]
    assert [str(kind) for kind in labels.schema.types] == ["string"] * 3 + ["float"] * 2
    assert labels.column("person").to_pylist() == ["p1", None, None, None]
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("features/*/*"))
    # sha1("a") starts with 86, and so on.
    assert "features/86/a.parquet" in files and len(files) == 4
    table = pq.read_table(folder / "features/86/a.parquet")
    assert table.column_names == ["timestamp_s", *AFFECT_COLUMNS]
    assert [str(kind) for kind in table.schema.types] == ["double"] + ["float"] * 26
    assert not list(folder.rglob("*.partial"))


def test_a_split_is_loaded_in_the_order_of_its_labels(tmp_path: Path) -> None:
    folder = write_some(tmp_path)
    data = load_prepared(folder, "train", 25.0)
    assert data.ids == ("a", "b", "d.x-1_2") and data.notes == ()
    assert data.lengths.tolist() == [10, 21, 3] and data.fps == 25
    assert data.reactions == OUTPUTS
    np.testing.assert_array_equal(data.labels, np.array([[0.25, 0.5], [1, np.nan], [0.25, 0.5]]))
    np.testing.assert_allclose(data.sequence(1), ramp(21).affect, rtol=1e-5)
    test = load_prepared(folder, "test", 25.0)
    assert np.isnan(test.labels).all() and test.labels.dtype == np.float32
    assert data.fingerprint() == load_prepared(folder, "train", 25.0).fingerprint()
    assert data.fingerprint() != load_prepared(folder, "train", 24.0).fingerprint()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=40),
    st.floats(0, 1e4),
    st.sampled_from([5.0, 24.0, 29.97]),
)
def test_resampling_is_that_of_an_analysis(steps: list[float], start_s: float, fps: float) -> None:
    time_s = start_s + np.cumsum(steps)
    affect = np.random.default_rng(0).random((len(steps), 26)).astype(np.float32)
    resampler = Resampler(fps, 0.25)
    expected = [v for t, a in zip(time_s, affect, strict=True) for _, v in resampler.push(t, a)]
    found = resample(Features(time_s, affect, max_gap_s=0.25), fps)
    np.testing.assert_array_equal(found, np.stack(expected))


def test_time_means_seconds_whatever_the_rate(tmp_path: Path) -> None:
    write_prepared(tmp_path, "sim", OUTPUTS, [video("a", features=ramp(51, fps=50))])
    for fps in (10.0, 25.0, 50.0):
        sequence = load_prepared(tmp_path, "train", fps).sequence(0)
        assert len(sequence) == fps + 1
        np.testing.assert_allclose(sequence[:, 0], np.arange(fps + 1) / fps, atol=1e-6)


def test_gaps_and_slow_videos_are_told_apart(tmp_path: Path) -> None:
    """A second without a face is left out; a camera of 2 fps has none."""
    seen = np.array([0, 0.04, 0.08, 1.08, 1.12])
    affect = np.zeros((5, 26), np.float32)
    assert len(resample(Features(seen, affect, 0.25), 25)) == 5
    assert len(resample(Features(seen, affect, 0.25, joined=(3,)), 25)) == 29
    slow = Features(np.arange(5) / 2, affect)
    assert len(resample(slow, 25)) == 51  # told from the timestamps
    path = tmp_path / "x.parquet"
    write_features(path, Features(seen, affect, 0.25, (3,), ("a warning",)))
    again = read_features(path)
    assert (again.max_gap_s, again.joined, again.warnings) == (0.25, (3,), ("a warning",))
    np.testing.assert_array_equal(again.timestamp_s, seen)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    videos = [video("a"), video("b", count=40), video("c")]
    write_prepared(tmp_path, "sim", OUTPUTS, videos, failed=[("c", "it is cut short")])
    data = load_prepared(tmp_path, "train", 25.0, max_positions=20)
    assert data.ids == ("a", "b") and data.lengths.tolist() == [10, 20]
    assert data.notes == (
        "1 of 3 videos of the split 'train' failed in preparation and are left out",
        "1 of 2 videos are longer than 20 positions at 25 fps; their ends are left out",
    )
    assert read_document(tmp_path).failed == (("c", "it is cut short"),)


def test_arguments_that_are_wrong(tmp_path: Path) -> None:
    write_some(tmp_path)
    for fps, most in ((0, None), (float("nan"), None), (25, 0)):
        with pytest.raises(ValueError, match="fps and max_positions must be positive"):
            load_prepared(tmp_path, "train", fps, most)
    with pytest.raises(DataError, match="no video is in the split 'valid'"):
        load_prepared(tmp_path, "valid", 25)
    with pytest.raises(ValueError, match=r"the id '\.\./a' cannot be a file name"):
        write_prepared(tmp_path / "x", "sim", OUTPUTS, [video("../a")])
    with pytest.raises(ValueError, match="an id is there twice"):
        write_prepared(tmp_path / "x", "sim", OUTPUTS, [video("a"), video("a")])
    with pytest.raises(ValueError, match=r"splits are \('train', .* not \['dev'\]"):
        write_prepared(tmp_path / "x", "sim", OUTPUTS, [video("a", "dev")])
    with pytest.raises(ValueError, match="every video needs 3 labels"):
        write_prepared(tmp_path / "x", "sim", (*OUTPUTS, "more"), [video("a")])
    with pytest.raises(ValueError, match=r"affect should be \(2, 26\), not \(3, 26\)"):
        Features(np.zeros(2), np.zeros((3, 26), np.float32))


def test_sets_that_are_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a prepared set: there is no dataset\.json; run"):
        load_prepared(tmp_path, "train", 25)
    folder = write_some(tmp_path)
    features = features_path(folder, "b")
    data = features.read_bytes()
    features.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"features/e9/b\.parquet: cannot be read; run the same"):
        load_prepared(folder, "train", 25)
    features.unlink()
    with pytest.raises(DataError, match=r"b\.parquet: there is no such file; run the same"):
        load_prepared(folder, "train", 25)
    write_features(features, ramp(0))
    with pytest.raises(DataError, match=r"b\.parquet: has no frame and is not listed as failed"):
        load_prepared(folder, "train", 25)
    table = pq.read_table(features).replace_schema_metadata({"mien": "[1]"})
    pq.write_table(table, features)
    with pytest.raises(DataError, match=r"b\.parquet: its metadata cannot be read; prepare"):
        load_prepared(folder, "train", 25)
    pq.write_table(pq.read_table(features).drop(["au26"]), features)
    with pytest.raises(DataError, match=r"b\.parquet: its columns are .* expected \['timestamp_s'"):
        load_prepared(folder, "train", 25)
    pq.write_table(
        pq.read_table(folder / "labels.parquet").drop(["calm"]), folder / "labels.parquet"
    )
    with pytest.raises(DataError, match=r"labels\.parquet: its columns are \['id', .* 'calm'\]"):
        load_prepared(folder, "train", 25)
    document = json.loads((folder / "dataset.json").read_text())
    for change, text in (
        ({"format": "mien synthetic videos"}, "holds 'mien synthetic videos' version 1; expected"),
        ({"version": 2}, "holds 'mien prepared videos' version 2; expected 'mien prepared videos'"),
        ({"failed": [{"id": "b"}]}, "lacks an entry that a prepared set has: 'reason'"),
    ):
        (folder / "dataset.json").write_text(json.dumps(document | change))
        with pytest.raises(DataError, match=rf"dataset\.json: {text}"):
            load_prepared(folder, "train", 25)
    (folder / "dataset.json").write_text("{}")
    with pytest.raises(DataError, match=r"dataset\.json: cannot be read as that of a prepared set"):
        load_prepared(folder, "train", 25)
