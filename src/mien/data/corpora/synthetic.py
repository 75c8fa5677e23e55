"""Image sets of ``mien synthesize images``: every label is known.

Expressions are the mixture that was drawn, with weight 1. A ramp takes the drawn intensity of an
action unit to "probability that it is active": 0 up to `INACTIVE` (a trace), 1 from `ACTIVE` on, so
that the middle, `PRESENT`, is where a coder would begin to score it. The intensity itself is kept
as ``teacher_scores``, and times 5 as ``intensities``. Valence and arousal are placed in the plane
as those of photographs are (`mien.data.targets.votes`), not by the generator's own columns.
Landmarks are exact, so every face is aligned. Splits are by person. Pictures are read in grey, like
those of the other corpora (ITU-R BT.601).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from mien.data.faces import FaceSet, Matrices, framed_matrices, read_image
from mien.data.formats.parquet import matrix, read_parquet
from mien.data.registry import Corpus, register_corpus, register_faces
from mien.data.targets.votes import valence_arousal_targets
from mien.errors import DataError
from mien.faces.align import crop_to_image
from mien.faces.pose import pose_matrix, turned_pose
from mien.io import read_dataset
from mien.labels import (
    ACTION_UNIT_COLUMNS,
    ACTION_UNITS,
    EXPRESSION_COLUMNS,
    FACE_LANDMARKS,
    LANDMARKS,
)
from mien.types import FloatArray

INACTIVE, PRESENT, ACTIVE = 0.1, 0.3, 0.5
"""Intensities (1: FACS level D to E) at which a unit is certainly off, counts as on, surely on."""

_OF_SPEECH = (10, 17, 20, 23, 25, 26)

_FORMAT = "mien synthetic images"
_CLEAR_MAJORITY = 0.5
_AGAIN = "run the same `mien synthesize images` again to finish it"


@register_corpus(
    Corpus(
        name="synthetic",
        title="Synthetic faces of mien",
        kind="faces",
        labels="per image: everything, exactly",
        access="mien synthesize images",
        terms="CC0: nobody in the pictures exists",
        layout=("the folder that mien synthesize images wrote",),
    )
)
@register_faces("synthetic")
def load_synthetic(folder: str | Path, split: str | None = None) -> FaceSet:
    """Load the color pictures of an image set with their truth.

    Parameters
    ----------
    folder
        The set.
    split
        ``"train"``, ``"valid"`` or ``"test"``; None: all.

    Returns
    -------
    Faces whose ``majority`` is the expression with more than half of the mixture, -1 where there
    is none, and whose ``framed`` matrices stretch the whole picture over the crop.

    Raises
    ------
    DataError
        If the folder is not a finished image set with color, a file is missing, or no face is in
        the split.
    """
    place = Path(folder)
    table, document = _read_set(place, split)
    images = _read_images(place, table, "color", document["arguments"]["size_px"])
    count = len(images)
    grey = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])
    expressions = matrix(table, EXPRESSION_COLUMNS)
    intensities = matrix(table, ACTION_UNIT_COLUMNS)
    units = np.clip((intensities - INACTIVE) / (ACTIVE - INACTIVE), 0, 1)
    points = matrix(table, tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy"))
    places = matrix(table, tuple(f"lm_{name}_{axis}" for name in FACE_LANDMARKS for axis in "xy"))
    return FaceSet(
        corpus="synthetic",
        names=np.array(table.column("color").to_pylist()),
        images=grey.astype(np.uint8, copy=False),
        aligned=_exact_matrices(points.reshape(count, 5, 2)),
        framed=framed_matrices(count, grey.shape[1]),
        expressions=expressions,
        expression_weight=np.ones(count, np.float32),
        majority=np.where(
            expressions.max(axis=1) > _CLEAR_MAJORITY, expressions.argmax(axis=1), -1
        ),
        valence_arousal=valence_arousal_targets(
            expressions, _felt(units) if document["arguments"].get("speech") else units
        ),
        action_units=units,
        teacher_scores=intensities,
        split=np.array(table.column("split").to_pylist()),
        counted=np.ones(count, bool),
        intensities=5 * intensities,
        pose_deg=_seen_pose(table, places.reshape(count, len(FACE_LANDMARKS), 2)),
        eye_open=1 - matrix(table, ("blink_left", "blink_right")),
        gaze_deg=matrix(table, ("gaze_yaw_deg", "gaze_pitch_deg")),
        face_landmarks=places.reshape(count, len(FACE_LANDMARKS), 2),
    )


def load_synthetic_images(
    folder: str | Path, modality: str = "color", split: str | None = None
) -> npt.NDArray[Any]:
    """Pictures of one modality, in the order of `load_synthetic`.

    Returns
    -------
    uint8 (n, side, side, 3) RGB for ``"color"``; uint16 (n, side, side) for ``"depth"``
    (millimetres) and ``"thermal"`` (hundredths of a kelvin).

    Raises
    ------
    DataError
        As `load_synthetic`, or if the set lacks the modality.
    """
    place = Path(folder)
    table, document = _read_set(place, split)
    return _read_images(place, table, modality, document["arguments"]["size_px"])


def _read_set(folder: Path, split: str | None) -> tuple[pa.Table, dict[str, Any]]:
    """Manifest (of one split) and document of a finished image set."""
    needs = ("arguments.count", "arguments.size_px")
    document = read_dataset(folder, "a set of synthetic images", _FORMAT, needs)
    count = document["arguments"]["count"]
    manifest = folder / "manifest.parquet"
    if not manifest.is_file():
        raise DataError(f"{folder}: the set is not finished; {_AGAIN}")
    table = read_parquet(manifest, _AGAIN)
    if table.num_rows != count:
        raise DataError(f"{folder}: {table.num_rows} of {count} images are there; {_AGAIN}")
    if split is not None:
        table = table.filter(pa.compute.equal(table.column("split"), split))
    if not table.num_rows:
        raise DataError(f"{folder}: no image is in the split {split!r}")
    return table, document


def _read_images(folder: Path, table: pa.Table, modality: str, side: int) -> npt.NDArray[Any]:
    names = table.column(modality).to_pylist() if modality in table.column_names else [None]
    if None in names or modality not in ("color", "depth", "thermal"):
        raise DataError(f"{folder}: the set has no {modality} pictures")
    shape, kind = ((side, side, 3), np.uint8) if modality == "color" else ((side, side), np.uint16)
    images = np.empty((len(names), *shape), kind)
    for k, name in enumerate(names):
        image = read_image(folder / name, cv2.IMREAD_UNCHANGED)
        if image.shape != shape or image.dtype != kind:
            raise DataError(f"{folder / name}: is {image.dtype} {image.shape}; expected {shape}")
        images[k] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if modality == "color" else image
    return images


def _felt(units: FloatArray) -> FloatArray:
    """Units without those that speech moves as well: who talks is not more moved by it."""
    felt = units.copy()
    felt[:, [ACTION_UNITS.index(unit) for unit in _OF_SPEECH]] = 0
    return felt


def _seen_pose(table: pa.Table, places: FloatArray) -> FloatArray:
    """Pose (n, 3) as the picture shows it.

    The table has the pose before the camera; a picture of framing ``"aligned"`` is turned besides,
    by as much as the line through the eyes differs from where the pose alone would put it.
    """
    pose = matrix(table, ("pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"))
    across = np.zeros((len(places), 2))
    for corner in ("eye_inner", "eye_outer"):
        left, right = (FACE_LANDMARKS.index(f"{corner}_{side}") for side in ("left", "right"))
        across += places[:, left] - places[:, right]
    axis = pose_matrix(pose)[:, :, 0]
    turned = np.arctan2(-across[:, 1], across[:, 0]) - np.arctan2(axis[:, 1], axis[:, 0])
    return turned_pose(pose, np.degrees(turned)).astype(np.float32)


def _exact_matrices(landmarks: FloatArray) -> Matrices:
    """Crop-to-image matrices of exact landmarks (n, 5, 2), at any scale."""
    matrices = np.full((len(landmarks), 2, 3), np.nan, np.float32)
    for k, points in enumerate(landmarks):
        if np.ptp(points, axis=0).max() >= 1:
            matrices[k] = crop_to_image(points)
    return matrices
