"""Tables of other tools: their numbers in our columns, nothing that they do not say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mien
from mien.api import Result
from mien.errors import ConfigError, DataError, InputError
from mien.output.other_angles import (
    from_openface_gaze,
    from_openface_pose,
    from_pyfeat_pose,
    openface_gaze,
    openface_pose,
    pyfeat_pose,
)
from mien.report import render_report
from other_tables import (
    OPENFACE_C,
    OPENFACE_R,
    PYFEAT_UNITS,
    write_imotions,
    write_openface,
    write_pyfeat,
)

SMILE = np.concatenate([np.zeros(20), np.linspace(0, 4, 20), np.full(20, 2.0), [np.nan] * 10])


def reads_back(result: Result, folder: Path, kind: str) -> None:
    """A saved result of another tool is read like any other."""
    again = mien.read(result.save(folder, kind))
    assert again.table.schema == result.table.schema and again.document == result.document
    assert render_report(again._summary) == render_report(result._summary)
    assert repr(again) == repr(result)


@pytest.mark.parametrize("spaces", [True, False])
def test_openface(tmp_path: Path, spaces: bool) -> None:
    result = mien.read_openface(write_openface(tmp_path / "a.csv", SMILE, spaces=spaces))
    names = result.table.column_names
    assert {f"au{unit:02d}_intensity" for unit in OPENFACE_R} <= {*names}
    assert {f"au{unit:02d}" for unit in OPENFACE_C} <= {*names}
    assert not [n for n in names if n.startswith(("valence", "arousal", "expr", "quality", "box"))]
    frames = result.frames
    assert frames["frame"].tolist() == list(range(70))
    np.testing.assert_allclose(frames["timestamp_s"], np.arange(70) / 30, atol=6e-4)
    assert frames["face_id"].isna().tolist() == np.isnan(SMILE).tolist()
    np.testing.assert_allclose(frames["au12_intensity"], SMILE, atol=6e-3)
    decided = frames["au12"].to_numpy()
    np.testing.assert_array_equal(decided, np.where(np.isnan(SMILE), np.nan, SMILE >= 1))
    pose = frames[["pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"]].to_numpy()[0]
    np.testing.assert_allclose(openface_pose(*pose.tolist()), (-0.1, -0.2, 0.05), atol=1e-6)
    looks = frames[["gaze_yaw_deg", "gaze_pitch_deg"]].to_numpy()[0].tolist()
    turned = openface_gaze((pose[0], pose[1], pose[2]), *looks)
    np.testing.assert_allclose(turned, (0.3, 0.0), atol=1e-6)
    assert result.channels["au12"] == {
        "mark": "foreign",
        "figure": "OpenFace's decision, 0 or 1: not a probability",
    }
    assert result.channels["au12_intensity"]["figure"] == "OpenFace's intensity, 0 to 5"
    assert result.document["source"]["nominal_fps"] == pytest.approx(30, abs=0.02)
    assert "read from a table of OpenFace" in result.warnings[0]
    [face] = result.summaries
    assert [name for name, _ in face.episodes] == ["au12"] and np.isnan(face.mean[0])
    assert "mean_valence" not in result.faces and "peak_au12_intensity" in result.faces
    assert "60 frames, 0.00-1.97 s" in repr(result)


def test_the_report_has_what_the_tool_says_and_no_more(tmp_path: Path) -> None:
    result = mien.read_openface(write_openface(tmp_path / "a.csv", SMILE))
    page = result.write_report(tmp_path / "report.html").read_text()
    assert "Action units <small>" in page and "AU45" in page and ">foreign</em>" in page
    assert "OpenFace&#x27;s decision, 0 or 1" in page
    assert "as their tool says them" in page and "probability that each" not in page
    for absent in ("Expressions <small>", "Valence and arousal", "Valence-arousal plane"):
        assert absent not in page
    assert "Everybody over time" not in page and "<code>valence</code>" not in page


def test_pyfeat(tmp_path: Path) -> None:
    smile = np.clip(SMILE[:60] / 4, 0, 1)
    path = write_pyfeat(tmp_path / "a.csv", smile, ("Person_1", "Person_0"))
    result = mien.read_pyfeat(path, fps=25)
    assert {f"au{unit:02d}" for unit in PYFEAT_UNITS} <= {*result.table.column_names}
    assert not [name for name in result.table.column_names if name.endswith("_intensity")]
    frames = result.frames
    first = frames[frames["face_id"] == 0]
    np.testing.assert_allclose(first["au12"], smile, atol=6e-5)
    np.testing.assert_allclose(first["expr_happiness"], smile, atol=6e-5)
    np.testing.assert_allclose(first["timestamp_s"], np.arange(60) / 25)
    assert first["box_x"].tolist() == [40.0] * 60 and len(result.summaries) == 2
    pose = first[["pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"]].to_numpy()[0].tolist()
    np.testing.assert_allclose(pyfeat_pose(*pose), (4, -2, 10), atol=1e-5)
    assert "shares that sum to 1" in render_report(result._summary)
    newer = mien.read_pyfeat(write_pyfeat(tmp_path / "b.csv", smile, position=True), fps=25)
    assert "pose_yaw_deg" not in newer.table.column_names
    assert "head pose of py-feat 0.7 and newer is left out" in newer.warnings[1]


def test_pyfeat_does_not_say_when_frames_were(tmp_path: Path) -> None:
    path = write_pyfeat(tmp_path / "a.csv", np.zeros(30))
    with pytest.raises(ConfigError, match=r"a\.csv: says times in whole seconds; give.*--fps"):
        mien.read_pyfeat(path)


def test_faces_without_names_are_numbered_and_a_warning_says_so(tmp_path: Path) -> None:
    path = write_pyfeat(tmp_path / "a.csv", np.zeros(10), ("", ""))
    result = mien.read_pyfeat(path, fps=25)
    assert result.frames["face_id"].tolist() == [0, 1] * 10
    assert "a number may change persons" in result.warnings[-1]


def test_imotions(tmp_path: Path) -> None:
    smile = np.array([0, 10, 80.5, np.nan, 100])
    result = mien.read_imotions(write_imotions(tmp_path / "a.csv", smile))
    frames = result.frames
    assert len(frames) == 5  # rows of the other sensor are no frames
    np.testing.assert_allclose(frames["au12"], smile / 100)
    np.testing.assert_allclose(frames["valence"], smile / 100)
    np.testing.assert_allclose(frames["expr_happiness"], smile / 100)
    np.testing.assert_allclose(frames["timestamp_s"], np.arange(5) * 0.04)
    names = result.table.column_names
    assert "arousal" not in names and "pose_yaw_deg" not in names and "expr_contempt" in names
    page = render_report(result._summary)
    assert "0 to 1, each by itself: they do not sum to 1" in page
    assert "Valence <small>" in page and "emotions do not sum to 1" in page


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_results_of_other_tools_are_saved_and_read(tmp_path: Path, kind: str) -> None:
    of = mien.read_openface(write_openface(tmp_path / "a.csv", SMILE))
    reads_back(of, tmp_path / "of", kind)
    reads_back(mien.read_pyfeat(write_pyfeat(tmp_path / "b.csv", SMILE / 5), fps=25),
               tmp_path / "pf", kind)  # fmt: skip
    reads_back(mien.read_imotions(write_imotions(tmp_path / "c.csv", SMILE)), tmp_path / "im", kind)
    with pytest.raises(InputError, match="is a table of another tool; save it without layouts"):
        of.save(tmp_path / "x", layouts=("pyfeat",))
    with pytest.raises(InputError, match="save it without overlay and player"):
        of.save(tmp_path / "x", overlay=True)


def test_the_layouts_that_mien_writes_are_read(tmp_path: Path) -> None:
    from face_doubles import FullAffect, double_analyzer, make_face

    frames = [np.full((120, 160, 3), 90, np.uint8)] * 6
    analyzer = double_analyzer(lambda call: [make_face(4, 10)], FullAffect(), steady=False)
    result = mien.analyze_frames(frames, fps=25, analyzer=analyzer)
    folder = result.save(tmp_path / "out", layouts=("openface", "pyfeat"))
    ours = result.frames
    for layout, read in (("openface", mien.read_openface), ("pyfeat", mien.read_pyfeat)):
        frames = read(folder / f"{layout}.csv").frames
        for name in ("timestamp_s", "pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"):
            np.testing.assert_allclose(frames[name], ours[name], atol=1e-3)
    np.testing.assert_allclose(frames["au12"], ours["au12"], rtol=1e-4)


def test_what_is_no_such_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"a\.csv: is no table of OpenFace; it needs the columns"):
        mien.read_openface(path)
    write_openface(path, SMILE)
    with pytest.raises(DataError, match="is no table of py-feat"):
        mien.read_pyfeat(path, fps=25)
    text = path.read_text()
    path.write_text(text.replace("0.98", "much", 1))
    with pytest.raises(DataError, match="confidence holds something else than numbers"):
        mien.read_openface(path)
    path.write_text(text + text.splitlines()[1] + "\n")
    with pytest.raises(DataError, match="times are missing or go back"):
        mien.read_openface(path)
    path.write_text(text.splitlines()[0] + "\n")
    with pytest.raises(DataError, match="has no row"):
        mien.read_openface(path)


ANGLE = st.floats(-80, 80)


@given(ANGLE, ANGLE, st.floats(-170, 170), st.floats(-30, 30), st.floats(-30, 30))
def test_angles_there_and_back(
    yaw: float, pitch: float, roll: float, gaze_yaw: float, gaze_pitch: float
) -> None:
    pose = (yaw, pitch, roll)
    np.testing.assert_allclose(from_openface_pose([openface_pose(*pose)]), [pose], atol=1e-6)
    np.testing.assert_allclose(from_pyfeat_pose([pyfeat_pose(*pose)]), [pose], atol=1e-6)
    near = (yaw / 2, pitch / 2, roll)  # angles against the camera say nothing of looks behind it
    looks = openface_gaze(near, gaze_yaw, gaze_pitch)
    found = from_openface_gaze([near], [looks])
    if max(map(abs, looks)) < 1.5:
        np.testing.assert_allclose(found, [(gaze_yaw, gaze_pitch)], atol=1e-6)
