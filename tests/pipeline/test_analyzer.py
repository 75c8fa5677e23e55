from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from face_doubles import (
    MadeReader,
    MeanAffect,
    MeanReactions,
    double_analyzer,
    make_face,
    run_made,
    texture,
)
from mien.pipeline.analyzer import Analysis, Analyzer, FrameRow
from mien.pipeline.extractor_stage import shared_out
from mien.types import Face, FloatArray, ImageArray, Summary
from mien.video import VideoReader, write_video

LEFT, RIGHT = make_face(4, 10), make_face(80, 12, 36)


def run(analyzer: Analyzer, path: Path) -> tuple[list[FrameRow], Summary]:
    with analyzer.open(path) as analysis:
        rows = [row for batch in analysis for row in batch]
        return rows, analysis.summary()


def clip(path: Path, count: int, **timing: Any) -> Path:
    timing = timing or {"fps": 25}
    frames = (np.roll(texture(1), i % 3, axis=1) for i in range(count))
    write_video(path, frames, codec="h264-lossless", **timing)
    return path


def read_times(path: Path) -> list[tuple[int, float]]:
    with VideoReader(path) as reader:
        return [(frame.index, frame.timestamp_s) for frame in reader]


@pytest.mark.parametrize(
    "timing",
    [
        {"fps": Fraction(30000, 1001)},
        {"fps": 12},
        {"timestamps_s": [i * 0.031 + (i % 7) * 0.004 + 1.5 for i in range(90)]},
    ],
    ids=["29.97", "12", "variable"],
)
def test_every_frame_has_its_row_at_the_readers_time(timing: dict, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 90, **timing)
    # Faces come and go: none, one, two.
    script = lambda call: [[], [LEFT], [RIGHT, LEFT]][call // 10 % 3]  # noqa: E731
    rows, summary = run(double_analyzer(script), path)
    expected = read_times(path)
    assert len(expected) == 90
    seen = dict.fromkeys((row.frame, row.timestamp_s) for row in rows)
    assert list(seen) == expected  # bit-equal, in order, none missing, none invented
    for row in rows:
        faces = script(row.frame)
        same = [r for r in rows if r.frame == row.frame]
        assert len(same) == max(1, len(faces))
        assert (row.face_id is None) == (not faces)
    assert summary.document["source"]["frames"] == 90
    assert summary.document["frames_without_face"] == 30
    assert [face.usable_frames for face in summary.faces] == [60, 30]


def test_a_frame_without_faces_is_one_empty_row(tmp_path: Path) -> None:
    rows, summary = run(double_analyzer(lambda call: []), clip(tmp_path / "clip.mp4", 7))
    assert [row.frame for row in rows] == list(range(7))
    for row in rows:
        assert (row.face_id, row.face, row.affect) == (None, None, None)
    assert summary.faces == []
    assert summary.document["faces"] == []
    assert summary.document["warnings"] == ["no face was found in any frame"]


def test_rows_hold_what_detector_and_model_said() -> None:
    rows, _ = run_made(double_analyzer(lambda call: [RIGHT, LEFT]), [0.0, 0.04])
    assert [(r.frame, r.face_id) for r in rows] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert rows[0].face is LEFT  # ids from left to right
    assert rows[1].face is RIGHT
    assert rows[0].affect is not None
    assert rows[0].affect[0] == pytest.approx(rows[0].affect[-1] / 26, rel=1e-5)
    assert not np.allclose(rows[0].affect, rows[1].affect)


def test_only_the_largest_counts_and_keeps_one_summary() -> None:
    """Who is largest changes for longer than a lost face is remembered, and changes back."""
    small_left, large_left = make_face(4, 10, 40), make_face(2, 8, 44)

    def script(call: int) -> list[Face]:
        return [large_left if not 50 <= call < 250 else small_left, make_face(80, 12, 42)]

    times = [i / 25 for i in range(300)]
    rows, summary = run_made(double_analyzer(script, faces="largest"), times)
    assert len(rows) == 300
    assert [row.face_id for row in rows] == [0] * 50 + [1] * 200 + [0] * 50
    assert [face.face_id for face in summary.faces] == [0, 1]  # no id twice
    assert [face.usable_frames for face in summary.faces] == [100, 200]
    assert summary.faces[0].first_s == 0.0
    assert summary.faces[0].last_s == times[-1]


def test_an_id_that_gives_nan_for_long_has_one_summary() -> None:
    class Failing(MeanAffect):
        def predict(self, crops: ImageArray) -> FloatArray:
            first = sum(self.batches)
            affect = super().predict(crops)
            numbers = first + np.arange(len(crops))
            affect[(numbers >= 10) & (numbers < 150), 7] = np.nan
            return affect

    times = [i / 25 for i in range(200)]
    rows, summary = run_made(double_analyzer(lambda call: [LEFT], Failing()), times)
    assert [row.face_id for row in rows] == [0] * 10 + [None] * 140 + [0] * 50
    assert [(f.face_id, f.usable_frames) for f in summary.faces] == [(0, 60)]
    assert all(row.affect is None or np.isfinite(row.affect).all() for row in rows)
    assert len(summary.document["warnings"]) == 1
    assert "140 faces gave undefined numbers" in summary.document["warnings"][0]
    assert summary.document["frames_without_face"] == 140


def test_only_nan_is_not_called_no_face() -> None:
    white = np.full((72, 128, 3), 255, np.uint8)
    _, summary = run_made(double_analyzer(lambda call: [LEFT]), [0.0, 0.04], lambda index: white)
    assert summary.faces == []
    assert len(summary.document["warnings"]) == 1
    assert "2 faces gave undefined numbers" in summary.document["warnings"][0]


def test_one_bad_face_leaves_the_other_in_its_frame() -> None:
    picture = texture(1) // 2
    picture[:, 64:] = 255
    rows, summary = run_made(double_analyzer(lambda c: [LEFT, RIGHT]), [0.0], lambda i: picture)
    assert [row.face_id for row in rows] == [0]
    assert summary.document["frames_without_face"] == 0


def test_a_scene_cut_gives_new_ids() -> None:
    times = [i / 25 for i in range(40)]
    rows, summary = run_made(
        double_analyzer(lambda call: [LEFT]), times, lambda i: texture(1 if i < 20 else 99)
    )
    assert [row.face_id for row in rows] == [0] * 20 + [1] * 20
    assert summary.faces[0].last_s == times[19]
    assert summary.faces[1].first_s == times[20]


def test_a_face_that_stays_away_gets_a_new_id_and_a_short_loss_does_not() -> None:
    times = [i / 25 for i in range(300)]
    away = lambda call: [] if 20 <= call < 60 or 100 <= call < 200 else [LEFT]  # noqa: E731
    rows, summary = run_made(double_analyzer(away, max_lost_s=2.0), times)
    ids = [row.face_id for row in rows]
    assert ids == [0] * 20 + [None] * 40 + [0] * 40 + [None] * 100 + [1] * 100
    curve = summary.faces[0].timeline
    assert np.isnan(curve.values).all(axis=1).sum() == 1  # the loss is seen in the curve
    assert len(curve.time_s) == 61


@pytest.mark.parametrize(
    "face",
    [
        Face(0.9, np.array([1, 1, 0, 9], np.float32), LEFT.landmarks),
        Face(0.9, np.array([1, 1, np.nan, 9], np.float32), LEFT.landmarks),
        Face(0.9, LEFT.box, np.full((5, 2), 20, np.float32)),
        Face(0.9, LEFT.box, np.full((5, 2), np.inf, np.float32)),
    ],
)
def test_detections_that_cannot_be_aligned_are_no_faces(face: Face) -> None:
    rows, _ = run_made(double_analyzer(lambda call: [face]), [0.0])
    assert [row.face_id for row in rows] == [None]


@pytest.mark.parametrize(("crops", "most"), [(0, 4), (1, 4), (4, 4), (5, 4), (17, 4), (3, 1)])
def test_passes_are_even_and_leave_nothing_out(crops: int, most: int) -> None:
    parts = shared_out(range(crops), most)
    assert [k for part in parts for k in part] == list(range(crops))
    sizes = [len(part) for part in parts]
    assert not sizes or (max(sizes) <= most and max(sizes) - min(sizes) <= 1)


def test_batch_size_changes_nothing(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 50)
    script = lambda call: [[LEFT], [LEFT, RIGHT], []][call % 7 % 3]  # noqa: E731
    one, sixteen = MeanAffect(), MeanAffect()
    rows_1, summary_1 = run(double_analyzer(script, one, batch=1), path)
    rows_16, summary_16 = run(double_analyzer(script, sixteen, batch=16), path)
    assert max(one.batches) == 1
    assert max(sixteen.batches) == 4  # a full batch is read in passes that share the cores
    assert len(rows_1) == len(rows_16)
    for a, b in zip(rows_1, rows_16, strict=True):
        assert (a.frame, a.timestamp_s, a.face_id) == (b.frame, b.timestamp_s, b.face_id)
        if a.affect is not None and b.affect is not None:
            np.testing.assert_allclose(a.affect, b.affect, atol=1e-5)
    for x, y in zip(summary_1.faces, summary_16.faces, strict=True):
        np.testing.assert_allclose(x.mean, y.mean, atol=1e-5)
        np.testing.assert_array_equal(x.timeline.time_s, y.timeline.time_s)
        assert x.reactions is not None
        assert y.reactions is not None
        np.testing.assert_allclose(x.reactions, y.reactions, atol=1e-5)


def test_progress_counts_every_frame_once(tmp_path: Path) -> None:
    done: list[int] = []
    with double_analyzer(lambda call: []).open(clip(tmp_path / "c.mp4", 150)) as analysis:
        for _ in analysis.rows(done.append):
            pass
    assert sum(done) == 150
    assert len(done) > 1


def test_a_summary_before_the_end_is_an_error(tmp_path: Path) -> None:
    with (
        double_analyzer(lambda call: []).open(clip(tmp_path / "c.mp4", 2)) as analysis,
        pytest.raises(RuntimeError, match="has not ended"),
    ):
        analysis.summary()


def test_reactions_are_of_resampled_seen_time() -> None:
    """60 fps for 4 s with one second unseen: 25 positions for each second that was seen."""
    times = [i / 60 for i in range(240)]
    script = lambda call: [] if 120 <= call < 180 else [LEFT]  # noqa: E731
    model = MeanReactions()
    _, summary = run_made(double_analyzer(script, reactions=model), times, fps=60)
    assert model.lengths == [75]
    skipped = summary.document["faces"][0]["reactions"]
    assert [window["routed"] for window in skipped["windows"]] == [75]
    bridged = MeanReactions()
    run_made(double_analyzer(script, reactions=bridged, gaps="interpolate"), times, fps=60)
    assert bridged.lengths == [100]


def test_long_faces_have_windows() -> None:
    times = [i / 25 for i in range(1000)]
    _, summary = run_made(double_analyzer(lambda call: [LEFT]), times)
    windows = summary.document["faces"][0]["reactions"]["windows"]
    assert [w["routed"] for w in windows] == [480, 480, 480, 280]
    assert [w["start_s"] for w in windows] == pytest.approx([0, 9.6, 19.2, 28.8])
    assert windows[-1]["end_s"] == pytest.approx(40.0)


def test_the_document_is_plain_json() -> None:
    _, summary = run_made(double_analyzer(lambda call: [LEFT]), [i / 25 for i in range(30)])
    text = json.dumps(summary.document, allow_nan=False)
    again = json.loads(text)
    assert again["schema_version"] == 2
    assert again["settings"]["faces"] == "all"
    assert [model["role"] for model in again["models"]] == ["detector", "affect", "reactions"]
    assert set(again["faces"][0]["reactions"]["video"]) == {"first", "last"}
    assert again["faces"][0]["peak"]["valence"]["time_s"] == 0.0


def test_times_that_step_back_lose_no_row() -> None:
    times = [i / 25 for i in range(50)] + [i / 25 for i in range(50)]
    rows, summary = run_made(double_analyzer(lambda call: [LEFT]), times)
    assert [row.timestamp_s for row in rows] == times
    assert len({face.face_id for face in summary.faces}) == len(summary.faces)
    assert sum(face.usable_frames for face in summary.faces) == 100
    for face in summary.faces:
        assert (np.diff(face.timeline.time_s) > 0).all()


def test_an_unknown_frame_rate_is_no_hindrance() -> None:
    rows, summary = run_made(double_analyzer(lambda call: [LEFT]), [0.0, 0.04], fps=None)
    assert len(rows) == 2
    assert summary.document["source"]["nominal_fps"] is None


def peak_bytes(count: int) -> int:
    pictures = [texture(1), np.roll(texture(1), 1, axis=1)]
    analyzer = double_analyzer(lambda call: [LEFT, RIGHT])
    reader: Any = MadeReader([i / 25 for i in range(count)], lambda i: pictures[i % 2])
    tracemalloc.start()
    try:
        with Analysis(analyzer, reader, "made") as analysis:
            rows = sum(len(batch) for batch in analysis.rows())
            analysis.summary()
        assert rows == 2 * count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_length() -> None:
    peak_bytes(60)  # what is made once
    short, long = peak_bytes(100), peak_bytes(500)
    # 800 further crops are 30 MB; the curves, whose bound is tested in test_timeline, are 0.4 MB.
    assert long - short < 1_000_000


def test_crowds_are_summed_up_as_they_leave() -> None:
    analyzer = double_analyzer(lambda call: [LEFT], max_lost_s=0.5)
    pictures = [texture(seed) for seed in range(6)]
    # A cut every second: each shot brings a new face.
    reader: Any = MadeReader([i / 25 for i in range(500)], lambda i: pictures[i // 25 % 6])
    with Analysis(analyzer, reader, "made") as analysis:
        for _ in analysis.rows():
            assert len(analysis._states._states) <= 5
            now = analysis._relay._now
            assert now is not None and len(now.finder._tracked_s) <= 5
            assert len(now.finder._steady) <= 5 and len(now.affect._filters) <= 5
        assert [face.face_id for face in analysis.summary().faces] == list(range(20))


_HEAVY = ["torch", "onnx", "pandas", "scipy", "matplotlib", "safetensors"]


def modules_after(code: str, *arguments: str) -> set[str]:
    report = "import sys; print('\\nMODULES', *[m for m in sys.modules if '.' not in m])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(done.stdout.rsplit("MODULES", 1)[1].split())


def test_imports_are_light() -> None:
    loaded = modules_after("import mien.api, mien.cli, mien.pipeline.analyzer, mien.report")
    assert "onnxruntime" in loaded
    assert not loaded & set(_HEAVY)


def test_a_full_run_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom mien.demo import write_demo_clip\n"
        "from mien.cli import cli\nout = Path(sys.argv[1])\nwrite_demo_clip(out / 'c.mp4', 1.2)\n"
        "cli.main(['analyze', str(out / 'c.mp4'), '--out', str(out), '--layout', 'openface',"
        " '--threads', '1'], standalone_mode=False)"
    )
    loaded = modules_after(code, str(tmp_path))
    assert (tmp_path / "c" / "report.html").is_file()
    assert not loaded & set(_HEAVY)


def test_help_does_not_load_the_runtime() -> None:
    code = "from mien.cli import cli\ncli.main(['--help'], standalone_mode=False)"
    assert not modules_after(code) & {"onnxruntime", "cv2", "av", "numpy", *_HEAVY}
