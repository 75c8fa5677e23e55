"""Head pose as angles, against scipy's rotations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mien.faces.pose import pose_angles, pose_matrix, turned_pose

ANGLES = st.tuples(st.floats(-85, 85), st.floats(-85, 85), st.floats(-175, 175))


def reference(yaw: float, pitch: float, roll: float) -> Rotation:
    """Roll, then pitch, then yaw, each about a fixed axis; x right, y up, z to the camera.

    About x a positive angle takes z down, so looking up is a negative one.
    """
    about_y = Rotation.from_rotvec([0, yaw, 0], degrees=True)
    about_x = Rotation.from_rotvec([-pitch, 0, 0], degrees=True)
    return about_y * about_x * Rotation.from_rotvec([0, 0, roll], degrees=True)


@given(ANGLES)
@settings(max_examples=60, deadline=None)
def test_matrices_are_scipys(angles: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(pose_matrix(angles), reference(*angles).as_matrix(), atol=1e-12)


@given(ANGLES)
@settings(max_examples=60, deadline=None)
def test_angles_come_back(angles: tuple[float, float, float]) -> None:
    found = pose_angles(reference(*angles).as_matrix())
    np.testing.assert_allclose(found, angles, atol=1e-6)


@pytest.mark.parametrize(
    ("angles", "nose"),
    [
        ([30, 0, 0], [0.5, 0, np.sqrt(0.75)]),  # the person's left is on the right of the image
        ([0, 30, 0], [0, 0.5, np.sqrt(0.75)]),
        ([0, 0, 30], [0, 0, 1]),
    ],
)
def test_the_nose_points_where_the_words_say(angles: list[float], nose: list[float]) -> None:
    np.testing.assert_allclose(pose_matrix(angles) @ [0, 0, 1], nose, atol=1e-12)


@given(ANGLES, st.floats(-180, 180))
@settings(max_examples=60, deadline=None)
def test_a_picture_that_is_turned_turns_the_head_about_the_line_of_sight(
    angles: tuple[float, float, float], turn: float
) -> None:
    whole = Rotation.from_rotvec([0, 0, turn], degrees=True) * reference(*angles)
    np.testing.assert_allclose(pose_matrix(turned_pose(angles, turn)), whole.as_matrix(), atol=1e-9)


def test_many_at_once_and_what_is_unknown() -> None:
    poses = np.array([[10.0, 5, -3], [np.nan] * 3, [0, 0, 170]])
    found = turned_pose(poses, np.array([0.0, 20.0, 20.0]))
    np.testing.assert_allclose(found[0], poses[0], atol=1e-9)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[2], [0, 0, -170], atol=1e-9)
