"""The action units as a heat map: a small PNG, since a rectangle per cell would weigh megabytes."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

from mien.labels import PAPERS_LABELS
from mien.report.charts.curves import Curve, Interval, any_known

_LEVELS = 64
_ROW_PX = 6  # copies of a row, so that a browser's smoothing does not run one unit into the next
_INK = bytes((11, 79, 122))
_UNKNOWN = bytes((128, 128, 128))


def cells(
    curve: Curve, span: Interval, width: int, rows: slice = PAPERS_LABELS.action_unit_slice
) -> npt.NDArray[np.uint8]:
    """Palette indices (17, width): 0 not seen, 1 seen without this unit, 2 and up its strength.

    `rows` are the columns of the curve, one a row.
    """
    centres = span[0] + (np.arange(width) + 0.5) / width * (span[1] - span[0])
    picture = np.zeros((rows.stop - rows.start, width), dtype=np.uint8)
    if not len(curve.time_s):
        return picture
    index = np.clip(np.searchsorted(curve.right_s, centres, side="right"), 0, len(curve.time_s) - 1)
    inside = (centres >= curve.left_s[index]) & (centres < curve.right_s[index])
    inside &= any_known(curve.values[:, rows])[index]
    value = curve.values[index, rows].T  # (17, width)
    level = np.rint(np.clip(np.nan_to_num(value), 0.0, 1.0) * (_LEVELS - 1)) + 2
    level = np.where(np.isfinite(value), level, 1)
    picture[:, inside] = level[:, inside].astype(np.uint8)
    return picture


def png(indices: npt.NDArray[np.uint8]) -> bytes:
    """A palette PNG of `indices` (rows, width): one ink whose opacity is the strength."""
    rows, width = indices.shape
    first = b"".join(
        b"\x00" + row.tobytes() + (b"\x02" + bytes(width)) * (_ROW_PX - 1) for row in indices
    )  # filter 2 repeats the line above
    alpha = bytes(round(255 * level / (_LEVELS - 1)) for level in range(_LEVELS))
    header = struct.pack(">IIBBBBB", width, rows * _ROW_PX, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", _UNKNOWN * 2 + _INK * _LEVELS),
            _chunk(b"tRNS", bytes((0, 90)) + alpha),
            _chunk(b"IDAT", zlib.compress(first, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def data_uri(kind: str, content: bytes) -> str:
    """`content` as a ``data:`` address of media type `kind`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def heat_map(curve: Curve, span: Interval, width: int, label: str, rows: slice) -> str:
    """The ``<img>`` of the units over time; `label` is its escaped description."""
    source = data_uri("image/png", png(cells(curve, span, width, rows)))
    return f'<img class="heat" alt="{label}" src="{source}">'
