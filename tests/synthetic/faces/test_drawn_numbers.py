"""Numbers of action units as a drawn face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import mien
from mien.cli import cli
from mien.errors import ConfigError
from mien.labels import ACTION_UNITS
from mien.synthetic.faces.portrait import FaceNumbers, Portrait, Pose, draw_face, numbers_of_row
from other_tables import write_openface

SMALL = Portrait(size_px=64)


@pytest.fixture(scope="module", autouse=True)
def _extra() -> None:
    for name in ("anny", "embreex"):
        pytest.importorskip(name, reason="needs the extra `synthetic`", exc_type=ImportError)


def test_units_are_seen_where_they_act_and_the_same_again() -> None:
    rest, smile = (draw_face(FaceNumbers(units), SMALL) for units in ({}, {12: 0.8}))
    assert rest.shape == (64, 64, 3) and rest.dtype == np.uint8
    moved = np.abs(smile.astype(int) - rest).max(axis=2)
    assert moved[34:].max() > 40 and moved[:12].max() < 8  # the mouth, not the hair
    np.testing.assert_array_equal(smile, draw_face(FaceNumbers({12: 0.8}), SMALL))
    half = draw_face(FaceNumbers({12: 0.4}), SMALL)
    assert np.abs(half.astype(int) - rest).sum() < np.abs(smile.astype(int) - rest).sum()
    turned = draw_face(FaceNumbers({}, Pose(yaw_deg=30)), SMALL)
    assert np.abs(turned.astype(int) - rest).mean() > 3


@given(
    st.dictionaries(st.sampled_from(ACTION_UNITS), st.floats(-1, 7), min_size=1),
    st.floats(-200, 200),
    st.one_of(st.none(), st.floats(-0.2, 1.2), st.just(float("nan"))),
)
def test_every_row_becomes_numbers_that_can_be_drawn(
    strengths: dict[int, float], yaw: float, opened: float | None
) -> None:
    row: dict[str, object] = {f"au{unit:02d}_intensity": s for unit, s in strengths.items()}
    row |= {"pose_yaw_deg": yaw, "eye_open_left": opened, "person": "Ann"}
    found = numbers_of_row(row)
    for unit, strength in strengths.items():
        assert found.units[unit] == pytest.approx(min(max(strength / 5, 0), 1))
    assert abs(found.pose.yaw_deg) <= 60 and 0 <= found.pose.shut <= 1


def test_intensities_come_before_probabilities() -> None:
    row = {"au12": 1.0, "au12_intensity": 2.5, "au06": 0.3, "au04": float("nan")}
    assert numbers_of_row(row).units == {12: 0.5, 6: 0.3}
    with pytest.raises(ConfigError, match="says nothing of action units"):
        numbers_of_row({"au12": None})


@pytest.mark.parametrize(
    ("numbers", "match"),
    [
        (FaceNumbers({14: 0.5}), "the drawn head has no AU14; it has AU1, AU2"),
        (FaceNumbers({12: 2.0}), "AU12 is 0 to 1, not 2.0"),
        (FaceNumbers({}, Pose(yaw_deg=90)), "yaw is -60 to 60 degrees"),
        (FaceNumbers({}, Pose(gaze_pitch_deg=float("nan"))), "gaze pitch is -25 to 25 degrees"),
        (FaceNumbers({}, Pose(shut=2)), "shut is 0 to 1"),
    ],
)
def test_what_cannot_be_drawn_is_said(numbers: FaceNumbers, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        draw_face(numbers, SMALL)
    with pytest.raises(ConfigError, match="size is 32 to 1024 px, not 4"):
        draw_face(FaceNumbers({}), Portrait(size_px=4))


def test_a_row_of_a_result(tmp_path: Path) -> None:
    smile = np.concatenate([np.zeros(15), np.full(15, 4.0), [np.nan]])
    path = write_openface(tmp_path / "a.csv", smile)
    result = mien.read_openface(path)
    drawn = result.to_face(20, portrait=SMALL)
    np.testing.assert_array_equal(drawn, result.to_face(result.frames.iloc[20], portrait=SMALL))
    np.testing.assert_array_equal(drawn, result.to_face(at_s=0.7, portrait=SMALL))
    assert np.abs(drawn.astype(int) - result.to_face(0, portrait=SMALL)).max() > 40
    with pytest.raises(ConfigError, match="there is no face '3'; choose from: 0"):
        result.to_face(at_s=1, face=3)
    with pytest.raises(ConfigError, match="no face was read in it"):
        result.to_face(30)
    words = ["draw", "--of", str(path), "--at", "0.7", "--size", "64"]
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "f.png")])
    assert done.exit_code == 0, done.output
    again = cv2.imread(str(tmp_path / "f.png"))[:, :, ::-1]
    np.testing.assert_array_equal(again, drawn)


def test_the_command_spells_units_both_ways(tmp_path: Path) -> None:
    pictures = []
    for k, unit in enumerate(("--au6", "--au06")):
        out = tmp_path / f"{k}.png"
        words = ["draw", unit, "0.7", "--size", "64", "--framing", "aligned", "--out", str(out)]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1]
    done = CliRunner().invoke(cli, ["draw", "--au12", "0.5", "--out", str(tmp_path / "a.gif")])
    assert "ends in .png or .jpg" in str(done.exception)
    words = ["draw", "--au12", "0.5", "--of", str(tmp_path), "--out", str(tmp_path / "a.png")]
    assert "without units, pose, gaze and lids of your own" in str(
        CliRunner().invoke(cli, words).exception
    )
    assert CliRunner().invoke(cli, ["draw", "--au12", "1.5", "--out", "a.png"]).exit_code == 2
