"""`FaceSet`: single faces with whatever labels their corpus has. Torch-free."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX, crop_to_image
from mien.labels import PAPERS_LABELS, LabelSet

Matrices = npt.NDArray[np.float32]

# A face that small or large in its own picture has wrong landmarks. Looked at: faces of FER+ down
# to 0.3 are small ones with their landmarks in place.
_SCALE_BOUNDS = (0.3, 2.5)


@dataclass(frozen=True)
class FaceSet:
    """Faces of one corpus. Missing labels are NaN or weight 0; nothing is guessed.

    Attributes
    ----------
    corpus
        Short name for tables.
    names
        str (n,), file or image names.
    images
        uint8 (n, side, side), grey.
    aligned, framed
        float32 (n, 2, 3), from pixels of the 112 x 112 crop to pixels of `images`. ``aligned``
        follows the five landmarks and is NaN where there are none; ``framed`` takes the corpus's
        own crop as it is.
    expressions, expression_weight
        float32 (n, 7) rows summing to 1, and (n,) >= 0, where 0 means no label.
    majority
        int64 (n,), index of the one expression that most raters chose; -1 for ties, contempt,
        unknown and unlabelled faces. Accuracy is measured on this.
    valence_arousal
        float32 (n, 2), NaN where there is no target.
    action_units
        float32 (n, 17), NaN where there is no target.
    teacher_scores
        float32 (n, 17), the raw scores that ``action_units`` were made from, NaN where unknown.
    split
        str (n,), ``"train"``, ``"valid"`` or, where a corpus has one, ``"test"``.
    counted
        bool (n,), False for copies of training faces in another split.
    blendshapes
        float32 (n, 47) in [0, 1], a face mesh's scores as in `mien.data.targets.blendshapes`, NaN
        where unknown; None: the corpus comes without, here and below.
    intensities
        float32 (n, 17), 0 to 5, intensity of the action units (FACS letters A to E: 1 to 5).
    pose_deg
        float32 (n, 3), yaw (to the person's left), pitch (up) and roll (counter-clockwise in
        `images`), degrees.
    eye_open
        float32 (n, 2), 0 to 1, the person's left and right eye.
    gaze_deg
        float32 (n, 2), yaw and pitch within the head, degrees.
    face_landmarks
        float32 (n, 26, 2), pixels of `images`, in the order of `mien.labels.FACE_LANDMARKS`, NaN
        where unknown.
    labels
        What the columns of expressions and units are; by default the papers' 7 and 17, which the
        shapes above are of.
    """

    corpus: str
    names: npt.NDArray[np.str_]
    images: npt.NDArray[np.uint8]
    aligned: Matrices
    framed: Matrices
    expressions: npt.NDArray[np.float32]
    expression_weight: npt.NDArray[np.float32]
    majority: npt.NDArray[np.int64]
    valence_arousal: npt.NDArray[np.float32]
    action_units: npt.NDArray[np.float32]
    teacher_scores: npt.NDArray[np.float32]
    split: npt.NDArray[np.str_]
    counted: npt.NDArray[np.bool_]
    blendshapes: npt.NDArray[np.float32] | None = None
    intensities: npt.NDArray[np.float32] | None = None
    pose_deg: npt.NDArray[np.float32] | None = None
    eye_open: npt.NDArray[np.float32] | None = None
    gaze_deg: npt.NDArray[np.float32] | None = None
    face_landmarks: npt.NDArray[np.float32] | None = None
    labels: LabelSet = PAPERS_LABELS

    def __len__(self) -> int:
        return len(self.names)

    def select(self, mask: npt.NDArray[Any]) -> FaceSet:
        """The faces where `mask` (bool (n,) or indices) holds."""
        picked = {
            name: value[mask] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return replace(self, **picked)

    def with_landmarks(self, landmarks: npt.NDArray[np.float32]) -> FaceSet:
        """The same faces with ``aligned`` made from landmarks (n, 5, 2), NaN where unknown."""
        return replace(self, aligned=aligned_matrices(landmarks, self.framed))

    def fingerprint(self) -> str:
        """Hash of all that a training sees or is scored on, to be saved beside weights.

        That is every array but the names: images, where faces are in them, labels and their
        weights, splits.
        """
        digest = hashlib.sha256()
        for name, value in sorted(vars(self).items()):
            if isinstance(value, np.ndarray) and name != "names":
                digest.update(f"{name} {value.dtype.kind} {value.shape}".encode())
                digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()[:16]


def read_image(path: Path, flags: int) -> npt.NDArray[Any]:
    """A picture as OpenCV decodes it.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    image = cv2.imdecode(data, flags) if data.size else None
    if image is None:
        raise DataError(f"{path}: is not a readable image")
    return image


def framed_matrices(count: int, side_px: int) -> Matrices:
    """Matrices that stretch a square image over the crop, (n, 2, 3)."""
    scale = side_px / CROP_SIZE_PX
    shift = 0.5 * scale - 0.5  # pixel centres, not corners, keep their place
    matrix = np.array([[scale, 0, shift], [0, scale, shift]], np.float32)
    return np.repeat(matrix[None], count, axis=0)


def aligned_matrices(landmarks: npt.NDArray[np.float32], framed: Matrices) -> Matrices:
    """Crop-to-image matrices from landmarks (n, 5, 2); NaN where landmarks are missing or absurd.

    Parameters
    ----------
    landmarks
        Pixels of the images, NaN where none were found.
    framed
        (n, 2, 3) crop-to-image matrices of the corpus's own framing, against which a scale is
        judged plausible.
    """
    matrices = np.full((len(landmarks), 2, 3), np.nan, np.float32)
    for i, points in enumerate(landmarks):
        if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1:
            continue
        matrix = crop_to_image(points)
        scale = np.hypot(matrix[0, 0], matrix[1, 0]) / np.hypot(framed[i, 0, 0], framed[i, 1, 0])
        if _SCALE_BOUNDS[0] <= scale <= _SCALE_BOUNDS[1]:
            matrices[i] = matrix
    return matrices
