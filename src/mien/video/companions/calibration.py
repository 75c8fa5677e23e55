"""``streams.json``: what the numbers of companion videos mean, how they lie beside color."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.io import read_json

_KEYS = ("scale", "offset", "missing", "homography", "time_offset_s", "tolerance_s")


def read_calibration(path: Path) -> dict[str, dict[str, Any]]:
    """``streams.json``: arguments of `StreamFile` by stream; empty where there is no file.

    Raises
    ------
    DataError
        If it is no JSON or holds something else than the module docstring says.
    """
    if not path.is_file():
        return {}
    return {name: _calibration(path, name, entry) for name, entry in read_json(path).items()}


def _calibration(path: Path, name: str, entry: Any) -> dict[str, Any]:
    if name not in ("depth", "thermal") or not isinstance(entry, dict):
        raise DataError(f'{path}, "{name}": expected objects "depth" and "thermal"')
    facts: dict[str, Any] = {}
    for key, value in entry.items():
        where = f'{path}, "{name}": "{key}"'
        if key not in _KEYS:
            raise DataError(f"{where} is unknown; expected some of {', '.join(_KEYS)}")
        if key == "homography":
            facts[key] = _homography(where, value)
        elif key == "missing":
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise DataError(f"{where} is {value!r}; expected a whole number or null")
            facts[key] = value
        else:
            number = _number(where, value)
            if (key == "scale" and number == 0) or (key == "tolerance_s" and number < 0):
                raise DataError(f"{where} is {value!r}; expected another number")
            facts["shift_s" if key == "time_offset_s" else key] = number
    if ("scale" in facts) != ("offset" in facts):
        raise DataError(f'{path}, "{name}": "scale" and "offset" go together; one is missing')
    return facts


def _number(where: str, value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good:
        raise DataError(f"{where} is {value!r}; expected a number")
    return float(value)


def _homography(where: str, value: Any) -> npt.NDArray[np.float64]:
    try:
        matrix = np.array(value, np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if (
        matrix.shape != (3, 3)
        or not np.isfinite(matrix).all()
        or not abs(np.linalg.det(matrix)) > 1e-12
    ):
        raise DataError(f"{where} is {value!r}; expected 3 rows of 3 numbers that can be inverted")
    return matrix
