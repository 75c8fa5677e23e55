"""A corpus's labels by name, in the order of the extractor that is to learn them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.faces import FaceSet
from mien.labels import LabelSet


def relabelled(faces: FaceSet, labels: LabelSet) -> FaceSet:
    """The same faces with the columns of `labels`.

    Units that the corpus does not have are unknown (NaN). No face of it shows an expression that
    it does not have; a face that shows one which `labels` leave out counts as far as it shows
    others.
    """
    own = faces.labels
    if own == labels:
        return faces
    units = _positions(own.action_units, labels.action_units)
    places = _positions(own.expressions, labels.expressions)
    shown = np.where(places >= 0, faces.expressions[:, places], np.float32(0))
    total = shown.sum(axis=1, keepdims=True)
    known = np.isfinite(total) & (total > 0)
    back = np.append(_positions(labels.expressions, own.expressions), -1)  # -1 stays -1
    return replace(
        faces,
        expressions=np.where(known, shown / np.where(known, total, 1), np.nan).astype(np.float32),
        expression_weight=faces.expression_weight * np.where(known, total, 0)[:, 0],
        majority=back[faces.majority],
        action_units=_columns(faces.action_units, units),
        teacher_scores=_columns(faces.teacher_scores, units),
        intensities=None if faces.intensities is None else _columns(faces.intensities, units),
        labels=labels,
    )


def _positions(own: tuple[Any, ...], wanted: tuple[Any, ...]) -> npt.NDArray[np.int64]:
    """Where each wanted name stands among the own ones; -1 for one that does not."""
    return np.array([own.index(name) if name in own else -1 for name in wanted], np.int64)


def _columns(
    values: npt.NDArray[np.float32], positions: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    return np.where(positions >= 0, values[:, positions], np.float32(np.nan))
