from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from face_doubles import FullAffect, MeanAffect, double_analyzer, make_face, run_made
from mien.faces.align import TEMPLATE, align, crop_to_image
from mien.labels import DETAIL_COLUMNS, INTENSITY_COLUMNS
from mien.output.schema import to_table
from mien.pipeline.details import CURVES, crop_roll_deg, to_frame
from mien.pipeline.smoothing import SteadyAffect, SteadyIntensities
from mien.types import Face, FaceEstimates, ImageArray, no_details

LEFT = make_face(4, 10)


def turned_portrait(angle_deg: float) -> tuple[ImageArray, np.ndarray]:
    """An upright drawn face that is turned counter-clockwise: picture and landmarks."""
    points = TEMPLATE * 1.5 + (70, 60)
    image = np.full((300, 300, 3), 90, np.uint8)
    for k, (x, y) in enumerate(points):
        cv2.circle(image, (round(float(x)), round(float(y))), 6, (250, 40 * k, 0), -1)
    turn = cv2.getRotationMatrix2D((150, 150), angle_deg, 1)  # positive: counter-clockwise
    image = cv2.warpAffine(image, turn, (300, 300), borderMode=cv2.BORDER_REPLICATE)
    return image.astype(np.uint8), (points @ turn[:, :2].T + turn[:, 2]).astype(np.float32)


@pytest.mark.parametrize("angle_deg", [0, 30, -75, 90, 179, -120])
def test_the_roll_counts_the_turn_of_the_picture(angle_deg: float) -> None:
    upright, upright_points = turned_portrait(0)
    image, points = turned_portrait(angle_deg)
    crop = align(image, points)
    straight = align(upright, upright_points)
    assert np.abs(crop.astype(int) - straight).mean() < 6  # the crop shows it upright
    said = no_details()
    said.pose_deg[:] = (12, -7, 2)  # as seen in the crop
    said.landmarks[:] = np.resize(TEMPLATE, (26, 2))
    told = to_frame(said, crop_to_image(points))
    assert told.pose_deg[:2].tolist() == [12, -7]
    expected = (angle_deg + 2 + 180) % 360 - 180
    assert told.pose_deg[2] == pytest.approx(expected, abs=0.01)
    assert -180 < told.pose_deg[2] <= 180
    np.testing.assert_allclose(told.landmarks[:5], points, atol=0.01)  # where they were drawn
    assert said.pose_deg[2] == 2  # what went in is left alone


def test_a_crop_turned_clockwise_in_the_frame_has_a_negative_roll() -> None:
    points = TEMPLATE @ np.array([[0, 1], [-1, 0]]) + (300, 20)  # x to y: clockwise on a screen
    assert crop_roll_deg(crop_to_image(points)) == pytest.approx(-90)


def test_unknown_stays_unknown() -> None:
    told = to_frame(no_details(), crop_to_image(TEMPLATE))
    assert np.isnan(told.numbers()).all()
    assert np.isnan(told.landmarks).all()


def test_landmarks_follow_the_matrix_of_the_crop() -> None:
    """The corners of the crop come out where `align` took them from, steadied or not."""
    jumps = [make_face(4 + k % 2, 10 + k % 3) for k in range(20)]
    for steady in (True, False):
        analyzer = double_analyzer(lambda call: [jumps[call]], FullAffect(), steady=steady)
        rows, _ = run_made(analyzer, [k / 25 for k in range(20)])
        for k, row in enumerate(rows):
            assert row.details is not None
            corners = row.details.landmarks[:4]
            side = np.linalg.norm(corners[1] - corners[0])
            assert side == pytest.approx(111 * 40 / 112, rel=0.05)
            if not steady:
                matrix = crop_to_image(jumps[k].landmarks)
                expected = FullAffect.corners @ matrix[:, :2].T + matrix[:, 2]
                np.testing.assert_allclose(corners, expected, atol=1e-3)


