"""The one door through which media files are opened.

Only regular files; never what a file names in its turn (playlists, session descriptions, numbered
patterns), whatever its suffix; and never for longer than `OPEN_LIMIT_S`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import av
from av.container import InputContainer
from av.format import ContainerFormat

from mien.errors import InputError
from mien.video.containers import has_moov, is_mp4, missing_bytes
from mien.video.input_errors import complaint

OPEN_LIMIT_S = 10.0
"""Longest wait for a file system that does not answer."""

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded unless another limit is asked for; phones make 50 million."""

COPY = "copy or download it again"
CONVERT = "give a video or image file, or convert it to mp4 (H.264)"
UNKNOWN = "this is not a video or image that can be read"

_HEADER_BYTES = 64
# Demuxers that open what the file names: other files, hosts, devices.
_FOLLOWERS = frozenset(
    {
        *("applehttp", "avisynth", "concat", "dash", "hls", "imf", "lavfi", "mlv", "rtp", "rtsp"),
        *("sap", "sdp", "vapoursynth", "vobsub", "webm_dash_manifest"),
    }
)
_PLAYLIST_STARTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0", b"#EXT-X")
# Device files and the system's own are no recordings, and some never end.
_SYSTEM_FOLDERS = ("/dev", "/proc", "/sys")


def read_header(path: Path) -> bytes:
    """First bytes of a regular file.

    Raises
    ------
    InputError
        If it is anything else, cannot be read, or is empty.
    """
    try:
        if not str(path) or str(path) == ".":
            raise complaint(path, "no file is named", "give a video or an image")
        if path.is_dir():
            raise complaint(path, "this is a folder", "name the video files in it")
        if not path.exists():
            raise complaint(path, "there is no such file", "check the path")
        place = path.resolve()
        if not path.is_file() or any(place.is_relative_to(top) for top in _SYSTEM_FOLDERS):
            raise complaint(path, "this is not a regular file", "save the video to a file first")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise unreadable(path, error) from error
    if not header:
        raise complaint(path, "the file is empty", COPY)
    return header


def open_container(path: Path, max_pixels: int = MAX_PIXELS) -> InputContainer:
    """Open a container of pictures for decoding.

    Parameters
    ----------
    path
        The file.
    max_pixels
        Larger pictures are not decoded, neither while opening nor later (`limit_pixels`).

    Raises
    ------
    InputError
        If the file is not regular, is a playlist, takes too long, or cannot be opened.
    """
    header = read_header(path)
    if header.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_PLAYLIST_STARTS):
        raise complaint(path, "this is a playlist, not a video", "name the video files themselves")
    try:
        return av.open(
            # The prefix keeps names such as "concat:a" or "take 1: smile.mp4" from being taken
            # for protocols. Damaged metadata must not stop the reading of frames.
            f"file:{path}",
            mode="r",
            metadata_errors="replace",
            options={"max_pixels": str(max_pixels)},  # decoders look into frames while opening
            container_options={
                "format_whitelist": _formats(),
                "protocol_whitelist": "file",
                "pattern_type": "none",  # "f%d.tga" is a name
            },
            timeout=(OPEN_LIMIT_S, None),
        )
    except av.error.ExitError as error:
        raise complaint(path, f"opening it takes over {OPEN_LIMIT_S:g} s", COPY) from error
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise _fault(path, header) from error


def unreadable(path: Path, error: Exception) -> InputError:
    """The error for a file that the system does not give."""
    reason = getattr(error, "strerror", None) or "the system refuses"
    return complaint(path, f"it cannot be read ({reason})", "check its permissions and the disk")


def _fault(path: Path, header: bytes) -> InputError:
    if is_mp4(header) and not has_moov(path):
        return complaint(path, "it is cut short: its index (moov) is missing", COPY)
    if is_mp4(header) and missing_bytes(path):
        return complaint(path, "it is cut short", COPY)
    return complaint(path, UNKNOWN, CONVERT)


@cache
def _formats() -> str:
    """Demuxers that read the named file alone, as FFmpeg takes them."""
    names = set()
    for name in av.formats_available:
        try:
            names.add(ContainerFormat(name, "r").name)
        except ValueError:  # for writing alone
            continue
    return ",".join(sorted(name for name in names if not _FOLLOWERS & {*name.split(",")}))
