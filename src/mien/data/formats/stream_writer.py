"""Writing recordings of a folder of aligned streams.

`mien.data.formats.stream_files` documents the layout. A recording is written into a hidden folder
that gets its name when all is in it, so a run may be killed at any time: what has a name is whole.
`mien.data.formats.stream_tables.finish_streams` writes the tables at the end.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.data.formats.parquet import number_columns, numbers, with_facts, write_whole
from mien.data.formats.stream_files import ArrayFile, recording_folder
from mien.data.formats.stream_tables import check_modalities
from mien.data.videos import is_safe_id
from mien.faces.modalities import STREAMS
from mien.io import atomic_path
from mien.labels import ACTION_UNIT_COLUMNS, VALENCE_AROUSAL
from mien.types import FloatArray, TimeArray


class RecordingWriter:
    """Writes one recording frame by frame; it appears under its name when the block ends well.

    Parameters
    ----------
    folder
        Of the set.
    name
        Id of the recording. One that is there already is replaced.
    modalities
        The streams that the set has, some of `mien.faces.modalities.STREAMS`.
    facts
        Plain values kept in ``frames.parquet`` (warnings and the like).

    Raises
    ------
    ValueError
        If the id is no safe file name, or a modality is unknown.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        modalities: Sequence[str],
        facts: dict[str, Any] | None = None,
    ) -> None:
        if not is_safe_id(name):
            raise ValueError(f"the id {name!r} cannot be a file name")
        check_modalities(modalities)
        self._place = recording_folder(folder, name)
        self._partial = self._place
        self.modalities = tuple(modalities)
        self.facts = dict(facts or {})
        self._rows: list[tuple[float, float, float, tuple[bool, bool, bool]]] = []
        self._units: list[FloatArray] = []
        self._stack = ExitStack()
        self._files: dict[str, ArrayFile] = {}

    def __enter__(self) -> RecordingWriter:
        self._partial = self._stack.enter_context(atomic_path(self._place))
        self._partial.mkdir()
        self._stack.push(self._finish)  # when the files are closed, before the folder has its name
        for name in self.modalities:
            self._files[name] = ArrayFile(self._partial / f"{name}.npy", name)
            self._stack.push(self._files[name].close)
        return self

    def append(
        self,
        time_s: float,
        affect: tuple[float, float],
        color: npt.NDArray[np.uint8] | None = None,
        depth: npt.NDArray[np.uint16] | None = None,
        thermal: npt.NDArray[np.uint16] | None = None,
        units: FloatArray | None = None,
    ) -> None:
        """Add a frame.

        Parameters
        ----------
        time_s
            Later than that of the frame before.
        affect
            Valence and arousal in [-1, 1]; NaN where not annotated.
        color, depth, thermal
            As stored (`mien.data.formats.stream_files`); None where the frame is missing.
        units
            float32 (17,), intensities of action units in [0, 1], NaN where not annotated. Of a
            recording all frames have them or none has.

        Raises
        ------
        ValueError
            If a value is out of range, a stream is given that the set does not have, or units are
            given for some frames only.
        """
        if not math.isfinite(time_s) or (self._rows and time_s <= self._rows[-1][0]):
            raise ValueError(f"times must increase: {time_s} does not")
        if any(abs(value) > 1 for value in affect):
            raise ValueError(f"valence and arousal are from -1 to 1, not {affect}")
        self._add_units(units)
        given = dict(zip(STREAMS, (color, depth, thermal), strict=True))
        if extra := [n for n in STREAMS if given[n] is not None and n not in self._files]:
            raise ValueError(f"the set has no {extra[0]}: its modalities are {self.modalities}")
        for name, file in self._files.items():
            file.append(given[name])
        has = (color is not None, depth is not None, thermal is not None)
        self._rows.append((time_s, affect[0], affect[1], has))

    def _add_units(self, units: FloatArray | None) -> None:
        if (units is not None) != bool(self._units) and self._rows:
            raise ValueError("of a recording all frames have action units or none has")
        if units is None:
            return
        values = np.asarray(units, np.float32)
        if values.shape != (len(ACTION_UNIT_COLUMNS),) or np.any((values < 0) | (values > 1)):
            raise ValueError(f"action units are 17 intensities from 0 to 1, not {units}")
        self._units.append(values)

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        if not self._rows:
            raise ValueError(f"the recording {self._place.name!r} has no frame")
        times_s = np.array([row[0] for row in self._rows], np.float64)
        affect = np.array([row[1:3] for row in self._rows], np.float32)
        has = np.array([row[3] for row in self._rows], np.bool_)
        digest = hashlib.sha256()
        units = np.stack(self._units) if self._units else None
        for array in (times_s, affect, has):
            digest.update(array.tobytes())
        if units is not None:
            digest.update(units.tobytes())
        for file in self._files.values():
            digest.update(file.digest().encode())
        table = pa.table(
            {
                "time_s": numbers(times_s, pa.float64()),
                **number_columns(affect, VALENCE_AROUSAL),
                **{f"has_{name}": pa.array(has[:, k].tolist()) for k, name in enumerate(STREAMS)},
                **({} if units is None else number_columns(units, ACTION_UNIT_COLUMNS)),
            }
        )
        facts = {
            **self.facts,
            "sha256": digest.hexdigest(),
            "modalities": list(self.modalities),
            "annotated": int(np.isfinite(affect).any(axis=1).sum()),
            "present": {name: int(has[:, STREAMS.index(name)].sum()) for name in self.modalities},
        }
        write_whole(self._partial / "frames.parquet", with_facts(table, facts))


