"""Turned heads, small faces and crowds, made of the portrait that ships."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.demo import sample_image
from mien.faces.align import align
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.faces.detectors.search import MOST_SIDE_PX, search
from mien.runtime.models import AffectModel
from mien.types import Face, ImageArray

MODEL = AffectModel(threads=1)
DETECTOR = RetinaFaceDetector(threads=1)


def portrait(turn_deg: float, size_px: int = 400) -> tuple[ImageArray, np.ndarray]:
    """Head and shoulders turned counter-clockwise in a grey picture, and the turn as a matrix."""
    part = cv2.resize(sample_image()[0:360, 60:420], (300, 300), interpolation=cv2.INTER_AREA)
    matrix = cv2.getRotationMatrix2D((149.5, 149.5), turn_deg, size_px / 400)
    matrix[:, 2] += size_px / 2 - 150
    image = cv2.warpAffine(part, matrix, (size_px, size_px), borderValue=(120, 120, 120))
    return image.astype(np.uint8), matrix


def read(turn_deg: float) -> tuple[Face, float] | None:
    """The face and its valence; None where no face is found."""
    image, _ = portrait(turn_deg)
    faces = DETECTOR.detect(image)
    if not faces:
        return None
    [face] = faces
    return face, float(MODEL.predict(align(image, face.landmarks)[None])[0, 0])


UPRIGHT = read(0)
assert UPRIGHT is not None


@settings(max_examples=12, deadline=None)
@given(st.floats(-180, 180))
def test_a_turned_face_is_read_as_upright(turn_deg: float) -> None:
    found = read(turn_deg)
    if found is None:  # no row is better than a wrong one, but up to 60 degrees there has to be one
        assert abs(turn_deg) > 60
        return
    face, valence = found
    assert valence == pytest.approx(UPRIGHT[1], abs=0.05)
    _, matrix = portrait(turn_deg)
    _, before = portrait(0)
    original = np.linalg.solve(before[:, :2], (UPRIGHT[0].landmarks - before[:, 2]).T).T
    expected = original @ matrix[:, :2].T + matrix[:, 2]
    eyes_px = np.hypot(*(expected[1] - expected[0]))
    assert np.abs(face.landmarks - expected).max() < 0.2 * eyes_px


@pytest.mark.parametrize("turn_deg", [150, 180])
def test_upside_down_landmarks_stand_on_their_head(turn_deg: float) -> None:
    found = read(turn_deg)
    assert found is not None
    face, _ = found
    eyes, mouth = face.landmarks[:2], face.landmarks[3:]
    assert eyes[0, 0] > eyes[1, 0] and mouth[:, 1].mean() < eyes[:, 1].mean()


def sheet(rows: int, columns: int, face_px: int, width: int, height: int) -> ImageArray:
    """The portrait again and again, mirrored and darkened in turn."""
    image = np.full((height, width, 3), 100, np.uint8)
    across, down = width // columns, height // rows
    part = cv2.resize(sample_image()[0:360, 60:420], (face_px, face_px))
    for k in range(rows * columns):
        one = part[:, ::-1] if k % 2 else part
        one = (one * (0.7 + 0.06 * (k % 5))).astype(np.uint8)
        y, x = (k // columns) * down + down - face_px, (k % columns) * across
        x += (across - face_px) // 2
        image[y : y + face_px, x : x + face_px] = one
    return image


def test_a_group_photograph_shows_all_its_people() -> None:
    image = sheet(5, 8, 330, 6000, 4000)
    faces = DETECTOR.detect(image)
    assert len(faces) == 40
    assert len({(int(f.box[0]) // 750, int(f.box[1]) // 800) for f in faces}) == 40


def test_a_meeting_of_twenty_five_is_complete() -> None:
    assert len(DETECTOR.detect(sheet(5, 5, 140, 1280, 720))) == 25


@pytest.mark.parametrize("share", [0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_face_on_the_seam_of_two_tiles_is_found_whole(share: float) -> None:
    """This share of it lies in the first tile, which ends at 1,280 of 2,560 px."""
    side = 180
    part = cv2.resize(sample_image()[0:360, 60:420], (side, side), interpolation=cv2.INTER_AREA)

    def box(left: int) -> np.ndarray:
        image = np.full((1440, 2560, 3), 110, np.uint8)
        image[600 : 600 + side, left : left + side] = part
        [face] = search(image, DETECTOR._look, 640, 0.9)
        return face.box - [left, 0, 0, 0]

    whole = box(300)
    assert np.abs(box(round(1280 - whole[0] - share * whole[2])) - whole).max() < 6


class Looks:
    """A detector that sees faces of `least_px` or more, and remembers its looks."""

    def __init__(self, faces: list[Face], least_px: float = 16.0) -> None:
        self.faces, self.least_px, self.sides = faces, least_px, list[tuple[int, ...]]()

    def __call__(self, image: ImageArray, side_px: int, least_score: float) -> list[Face]:
        self.sides.append((*image.shape[:2], side_px))
        scale = min(1.0, side_px / max(image.shape[:2]))
        whole = max(image.shape[:2]) == SIDE
        return [f for f in self.faces if whole and f.box[2:].max() * scale >= self.least_px]


SIDE = 4000


def test_the_cost_of_a_large_picture_is_bounded() -> None:
    looks = Looks([])
    assert search(np.zeros((SIDE, SIDE, 3), np.uint8), looks, 640, 0.9) == []
    area = sum(min(1, side / max(h, w)) ** 2 * h * w for h, w, side in looks.sides)
    assert area < 12 * 640**2  # without any face: the first look, and one at twice its side
    looks = Looks([])
    search(np.zeros((SIDE // 4, SIDE // 4, 3), np.uint8), looks, 640, 0.9)
    assert len(looks.sides) == 1
    assert MOST_SIDE_PX <= 8 * 640


def test_large_faces_need_one_look() -> None:
    box = np.float32([1000, 1000, 900, 1100])
    points = np.float32([[36, 43], [76, 43], [56, 67], [40, 85], [72, 85]]) * 9 + 1000
    looks = Looks([Face(0.99, box, points)])
    [face] = search(np.zeros((SIDE, SIDE, 3), np.uint8), looks, 640, 0.9)
    assert len(looks.sides) == 1 and face is looks.faces[0]
