"""A table of another tool as what an analysis leaves: frames table, document, summaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mien._version import __version__
from mien.labels import GAZE_COLUMNS, POSE_COLUMNS, VALENCE_AROUSAL, LabelSet
from mien.output.episodes import add_episodes
from mien.output.layouts import UNDECIDED
from mien.output.other_tools import OtherTable, read_other_table
from mien.output.saved import summaries_of
from mien.output.schema import BOX_COLUMNS
from mien.parquet import numbers
from mien.pipeline.summary import face_entry, source_text
from mien.types import FaceSummary

FROM_TABLE = "table of another tool"
"""What stands for the codec of a source that was never decoded."""

_UNEVEN = 0.2  # share of the usual time between frames by which the rate counts as variable
_NOTE = "reactions need the numbers of mien's own extractor"
_CAVEAT = "numbers of another tool, taken from its table as they are; mien has not checked them"


def read_as_result(
    path: Path, tool: str | None = None, fps: float | None = None
) -> tuple[pa.Table, dict[str, Any], list[FaceSummary]]:
    """The frames table, the content of a ``video.json``, and the summaries of faces.

    Parameters and errors are those of `mien.output.other_tools.read_other_table`.
    """
    told, reader = read_other_table(path, tool, fps)
    table = _table(told)
    document = _document(path, reader.title, told, table)
    faces = summaries_of(table, document)
    document["faces"] = [face_entry(face, False, 0.0, _NOTE) for face in faces]
    add_episodes(faces, table, document)
    return table, document, faces


def _table(told: OtherTable) -> pa.Table:
    """Columns in the order of the frames table; those that the tool lacks are not there."""
    seen = told.face_id >= 0
    labels = LabelSet.of_columns(told.columns)
    order = ["face_score", *BOX_COLUMNS, *VALENCE_AROUSAL, *labels.expression_columns]
    order += [*labels.action_unit_columns, *POSE_COLUMNS, *GAZE_COLUMNS]
    order += sorted(name for name in told.columns if name.endswith("_intensity"))
    names = [name for name in order if name in told.columns]
    face_id = pa.array(told.face_id.astype(np.int32), pa.int32(), mask=~seen)
    columns = {
        "frame": numbers(told.frame, pa.int64()),
        "timestamp_s": numbers(told.time_s, pa.float64()),
        "face_id": face_id,
        **{n: numbers(np.where(seen, told.columns[n], np.nan), pa.float32()) for n in names},
    }
    kinds = {"frame": pa.int64(), "timestamp_s": pa.float64(), "face_id": pa.int32()}
    fields = [
        pa.field(n, kinds.get(n, pa.float32()), n not in ("frame", "timestamp_s")) for n in columns
    ]
    schema = pa.schema(fields, {"schema_version": "2"})
    return pa.Table.from_arrays(list(columns.values()), schema=schema)


def _document(path: Path, title: str, told: OtherTable, table: pa.Table) -> dict[str, Any]:
    frames = np.unique(told.frame)
    times_s = np.unique(told.time_s)
    steps_s = np.diff(times_s)
    step_s = float(np.median(steps_s)) if len(steps_s) else None
    uneven = step_s is not None and bool((np.abs(steps_s / step_s - 1) > _UNEVEN).any())
    units = LabelSet.of_columns(table.column_names).action_unit_columns
    return {
        "schema_version": 2,
        "mien_version": __version__,
        "source": {
            "path": source_text(path),
            **dict.fromkeys(("size_bytes", "modified_ns", "width_px", "height_px")),
            "frames": len(frames),
            "duration_s": None if step_s is None else round(float(np.ptp(times_s)) + step_s, 6),
            # Times may be rounded to milliseconds: where the rate is even, their mean says more.
            "nominal_fps": round(1 / (step_s if uneven else steps_s.mean()), 3) if step_s else None,
            "variable_frame_rate": uneven,
            "rotation_deg": None,
            "codec": FROM_TABLE,
            "is_image": False,
        },
        "frames_without_face": len(frames) - len(np.unique(told.frame[told.face_id >= 0])),
        "settings": {},
        "models": [
            {
                "role": "affect",
                "name": title,
                **dict.fromkeys(("version", "license", "trained_on")),
                "caveat": _CAVEAT,
                "au_decisions": {name: UNDECIDED for name in units if name in table.column_names},
            }
        ],
        "prior": {"name": None, "shares": None},
        "min_quality": None,
        "channels": {
            name: {"mark": "foreign", "figure": told.scales.get(name)}
            for name in table.column_names[3:]
            if name not in BOX_COLUMNS
        },
        "faces": [],
        "warnings": [f"read from a table of {title}: {_CAVEAT}", *told.notes],
    }