@pytest.mark.parametrize("angle_deg", [0, 40, -40])
def test_the_roll_in_the_table_is_that_of_the_picture(angle_deg: float) -> None:
    image, points = turned_portrait(angle_deg)
    low, high = points.min(axis=0), points.max(axis=0)
    box = np.array([*low, *(high - low)], np.float32)
    analyzer = double_analyzer(lambda call: [Face(0.99, box, points)], FullAffect(), min_quality=0)
    rows, summary = run_made(analyzer, [0.0, 0.04], lambda index: image)
    for row in rows:
        assert row.details is not None
        np.testing.assert_allclose(row.details.pose_deg, [10, -5, 3 + angle_deg], atol=0.1)
    roll = summary.document["faces"][0]["mean"]["pose_roll_deg"]
    assert roll == pytest.approx(3 + angle_deg, abs=0.1)


def test_rows_and_document_hold_the_details() -> None:
    analyzer = double_analyzer(lambda call: [LEFT], FullAffect(), min_quality=0)
    rows, summary = run_made(analyzer, [k / 25 for k in range(10)])
    for row in rows:
        assert row.details is not None
        np.testing.assert_allclose(row.details.pose_deg, [10, -5, 3], atol=0.01)
        np.testing.assert_allclose(row.details.gaze_deg, [4, -6])
        assert not row.low_quality
    entry = summary.document["faces"][0]
    quality = float(rows[0].details.quality)
    assert entry["mean"]["quality"] == pytest.approx(quality, abs=1e-5)
    assert entry["mean"]["pose_pitch_deg"] == pytest.approx(-5)
    assert entry["mean"]["eye_open_left"] == pytest.approx(0.8)
    assert entry["mean"]["au12_intensity"] == pytest.approx(5 * quality, abs=1e-5)
    assert entry["peak"]["au12_intensity"]["value"] == pytest.approx(5 * quality, abs=1e-5)
    assert entry["peak"]["au12_intensity"]["time_s"] == 0.0
    assert set(DETAIL_COLUMNS) < set(entry["mean"])
    details = summary.faces[0].details
    assert details is not None
    assert details.timeline.values.shape == (10, CURVES)
    np.testing.assert_allclose(details.timeline.values[0, 1:], [10, -5, 3, 0.8, 0.6], atol=0.01)


def test_an_extractor_of_before_leaves_them_out() -> None:
    rows, summary = run_made(double_analyzer(lambda call: [LEFT], MeanAffect()), [0.0, 0.04])
    assert all(row.details is None or np.isnan(row.details.numbers()).all() for row in rows)
    assert summary.faces[0].details is None
    entry = summary.document["faces"][0]
    assert entry["low_quality_frames"] == 0
    for name in DETAIL_COLUMNS:
        assert entry["mean"][name] is None
    for name in INTENSITY_COLUMNS:
        assert entry["peak"][name] == {"value": None, "time_s": None}
    assert {one["mark"] for one in summary.document["channels"].values()} == {"unknown"}


def test_every_channel_says_how_far_to_trust_it() -> None:
    _, summary = run_made(double_analyzer(lambda call: [LEFT], FullAffect()), [0.0])
    channels = summary.document["channels"]
    entry = summary.document["faces"][0]
    assert set(channels) == {*entry["mean"], "landmarks", "reactions"}
    assert channels["pose_roll_deg"] == {"mark": "synthetic", "figure": "2 degrees"}
    assert channels["au12"] == {"mark": "teacher", "figure": None}
    assert channels["au12_intensity"]["mark"] == channels["reactions"]["mark"] == "unknown"


class Trembling(FullAffect):
    """Intensities jump between 2 and 3; an eye is shut in one frame of ten."""

    def estimate(self, crops: ImageArray) -> FaceEstimates:
        said = super().estimate(crops)
        call = len(self.batches)
        said.details.au_intensity[:] = 2 + call % 2
        said.details.eye_open[:] = 0.0 if call % 10 == 0 else 1.0
        said.details.quality[:] = 0.5 + 0.4 * (call % 2)
        return said


