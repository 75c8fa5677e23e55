from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mien.data.formats.parquet import write_whole
from mien.data.formats.streams import (
    RecordingWriter,
    StreamRecording,
    finish_streams,
    load_streams,
    to_hundredths_of_kelvin,
    to_tenths_of_mm,
    write_recording,
)
from mien.errors import DataError
from mien.faces.modalities import STREAMS

FRAMES = 7


def arrays(seed: int = 0, frames: int = FRAMES):
    """Times, affect, color, depth and thermal as stored."""
    rng = np.random.default_rng(seed)
    return {
        "times_s": np.cumsum(rng.uniform(0.03, 0.05, frames)),
        "affect": rng.uniform(-1, 1, (frames, 2)).astype(np.float32),
        "color": rng.integers(0, 256, (frames, 112, 112, 3), np.uint8),
        "depth": rng.integers(0, 8000, (frames, 112, 112), np.uint16),
        "thermal": rng.integers(29_000, 31_200, (frames, 112, 112), np.uint16),
    }


def write_some(folder: Path, **changes) -> Path:
    recordings = [
        StreamRecording("a", "train", "p1", attributes={"light": "even", "skin_tone": 0.25}),
        StreamRecording("b", "test", attributes={"light": "dark"}),
        StreamRecording("c", "train", "p2", attributes={"skin_tone": 0.75}),
    ]
    for k, recording in enumerate(recordings):
        write_recording(folder, recording.id, **{**arrays(k), **changes})
    finish_streams(folder, "sim", 25.0, STREAMS, recordings, failed=[("d", "is cut short")])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_some(tmp_path_factory.mktemp("streams") / "set")


def test_layout(folder: Path) -> None:
    document = json.loads((folder / "dataset.json").read_text())
    assert document["format"] == "mien aligned streams" and document["version"] == 1
    assert document["size_px"] == 112 and document["fps"] == 25
    assert document["modalities"] == list(STREAMS) and set(document["units"]) >= set(STREAMS)
    assert document["counts"] == {
        "recordings": 3, "train": 2, "valid": 0, "test": 1, "frames": 3 * FRAMES,
        "annotated_frames": 3 * FRAMES,
    }  # fmt: skip
    assert document["present_frames"] == dict.fromkeys(STREAMS, 3 * FRAMES)
    assert document["failed"] == [{"id": "d", "reason": "is cut short"}]
    table = pq.read_table(folder / "recordings.parquet")
    assert table.column_names == [
        "id", "split", "person", "frames", "sha256", "light", "skin_tone",
    ]  # fmt: skip
    assert table["light"].to_pylist() == ["even", "dark", None]
    assert table["skin_tone"].to_pylist() == [0.25, None, 0.75]
    names = {"color.npy", "depth.npy", "thermal.npy", "frames.parquet"}
    found = {
        path.relative_to(folder / "streams").as_posix() for path in folder.rglob("streams/*/*")
    }
    assert found == {f"{one}/{name}" for one in "abc" for name in names}
    stored = np.load(folder / "streams/c/color.npy")
    np.testing.assert_array_equal(stored, arrays(2)["color"])
    kinds = pq.read_table(folder / "streams/a/frames.parquet").schema.types
    assert [str(kind) for kind in kinds] == ["double", "float", "float", "bool", "bool", "bool"]


def test_a_clip_has_metric_units(folder: Path) -> None:
    data = load_streams(folder, "train")
    assert len(data) == 2 and data.modalities == STREAMS and data.fps == 25
    assert data.corpus == "sim"
    assert [one.id for one in data.recordings] == ["a", "c"]
    assert data.recordings[0].attributes == {"light": "even", "skin_tone": 0.25}
    assert data.recordings[1].person == "p2" and data.recordings[1].frames == FRAMES
    truth, chosen = arrays(2), np.array([5, 0, 5])
    clip = data.clip(1, chosen)
    np.testing.assert_array_equal(clip.color, truth["color"][chosen])
    assert clip.depth_mm.dtype == clip.thermal_c.dtype == np.float32
    expected = np.where(truth["depth"] == 0, np.nan, truth["depth"] / 10)[chosen]
    np.testing.assert_allclose(clip.depth_mm, expected, rtol=1e-6)
    np.testing.assert_allclose(clip.thermal_c, truth["thermal"][chosen] / 100 - 273.15, atol=1e-5)
    assert clip.present.all() and clip.present.shape == (3, 3)
    np.testing.assert_array_equal(clip.affect, truth["affect"][chosen])
    np.testing.assert_array_equal(clip.times_s, truth["times_s"][chosen])
    np.testing.assert_array_equal(data.affect(1), truth["affect"])
    np.testing.assert_array_equal(data.times_s(1), truth["times_s"])
    assert clip.color.flags.owndata and clip.color.flags.writeable  # nothing writes to the disk
    empty = data.clip(0, np.array([], np.int64))
    assert empty.color.shape == (0, 112, 112, 3)


