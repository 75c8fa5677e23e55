"""The eye panel: 200 photorealistic faces whose action units were coded by eye, twice.

Layout of the folder: ``codes.csv`` and ``faces/*.jpg``. Columns of the csv: ``file``; ``half``
(``A`` chooses, ``B`` reports); ``group`` (near-copies share one); per coder the units that are
``present`` and those that it was ``unsure`` of, FACS numbers separated by blanks (all others it
called absent); ``lx0`` to ``ly4``, five landmarks in pixels. Where both coders said the same,
present or absent, that is the truth; all else is unknown. ``README.md`` says who coded and how.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.evaluation.metrics import area_under_curve
from mien.faces.align import align
from mien.labels import ACTION_UNIT_COLUMNS, ACTION_UNIT_SLICE, ACTION_UNITS
from mien.runtime.metadata import require_papers_labels
from mien.runtime.models import AffectModel
from mien.types import FloatArray, ImageArray

_COLUMNS = tuple(f"coder{k}_{what}" for k in (1, 2) for what in ("present", "unsure"))
_POINTS = tuple(f"l{axis}{i}" for i in range(5) for axis in "xy")


@dataclass(frozen=True)
class EyePanel:
    """Faces and codes.

    Attributes
    ----------
    names
        str (n,).
    crops
        uint8 (n, 112, 112, 3), aligned, RGB.
    coders
        float32 (2, n, 17): 1 present, 0 absent, NaN unsure.
    first_half
        bool (n,), True for half A.
    """

    names: npt.NDArray[np.str_]
    crops: ImageArray
    coders: FloatArray
    first_half: npt.NDArray[np.bool_]

    @property
    def truth(self) -> FloatArray:
        """float32 (n, 17): 1 or 0 where both coders say so, else NaN."""
        one, two = self.coders
        return np.where(one == two, one, np.nan).astype(np.float32)


def load_eye_panel(folder: str | Path) -> EyePanel:
    """Read the panel.

    Raises
    ------
    DataError
        If a file or a column is missing, a picture cannot be read, or a code is no unit of ours.
    """
    place = Path(folder)
    table = place / "codes.csv"
    try:
        rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise DataError(f"{table}: cannot be read ({error.strerror})") from error
    missing = {"file", "half", *_COLUMNS, *_POINTS} - {*(rows[0] if rows else {})}
    if missing:
        raise DataError(f"{table}: looked for columns {sorted(missing)}, found none of them")
    return EyePanel(
        np.array([row["file"] for row in rows]),
        np.stack([_crop(place / "faces" / row["file"], row) for row in rows]),
        np.stack([np.stack([_codes(row, k, table) for row in rows]) for k in (1, 2)]),
        np.array([row["half"] == "A" for row in rows]),
    )


def _crop(path: Path, row: dict[str, str]) -> ImageArray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{path}: is not a readable image")
    points = np.array([float(row[name]) for name in _POINTS], np.float32).reshape(5, 2)
    return align(cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), points)


def _codes(row: dict[str, str], coder: int, table: Path) -> FloatArray:
    codes = np.zeros(len(ACTION_UNITS), np.float32)
    for what, value in (("present", 1.0), ("unsure", np.nan)):
        for word in row[f"coder{coder}_{what}"].split():
            if not word.isdigit() or int(word) not in ACTION_UNITS:
                raise DataError(f"{table}: {row['file']}: {word!r} is none of {ACTION_UNITS}")
            codes[ACTION_UNITS.index(int(word))] = value
    return codes


def cohen_kappa(one: npt.ArrayLike, two: npt.ArrayLike) -> float:
    r"""Agreement of two coders beyond chance (Cohen, 1960), of any number of categories.

    .. math:: \kappa = (p_o - p_e) / (1 - p_e)

    Parameters
    ----------
    one, two
        (n,) categories; NaN is one of its own.

    Returns
    -------
    At most 1; NaN where both know a single category only, or of nothing.

    Examples
    --------
    >>> cohen_kappa([1, 1, 0, 0], [1, 0, 0, 0])
    0.5
    """
    sides = [np.nan_to_num(np.asarray(side, np.float64), nan=-1.0) for side in (one, two)]
    names = np.unique(np.concatenate(sides))
    if not len(sides[0]):
        return float("nan")
    observed = float((sides[0] == sides[1]).mean())
    expected = float(sum((sides[0] == n).mean() * (sides[1] == n).mean() for n in names))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def panel_scores(
    truth: FloatArray, probabilities: FloatArray, levels: npt.ArrayLike
) -> dict[str, FloatArray]:
    """Per unit how well probabilities find what was coded.

    Parameters
    ----------
    truth, probabilities
        (n, 17); truth is NaN where unknown.
    levels
        (17,), from which probability on a unit counts as active.

    Returns
    -------
    float32 (17,) each: ``positives``, ``f1`` at the levels, ``best_f1`` at the best single level of
    these very faces, ``auc``; NaN where undefined.
    """
    names = ("positives", "f1", "best_f1", "auc")
    scores = {name: np.full(len(ACTION_UNITS), np.nan, np.float32) for name in names}
    for unit, level in enumerate(np.asarray(levels, np.float64)):
        known = np.isfinite(truth[:, unit])
        active, p = truth[known, unit] > 0.5, probabilities[known, unit]
        scores["positives"][unit] = active.sum()
        if not active.any():
            continue
        scores["f1"][unit] = _f1(active, p >= level)
        scores["best_f1"][unit] = max(_f1(active, p >= found) for found in np.unique(p))
        scores["auc"][unit] = area_under_curve(active, p)
    return scores


def _f1(active: npt.NDArray[np.bool_], claimed: npt.NDArray[np.bool_]) -> float:
    return float(2 * (active & claimed).sum() / (active.sum() + claimed.sum()))


LEAST_POSITIVES = 10
"""Units that the whole panel shows less often do not enter means."""


def measure_panel(extractor: AffectModel, panel: EyePanel, half: str = "B") -> dict[str, Any]:
    """Score an extractor on half ``"A"``, ``"B"`` or ``"both"`` of the panel.

    Returns
    -------
    ``faces``; ``units``: per unit what `panel_scores` gives, and the coders' ``kappa`` (three
    answers, all faces); ``counted``: units with `LEAST_POSITIVES` or more in the whole panel, and
    over them ``mean_f1``, ``mean_best_f1``, ``mean_auc``.
    """
    require_papers_labels(extractor.labels, extractor.metadata.get("name"))
    mask = np.ones(len(panel.names), bool)
    if half != "both":
        mask = panel.first_half if half == "A" else ~panel.first_half
    probabilities = extractor.predict(panel.crops[mask])[:, ACTION_UNIT_SLICE]
    scores = panel_scores(panel.truth[mask], probabilities, extractor.au_decisions)
    counted = np.nansum(panel.truth, axis=0) >= LEAST_POSITIVES
    units = {
        name: {score: float(values[k]) for score, values in scores.items()}
        | {"kappa": cohen_kappa(*panel.coders[:, :, k])}
        for k, name in enumerate(ACTION_UNIT_COLUMNS)
    }
    means = {
        f"mean_{name}": float(np.nanmean(scores[name][counted]))
        for name in ("f1", "best_f1", "auc")
    }
    names = [name for name, yes in zip(ACTION_UNIT_COLUMNS, counted, strict=True) if yes]
    return {"faces": int(mask.sum()), "units": units, "counted": names, **means}
