from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mien.api import analyze
from mien.cli import cli
from mien.demo import sample_image
from mien.faces.align import TEMPLATE, align
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.faces.detectors.whole import WholePictures

DETECTOR = RetinaFaceDetector(threads=1, min_face_px=20)


def crop(side_px: int) -> np.ndarray:
    """The portrait's face, cut as data sets cut faces."""
    part = sample_image()[55:215, 145:305]
    return cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA).astype(np.uint8)


@pytest.mark.parametrize("side_px", [24, 32, 48, 112, 300])
def test_a_tiny_crop_is_one_face_with_landmarks_in_it(side_px: int) -> None:
    [face] = WholePictures(DETECTOR).detect(crop(side_px))
    [large] = WholePictures(DETECTOR).detect(crop(160))
    assert face.score > 0.9
    np.testing.assert_allclose(face.landmarks / side_px, large.landmarks / 160, atol=0.06)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (48, 48), (20, 400)])
def test_a_picture_without_a_face_is_one_all_the_same(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    [face] = WholePictures(DETECTOR).detect(image)
    assert face.score == 0 and face.box[2] == face.box[3] == min(shape)
    assert align(image, face.landmarks).shape == (112, 112, 3)
    if shape == (48, 48):
        np.testing.assert_allclose(face.landmarks, TEMPLATE * 48 / 112, atol=1e-4)


def test_the_command_reads_folders_of_crops(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    folder.mkdir()
    for k in range(3):
        cv2.imwrite(str(folder / f"{k}.png"), crop(40 + k)[:, :, ::-1])
    cv2.imwrite(str(folder / "plain.png"), np.full((48, 48, 3), 90, np.uint8))
    done = CliRunner().invoke(
        cli, ["analyze", str(folder), "--crops", "--out", str(tmp_path / "o")]
    )
    assert done.exit_code == 0, done.output
    for name in ("0", "1", "2", "plain"):
        [document] = (tmp_path / "o").glob(f"{name}*/video.json")
        read = json.loads(document.read_text())
        assert len(read["faces"]) == 1 and read["settings"]["crops"] is True
    assert "crops" not in analyze(folder / "0.png", reactions=False).document["settings"]