def test_action_units_are_kept_where_they_are_known(folder: Path, tmp_path: Path) -> None:
    units = np.random.default_rng(5).uniform(0, 1, (FRAMES, 17)).astype(np.float32)
    units[2, 3] = np.nan
    with_units = load_streams(write_some(tmp_path, units=units), "train")
    np.testing.assert_array_equal(with_units.units(1), units)
    chosen = np.array([4, 2, 2])
    clip = with_units.clip(1, chosen)
    assert clip.units.dtype == np.float32
    np.testing.assert_array_equal(clip.units, units[chosen])
    table = pq.read_table(tmp_path / "streams/a/frames.parquet")
    assert table.column_names[6:9] == ["au01", "au02", "au04"] and table.num_columns == 6 + 17
    without = load_streams(folder, "train")
    assert np.isnan(without.units(0)).all() and without.units(0).shape == (FRAMES, 17)
    assert without.fingerprint() != with_units.fingerprint()
    np.testing.assert_array_equal(without.affect(0), with_units.affect(0))


def test_action_units_that_cannot_be_are_refused(tmp_path: Path) -> None:
    given = np.full(17, 0.5, np.float32)
    for values, message in (
        ((given, None), "all frames have action units or none has"),
        ((None, given), "all frames have action units or none has"),
        ((given[:16],), "action units are 17 intensities from 0 to 1"),
        ((given + 0.6,), "action units are 17 intensities from 0 to 1"),
    ):
        with (
            pytest.raises(ValueError, match=message),
            RecordingWriter(tmp_path, "a", ("color",)) as writer,
        ):
            for k, units in enumerate(values):
                writer.append(k / 25, (0.0, 0.0), units=units)
    with pytest.raises(ValueError, match="units has 3 rows: expected 7"):
        write_recording(tmp_path, "a", **arrays(), units=np.zeros((3, 17), np.float32))
    assert not list(tmp_path.rglob("*.parquet"))


def test_missing_frames_are_marked_and_nothing_stands_for_them(tmp_path: Path) -> None:
    present = np.ones((FRAMES, 3), bool)
    present[2, 0] = present[3, 1] = present[4, 2] = present[5] = False
    write_some(tmp_path, present=present)
    data = load_streams(tmp_path, "train")
    clip = data.clip(0, np.arange(FRAMES))
    np.testing.assert_array_equal(clip.present, present)
    np.testing.assert_array_equal(data.present(0), present)
    assert (clip.color[2] == 0).all() and (clip.color[3] > 0).any()
    assert np.isnan(clip.depth_mm[3]).all() and np.isfinite(clip.depth_mm[2]).any()
    assert np.isnan(clip.thermal_c[4]).all() and np.isfinite(clip.thermal_c[3]).all()
    assert np.isnan(clip.depth_mm[5]).all() and np.isnan(clip.thermal_c[5]).all()


def test_annotations_may_lack(tmp_path: Path) -> None:
    affect = arrays()["affect"]
    affect[1] = np.nan
    affect[2, 0] = np.nan
    write_some(tmp_path, affect=affect)
    found = load_streams(tmp_path, "test").affect(0)
    np.testing.assert_array_equal(found, affect)


def test_some_streams_of_a_set_or_a_set_of_some(folder: Path, tmp_path: Path) -> None:
    data = load_streams(folder, "train", ("color", "thermal"))
    clip = data.clip(0, np.arange(3))
    assert clip.depth_mm is None and clip.thermal_c is not None
    np.testing.assert_array_equal(clip.present, [[True, False, True]] * 3)
    write_recording(tmp_path, "a", **{**arrays(), "depth": None, "thermal": None})
    with pytest.raises(ValueError, match="in this order, not"):
        finish_streams(tmp_path, "sim", 25.0, ("depth", "color"), [StreamRecording("a", "train")])
    with pytest.raises(DataError, match=r"a: has \['color'\], the set \['color', 'depth'\]"):
        finish_streams(tmp_path, "sim", 25.0, ("color", "depth"), [StreamRecording("a", "train")])


