"""Face crops of a corpus: positions, resuming, and what is left out and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from corpus_replicas import calm_frames
from face_doubles import ScriptedDetector, make_face
from mien.data.formats.face_crops import (
    count_crops,
    crops_path,
    load_frame_clips,
    write_crops,
)
from mien.data.prepare.crops import cut_clip, cut_corpus
from mien.data.prepare.job import NO_FACE
from mien.datasets import Clip, VideoCorpus
from mien.demo import write_demo_clip
from mien.errors import ConfigError, DataError, OutputError
from mien.pipeline.resample import resample_track
from mien.video import VideoWriter, write_video

OUTPUTS = ("joy", "calm")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of 64 x 48 at 25 fps: 20, 12 and 8 frames."""
    folder = tmp_path_factory.mktemp("clips")
    for name, count in (("a", 20), ("b", 12), ("c", 8)):
        write_video(folder / f"{name}.mp4", calm_frames(count, seed=count), fps=25)
    return folder


def corpus_of(folder: Path, names: str = "abc") -> VideoCorpus:
    splits = {"a": "train", "b": "train", "c": "valid"}
    return VideoCorpus(
        "crema-d",
        OUTPUTS,
        tuple(
            Clip(
                name, folder / f"{name}.mp4", splits.get(name, "test"), None,
                np.array([0.5, np.nan], np.float32),
            )
            for name in names
        ),
        ("a note",),
    )  # fmt: skip


def detector(script: Callable[[int], list] = lambda _: [make_face(4, 4)]) -> ScriptedDetector:
    return ScriptedDetector(script)


def forbidden() -> ScriptedDetector:
    def refuse(_: int) -> list:
        raise AssertionError("a finished clip was cut again")

    return ScriptedDetector(refuse)


