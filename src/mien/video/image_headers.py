"""What an image file says of itself before it is decoded: its size, and whether it holds several.

A file of some kilobytes can claim a picture of gigabytes, and decoders believe it.
"""

from __future__ import annotations

import struct

_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # SOF0 ... SOF15
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_SIZES = {3: 2, 4: 4}  # bytes of a short and of a long
_MOST_TAGS = 10_000

Size = tuple[int, int]


def picture_size(content: bytes, kind: str) -> Size | None:
    """Width and height in pixels as the header has them; None where it cannot be told.

    Parameters
    ----------
    content
        The whole file.
    kind
        As `mien.video.images.image_kind` names it.

    Examples
    --------
    >>> picture_size(b"BM" + bytes(16) + struct.pack("<ii", 640, -480), "bmp")
    (640, 480)
    """
    try:
        if kind == "jpeg":
            return _jpeg_size(content)
        if kind == "png":
            width, height = struct.unpack(">II", content[16:24])
        elif kind == "bmp":
            width, height = map(abs, struct.unpack("<ii", content[18:26]))
        elif kind == "webp":
            return _webp_size(content)
        elif kind == "tiff":
            tags, _ = _tiff_tags(content, _tiff_first(content))
            width, height = tags[_TIFF_WIDTH], tags[_TIFF_HEIGHT]
        else:
            return _heif_size(content)
    except (struct.error, KeyError, IndexError):
        return None
    return width, height


def has_several(content: bytes, kind: str) -> bool:
    """Whether the file is an animation or has several pages."""
    if kind == "webp":
        return content[12:16] == b"VP8X" and bool(content[20] & 2)
    if kind == "png":
        return 0 <= content.find(b"acTL") < content.find(b"IDAT")
    if kind == "heif":
        return content[8:12] == b"avis"
    if kind == "tiff":
        try:
            return _tiff_tags(content, _tiff_first(content))[1] != 0
        except (struct.error, IndexError):
            return False
    return False


def heif_quarter_turns(content: bytes, kind: str) -> int:
    """How often an AVIF picture is to be turned counter-clockwise (``irot``); 0 of other kinds."""
    at = content.find(b"irot") if kind == "heif" else -1
    return content[at + 4] & 3 if 0 <= at < len(content) - 4 else 0


def jpeg_scan_start(content: bytes) -> int | None:
    """Position of the first scan: an end marker before it may belong to an EXIF thumbnail."""
    return next((at for marker, at in _jpeg_markers(content) if marker == 0xDA), None)


def _jpeg_markers(content: bytes) -> list[tuple[int, int]]:
    """Markers up to the first scan, with their positions."""
    found: list[tuple[int, int]] = []
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        found.append((marker, position))
        if marker == 0xDA:
            break
        length = int.from_bytes(content[position + 2 : position + 4], "big")
        position += 2 if marker in _JPEG_STANDALONE else 2 + length
    return found


def _jpeg_size(content: bytes) -> Size | None:
    for marker, at in _jpeg_markers(content):
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
    return None


def _webp_size(content: bytes) -> Size | None:
    chunk = content[12:16]
    if chunk == b"VP8X":
        sides = content[24:27], content[27:30]
        width, height = (1 + int.from_bytes(side, "little") for side in sides)
        return width, height
    if chunk == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _heif_size(content: bytes) -> Size | None:
    """The largest of the sizes (``ispe``) that a HEIF or AVIF file names."""
    sizes: list[Size] = []
    at = content.find(b"ispe")
    while at >= 0 and len(sizes) < _MOST_TAGS:
        sizes.append(struct.unpack(">II", content[at + 8 : at + 16]))
        at = content.find(b"ispe", at + 4)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _tiff_first(content: bytes) -> int:
    order = "little" if content[:2] == b"II" else "big"
    return int.from_bytes(content[4:8], order)  # type: ignore[arg-type]


def _tiff_tags(content: bytes, at: int) -> tuple[dict[int, int], int]:
    """Single integers of a directory by tag, and where the next directory is (0: nowhere)."""
    order = "<" if content[:2] == b"II" else ">"
    (count,) = struct.unpack(f"{order}H", content[at : at + 2])
    tags = {}
    for k in range(min(count, _MOST_TAGS)):
        entry = content[at + 2 + 12 * k : at + 14 + 12 * k]
        tag, kind, number = struct.unpack(f"{order}HHI", entry[:8])
        if number == 1 and kind in (3, 4):
            value = entry[8 : 8 + _TIFF_SIZES[kind]]
            tags[tag] = int.from_bytes(value, "little" if order == "<" else "big")
    end = at + 2 + 12 * count
    (following,) = struct.unpack(f"{order}I", content[end : end + 4])
    return tags, following
