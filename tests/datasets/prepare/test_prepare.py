"""From a corpus of videos to a prepared set: what is kept, resumed, refused and reported."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("onnx")

from corpus_replicas import calm_frames, write_abaw, write_affectnet, write_crema
from face_doubles import MadeReader, MeanReactions, double_analyzer, make_face
from mien.data.formats.annotations import write_annotations
from mien.data.formats.features import features_path, read_features
from mien.data.formats.prepared_videos import load_prepared, read_document
from mien.data.prepare.job import NO_FACE, write_once
from mien.data.prepare.videos import extract_features, open_analyzer, prepare_videos
from mien.data.registry import READERS, corpora, load_corpus
from mien.datasets import Clip, VideoCorpus, load_affectnet
from mien.demo import write_demo_clip
from mien.errors import ConfigError, ModelError, OutputError
from mien.pipeline.analyzer import Analysis, Analyzer
from mien.video import VideoWriter, write_video
from tiny_models import AFFECT_METADATA, tiny_affect

OUTPUTS = ("joy", "calm")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_affect(tmp_path_factory.mktemp("models") / "tiny.onnx")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of 64 x 48: 20, 12 and 8 frames."""
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
                name, folder / f"{name}.mp4", splits.get(name, "test"), f"p{name}",
                np.array([0.5, np.nan], np.float32),
            )
            for name in names
        ),
        ("a note",),
    )  # fmt: skip


def face_always(_: int) -> list:
    return [make_face(4, 4), make_face(30, 10, 20)]


def doubled(script: Callable[[int], list] = face_always) -> Analyzer:
    analyzer = double_analyzer(script, faces="largest")
    analyzer.options = dataclasses.replace(analyzer.options, reactions=False)
    analyzer.reactions = None
    return analyzer


def forbidden() -> Analyzer:
    class Nothing:
        def open(self, path: Path) -> None:
            raise AssertionError(f"{path} was read again")

    return Nothing()  # type: ignore[return-value]