def test_a_folder_of_clips(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut"
    told: list[int] = []
    cut = cut_corpus(corpus_of(clips), out, 25, jobs=1, progress=told.append, factory=detector)
    assert sum(told) == 3
    assert cut.failed == ()
    assert cut.counts == {"videos": 3, "cut": 3, "crops": 40, "train": 2, "valid": 1}
    train = load_frame_clips(out, "train")
    assert (train.ids, train.outputs, train.fps) == (("a", "b"), OUTPUTS, 25.0)
    assert train.labels[:, 0].tolist() == [0.5, 0.5] and np.isnan(train.labels[:, 1]).all()
    assert [len(train.crops(k)) for k in (0, 1)] == [20, 12]
    document = json.loads((out / "dataset.json").read_text())
    assert (document["counts"], document["notes"]) == (cut.counts, ["a note"])
    assert {path.name for path in out.iterdir()} == {
        "dataset.json", "labels.parquet", "crops", ".prepare.json",
    }  # fmt: skip


@pytest.mark.parametrize("fps", [10.0, 25.0, 29.97, 60.0])
@pytest.mark.parametrize("lost", [set(), {3, 4}, set(range(4, 14))])
def test_positions_are_those_of_an_analysis_and_crops_the_nearest(
    fps: float, lost: set[int], tmp_path: Path
) -> None:
    """Each frame is a little brighter than the last, so that a crop tells which frame it is."""
    times_s = np.cumsum([0, *([0.04, 0.03, 0.05] * 7)])
    bright = [np.full((48, 64, 3), 10 * k, np.uint8) for k in range(len(times_s))]
    with VideoWriter(tmp_path / "v.mkv", codec="ffv1", fps=25) as writer:
        for image, time_s in zip(bright, times_s, strict=True):
            writer.write(image, float(time_s))
    crops = cut_clip(
        tmp_path / "v.mkv", detector(lambda k: [] if k in lost else [make_face(4, 4)]), fps
    )
    seen = np.array([k for k in range(len(times_s)) if k not in lost])
    joined = np.diff(seen, prepend=-2) == 1
    seen_s = times_s[seen]
    grid_s = resample_track(seen_s, seen_s[:, None].astype(np.float32), fps, 0.25, joined)
    assert len(crops) == len(grid_s)
    frame = np.round(crops.reshape(len(crops), -1).mean(axis=1) / 10).astype(int)
    assert not set(frame.tolist()) & lost
    apart = np.abs(times_s[frame] - grid_s[:, 0])
    nearest = np.abs(seen_s[None, :] - grid_s).min(axis=1)
    np.testing.assert_allclose(apart, nearest, atol=2e-3)  # Matroska's milliseconds


def test_a_stopped_run_goes_on(clips: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def script(call: int) -> list:
        if call == 25:  # in the second video
            raise Killed
        return [make_face(4, 4)]

    out = tmp_path / "cut"
    with pytest.raises(Killed):
        cut_corpus(corpus_of(clips), out, jobs=1, factory=partial(detector, script))
    assert [p.name for p in (out / "crops").iterdir()] == ["a.npz"]
    assert not (out / "dataset.json").exists()
    before = crops_path(out, "a").stat().st_mtime_ns
    (out / "crops" / ".b.npz.1.partial").write_bytes(b"half")  # what a kill leaves
    told: list[int] = []
    cut = cut_corpus(corpus_of(clips), out, jobs=1, progress=told.append, factory=detector)
    assert told == [1, 1, 1]  # one was there
    assert cut.counts["cut"] == 3
    assert crops_path(out, "a").stat().st_mtime_ns == before
    assert not list(out.rglob("*.partial"))
    assert cut_corpus(corpus_of(clips), out, jobs=1, factory=forbidden) == cut
    whole = crops_path(out, "c").read_bytes()
    crops_path(out, "c").write_bytes(whole[:1000])
    assert cut_corpus(corpus_of(clips), out, jobs=1, factory=detector) == cut
    assert crops_path(out, "c").read_bytes() == whole


def test_what_cannot_be_cut_is_listed_and_tried_again(clips: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in "ab":
        (source / f"{name}.mp4").write_bytes((clips / f"{name}.mp4").read_bytes())
    out = tmp_path / "cut"
    first = cut_corpus(
        corpus_of(source), out, 25, most=12, jobs=1,
        factory=partial(detector, lambda call: [make_face(4, 4)] if call < 13 else []),
    )  # fmt: skip
    reasons = dict(first.failed)
    assert set(reasons) == set("abc")
    assert reasons["a"] == "has a face at more than the 12 positions of one window, at 25 fps"
    assert reasons["b"] == NO_FACE
    assert reasons["c"].startswith("there is no such file")
    with pytest.raises(DataError, match="has no clips of the split 'train'"):
        load_frame_clips(out, "train")
    (source / "c.mp4").write_bytes((clips / "c.mp4").read_bytes())  # mended
    cut = cut_corpus(corpus_of(source), out, 25, most=12, jobs=1, factory=detector)
    assert [name for name, _ in cut.failed] == ["a"]
    assert load_frame_clips(out, "valid").ids == ("c",)
    said = json.loads((out / "dataset.json").read_text())["failed"]
    assert said == [{"id": "a", "reason": reasons["a"]}]


def test_folders_of_others_are_left_alone(clips: Path, tmp_path: Path) -> None:
    corpus, out = corpus_of(clips, "c"), tmp_path / "cut"
    cut_corpus(corpus, out, 25, jobs=1, factory=detector)
    with pytest.raises(OutputError, match=r"cut: was begun with another fps \(25.0, now 30.0\)"):
        cut_corpus(corpus, out, 30, jobs=1, factory=detector)
    with pytest.raises(OutputError, match="holds something else than this corpus prepared"):
        cut_corpus(corpus, tmp_path, 25, jobs=1, factory=detector)
    for fps, most in ((0, 480), (float("nan"), 480), (25, 0)):
        with pytest.raises(ConfigError, match="--fps and --most must be positive"):
            cut_corpus(corpus, tmp_path / "x", fps, most)


def test_a_prepared_set_is_no_folder_of_crops(clips: Path, tmp_path: Path) -> None:
    """Nor the other way round: both note what they are for."""
    (tmp_path / ".prepare.json").write_text(json.dumps({"corpus": "crema-d", "stage1": {}}))
    with pytest.raises(OutputError, match="was begun with another outputs and format and fps"):
        cut_corpus(corpus_of(clips), tmp_path, 25, jobs=1, factory=detector)


def test_headers_tell_how_many(tmp_path: Path) -> None:
    write_crops(tmp_path / "a.npz", np.zeros((7, 112, 112, 3), np.uint8))
    assert count_crops(tmp_path / "a.npz") == 7
    assert count_crops(tmp_path / "b.npz") is None
    np.savez(tmp_path / "b.npz", other=np.zeros(3))
    assert count_crops(tmp_path / "b.npz") is None


def test_several_processes_give_the_same(tmp_path: Path) -> None:
    """With the real detector: what the workers make is what this process makes."""
    source = tmp_path / "in"
    source.mkdir()
    clip = write_demo_clip(source / "a.mp4", 0.3)
    (source / "b.mp4").write_bytes(clip.read_bytes())
    cuts = [cut_corpus(corpus_of(source), tmp_path / f"cut{k}", 25, jobs=k) for k in (1, 2)]
    assert cuts[0] == cuts[1] and [name for name, _ in cuts[0].failed] == ["c"]
    one, two = (load_frame_clips(tmp_path / f"cut{k}", "train") for k in (1, 2))
    np.testing.assert_array_equal(one.crops(1), two.crops(1))