def test_a_set_of_color_alone(tmp_path: Path) -> None:
    write_recording(tmp_path, "x", **{**arrays(), "depth": None, "thermal": None})
    finish_streams(tmp_path, "sim", 12.5, ("color",), [StreamRecording("x", "valid")])
    data = load_streams(tmp_path, "valid")
    clip = data.clip(0, np.array([1]))
    assert clip.depth_mm is None and clip.thermal_c is None
    np.testing.assert_array_equal(clip.present, [[True, False, False]])
    with pytest.raises(DataError, match="has no thermal; its streams are color"):
        load_streams(tmp_path, "valid", ("color", "thermal"))


def test_fingerprints_tell_contents_apart(folder: Path, tmp_path: Path) -> None:
    same = write_some(tmp_path / "same")
    data = load_streams(folder, "train")
    assert data.fingerprint() == load_streams(same, "train").fingerprint()
    assert len(data.fingerprint()) == 16
    others = [load_streams(folder, "test"), load_streams(folder, "train", ("color",))]
    thermal = arrays()["thermal"]
    thermal[3, 50, 60] += 1
    others.append(load_streams(write_some(tmp_path / "other", thermal=thermal), "train"))
    affect = arrays()["affect"]
    others.append(load_streams(write_some(tmp_path / "third", affect=affect), "train"))
    prints = {data.fingerprint(), *(other.fingerprint() for other in others)}
    assert len(prints) == 5


def test_sets_travel_to_workers(folder: Path) -> None:
    data = pickle.loads(pickle.dumps(load_streams(folder, "train")))
    assert data.clip(1, np.array([6])).color.shape == (1, 112, 112, 3)


def test_reading_maps_and_does_not_load(tmp_path: Path) -> None:
    """A recording far larger than what a clip takes: only the clip's frames are in memory."""
    import tracemalloc

    frame = np.zeros((112, 112, 3), np.uint8)
    with RecordingWriter(tmp_path, "long", ("color",)) as writer:
        for k in range(600):  # 23 MB
            writer.append(k / 25, (0.0, 0.0), frame)
    finish_streams(tmp_path, "sim", 25.0, ("color",), [StreamRecording("long", "train")])
    data = load_streams(tmp_path, "train")
    data.clip(0, np.array([0]))  # the table of frames
    tracemalloc.start()
    try:
        clip = data.clip(0, np.arange(584, 600))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * clip.color.nbytes + 1e5


def test_frames_that_are_not_there(folder: Path) -> None:
    data = load_streams(folder, "train")
    for wrong in ([FRAMES], [-1], [[0]]):
        with pytest.raises(IndexError, match="'a' has frames 0 to 6"):
            data.clip(0, np.array(wrong))


def test_a_recording_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    frame = np.zeros((112, 112, 3), np.uint8)
    with pytest.raises(KeyError), RecordingWriter(tmp_path, "a", ("color",)) as writer:
        writer.append(0.0, (0.0, 0.0), frame)
        raise KeyError("stop")
    assert not list((tmp_path / "streams").iterdir())
    # what a killed process leaves is no recording, and is cleared at the end
    left = tmp_path / "streams" / ".a.123.partial"
    left.mkdir()
    with pytest.raises(DataError, match=r"streams/a: is not there whole"):
        finish_streams(tmp_path, "sim", 25.0, ("color",), [StreamRecording("a", "train")])
    with RecordingWriter(tmp_path, "a", ("color",)) as writer:
        writer.append(0.0, (0.0, 0.0), frame)
    finish_streams(tmp_path, "sim", 25.0, ("color",), [StreamRecording("a", "train")])
    assert not left.exists()