@pytest.mark.parametrize("steady", [True, False])
def test_intensities_are_steadied_and_blinks_are_not_smeared(steady: bool) -> None:
    analyzer = double_analyzer(lambda call: [LEFT], Trembling(), batch=1, steady=steady)
    rows, _ = run_made(analyzer, [k / 25 for k in range(60)])
    intensity = np.array([row.details.au_intensity[4] for row in rows if row.details])
    eye = np.array([row.details.eye_open[0] for row in rows if row.details])
    quality = np.array([row.details.quality for row in rows if row.details])
    assert set(eye.tolist()) == {0.0, 1.0}
    assert (eye == 0).sum() == 6
    np.testing.assert_allclose(np.abs(np.diff(quality)), 0.4, atol=1e-6)
    spread = np.ptp(intensity[20:])
    assert spread < 0.75 if steady else spread == 1


def test_intensities_pass_the_filter_of_the_26_on_their_own_scale() -> None:
    rng = np.random.default_rng(0)
    one, other = SteadyAffect(), SteadyIntensities()
    for k in range(50):
        values = rng.random(26).astype(np.float32)
        expected = one.update(values, k / 25)[9:]
        told = other.update(values[9:] * 5, k / 25)
        np.testing.assert_allclose(told, expected * 5, rtol=1e-4, atol=1e-5)


def test_a_missing_intensity_does_not_stop_the_rest() -> None:
    class Gone(FullAffect):
        def estimate(self, crops: ImageArray) -> FaceEstimates:
            said = super().estimate(crops)
            if len(self.batches) == 3:
                unknown = np.full_like(said.details.au_intensity, np.nan)
                said = FaceEstimates(said.affect, replace(said.details, au_intensity=unknown))
            return said

    rows, summary = run_made(
        double_analyzer(lambda call: [LEFT], Gone(), batch=1), [k / 25 for k in range(6)]
    )
    known = [bool(np.isfinite(row.details.au_intensity).all()) for row in rows if row.details]
    assert known == [True, True, False, True, True, True]
    mean = summary.document["faces"][0]["mean"]
    assert mean["au12_intensity"] == pytest.approx(5 * mean["quality"], rel=1e-4)


# Quality: what is below the level keeps its numbers and counts for nothing else.


def pictures(levels: list[int]) -> Any:
    return lambda index: np.full((72, 128, 3), levels[index], np.uint8)


def script(call: int) -> list[Face]:
    return [LEFT]


GOOD, POOR = 153, 51  # qualities 0.6 and 0.2


def test_low_quality_enters_no_mean_peak_picture_or_curve() -> None:
    levels = [GOOD] * 30 + [POOR] * 10 + [GOOD] * 30
    times = [k / 25 for k in range(70)]
    analyzer = double_analyzer(script, FullAffect(), steady=False)
    assert analyzer.min_quality == 0.3  # the extractor's advice
    rows, summary = run_made(analyzer, times, pictures(levels))
    assert [row.low_quality for row in rows] == [level == POOR for level in levels]
    assert all(row.affect is not None and row.details is not None for row in rows)
    np.testing.assert_allclose(rows[35].affect[-1], 0.2, atol=1e-3)  # type: ignore[index]
    face, entry = summary.faces[0], summary.document["faces"][0]
    assert (entry["usable_frames"], entry["low_quality_frames"]) == (60, 10)
    assert entry["mean"]["au26"] == pytest.approx(0.6, abs=1e-3)
    assert entry["mean"]["au26_intensity"] == pytest.approx(3, abs=1e-2)
    assert entry["mean"]["quality"] == pytest.approx((60 * 0.6 + 10 * 0.2) / 70, abs=1e-3)
    known = face.timeline.values[np.isfinite(face.timeline.values).all(axis=1)]
    assert len(known) == 60
    np.testing.assert_allclose(known[:, -1], 0.6, atol=1e-3)
    assert np.isnan(face.timeline.values).any()  # where it was poor the curve is broken
    assert face.details is not None
    assert len(face.details.timeline.values) == 70  # quality itself is shown throughout
    windows = entry["reactions"]["windows"]
    assert sum(window["routed"] for window in windows) == 60
    assert (entry["first_s"], entry["last_s"]) == (0.0, pytest.approx(69 / 25))
    assert summary.document["min_quality"] == 0.3
    assert summary.document["warnings"] == []


