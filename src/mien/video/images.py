"""Still images as one upright RGB frame. Judged by content: a suffix may lie."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.errors import install
from mien.types import ImageArray
from mien.video.image_headers import has_several, heif_quarter_turns, jpeg_scan_start, picture_size
from mien.video.input_errors import complaint, too_large

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"avis"})
_MOST_AT_ONCE = 64  # pictures of an animation
_UPRIGHT_RGB = cv2.IMREAD_COLOR_RGB  # 8 bits, EXIF orientation applied
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


def read_images(path: Path, kind: str, max_pixels: int) -> Iterator[tuple[float, ImageArray]]:
    """Decode the image file at ``path``, of the format that `image_kind` named.

    EXIF orientation is applied, grey becomes RGB, 16-bit samples become 8-bit (the upper byte),
    transparency is dropped. A still picture comes alone, at 0.0 s; animations (WebP, APNG, AVIF)
    and files of several pages (TIFF, a page a second) come in full.

    Yields
    ------
    Time in seconds, and uint8 (height, width, 3), RGB, upright.

    Raises
    ------
    InputError
        Where the image is cut short, larger than `max_pixels`, or cannot be decoded.
    OSError
        Where the file cannot be read.
    """
    # np.fromfile rather than cv2.imread: the latter fails on non-ASCII paths on Windows.
    data = np.fromfile(path, dtype=np.uint8)
    content = data.tobytes()
    if not _is_whole(content, kind):
        raise complaint(path, f"this {kind.upper()} image is cut short", "copy it again")
    size = picture_size(content, kind)
    if size is not None and size[0] * size[1] > max_pixels:
        raise too_large(path, *size, max_pixels)
    if kind == "png" and not _png_is_sound(content):
        raise complaint(path, "this PNG image is damaged", _REMEDY)
    if kind == "heif" and content[8:12] not in (b"avif", b"avis"):
        yield 0.0, _read_heic(path, max_pixels)
    elif has_several(content, kind):
        at_once = max(1, max_pixels // (size[0] * size[1])) if size else 1
        yield from _read_several(path, kind, data, min(at_once, _MOST_AT_ONCE))
    else:
        image = _quietly(path, kind, partial(cv2.imdecode, data, _UPRIGHT_RGB))
        yield 0.0, np.ascontiguousarray(np.rot90(image, heif_quarter_turns(content, kind)))


def _read_several(
    path: Path, kind: str, data: npt.NDArray[np.uint8], at_once: int
) -> Iterator[tuple[float, ImageArray]]:
    """Pictures of an animation, some at a time."""
    first, time_s = 0, 0.0
    while True:
        found = _quietly(path, kind, partial(_animation, data, first, at_once))
        for image, duration_ms in zip(found.frames, found.durations, strict=False):
            depth = image if image.dtype == np.uint8 else (image >> 8).astype(np.uint8)
            yield time_s, np.ascontiguousarray(depth[..., 2::-1])
            time_s += max(int(duration_ms), 1) / 1000
        if len(found.frames) < at_once:
            return
        first += at_once


def _animation(data: npt.NDArray[np.uint8], first: int, count: int) -> Any:
    ok, found = cv2.imdecodeanimation(data, start=first, count=count)
    return found if ok or first else None  # behind the last picture there is none


def _read_heic(path: Path, max_pixels: int) -> ImageArray:
    """HEIC, as phones write it; upright."""
    try:
        import pillow_heif
    except ImportError:
        raise complaint(
            path,
            "HEIC is read with the extra heic, which is not installed",
            f"{install('heic')}, or convert it to JPEG",
        ) from None
    try:
        picture = pillow_heif.open_heif(path, convert_hdr_to_8bit=True)
        if picture.size[0] * picture.size[1] > max_pixels:
            raise too_large(path, picture.size[0], picture.size[1], max_pixels)
        image = np.asarray(picture.to_pillow().convert("RGB"))
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        raise complaint(path, "this HEIF image cannot be decoded", _REMEDY) from error
    return np.ascontiguousarray(image, np.uint8)


def _quietly(path: Path, kind: str, decode: Callable[[], Any]) -> Any:
    """What OpenCV decodes, without what codecs print."""
    log: Any = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging  # OpenCV 4, OpenCV 5
    log_level = log.getLogLevel()
    log.setLogLevel(0)  # silent
    try:
        decoded = decode()
    except (cv2.error, MemoryError) as error:
        # OpenCV's text spans lines, so it is chained rather than repeated.
        raise complaint(path, f"this {kind.upper()} image cannot be decoded", _REMEDY) from error
    finally:
        log.setLogLevel(log_level)
    if decoded is None or (isinstance(decoded, np.ndarray) and decoded.size == 0):
        raise complaint(path, f"this {kind.upper()} image cannot be decoded", _REMEDY)
    return decoded


def _is_whole(content: bytes, kind: str) -> bool:
    """Whether the picture's own end is there; decoders would paint what is missing grey."""
    if kind == "jpeg":
        start = jpeg_scan_start(content)
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
