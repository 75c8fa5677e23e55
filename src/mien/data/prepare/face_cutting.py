"""The face that a video of a corpus is about, the largest, cut as `mien analyze` cuts it."""

from __future__ import annotations

from typing import Any

from mien.faces.cuts import SceneCutDetector
from mien.faces.detectors import FaceDetector
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.pipeline.finding.finder import FaceFinder
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.resample import longest_step_s
from mien.types import FloatArray, Frame, ImageArray

OPTIONS = AnalysisOptions(faces="largest", reactions=False, threads=1, precise=True, device="cpu")
"""What faces of corpora are found and read with: one thread, since videos are spread over
processes, and the same network on every machine, since a set may be made on several."""


def settings() -> dict[str, Any]:
    """Those of `OPTIONS` that decide what the crops are, as plain values."""
    names = ("faces", "steady", "min_score", "min_face_px", "detect_side_px", "max_lost_s")
    return {name: getattr(OPTIONS, name) for name in names}


def open_detector() -> FaceDetector:
    """The detector of `OPTIONS`."""
    return RetinaFaceDetector(
        max_side_px=OPTIONS.detect_side_px,
        score_threshold=OPTIONS.min_score,
        min_face_px=OPTIONS.min_face_px,
        threads=OPTIONS.threads,
    )


class LargestFace:
    """Cuts the largest face out of the frames of one video, in order.

    Parameters
    ----------
    detector
        Finds faces.
    nominal_fps
        Of the video, None where it does not say.
    """

    def __init__(self, detector: FaceDetector, nominal_fps: float | None) -> None:
        self._finder = FaceFinder(detector, OPTIONS, longest_step_s(nominal_fps), None)
        self._cuts = SceneCutDetector()

    def cut(self, frame: Frame) -> tuple[ImageArray, FloatArray] | None:
        """The crop, and the landmarks (5, 2) that it was cut by; None where there is no face."""
        new_shot = self._cuts.look(frame)
        item = self._finder.find(frame, new_shot)
        self._finder.forget_lost()
        return (item.crops[0].color, item.places[0]) if item.crops else None