def test_a_prepared_set(clips: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    told: list[int] = []
    document = prepare_videos(corpus_of(clips), out, model, 1, told.append, doubled)
    assert sum(told) == 3
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert document.stage1 == {"name": "tiny", "version": "1", "sha256": digest}
    assert document.counts == {
        "videos": 3, "train": 2, "valid": 1, "test": 0, "people": 3, "prepared": 3, "frames": 40,
    }  # fmt: skip
    assert document.failed == ()
    assert read_document(out).stage1 == document.stage1
    extra = json.loads((out / "dataset.json").read_text())
    assert extra["notes"] == ["a note"]
    assert (extra["settings"]["faces"], extra["settings"]["steady"]) == ("largest", True)
    train = load_prepared(out, "train", 25)
    assert train.ids == ("a", "b") and train.lengths.tolist() == [20, 12]
    assert np.isnan(train.labels[:, 1]).all()
    features = read_features(features_path(out, "a"))
    np.testing.assert_allclose(features.timestamp_s, np.arange(20) / 25, atol=1e-4)
    assert {path.name for path in out.iterdir()} == {
        "dataset.json", "labels.parquet", "features", ".prepare.json",
    }  # fmt: skip


def test_only_the_largest_face_counts_and_frames_without_one_are_left_out(clips: Path) -> None:
    seen = extract_features(
        doubled(lambda call: face_always(call) if call % 2 else []), clips / "a.mp4"
    )
    assert len(seen.timestamp_s) == 10
    np.testing.assert_allclose(np.diff(seen.timestamp_s), 2 / 25, atol=1e-4)
    assert seen.affect.shape == (10, 26) and seen.affect.dtype == np.float32
    assert (seen.max_gap_s, seen.joined) == (0.25, ())


@pytest.mark.parametrize("fps", [25, 3, 29.97])
@pytest.mark.parametrize("lost", [set(), {3, 4}, set(range(4, 13))])
def test_training_sees_what_an_analysis_would_hand_to_stage_2(
    fps: float, lost: set[int], model: Path, tmp_path: Path
) -> None:
    write_video(tmp_path / "v.mp4", calm_frames(20), fps=fps)
    seen: list[np.ndarray] = []

    class Watching(MeanReactions):
        def predict(self, affect: np.ndarray) -> np.ndarray:
            seen.append(affect)
            return super().predict(affect)

    def script(call: int) -> list:
        return [] if call in lost else [make_face(4, 4)]

    analyzer = double_analyzer(
        script, reactions=Watching(fps=10.0), faces="largest", max_lost_s=60, min_reaction_s=0.1
    )
    with analyzer.open(tmp_path / "v.mp4") as analysis:
        for _ in analysis.rows():
            pass
    clip = Clip("v", tmp_path / "v.mp4", "train", None, np.zeros(2, np.float32))
    corpus = VideoCorpus("sim", OUTPUTS, (clip,))
    prepare_videos(corpus, tmp_path / "set", model, 1, None, partial(doubled, script))
    found = load_prepared(tmp_path / "set", "train", 10.0).sequence(0)
    assert len(seen) == 1
    np.testing.assert_array_equal(found, seen[0])


def test_slow_frames_are_joined(clips: Path, tmp_path: Path) -> None:
    times_s = [0, 0.04, 0.08, 0.12, 0.16, 1.5, 1.54]
    with VideoWriter(tmp_path / "v.mp4", fps=25) as writer:
        for frame, time_s in zip(calm_frames(len(times_s)), times_s, strict=True):
            writer.write(frame, time_s)
    assert extract_features(doubled(), tmp_path / "v.mp4").joined == (5,)


def test_a_stopped_run_goes_on(clips: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    prepare_videos(corpus_of(clips, "ab"), out, model, 1, None, doubled)
    before = features_path(out, "a").stat().st_mtime_ns
    features_path(out, "b").unlink()  # as if the run had ended before
    (out / "dataset.json").unlink()
    features_path(out, "b").with_name(".b.parquet.1.partial").write_bytes(b"half")
    told: list[int] = []
    document = prepare_videos(corpus_of(clips), out, model, 1, told.append, doubled)
    assert told == [1, 1, 1]  # one was there
    assert features_path(out, "a").stat().st_mtime_ns == before
    assert document.counts["prepared"] == 3
    assert not list(out.rglob("*.partial"))
    prepare_videos(corpus_of(clips), out, model, 1, None, forbidden)  # nothing is left to do
    data = features_path(out, "c").read_bytes()
    features_path(out, "c").write_bytes(data[:100])
    prepare_videos(corpus_of(clips), out, model, 1, None, doubled)
    assert features_path(out, "c").read_bytes() == data


def test_a_kill_in_the_middle_of_a_video_leaves_no_half_of_it(
    clips: Path, model: Path, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def script(call: int) -> list:
        if call == 25:  # in the second video
            raise Killed
        return face_always(call)

    out = tmp_path / "set"
    with pytest.raises(Killed):
        prepare_videos(corpus_of(clips), out, model, 1, None, partial(doubled, script))
    assert sorted(p.name for p in out.rglob("*.parquet")) == ["a.parquet"]
    assert not (out / "dataset.json").exists()
    assert prepare_videos(corpus_of(clips), out, model, 1, None, doubled).counts["prepared"] == 3


def test_videos_that_cannot_be_read_are_listed(clips: Path, model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    data = (clips / "a.mp4").read_bytes()
    (source / "a.mp4").write_bytes(data)
    (source / "b.mp4").write_bytes(data[: len(data) // 2])
    (source / "p.mp4").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    out = tmp_path / "set"
    document = prepare_videos(corpus_of(source, "abcp"), out, model, 1, None, doubled)
    reasons = dict(document.failed)
    assert set(reasons) == {"b", "c", "p"}
    assert reasons["b"].startswith("it is cut short")
    assert reasons["c"].startswith("there is no such file")
    assert reasons["p"].startswith("is a Git LFS pointer, not the video; run `git lfs pull`")
    assert not any("\n" in reason or str(source) in reason for reason in reasons.values())
    assert document.counts["prepared"] == 1
    assert load_prepared(out, "train", 25).ids == ("a",)
    (source / "c.mp4").write_bytes((clips / "c.mp4").read_bytes())  # mended
    document = prepare_videos(corpus_of(source, "abcp"), out, model, 1, None, doubled)
    assert [name for name, _ in document.failed] == ["b", "p"]


def write_flash(path: Path, count: int = 15) -> Path:
    """Sorenson H.263 in an flv file, as Flash videos of 2010 are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flv", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in calm_frames(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_flash_videos_are_read(tmp_path: Path) -> None:
    features = extract_features(doubled(), write_flash(tmp_path / "a.flv"))
    np.testing.assert_allclose(features.timestamp_s, np.arange(15) / 30, atol=1e-3)


def test_warnings_are_kept(clips: Path, model: Path, tmp_path: Path) -> None:
    def complaining() -> Analyzer:
        analyzer = doubled()

        def open_damaged(path: Path) -> Analysis:
            frames = calm_frames(5)
            reader = MadeReader([k / 25 for k in range(5)], frames.__getitem__)
            reader.warnings = [] if path.stem == "a" else ["1 of 5 frames were damaged"]
            return Analysis(analyzer, reader, str(path))  # type: ignore[arg-type]

        analyzer.open = open_damaged  # type: ignore[method-assign, assignment]
        return analyzer

    out = tmp_path / "set"
    document = prepare_videos(corpus_of(clips), out, model, 1, None, complaining)
    warnings = [{"id": name, "warning": "1 of 5 frames were damaged"} for name in "bc"]
    assert document.extra["warnings"] == warnings
    assert json.loads((out / "dataset.json").read_text())["warnings"] == warnings
    assert document.failed == ()
    again = prepare_videos(corpus_of(clips), out, model, 1, None, forbidden)
    assert again.extra["warnings"] == warnings


def test_a_video_without_a_face_is_listed(clips: Path, model: Path, tmp_path: Path) -> None:
    factory = partial(doubled, lambda call: [])
    document = prepare_videos(corpus_of(clips, "c"), tmp_path / "set", model, 1, None, factory)
    assert document.failed == (("c", NO_FACE),)
    again = prepare_videos(corpus_of(clips, "c"), tmp_path / "set", model, 1, None, forbidden)
    assert again.failed == document.failed  # it is known, not tried again


def test_folders_of_others_are_left_alone(clips: Path, model: Path, tmp_path: Path) -> None:
    corpus = corpus_of(clips, "c")
    other = tiny_affect(tmp_path / "other.onnx", AFFECT_METADATA | {"version": "2"})
    out = tmp_path / "set"
    prepare_videos(corpus, out, model, 1, None, doubled)
    with pytest.raises(OutputError, match=r"set: was begun with another stage1 .*'version': '2'"):
        prepare_videos(corpus, out, other, 1, None, doubled)
    renamed = dataclasses.replace(corpus, name="hume-reaction", outputs=("x", "y"))
    with pytest.raises(OutputError, match=r"another corpus and outputs \(crema-d, now hume-react"):
        prepare_videos(renamed, out, model, 1, None, doubled)
    with pytest.raises(OutputError, match="holds something else than this corpus prepared"):
        prepare_videos(corpus, tmp_path, model, 1, None, doubled)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"file: cannot be written to \("):
        prepare_videos(corpus, tmp_path / "file", model, 1, None, doubled)
    (out / ".prepare.json").write_text("{")
    with pytest.raises(OutputError, match=r"\.prepare\.json: is damaged; choose another folder"):
        prepare_videos(corpus, out, model, 1, None, doubled)
    with pytest.raises(ModelError, match="no such model file"):
        prepare_videos(corpus, tmp_path / "new", tmp_path / "none.onnx", 1, None, doubled)
    assert not (tmp_path / "new").exists()


def test_several_processes_give_the_same(model: Path, tmp_path: Path) -> None:
    """With the real detector: what the workers make is what this process makes."""
    source = tmp_path / "in"
    source.mkdir()
    clip = write_demo_clip(source / "a.mp4", 0.4)
    for name in "bc":
        (source / f"{name}.mp4").write_bytes(clip.read_bytes())
    (source / "c.mp4").write_bytes(b"no video")
    outs = {jobs: tmp_path / f"set{jobs}" for jobs in (1, 2)}
    documents = [prepare_videos(corpus_of(source), out, model, k) for k, out in outs.items()]
    assert documents[0] == documents[1]
    assert [name for name, _ in documents[0].failed] == ["c"]
    assert documents[0].counts["frames"] == 20
    one, two = (load_prepared(out, "train", 25) for out in outs.values())
    assert one.fingerprint() == two.fingerprint()
    analyzer = open_analyzer(model)
    options = analyzer.options
    assert (options.faces, options.reactions, options.threads) == ("largest", False, 1)


def test_annotations_are_prepared(tmp_path: Path) -> None:
    corpus = load_affectnet(write_affectnet(tmp_path / "net"))
    out = tmp_path / "out"

    def prepare(folder: Path) -> dict[str, object]:
        return write_once(folder, corpus.name, lambda: write_annotations(corpus, folder))

    document = prepare(out)
    assert document["corpus"] == "affectnet"
    assert prepare(out) == document  # again
    with pytest.raises(OutputError, match="holds something else"):
        prepare(tmp_path)


def test_every_corpus_has_its_loader(tmp_path: Path) -> None:
    assert all(info.load is not None for info in corpora().values())
    assert READERS.names() == ["faces", "ferplus", "images", "sfhq", "synthetic"]
    assert load_corpus("crema-d", write_crema(tmp_path / "c")).name == "crema-d"
    assert load_corpus("hume-reaction", write_abaw(tmp_path / "h")).name == "hume-reaction"
    assert load_corpus("affectnet", write_affectnet(tmp_path / "n")).name == "affectnet"
    with pytest.raises(ConfigError, match="muxspace needs no preparation: mien train extractor"):
        load_corpus("muxspace", tmp_path)
