"""Contact sheets: the faces in which an extractor sees most of an action unit.

Where no truth exists for a unit, a look at these faces is the honest test. The sheets show people
of the corpus and are subject to its terms.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mien.data.faces import FaceSet
from mien.evaluation.models.extractor import evaluation_crops
from mien.labels import PAPERS_LABELS, LabelSet, unit_name
from mien.types import FloatArray

_COLUMNS = 6
_LINE_PX = 18
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_sheets(
    faces: FaceSet,
    predicted: FloatArray,
    folder: Path,
    count: int = 12,
    labels: LabelSet = PAPERS_LABELS,
) -> list[Path]:
    """Write one PNG per action unit with its highest-scoring faces, best first.

    Parameters
    ----------
    faces, predicted
        n faces and their affect representations (n, 26).
    folder
        Made if it does not exist.
    count
        Faces per sheet.
    labels
        Of the extractor.

    Returns
    -------
    The files, ``au01.png`` and so on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scores = predicted[:, labels.action_unit_slice]
    files = []
    for unit, name in enumerate(labels.action_unit_columns):
        rows = np.argsort(-scores[:, unit], kind="stable")[:count]
        crops = np.concatenate(list(evaluation_crops(faces.select(rows))))
        title = f"{unit_name(labels.action_units[unit])}: highest of {len(faces)} faces"
        files.append(folder / f"{name}.png")
        cv2.imwrite(str(files[-1]), _sheet(crops[..., 0], scores[rows, unit], title))
    return files


def _sheet(crops: npt.NDArray[np.uint8], scores: FloatArray, title: str) -> npt.NDArray[np.uint8]:
    """Grey faces (n, 112, 112) in rows of six, each with its probability."""
    side = crops.shape[1]
    rows = -(-len(crops) // _COLUMNS)
    page = np.full((_LINE_PX + rows * (side + _LINE_PX), _COLUMNS * side), 255, np.uint8)
    cv2.putText(page, title, (4, 13), _FONT, 0.42, 0, 1, cv2.LINE_AA)
    for k, crop in enumerate(crops):
        top = _LINE_PX + (k // _COLUMNS) * (side + _LINE_PX)
        left = (k % _COLUMNS) * side
        page[top : top + side, left : left + side] = crop
        place = (left + 4, top + side + 13)
        cv2.putText(page, f"{scores[k]:.2f}", place, _FONT, 0.42, 0, 1, cv2.LINE_AA)
    return page
