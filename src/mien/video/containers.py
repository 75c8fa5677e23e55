"""Does a file hold all the bytes that its own container announces?

FFmpeg reads a file that was cut short until the data runs out and then reports a normal end.
These few header walks notice it: they look at box and chunk sizes only and read no media data.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_BOXES_AT_MOST = 1_000_000  # a fragmented mp4 has two boxes per fragment; a bound on damaged files
_INDEX_BYTES_AT_MOST = 200_000_000
_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML_ID = 0x1A45DFA3
_SEGMENT_ID = 0x18538067


def is_mp4(header: bytes) -> bool:
    """Whether ``header``, the first bytes of a file, starts an mp4 or QuickTime file."""
    return header[4:8] in _MP4_FIRST_BOXES


def has_moov(path: Path) -> bool:
    """Whether an mp4 or QuickTime file has its index (the ``moov`` box), whole or cut."""
    return any(kind == b"moov" for kind, _ in _mp4_boxes(path))


def missing_bytes(path: Path) -> int:
    """Count the bytes that the outermost container announces beyond the end of the file.

    Understands mp4/QuickTime boxes, Matroska/WebM segments and RIFF (AVI). Returns 0 where the
    file is whole, where its length is left open (live recordings), or where the container is of
    another kind. Raises ``OSError`` where the file cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(12)
        size = path.stat().st_size
        if is_mp4(header):
            end = max((end for _, end in _mp4_boxes(path)), default=0)
        elif header[:4] == b"RIFF":
            end = 8 + int.from_bytes(header[4:8], "little")
        elif header[:4] == _EBML_ID.to_bytes(4, "big"):
            end = _segment_end(file)
        else:
            end = 0
    return max(0, end - size)


def track_matrix(path: Path, track_id: int) -> tuple[int, int, int, int] | None:
    """How a track of an mp4 or QuickTime file is to be turned, from its header (``tkhd``).

    Returns
    -------
    a, b, c, d of the display matrix, 16.16 fixed point: the stored x axis points to (a, b) on the
    screen, y to (c, d), y downwards; None where the file has no such track.
    """
    with path.open("rb") as file:
        if not is_mp4(file.read(12)):
            return None
        position = 0
        for kind, end in _mp4_boxes(path):
            if kind == b"moov" and end - position <= _INDEX_BYTES_AT_MOST:
                file.seek(position)
                return _matrix_of(file.read(end - position), track_id)
            position = end
    return None


def _matrix_of(moov: bytes, track_id: int) -> tuple[int, int, int, int] | None:
    at = moov.find(b"tkhd")
    while at >= 0:
        wide = moov[at + 4 : at + 5] == b"\1"  # version 1: times of 8 bytes
        number, matrix = at + (24 if wide else 16), at + (56 if wide else 44)
        if len(moov) >= matrix + 20 and moov[number : number + 4] == track_id.to_bytes(4, "big"):
            a, b, _, c, d = struct.unpack(">5i", moov[matrix : matrix + 20])
            return a, b, c, d
        at = moov.find(b"tkhd", at + 4)
    return None


def _mp4_boxes(path: Path) -> list[tuple[bytes, int]]:
    """List the outermost boxes as (type, position just after the box as its header says)."""
    boxes: list[tuple[bytes, int]] = []
    size = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position + 8 <= size and len(boxes) < _BOXES_AT_MOST:
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            elif length == 0:  # by the standard: "extends to the end of the file"
                length = size - position
            if length < 8:
                # Padding or rubbish after the last box; players ignore it, and so does this walk.
                break
            if not all(32 <= byte < 127 or byte == 0xA9 for byte in header[4:8]):
                break
            boxes.append((header[4:8], position + length))
            position += length
    return boxes


def _segment_end(file: BinaryIO) -> int:
    """Position just after the Matroska segment, 0 where its length is unknown or not found."""
    file.seek(4)
    header_length = _read_vint(file)
    if header_length is None:
        return 0
    file.seek(header_length, 1)
    if file.read(4) != _SEGMENT_ID.to_bytes(4, "big"):
        return 0
    length = _read_vint(file)
    return 0 if length is None else file.tell() + length


def _read_vint(file: BinaryIO) -> int | None:
    """Read an EBML length; None where it is cut or says "unknown" (all value bits set)."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    rest = file.read(extra)
    if len(rest) < extra:
        return None
    bits = 7 * (extra + 1)
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
