"""MRAN in the pipeline: every frame gets its value, gaps are not bridged, rows stay in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus_replicas import calm_frames
from face_doubles import MadeReader, MeanReactions, double_analyzer, make_face
from mien.errors import DataError, InputError, ModelError
from mien.pipeline.analyzer import Analysis, Analyzer
from mien.pipeline.companions import GuidanceFiles
from mien.pipeline.mran.track import MranTrack
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import FrameRow
from mien.runtime.clip_stream import ClipEstimate
from mien.runtime.mran import MranFrame
from mien.video import VideoWriter, write_video


class MeanMran:
    """Valence is the mean of the color crop / 255, arousal that of depth in metres."""

    modalities = ("color", "depth", "thermal")

    def __init__(self, clip_frames: int = 16, fps: float = 25.0) -> None:
        self.clip_frames, self.fps = clip_frames, fps
        self.metadata = {"name": "mean", "caveat": "a stand-in"}
        self.clips: list[list[MranFrame]] = []

    def predict(self, clip: Sequence[MranFrame]) -> ClipEstimate:
        assert 1 <= len(clip) <= self.clip_frames
        self.clips.append(list(clip))
        valence = [f.color.mean() / 255 for f in clip]
        arousal = [0 if f.depth_mm is None else np.nanmean(f.depth_mm) / 1000 for f in clip]
        maps = np.full((len(clip), 2, 2), 0.25, np.float32)
        maps[:, 0, 0] += np.array(valence) / 8
        maps[:, 1, 1] -= np.array(valence) / 8
        return ClipEstimate(np.array([valence, arousal], np.float32).T, maps.astype(np.float32))

    def describe(self) -> dict:
        return {"role": "mran", "name": "mean", "caveat": "a stand-in"}


def analyzer_with(script, model: MeanMran | None = None, **settings) -> Analyzer:
    analyzer = double_analyzer(script, reactions=MeanReactions(), mran=True, **settings)
    analyzer.mran = model or MeanMran()  # type: ignore[assignment]
    return analyzer


def rows_of(analysis: Analysis) -> list[FrameRow]:
    return [row for batch in analysis.rows() for row in batch]


def grey(k: int) -> np.ndarray:
    return np.full((48, 64, 3), 2 * k % 200, np.uint8)


def always(_: int) -> list:
    return [make_face(4, 4)]


def test_every_frame_has_the_value_of_its_time(tmp_path: Path) -> None:
    analyzer = analyzer_with(always, steady=False)
    analysis = Analysis(analyzer, MadeReader([k / 25 for k in range(90)], grey), "made")  # type: ignore[arg-type]
    rows = rows_of(analysis)
    assert [row.frame for row in rows] == list(range(90))
    values = np.stack([row.mran for row in rows])
    np.testing.assert_allclose(values[:, 0], np.arange(90) * 2 / 255, atol=1e-6)
    assert (values[:, 1] == 0).all() and values.dtype == np.float32
    assert all(row.attention is None for row in rows)
    summary = analysis.summary()
    said = summary.document["mran"]
    assert said["streams"] == ["color"] and said["missing_streams"] == ["depth", "thermal"]
    face = summary.document["faces"][0]["mran"]
    assert face["frames"] == 90 and face["peak"]["valence"]["time_s"] == 3.56
    assert face["mean"]["valence"] == pytest.approx(89 / 255, abs=1e-5)
    curve = summary.faces[0].mran.timeline
    np.testing.assert_array_equal(curve.time_s, summary.faces[0].timeline.time_s)
    assert summary.document["models"][-1]["role"] == "mran"
    view = summary.faces[0].mran.view  # the last of the frames whose crops are held, the brightest
    assert view is not None and view.time_s == pytest.approx(89 / 25)
    assert view.affect[0] == pytest.approx(2 * 89 / 255) and (view.color == 2 * 89).all()
    assert view.depth_mm is None and view.attention.shape == (2, 2)
    assert view.attention[0, 0] == pytest.approx(0.25 + view.affect[0] / 8, abs=1e-6)


@pytest.mark.parametrize("fps", [10.0, 29.97, 60.0])
def test_rates_are_those_of_the_model_and_values_those_of_the_frames(fps: float) -> None:
    """Brightness grows evenly in time, and so does valence, whatever the rate."""
    model = MeanMran()
    times_s = np.arange(60) / fps
    track = MranTrack(model, 0.25)
    found = []
    for k, time_s in enumerate(times_s):
        color = np.full((112, 112, 3), round(100 * time_s / 6), np.uint8)
        found += track.push(k, float(time_s), MranFrame(color))
    found += track.finish()
    assert [frame for frame, _ in found] == list(range(60))
    steps = [f.color.mean() for f in model.clips[0]]
    assert len(steps) == 16
    np.testing.assert_allclose(steps, np.round(100 * np.arange(16) / 25 / 6), atol=2)
    got = np.array([estimate.affect[0] for _, estimate in found]) * 255
    assert np.abs(got - 100 * times_s / 6).max() < 2
    sums = [float(estimate.attention.sum()) for _, estimate in found]
    np.testing.assert_allclose(sums, 1, atol=1e-6)


def test_a_lost_face_is_not_bridged_and_a_slow_video_has_no_gaps() -> None:
    model = MeanMran(clip_frames=4, fps=10.0)
    track = MranTrack(model, 0.25)

    def crop(value: int) -> MranFrame:
        return MranFrame(np.full((112, 112, 3), value, np.uint8))

    for k in range(3):
        assert track.push(k, k / 10, crop(0)) == []
    assert track.miss(0.3) == []  # not lost yet
    found = track.miss(0.6)
    assert [frame for frame, _ in found] == [0, 1, 2]
    assert track.miss(0.9) == []
    track.push(20, 2.0, crop(200))
    assert [(f, round(float(e.affect[0]) * 255)) for f, e in track.finish()] == [(20, 200)]
    assert [len(clip) for clip in model.clips] == [3, 1]
    # Frames that follow each other are not apart, and a step back in time is a new stretch.
    track.push(30, 5.0, crop(0))
    found = track.push(31, 6.0, crop(100))
    assert [len(clip) for clip in model.clips[2:]] == [4] * 4
    found += track.push(32, 3.0, crop(50))
    assert [frame for frame, _ in found] == [30, 31]
    assert [frame for frame, _ in track.finish()] == [32]


def test_faces_come_and_go(tmp_path: Path) -> None:
    """Two faces, one of which is away for a while; nobody is in sight in between."""

    def script(call: int) -> list:
        if 40 <= call < 60:
            return []
        faces = [make_face(2, 4, 20)]
        return faces if 10 <= call < 25 else [*faces, make_face(40, 4, 20)]

    analyzer = analyzer_with(script, attention=True, steady=False)
    analysis = Analysis(analyzer, MadeReader([k / 25 for k in range(80)], grey), "made")  # type: ignore[arg-type]
    held = 0
    rows: list[FrameRow] = []
    for batch in analysis.rows():
        rows += batch
        assert analysis._mran is not None
        held = max(held, len(analysis._mran._held))
    assert held < 2 * (16 + 8 + 64)
    keys = [(row.frame, -1 if row.face_id is None else row.face_id) for row in rows]
    assert keys == sorted(keys) and {frame for frame, _ in keys} == set(range(80))
    for row in rows:
        assert (row.mran is None) == (row.face_id is None)
        if row.mran is not None and row.attention is not None:
            assert row.mran[0] == pytest.approx(2 * row.frame % 200 / 255, abs=2e-3)
            assert row.attention.crop_to_frame.shape == (2, 3)
    assert [f["mran"]["frames"] for f in analysis.summary().document["faces"]] == [60, 45]


def guides(folder: Path, count: int, fps: float = 25.0, shape: tuple[int, int] = (48, 64)) -> Path:
    path = folder / "depth.mkv"
    with VideoWriter(path, codec="ffv1-gray16", fps=fps) as writer:
        for k in range(count):
            writer.write(np.full(shape, 500 + k, np.uint16), k / fps)
    return path


def open_guided(folder: Path, depth: Path, **more: Path) -> tuple[Analysis, MeanMran]:
    write_video(folder / "v.mp4", calm_frames(30), fps=25)
    model = MeanMran()
    analyzer = analyzer_with(lambda _: [make_face(10, 4, 30)], model, steady=False)
    return analyzer.open(folder / "v.mp4", GuidanceFiles(depth, **more)), model


@pytest.mark.parametrize("shape", [(48, 64), (24, 32)])
def test_depth_goes_along(shape: tuple[int, int], tmp_path: Path) -> None:
    analysis, model = open_guided(tmp_path, guides(tmp_path, 30, shape=shape))
    with analysis:
        rows = rows_of(analysis)
        arousal = [row.mran[1] for row in rows]
        np.testing.assert_allclose(arousal, 0.5 + np.arange(30) / 1000, atol=1e-5)
        crop = model.clips[0][3].depth_mm
        assert crop is not None and np.nanmean(crop) == pytest.approx(503, abs=1e-3)
        document = analysis.summary().document
    assert document["mran"]["streams"] == ["color", "depth"]
    assert document["mran"]["files"]["depth"]["matched_frames"] == 30
    assert document["warnings"] == []


def test_depth_of_another_shape_needs_a_homography(tmp_path: Path) -> None:
    analysis, _ = open_guided(tmp_path, guides(tmp_path, 30, shape=(48, 48)))
    message = r"is 48 x 48 pixels, the color video 64 x 48, which is another shape"
    with analysis, pytest.raises(InputError, match=message):
        rows_of(analysis)
    told = {"homography": [[1, 0, 8], [0, 1, 0], [0, 0, 1]]}
    (tmp_path / "streams.json").write_text(json.dumps({"depth": told}))
    again, model = open_guided(
        tmp_path, tmp_path / "depth.mkv", calibration=tmp_path / "streams.json"
    )
    with again:
        rows_of(again)
    assert np.isfinite(model.clips[0][0].depth_mm).any()


def test_a_calibration_is_followed(tmp_path: Path) -> None:
    """Depth in tenths of a millimetre, half a second late, of the upper left quarter alone."""
    path = tmp_path / "depth.mkv"
    with VideoWriter(path, codec="ffv1-gray16", fps=25) as writer:
        for k in range(30):
            picture = np.full((48, 64), 9000, np.uint16)
            picture[:, 40:] = 5000
            writer.write(picture, 0.5 + k / 25)
    told = {"scale": 0.1, "offset": 0.0, "time_offset_s": -0.5}
    told["homography"] = [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]]
    (tmp_path / "streams.json").write_text(json.dumps({"depth": told}))
    analysis, model = open_guided(tmp_path, path, calibration=tmp_path / "streams.json")
    with analysis:
        rows_of(analysis)
        crop = model.clips[0][0].depth_mm
    assert crop is not None
    # The face spans 10 to 40 px of color; depth ends at 32 px and steps at 20 px.
    row = crop[40]
    assert row[:34] == pytest.approx(900) and row[42:76] == pytest.approx(500)
    assert np.isnan(row[86:]).all() and np.isnan(crop[84:]).all()


def test_frames_without_a_counterpart_are_missing_and_said(tmp_path: Path) -> None:
    analysis, model = open_guided(tmp_path, guides(tmp_path, 6, 12.5))
    with analysis:
        rows_of(analysis)
        there = [frame.depth_mm is not None for frame in model.clips[0]]
        assert there[:6] == [True, False] * 3
        assert not any(f.depth_mm is not None for f in model.clips[-1][-10:])
        assert analysis.summary().document["warnings"] == [
            "24 of 30 frames have no depth frame near in time (depth.mkv holds 6); they count as "
            "missing"
        ]


def test_a_longer_stream_is_said(tmp_path: Path) -> None:
    analysis, _ = open_guided(tmp_path, guides(tmp_path, 40))
    with analysis:
        rows_of(analysis)
        (said,) = analysis.summary().document["warnings"]
    assert said.startswith("depth.mkv holds 40 frames, the video 30; what has no counterpart")


def test_streams_that_do_not_fit_are_one_line(tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    with VideoWriter(late, codec="ffv1-gray16", fps=25) as writer:
        for k in range(5):
            writer.write(np.full((48, 64), 500, np.uint16), 60 + k / 25)
    analysis, _ = open_guided(tmp_path, late)
    with analysis, pytest.raises(InputError, match=r"late\.mkv: none of its 5 frames is at the "):
        rows_of(analysis)
    whole = guides(tmp_path, 30).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.mkv: (it is cut short|this is not a video)"):
        analysis, _ = open_guided(tmp_path, tmp_path / "cut.mkv")
        with analysis:
            rows_of(analysis)
    analysis, _ = open_guided(tmp_path, tmp_path / "v.mp4")
    with analysis, pytest.raises(DataError, match=r"v\.mp4: its pictures have 8 bits; say in "):
        rows_of(analysis)
    with pytest.raises(InputError, match=r"c\.mkv: its pictures are bgr0; expected grey ones"):
        write_video(tmp_path / "c.mkv", calm_frames(3), fps=25, codec="ffv1")
        open_guided(tmp_path, tmp_path / "c.mkv")
    with pytest.raises(InputError, match=r"none\.json: there is no such file"):
        open_guided(tmp_path, guides(tmp_path, 30), calibration=tmp_path / "none.json")
    with pytest.raises(InputError, match="there is no such file"):
        open_guided(tmp_path, tmp_path / "none.mkv")


def test_a_model_of_depth_alone_says_nothing_where_there_is_no_depth(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", calm_frames(30), fps=25)
    model = MeanMran()
    model.modalities = ("depth",)  # type: ignore[assignment]
    analyzer = analyzer_with(lambda _: [make_face(10, 4, 30)], model, steady=False)
    with pytest.raises(ModelError, match="'mean' reads depth only; give --depth"):
        analyzer.open(tmp_path / "v.mp4")
    with analyzer.open(tmp_path / "v.mp4", GuidanceFiles(guides(tmp_path, 20))) as analysis:
        rows = rows_of(analysis)
        document = analysis.summary().document
    assert [row.mran is not None for row in rows] == [True] * 20 + [False] * 10
    np.testing.assert_allclose([row.mran[1] for row in rows[:20]], 0.5 + np.arange(20) / 1000)
    assert document["mran"]["streams"] == ["depth"]
    assert document["faces"][0]["mran"]["frames"] == 20


def test_what_a_model_does_not_read_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", calm_frames(3), fps=25)
    guidance = GuidanceFiles(depth=guides(tmp_path, 3))
    model = MeanMran()
    model.modalities = ("color",)  # type: ignore[assignment]
    with pytest.raises(ModelError, match="MRAN model 'mean' reads color; leave --depth out"):
        analyzer_with(always, model).open(tmp_path / "v.mp4", guidance)
    plain = double_analyzer(always)
    with pytest.raises(ValueError, match="depth are for MRAN: set the option mran, too"):
        plain.open(tmp_path / "v.mp4", guidance)
    with pytest.raises(ValueError, match="attention is MRAN's: ask for mran \\(--mran\\), too"):
        AnalysisOptions(attention=True)
    assert AnalysisOptions(mran_model="m.onnx").mran  # type: ignore[arg-type]
