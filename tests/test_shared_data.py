"""Real videos, images and corpora, with the detector and the models that ship."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.api import analyze
from mien.evaluation.models.extractor import evaluate_mma
from mien.labels import ACTION_UNIT_COLUMNS, EXPRESSION_COLUMNS, REACTIONS
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.video import VideoReader, write_video


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(AnalysisOptions(simulated_reactions=True))


def packet_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(f.pts * f.time_base) for f in container.decode(video=0)]


def test_one_happy_face(shared_data: Path, analyzer: Analyzer) -> None:
    result = analyze(shared_data / "images" / "single_face.jpg", analyzer=analyzer)
    [row] = result.table.to_pylist()
    assert (row["frame"], row["timestamp_s"], row["face_id"]) == (0, 0.0, 0)
    assert row["expr_happiness"] > 0.8
    assert sum(row[name] for name in EXPRESSION_COLUMNS) == pytest.approx(1, abs=1e-5)
    assert all(0 <= row[name] <= 1 for name in (*EXPRESSION_COLUMNS, *ACTION_UNIT_COLUMNS))
    assert -1 <= row["arousal"] <= 1
    assert -1 <= row["valence"] <= 1
    assert result.warnings == []


def test_a_face_at_other_sizes(shared_data: Path, analyzer: Analyzer, tmp_path: Path) -> None:
    source = shared_data / "images" / "single_face.jpg"
    [base] = analyze(source, analyzer=analyzer).table.to_pylist()
    image = cv2.imread(str(source))
    assert image is not None
    for factor in (0.5, 3.0):
        path = tmp_path / f"{factor}.png"
        cv2.imwrite(str(path), cv2.resize(image, None, fx=factor, fy=factor))
        [row] = analyze(path, analyzer=analyzer).table.to_pylist()
        for name in ("right_eye_x", "left_eye_y", "nose_x", "mouth_left_y"):
            assert row[name] == pytest.approx(base[name] * factor, abs=8 * max(1, factor))


def test_five_faces(shared_data: Path, analyzer: Analyzer) -> None:
    result = analyze(shared_data / "images" / "multi_face.jpg", analyzer=analyzer)
    rows = result.table.to_pylist()
    assert [row["face_id"] for row in rows] == [0, 1, 2, 3, 4]
    centres = [row["box_x"] + row["box_w"] / 2 for row in rows]
    assert centres == sorted(centres)  # numbered from left to right
    for row in rows:
        assert 0 <= row["nose_x"] <= 1000
        assert 0 <= row["nose_y"] <= 667
        assert row["right_eye_x"] < row["left_eye_x"]
    assert len(result.faces) == 5


@pytest.mark.slow
def test_no_face_is_a_warning(shared_data: Path, analyzer: Analyzer) -> None:
    result = analyze(shared_data / "videos" / "no_face.mp4", analyzer=analyzer)
    assert result.table.num_rows == 95
    assert result.table["face_id"].null_count == 95
    assert result.table["frame"].to_pylist() == list(range(95))
    assert result.warnings[-1] == "no face was found in any frame"
    assert result.summaries == []


@pytest.mark.slow
def test_a_face_that_leaves(shared_data: Path, analyzer: Analyzer) -> None:
    path = shared_data / "videos" / "face_then_none.mov"
    result = analyze(path, analyzer=analyzer)
    rows = result.table.to_pylist()
    assert [row["frame"] for row in rows] == list(range(169))
    assert {row["frame"] for row in rows if row["face_id"] is not None} == set(range(72))
    assert {row["face_id"] for row in rows[:72]} == {0}
    assert [row["timestamp_s"] for row in rows] == packet_times(path)  # to the last bit
    [face] = result.summaries
    assert face.last_s == rows[71]["timestamp_s"]
    assert result.document["frames_without_face"] == 97
    assert face.reactions is not None
    assert face.reaction_names == REACTIONS
    assert ((face.reactions >= 0) & (face.reactions <= 1)).all()


@pytest.mark.slow
def test_a_portrait_is_one_person(shared_data: Path, analyzer: Analyzer, tmp_path: Path) -> None:
    images, times = [], []
    with VideoReader(shared_data / "videos" / "pexels_portrait.mp4") as reader:
        for frame in reader:
            if frame.index == 60:
                break
            images.append(frame.image)
            times.append(frame.timestamp_s)
    path = tmp_path / "piece.mp4"
    write_video(path, images, timestamps_s=times, crf=12)
    result = analyze(path, analyzer=analyzer)
    assert result.table["face_id"].to_pylist() == [0] * 60
    np.testing.assert_allclose(result.table["timestamp_s"].to_numpy(), times, atol=1 / 90_000)
    box = np.array([result.table[f"box_{key}"].to_numpy() for key in "xywh"])
    assert (np.abs(np.diff(box)) < 0.2 * box[2:].mean()).all()  # it moves, but never jumps


@pytest.mark.slow
def test_the_shipped_extractor_on_ferplus(shared_data: Path) -> None:
    report = evaluate_mma(shared_data / "ferplus_trainval.npz")
    assert report["split"] == "valid"
    assert report["n"] == 3113  # copies of training images and faces without a majority are out
    # At the shipped prior, which is chosen for balanced recall: accuracy may go down to 0.80.
    assert report["accuracy"] >= 0.80
    assert np.mean(list(report["recall"].values())) >= 0.72
    assert report["faces"] >= report["n"]
    assert report["au_n"] > 0
    assert np.isfinite(report["au_mean_correlation"])


@pytest.mark.slow
def test_the_shipped_extractor_on_photographs(shared_data: Path) -> None:
    report = evaluate_mma(shared_data / "muxspace_faces.zip", "valid")
    assert 800 < report["faces"] < 1700  # a tenth of the people
    assert report["n"] <= report["faces"]
    taught = {k: v for k, v in report["au_correlation"].items() if np.isfinite(v)}
    assert {"au01", "au06", "au12", "au26"} <= set(taught)
    # The file beside the corpus has scores alone: no rule sees these, or not without landmarks.
    assert not {"au09", "au11", "au25"} & set(taught)
    assert all(-1 <= value <= 1 for value in taught.values())
    assert report["support"]["happiness"] > 300
