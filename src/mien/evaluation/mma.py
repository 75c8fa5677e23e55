"""Measuring an exported extractor, the file that users run, on a labelled corpus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.datasets import FaceSet, load_ferplus, load_muxspace
from mien.datasets.landmarks import find_landmarks
from mien.errors import DataError
from mien.evaluation.affect import affect_report
from mien.faces.align import CROP_SIZE_PX
from mien.faces.detect import RetinaFaceDetector
from mien.inference.models import AffectModel
from mien.types import ImageArray


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
    data
        An npz in FER+'s layout (`mien.datasets.ferplus`), or a zip of faces with its csv
        (`mien.datasets.muxspace`).
    split
        ``"train"``, ``"valid"``, ``"test"`` or ``"all"``; None: ``"valid"`` where the file declares
        a training split, else ``"all"``. Outside the training split, copies of training images
        do not count.
    blendshapes
        Teacher scores for the same rows; None looks beside the data.
    model
        Exported extractor; None for the shipped one.
    framing
        ``"aligned"``: by landmarks, found by the detector where the corpus has none; faces in
        which it finds nothing are taken as the corpus crops them. ``"framed"``: all as cropped.

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
    notes: list[str] = []
    faces, declares_split = _load(data, blendshapes, notes)
    chosen = split or ("valid" if declares_split else "all")
    mask = np.ones(len(faces), bool) if chosen == "all" else faces.split == chosen
    faces = faces.select(mask & faces.counted)
    if not len(faces):
        raise DataError(f"{data}: no faces in split {chosen!r}; choose another --split")
    if framing == "framed":
        faces = replace(faces, aligned=np.full_like(faces.aligned, np.nan))
    elif not np.isfinite(faces.aligned).any():
        detector = RetinaFaceDetector(score_threshold=0.5)
        faces = faces.with_landmarks(find_landmarks(faces.images, detector))
    unaligned = int(np.isnan(faces.aligned).any(axis=(1, 2)).sum())
    if unaligned and framing == "aligned":
        notes.append(f"{unaligned} faces without usable landmarks are taken as cropped")
    extractor = AffectModel(model)
    predicted = np.concatenate([extractor.predict(crops) for crops in evaluation_crops(faces)])
    return {
        "data": data.name,
        "split": chosen,
        "framing": framing,
        "model": extractor.metadata.get("name"),
        "model_version": extractor.metadata.get("version"),
        "faces": len(faces),
        **affect_report(predicted, faces),
        "notes": notes,
    }


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


def _load(data: Path, blendshapes: Path | None, notes: list[str]) -> tuple[FaceSet, bool]:
    """The corpus, and whether its file says which faces are for training."""
    beside = data.with_name(f"{data.stem.split('_')[0]}_blendshapes.npz")
    load = load_muxspace if data.suffix.lower() == ".zip" else load_ferplus
    teacher = blendshapes or (beside if beside.is_file() and beside != data else None)

    def attempt(scores: Path | None) -> FaceSet:
        if load is load_muxspace:
            return load_muxspace(data, None, scores)
        return load_ferplus(data, scores)

    try:
        faces = attempt(teacher)
    except DataError as error:
        # A teacher file that merely lies beside may belong to another part of the corpus.
        if blendshapes is not None or teacher is None or str(teacher) not in str(error):
            raise
        notes.append(f"teacher scores not used: {error}")
        faces = attempt(None)
    return faces, load is load_ferplus and bool((faces.split == "train").any())