def write_recording(
    folder: Path,
    name: str,
    times_s: TimeArray,
    affect: FloatArray,
    color: npt.NDArray[np.uint8] | None = None,
    depth: npt.NDArray[np.uint16] | None = None,
    thermal: npt.NDArray[np.uint16] | None = None,
    present: npt.NDArray[np.bool_] | None = None,
    facts: dict[str, Any] | None = None,
    units: FloatArray | None = None,
) -> None:
    """Write one recording from memory; the streams that are given are those of the set.

    Parameters
    ----------
    folder, name, facts
        As in `RecordingWriter`.
    times_s
        float64 (n,), increasing.
    affect
        float32 (n, 2), valence and arousal, NaN where not annotated.
    color, depth, thermal
        uint8 (n, 112, 112, 3), uint16 (n, 112, 112) in tenths of a millimetre and in hundredths
        of a kelvin (`to_tenths_of_mm`, `to_hundredths_of_kelvin`), or None.
    present
        bool (n, 3): which frames are there; False ones are stored as zeros. None: all that is
        given.
    units
        float32 (n, 17), action units in [0, 1], NaN where not annotated; None: nothing is known
        of them.

    Raises
    ------
    ValueError
        If lengths, shapes or values do not fit.
    """
    arrays = dict(zip(STREAMS, (color, depth, thermal), strict=True))
    given = {key: values for key, values in arrays.items() if values is not None}
    count = len(times_s)
    if affect.shape != (count, 2) or any(len(values) != count for values in given.values()):
        raise ValueError(f"affect must be ({count}, 2) and every stream have {count} frames")
    if present is not None and present.shape != (count, len(STREAMS)):
        raise ValueError(f"present is {present.shape}: expected ({count}, {len(STREAMS)})")
    if units is not None and len(units) != count:
        raise ValueError(f"units has {len(units)} rows: expected {count}")
    with RecordingWriter(folder, name, tuple(given), facts) as writer:
        for k in range(count):
            frame = {
                key: values[k]
                for key, values in given.items()
                if present is None or present[k, STREAMS.index(key)]
            }
            row = (float(affect[k, 0]), float(affect[k, 1]))
            writer.append(
                float(times_s[k]), row, units=None if units is None else units[k], **frame
            )
