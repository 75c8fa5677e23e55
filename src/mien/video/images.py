"""Still images as one upright RGB frame. Judged by content: a suffix may lie."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
from cv2.utils import logging

from mien.types import ImageArray
from mien.video.input_errors import complaint

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_REMEDY = "export it again, or convert it to JPEG or PNG"


def image_kind(header: bytes) -> str | None:
    """Name the image format whose signature ``header`` (16 bytes or more) bears, or None.

    >>> image_kind(b"\\x89PNG\\r\\n\\x1a\\n" + bytes(8))
    'png'
    >>> image_kind(b"BMW is a car maker") is None
    True
    """
    if header[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if header[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "webp"
    if header[:4] in (b"II*\0", b"MM\0*"):
        return "tiff"
    # Two letters are a weak signature; the four reserved bytes of a bitmap's header are 0.
    if header[:2] == b"BM" and header[6:10] == bytes(4) and len(header) > 10:
        return "bmp"
    if header[4:8] == b"ftyp" and header[8:12] in _HEIF_BRANDS:
        return "heif"
    return None


def read_image(path: Path, kind: str) -> ImageArray:
    """Decode the image file at ``path``, of the format that `image_kind` named.

    EXIF orientation is applied, grey becomes RGB, 16-bit samples become 8-bit (the upper byte),
    transparency is dropped; of an animation or a multi-page file the first picture is taken.

    Returns
    -------
    uint8 (height, width, 3), RGB, upright.

    Raises
    ------
    InputError
        Where the image is cut short or cannot be decoded.
    OSError
        Where the file cannot be read.
    """
    # np.fromfile rather than cv2.imread: the latter fails on non-ASCII paths on Windows.
    data = np.fromfile(path, dtype=np.uint8)
    content = data.tobytes()
    if not _is_whole(content, kind):
        raise complaint(path, f"this {kind.upper()} image is cut short", "copy it again")
    if kind == "png" and not _png_is_sound(content):
        raise complaint(path, "this PNG image is damaged", _REMEDY)
    decoded: object = None
    log_level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)  # OpenCV would print the codec's complaints
    try:
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)  # BGR, 8 bits, EXIF orientation applied
    except cv2.error as error:
        # OpenCV throws on pictures larger than its limit; its text spans lines, so it is chained
        # rather than repeated.
        raise complaint(path, f"this {kind.upper()} image cannot be decoded", _REMEDY) from error
    finally:
        logging.setLogLevel(log_level)
    if not isinstance(decoded, np.ndarray) or decoded.size == 0:
        raise complaint(path, f"this {kind.upper()} image cannot be decoded", _REMEDY)
    return np.ascontiguousarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _is_whole(content: bytes, kind: str) -> bool:
    """Whether the picture's own end is there; decoders would paint what is missing grey."""
    if kind == "jpeg":
        start = _jpeg_scan_start(content)
        return start is not None and content.find(b"\xff\xd9", start) >= 0
    if kind == "png":
        return content.rfind(b"IEND") >= 0
    if kind == "webp":
        return len(content) >= 8 + int.from_bytes(content[4:8], "little")
    if kind == "bmp":
        return len(content) >= int.from_bytes(content[2:6], "little")
    return True


def _png_is_sound(content: bytes) -> bool:
    """Whether all critical chunks up to the end bear the checksums they should.

    Looked at here because libpng prints its complaint and OpenCV then returns half a picture.
    """
    position = 8
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 12 + length
        body = content[position + 4 : end - 4]  # type and data
        critical = body[:1].isupper()
        if critical and zlib.crc32(body).to_bytes(4, "big") != content[end - 4 : end]:
            return False
        if body[:4] == b"IEND":
            return True
        position = end
    return False


def _jpeg_scan_start(content: bytes) -> int | None:
    """Position of the first scan: an end marker before it may belong to an EXIF thumbnail."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _JPEG_STANDALONE:
            position += 2
        elif marker == 0xDA:
            return position
        else:
            position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return None