def test_no_number_of_the_table_depends_on_the_level() -> None:
    levels = [GOOD, POOR, POOR, GOOD, GOOD] * 6
    tables = []
    for least in (0.0, 0.3, 0.9):
        analyzer = double_analyzer(script, FullAffect(), min_quality=least)
        rows, _ = run_made(analyzer, [k / 25 for k in range(30)], pictures(levels))
        tables.append(to_table(rows).to_pylist())
    assert repr(tables[0]) == repr(tables[1]) == repr(tables[2])


def test_a_peak_of_low_quality_is_none() -> None:
    """What is below the level is the brightest here: neither peak nor picture come from it."""
    levels = [POOR] * 5 + [GOOD] + [POOR] * 4
    analyzer = double_analyzer(script, FullAffect(), steady=False, min_quality=0.0)
    analyzer.affect.quality_level = 0.3
    _, kept = run_made(analyzer, [k / 25 for k in range(10)], pictures(levels))
    assert kept.document["faces"][0]["peak"]["au26"]["time_s"] == pytest.approx(0.2)
    assert kept.document["min_quality"] is None  # 0 keeps all

    class Reversed(FullAffect):
        def estimate(self, crops: ImageArray) -> FaceEstimates:
            said = super().estimate(crops)
            return FaceEstimates(
                said.affect, replace(said.details, quality=1 - said.details.quality)
            )

    analyzer = double_analyzer(script, Reversed(), steady=False, min_quality=0.5)
    rows, summary = run_made(analyzer, [k / 25 for k in range(10)], pictures(levels))
    assert [row.low_quality for row in rows] == [level == GOOD for level in levels]
    face = summary.faces[0]
    assert face.peak[-1] == pytest.approx(0.2, abs=1e-3)
    assert "au26" not in face.thumbnails
    assert summary.document["faces"][0]["peak"]["au26_intensity"]["value"] == pytest.approx(
        1, abs=1e-2
    )


def test_mostly_poor_faces_are_warned_of_in_one_line() -> None:
    levels = [GOOD] * 4 + [POOR] * 6
    analyzer = double_analyzer(script, FullAffect())
    _, summary = run_made(analyzer, [k / 25 for k in range(10)], pictures(levels))
    assert summary.document["warnings"] == [
        "face 0: 6 of 10 frames lie below quality 0.3 and count for no mean, peak, curve or "
        "reaction (min_quality 0 keeps them)"
    ]
    assert summary.document["faces"][0]["low_quality_frames"] == 6


def test_a_face_of_which_nothing_counts_has_no_numbers() -> None:
    analyzer = double_analyzer(script, FullAffect(), min_quality=0.9)
    rows, summary = run_made(analyzer, [k / 25 for k in range(40)], pictures([GOOD] * 40))
    assert len(rows) == 40
    entry = summary.document["faces"][0]
    assert (entry["usable_frames"], entry["low_quality_frames"]) == (0, 40)
    assert entry["mean"]["valence"] is None
    assert entry["mean"]["au12_intensity"] is None
    assert entry["mean"]["quality"] == pytest.approx(0.6, abs=1e-3)
    assert entry["reactions"]["video"] is None
    assert summary.document["frames_without_face"] == 0


def test_without_a_quality_there_is_nothing_to_ask_for() -> None:
    analyzer = double_analyzer(script, MeanAffect(), min_quality=0.5)
    rows, summary = run_made(analyzer, [0.0, 0.04], pictures([POOR] * 2))
    assert not any(row.low_quality for row in rows)
    assert summary.document["faces"][0]["usable_frames"] == 2
    assert summary.document["min_quality"] is None
    assert summary.document["warnings"] == [
        "the extractor gives no quality: min_quality had no effect"
    ]
