"""What a face mesh saw, read from its file: landmarks, angles, lids, gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus_builder import blendshape_arrays, mesh_arrays, write_npz
from mien.data.targets.blendshapes import BLENDSHAPES
from mien.data.targets.mesh import VERTICES, Mesh, load_mesh, no_mesh
from mien.errors import DataError
from mien.labels import FACE_LANDMARKS

NAMES = np.array(["a.png", "b.png", "c.png"])


def loaded(tmp_path: Path, **arguments: Any) -> Mesh:
    return load_mesh(write_npz(tmp_path / "mesh.npz", mesh_arrays(NAMES, **arguments)), NAMES)


def test_every_landmark_is_a_vertex_of_its_own() -> None:
    assert set(VERTICES) == set(FACE_LANDMARKS)
    assert len(set(VERTICES.values())) == len(FACE_LANDMARKS)
    assert all(0 <= vertex < 478 for vertex in VERTICES.values())


def test_landmarks_are_vertices_in_the_order_of_their_names(tmp_path: Path) -> None:
    arrays = mesh_arrays(NAMES)
    mesh = load_mesh(write_npz(tmp_path / "mesh.npz", arrays), NAMES)
    assert len(mesh) == 3 and mesh.landmarks.shape == (3, 26, 2)
    for name, vertex in (("mouth_left", 291), ("chin", 200), ("eye_outer_right", 33)):
        found = mesh.landmarks[:, FACE_LANDMARKS.index(name)]
        np.testing.assert_array_equal(found, arrays["mesh"][:, vertex, :2])
    # The person's right eye is on the left of the picture.
    right, left = (FACE_LANDMARKS.index(f"eye_outer_{side}") for side in ("right", "left"))
    assert (mesh.landmarks[:, right, 0] < mesh.landmarks[:, left, 0]).all()


def test_gaps_are_in_distances_of_the_eyes_whatever_the_size_of_the_face(tmp_path: Path) -> None:
    gap, height = np.array([0.0, 0.1, 0.4]), np.array([0.1, 0.2, 0.3])
    arrays = mesh_arrays(NAMES, lip_gap=gap, brow_height=height)
    for factor in (1.0, 2.5):
        scaled = {**arrays, "mesh": arrays["mesh"] * factor}
        mesh = load_mesh(write_npz(tmp_path / "mesh.npz", scaled), NAMES)
        np.testing.assert_allclose(mesh.lip_gap, gap, atol=1e-5)
        np.testing.assert_allclose(mesh.brow_height, height, atol=1e-5)


def test_lids_are_open_where_they_do_not_blink(tmp_path: Path) -> None:
    blinks = {"eyeBlinkLeft": [0.0, 0.325, 0.9], "eyeBlinkRight": 0.65}
    mesh = loaded(tmp_path, scores=blinks)
    # Lids meet at 0.65, before the score has come to its end; left first, then right.
    np.testing.assert_allclose(mesh.eye_open[:, 0], [1, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(mesh.eye_open[:, 1], 0, atol=1e-6)


@pytest.mark.parametrize(
    ("looks", "column", "sign"),
    [
        (("eyeLookOutLeft", "eyeLookInRight"), 0, 1),  # both to the person's left
        (("eyeLookInLeft", "eyeLookOutRight"), 0, -1),
        (("eyeLookUpLeft", "eyeLookUpRight"), 1, 1),
        (("eyeLookDownLeft", "eyeLookDownRight"), 1, -1),
    ],
)
def test_gaze_is_positive_to_the_persons_left_and_up(
    looks: tuple[str, str], column: int, sign: int, tmp_path: Path
) -> None:
    mesh = loaded(tmp_path, scores=dict.fromkeys(looks, np.array([0.0, 0.3, 0.6])))
    along = sign * mesh.gaze_deg[:, column]
    assert along[0] == 0 and along[1] > 3 and along[2] == pytest.approx(2 * along[1], rel=1e-4)
    np.testing.assert_allclose(mesh.gaze_deg[:, 1 - column], 0, atol=1e-5)


def test_pose_is_near_to_what_the_mesh_says_and_keeps_its_order(tmp_path: Path) -> None:
    said = np.array([[20.0, 0, 0], [-20, 10, 0], [0, -10, 15]])
    mesh = loaded(tmp_path, pose_deg=said)
    assert np.abs(mesh.pose_deg - said).max() < 6
    assert mesh.pose_deg[0, 0] - mesh.pose_deg[1, 0] == pytest.approx(40, rel=0.1)
    assert mesh.pose_deg[1, 1] > mesh.pose_deg[0, 1] > mesh.pose_deg[2, 1]
    assert mesh.pose_deg[2, 2] == pytest.approx(15)


def test_a_score_without_sides_is_itself_and_one_with_two_their_mean(tmp_path: Path) -> None:
    mesh = loaded(tmp_path, scores={"jawOpen": 0.4, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.2})
    np.testing.assert_allclose(mesh.score("jawOpen"), 0.4, atol=1e-6)
    np.testing.assert_allclose(mesh.score("mouthSmile"), 0.4, atol=1e-6)
    np.testing.assert_allclose(mesh.score("mouthSmileLeft"), 0.6, atol=1e-6)


def test_a_file_of_blendshapes_alone_leaves_what_needs_landmarks_unknown(tmp_path: Path) -> None:
    arrays = blendshape_arrays(NAMES)
    mesh = load_mesh(write_npz(tmp_path / "scores.npz", arrays), NAMES)
    place = BLENDSHAPES.index("jawOpen")
    np.testing.assert_array_equal(mesh.blendshapes[:2, place], arrays["blendshapes"][:2, place])
    assert np.isfinite(mesh.eye_open[:2]).all() and np.isfinite(mesh.gaze_deg[:2]).all()
    for unknown in (mesh.landmarks, mesh.pose_deg, mesh.lip_gap, mesh.brow_height):
        assert np.isnan(unknown).all()


def test_nothing_is_known_of_a_face_that_counts_as_not_found(tmp_path: Path) -> None:
    arrays = mesh_arrays(NAMES) | {"detected": np.array([True, False, True])}
    mesh = load_mesh(write_npz(tmp_path / "mesh.npz", arrays), NAMES)
    for values in vars(mesh).values():
        assert np.isnan(values[1]).all() and np.isfinite(values[[0, 2]]).all()
    for values in vars(no_mesh(2)).values():
        assert len(values) == 2 and np.isnan(values).all()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"mesh": np.zeros((3, 468, 3))}, r"'mesh' should be \(3, 478, 3\), found \(3, 468, 3\)"),
        ({"pose_deg": np.zeros((3, 2))}, r"'pose_deg' should be \(3, 3\), found \(3, 2\)"),
        ({"name": NAMES[::-1]}, "'name' column is not that of the images"),
        ({"blendshapes": None}, r"looked for arrays \['blendshapes'\]"),
    ],
)
def test_files_of_something_else(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    file = write_npz(tmp_path / "mesh.npz", mesh_arrays(NAMES) | changes)
    with pytest.raises(DataError, match=f"mesh.npz: .*{text}"):
        load_mesh(file, NAMES)
