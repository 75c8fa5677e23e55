"""Traces of valence, arousal and action units over time, and their values at the times of frames.

Between two samples a trace is interpolated linearly: a time in ``[t_k, t_k+1)`` takes its share of
both. Before the first sample, after the last and where samples are too far apart nothing is known,
and nothing is made up: the value is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from mien.data.formats.text_tables import Row, as_number, read_rows
from mien.labels import ACTION_UNIT_COLUMNS
from mien.types import FloatArray, TimeArray

_SAME_S = 1e-6  # times that differ by less are the same, written in another way
_LONGEST_STEPS = 2.5  # two samples further apart than so many usual steps have a hole between them


@dataclass(frozen=True)
class Traces:
    """Samples of both dimensions, and of action units where the corpus has them.

    Attributes
    ----------
    time_s
        float64 (n,), increasing, n >= 1.
    affect
        float32 (n, 2), valence and arousal in [-1, 1]; NaN where not annotated.
    units
        float32 (n, 17), intensities in [0, 1] in the order of `mien.labels.ACTION_UNITS`, NaN
        where not annotated; None: the corpus says nothing of them.
    """

    time_s: TimeArray
    affect: FloatArray
    units: FloatArray | None = None

    def at(self, times_s: TimeArray) -> FloatArray:
        """Valence and arousal at times (m,), float32 (m, 2), NaN where nothing is known.

        Two samples more than 2.5 times the median step apart have a hole between them.

        Examples
        --------
        >>> pair = Traces(np.array([0.0, 0.1]), np.array([[0, 1], [0.5, 0]], np.float32))
        >>> pair.at(np.array([-0.01, 0.05, 0.1, 0.11])).tolist()
        [[nan, nan], [0.25, 0.5], [0.5, 0.0], [nan, nan]]
        """
        return self._between(self.affect, times_s)

    def units_at(self, times_s: TimeArray) -> FloatArray | None:
        """Action units at times (m,), float32 (m, 17), by the rules of `at`; None without any."""
        return None if self.units is None else self._between(self.units, times_s)

    def _between(self, samples: FloatArray, times_s: TimeArray) -> FloatArray:
        asked = np.asarray(times_s, np.float64)
        before = np.searchsorted(self.time_s, asked + _SAME_S, side="right") - 1  # (m,)
        inside = before >= 0
        k = np.clip(before, 0, len(self.time_s) - 1)
        after = np.minimum(k + 1, len(self.time_s) - 1)
        step_s = self.time_s[after] - self.time_s[k]
        late_s = np.where(asked - self.time_s[k] <= _SAME_S, 0.0, asked - self.time_s[k])
        usual_s = float(np.median(np.diff(self.time_s))) if len(self.time_s) > 1 else 0.0
        longest_s = _LONGEST_STEPS * usual_s
        known = inside & ((late_s == 0) | ((after > k) & (step_s <= longest_s + _SAME_S)))
        share = (late_s / np.where(step_s > 0, step_s, 1.0))[:, None]
        first, second = samples[k].astype(np.float64), samples[after].astype(np.float64)
        between = np.where(share == 0, first, first + share * (second - first))
        return np.where(known[:, None], between, np.nan).astype(np.float32)


def traces_of(rows: Sequence[tuple[Row, float, float, float]]) -> Traces:
    """Traces from rows of a table: row, time in seconds, valence and arousal.

    Raises
    ------
    DataError
        If times do not increase; the message names file and line.
    """
    for (_, earlier, _, _), (row, time_s, _, _) in pairwise(rows):
        if time_s <= earlier:
            raise row.error(f"the time {time_s:g} s does not come after {earlier:g} s")
    return Traces(
        np.array([row[1] for row in rows], np.float64),
        np.array([row[2:] for row in rows], np.float32).reshape(-1, 2),
    )


def read_trace_table(path: Path, delimiter: str = ",", time: str = "time_s") -> Traces:
    """Read a table with a time in seconds, ``arousal`` and ``valence``.

    Columns ``au01`` to ``au26`` (`mien.labels.ACTION_UNIT_COLUMNS`), any of them, are intensities
    of action units in [0, 1]; further columns are ignored. An empty cell or ``nan`` is not
    annotated.

    Raises
    ------
    DataError
        If the file is missing, or a line is not as expected; the message names file and line.
    """
    rows = []
    for row in read_rows(path, (time, "arousal", "valence"), delimiter):
        valence, arousal = (optional(row, name) for name in ("valence", "arousal"))
        rows.append((row, row.number(time, -math.inf, math.inf), valence, arousal))
    traces = traces_of(rows)
    columns = [k for k, name in enumerate(ACTION_UNIT_COLUMNS) if name in rows[0][0].cells]
    if not columns:
        return traces
    units = np.full((len(rows), len(ACTION_UNIT_COLUMNS)), np.nan, np.float32)
    for line, (row, *_) in enumerate(rows):
        units[line, columns] = [optional(row, ACTION_UNIT_COLUMNS[k], 0) for k in columns]
    return replace(traces, units=units)


def optional(row: Row, column: str, low: float = -1) -> float:
    """A cell in [low, 1]; NaN where it is empty or ``nan``.

    Raises
    ------
    DataError
        If it is anything else.
    """
    text = row.cells[column]
    if not text or (as_number(text) is None and text.lower() == "nan"):
        return math.nan
    return row.number(column, low, 1)