def test_writing_again_replaces(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_recording(tmp_path, "a", **arrays(seed, 3))
        finish_streams(tmp_path, "sim", 25.0, STREAMS, [StreamRecording("a", "train")])
    np.testing.assert_array_equal(load_streams(tmp_path, "train").affect(0), arrays(1, 3)["affect"])


def test_what_cannot_be_written(tmp_path: Path) -> None:
    good = arrays(0, 2)
    cases = [
        ({"name": "../a"}, r"'\.\./a' cannot be a file name"),
        ({"times_s": np.array([0.1, 0.1])}, "times must increase: 0.1"),
        ({"times_s": np.array([0.1, np.nan])}, "times must increase: nan"),
        ({"affect": np.full((2, 2), 1.5, np.float32)}, "from -1 to 1"),
        ({"affect": np.zeros((3, 2), np.float32)}, r"affect must be \(2, 2\)"),
        ({"color": good["color"][:, :100]}, r"a frame is uint8 \(100, 112, 3\)"),
        ({"depth": good["depth"].astype(np.int32)}, "a frame is int32"),
        ({"present": np.ones((2, 2), bool)}, r"present is \(2, 2\)"),
        ({"color": None, "depth": None, "thermal": None}, "modalities are some of"),
    ]
    for change, message in cases:
        with pytest.raises(ValueError, match=message):
            write_recording(tmp_path, **{"name": "a", **good, **change})
    assert not list(tmp_path.rglob("streams/*"))
    write_recording(tmp_path, "a", **good)
    one = StreamRecording("a", "train")
    for recordings, message in (
        ([one, one], "there twice"),
        ([StreamRecording("a", "dev")], r"not \['dev'\]"),
        ([StreamRecording("a", "train", attributes={"frames": 1.0})], r"called \['frames'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            finish_streams(tmp_path, "sim", 25.0, STREAMS, recordings)
    with pytest.raises(ValueError, match="fps must be positive"):
        finish_streams(tmp_path, "sim", float("nan"), STREAMS, [one])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def unfinished(path: Path) -> None:
    path.write_bytes(bytes(128) + path.read_bytes()[128:])


@pytest.mark.parametrize("damage", [cut, empty, unfinished, Path.unlink])
@pytest.mark.parametrize("name", ["color.npy", "thermal.npy", "frames.parquet"])
def test_damaged_files_are_named(tmp_path: Path, damage, name: str) -> None:
    path = write_some(tmp_path) / "streams" / "a" / name
    damage(path)
    with pytest.raises(DataError, match=name) as caught:
        load_streams(tmp_path, "train").clip(0, np.array([6]))
    assert str(path) in str(caught.value) and "again" in str(caught.value)


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    place = write_some(tmp_path) / "streams" / "a"
    np.save(place / "depth.npy", np.zeros((FRAMES, 112, 112), np.float32))
    with pytest.raises(DataError, match=r"depth.npy: holds float32 .* expected uint16"):
        load_streams(tmp_path, "train").clip(0, np.array([0]))
    np.save(place / "depth.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"depth.npy: cannot be read"):
        load_streams(tmp_path, "train").clip(0, np.array([0]))
    table = pq.read_table(place / "frames.parquet")
    write_whole(place / "frames.parquet", table.slice(0, 3))
    with pytest.raises(DataError, match=r"frames.parquet: has 3 rows .* expected 7"):
        load_streams(tmp_path, "train").times_s(0)


def test_documents_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no dataset\.json"):
        load_streams(tmp_path, "train")
    write_some(tmp_path)
    with pytest.raises(DataError, match="no recording is in the split 'valid'"):
        load_streams(tmp_path, "valid")
    document = json.loads((tmp_path / "dataset.json").read_text())
    for change, message in (
        ({"format": "mien frame clips"}, "holds 'mien frame clips' version 1; expected"),
        ({"version": 2}, "version 2; expected"),
    ):
        (tmp_path / "dataset.json").write_text(json.dumps({**document, **change}))
        with pytest.raises(DataError, match=message):
            load_streams(tmp_path, "train")
    for text in ("{", "[]", "7"):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(DataError, match="cannot be read as that of aligned streams"):
            load_streams(tmp_path, "train")


def test_units_come_back() -> None:
    depth = np.array([512.3, np.nan, 6553.5, 6554.0, 0.0, -3.0])
    assert to_tenths_of_mm(depth).tolist() == [5123, 0, 65535, 0, 0, 0]
    thermal = np.array([36.54, -300.0, np.inf])
    assert to_hundredths_of_kelvin(thermal).tolist() == [30969, 0, 0]
