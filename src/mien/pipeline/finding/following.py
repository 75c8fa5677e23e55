"""Finding once, then following: where a face is in the next frame, from the extractor's landmarks.

A detector takes most of the time of an analysis, and on most frames it says what was known: the
face is where it was. The extractor places 26 landmarks in every crop, from which the next crop can
be cut. The detector is asked at the start, every `DETECT_EVERY_S`, after a scene cut, and where
there is doubt: the quality is low, the landmarks do not lie as those of a face, or the face moved
so fast that its crop missed it.

A detector and the extractor do not place the same points alike. The difference is taken anew at
each detection, in the face's own size and turn, so that a crop does not jump when the detector has
been asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.faces.align import similarity
from mien.labels import FACE_LANDMARKS
from mien.types import Face, FaceDetails, FloatArray

DETECT_EVERY_S = 0.3
"""From so long on the detector looks again: a new face has waited less."""

LEAST_QUALITY = 0.5
"""Below it the detector is asked whether there is a face at all."""

_MOVED_AT_MOST = 0.22  # of the distance of the eyes, between where a face was cut and where it is
_TURNED_AT_MOST_DEG = 50.0  # of yaw: profiles are the detector's
_SHAPE_OFF_AT_MOST = 0.30  # of the distance of the eyes, from the shape at the last detection
_OFFSET_SHARE = 0.5  # of a new difference in the running one

_PARTS = (
    ("eye_inner_right", "eye_outer_right"),
    ("eye_inner_left", "eye_outer_left"),
    ("nose_tip",),
    ("mouth_right",),
    ("mouth_left",),
)
_INDICES = [[FACE_LANDMARKS.index(name) for name in part] for part in _PARTS]

Points = npt.NDArray[np.float64]


def five_points(landmarks: FloatArray) -> Points:
    """The five points of `mien.labels.LANDMARKS` from an extractor's 26, float64 (5, 2)."""
    return np.stack([landmarks[part].astype(np.float64).mean(axis=0) for part in _INDICES])


@dataclass(frozen=True)
class Followed:
    """One face that is followed.

    Attributes
    ----------
    face
        Where it was last: score of the last detection, box and landmarks in pixels.
    found
        The detection that the following began from.
    offset
        float64 (5, 2): detector's points less the extractor's, in the face's own axes, over the
        distance of the eyes.
    """

    face: Face
    found: Face
    offset: Points


def begin(found: Face, details: FaceDetails, before: Followed | None) -> Followed | None:
    """Follow a face that has been detected; None where it is the detector's alone.

    Parameters
    ----------
    found
        The detection.
    details
        What the extractor says of it, in pixels of the frame.
    before
        The same face as it was followed until now.
    """
    if not _is_clear(details):
        return None
    points = five_points(details.landmarks)
    frame = _frame(points)
    if frame is None:
        return None
    axes, size = frame
    offset = (found.landmarks - points) @ axes.T / size
    if before is not None:
        offset = _OFFSET_SHARE * offset + (1 - _OFFSET_SHARE) * before.offset
    return Followed(found, found, offset)


def go_on(followed: Followed, details: FaceDetails, cut_at: FloatArray) -> Followed | None:
    """The face in the next frame, from what the extractor saw in its crop; None where in doubt.

    Parameters
    ----------
    followed
        As of the frame before.
    details
        Of the face in this frame, in its pixels.
    cut_at
        Landmarks (5, 2) that the crop was cut by.
    """
    if not _is_clear(details):
        return None
    points = five_points(details.landmarks)
    frame = _frame(points)
    if frame is None:
        return None
    axes, size = frame
    now = points + followed.offset @ axes * size
    if np.abs((now - cut_at).mean(axis=0)).max() > _MOVED_AT_MOST * size:
        return None
    matrix = similarity(followed.found.landmarks, now)
    expected = followed.found.landmarks @ matrix[:, :2].T + matrix[:, 2]
    if np.abs(expected - now).max() > _SHAPE_OFF_AT_MOST * size:
        return None
    face = Face(followed.found.score, _moved(followed.found.box, matrix), now.astype(np.float32))
    return Followed(face, followed.found, followed.offset)


def _is_clear(details: FaceDetails) -> bool:
    """Whether this is a face that the extractor places well: whole and not in profile."""
    return bool(
        np.isfinite(details.landmarks).all()
        and details.quality >= LEAST_QUALITY
        and not abs(details.pose_deg[0]) > _TURNED_AT_MOST_DEG
    )


def _frame(points: Points) -> tuple[Points, float] | None:
    """The face's own axes, (2, 2) with one a row, and the distance of the eyes."""
    across = points[1] - points[0]
    size = float(np.hypot(*across))
    if not size > 1:
        return None
    x, y = across / size
    return np.array([[x, y], [-y, x]]), size


def _moved(box: FloatArray, matrix: Points) -> FloatArray:
    """A box taken along: its centre moves, its sides grow, it stays upright."""
    scale = float(np.hypot(*matrix[:, 0]))
    centre = matrix[:, :2] @ (box[:2] + box[2:] / 2) + matrix[:, 2]
    return np.concatenate([centre - scale * box[2:] / 2, scale * box[2:]]).astype(np.float32)
