"""Ready-made crops: every picture is one face, however small."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from mien.faces.align import CROP_SIZE_PX, TEMPLATE
from mien.faces.detectors import FaceDetector
from mien.types import Face, FloatArray, ImageArray

_LEAST_PX = 160  # side that a small picture is enlarged to before the detector sees it
_ROOM = 0.4  # of the side, on each side: detectors want some around a face


class WholePictures:
    """Gives exactly one face of every picture.

    The detector sees the picture enlarged, with room around it, and says where the face's points
    are. Where it finds none, they are taken to lie as in an aligned crop, with a score of 0.

    Parameters
    ----------
    detector
        Places the landmarks.
    """

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector

    def describe(self) -> dict[str, Any]:
        """That of the detector."""
        return self._detector.describe()

    def detect(self, image: ImageArray) -> list[Face]:
        """The face of one picture."""
        height, width = image.shape[:2]
        scale = max(1.0, _LEAST_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        larger = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) if scale > 1 else image
        room = round(_ROOM * max(size))
        shown = cv2.copyMakeBorder(larger, room, room, room, room, cv2.BORDER_REPLICATE)
        factor = np.array([width / size[0], height / size[1]], np.float32)
        found = [
            _moved(face, room, factor) for face in self._detector.detect(shown.astype(np.uint8))
        ]
        inside = [
            face
            for face in found
            if ((middle := face.box[:2] + face.box[2:] / 2) >= 0).all()
            and (middle < (width, height)).all()
        ]
        if inside:
            return [max(inside, key=lambda face: float(face.box[2] * face.box[3]))]
        side = float(min(height, width))
        corner = np.array([(width - side) / 2, (height - side) / 2])
        points = TEMPLATE * (side / CROP_SIZE_PX) + corner
        box = np.array([*corner, side, side], np.float32)
        return [Face(0.0, box, points.astype(np.float32))]


def _moved(face: Face, room: int, factor: FloatArray) -> Face:
    """In pixels of the picture as it was given."""
    box = np.concatenate([(face.box[:2] - room) * factor, face.box[2:] * factor])
    landmarks = (face.landmarks - room) * factor
    return Face(face.score, box.astype(np.float32), landmarks.astype(np.float32))
