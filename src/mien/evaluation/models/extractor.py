"""Measuring an exported extractor, the file that users run, on a labelled corpus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.data.faces import FaceSet
from mien.data.relabel import relabelled
from mien.evaluation.affect import affect_report
from mien.evaluation.corpora import LabelledFaces, load_labelled
from mien.faces.align import CROP_SIZE_PX
from mien.runtime.models import AffectModel
from mien.types import FloatArray, ImageArray


def evaluate_mma(
    data: Path,
    split: str | None = None,
    blendshapes: Path | None = None,
    model: Path | None = None,
    framing: str = "aligned",
) -> dict[str, Any]:
    """Run an exported extractor over a corpus and score it.

    Parameters
    ----------
    data, split, blendshapes, framing
        See `mien.evaluation.corpora.load_labelled`.
    model
        Exported extractor; None for the shipped one.

    Returns
    -------
    `mien.evaluation.affect.affect_report`, and what was measured.

    Raises
    ------
    DataError
        If a file is missing or not laid out as expected, or no face is left to measure.
    ModelError
        If the model cannot be loaded.
    """
    return measure(AffectModel(model), load_labelled(data, split, blendshapes, framing))


def measure(
    extractor: AffectModel,
    labelled: LabelledFaces,
    predicted: tuple[FloatArray, FloatArray | None] | None = None,
) -> dict[str, Any]:
    """Score one extractor on faces that are loaded already; see `evaluate_mma`.

    `predicted` is what `predict_all` gave for them, if that is known already.
    """
    affect, strong = predicted or predict_all(extractor, labelled.faces)
    faces = relabelled(labelled.faces, extractor.labels)
    return {
        "data": labelled.data,
        "split": labelled.split,
        "framing": labelled.framing,
        "synthetic": labelled.faces.corpus == "synthetic",
        "truth": labelled.truth,
        "model": extractor.metadata.get("name"),
        "model_version": extractor.metadata.get("version"),
        "faces": len(labelled.faces),
        **affect_report(affect, faces, extractor.au_decisions, strong),
        "notes": labelled.notes,
    }


def predict_all(extractor: AffectModel, faces: FaceSet) -> tuple[FloatArray, FloatArray | None]:
    """Affect representations (n, 26), and intensities of units (n, 17) for faces that have some."""
    if faces.intensities is None:
        return predict_faces(extractor, faces), None
    found = [extractor.estimate(crops) for crops in evaluation_crops(faces)]
    strong = np.concatenate([one.details.au_intensity for one in found])
    return np.concatenate([one.affect for one in found]), strong


def predict_faces(extractor: AffectModel, faces: FaceSet) -> FloatArray:
    """Affect representations float32 (n, 26) of a set of faces, as the pipeline crops them."""
    return np.concatenate([extractor.predict(crops) for crops in evaluation_crops(faces)])


def evaluation_crops(faces: FaceSet, batch: int = 64) -> Iterator[ImageArray]:
    """Crops uint8 (n, 112, 112, 3) in batches, aligned where there are landmarks."""
    usable = np.isfinite(faces.aligned).all(axis=(1, 2), keepdims=True)
    to_image = np.where(usable, faces.aligned, faces.framed)
    for start in range(0, len(faces), batch):
        crops = [
            cv2.warpAffine(
                image,
                matrix.astype(np.float64),
                (CROP_SIZE_PX, CROP_SIZE_PX),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for image, matrix in zip(
                faces.images[start : start + batch], to_image[start : start + batch], strict=True
            )
        ]
        yield np.repeat(np.stack(crops)[..., None], 3, axis=3).astype(np.uint8, copy=False)
