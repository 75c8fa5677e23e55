"""Videos of 16-bit pictures with one channel: depth in millimetres, temperature, and the like."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from mien.errors import InputError
from mien.types import TimeArray
from mien.video.containers import missing_bytes
from mien.video.input_errors import complaint

_KIND = "gray16le"
_COPY = "copy or make it again"


def read_gray16(path: str | Path) -> tuple[TimeArray, npt.NDArray[np.uint16]]:
    """Read a whole video of 16-bit grey frames, as `VideoWriter` writes with ``ffv1-gray16``.

    Parameters
    ----------
    path
        The file; its first video stream is read.

    Returns
    -------
    float64 (frames,), presentation times in seconds, and uint16 (frames, height, width).

    Raises
    ------
    InputError
        If the file cannot be read, is cut short, or holds pictures of another kind.
    """
    file = Path(path)
    if not file.is_file():
        raise complaint(file, "there is no such file", "check the path")
    try:
        with av.open(f"file:{file}") as container:
            if not container.streams.video:
                raise complaint(file, "it holds no video", "give a file with a video stream")
            times_s, images = _read(file, container)
        cut = missing_bytes(file) > 0
    except av.error.FFmpegError as error:
        raise complaint(file, "this is not a video that can be read", _COPY) from error
    except OSError as error:
        reason = error.strerror or "the system refuses"
        raise complaint(file, f"it cannot be read ({reason})", "check its permissions") from error
    if cut or not images:
        raise complaint(file, "it is cut short" if cut else "it holds no frame", _COPY)
    return np.array(times_s), np.stack(images)


def _read(
    file: Path, container: InputContainer
) -> tuple[list[float], list[npt.NDArray[np.uint16]]]:
    stream = container.streams.video[0]
    kind = stream.codec_context.pix_fmt
    if kind != _KIND:
        raise _wrong_kind(file, kind)
    times_s: list[float] = []
    images: list[npt.NDArray[np.uint16]] = []
    for frame in container.decode(stream):
        if frame.pts is None or frame.time_base is None:
            raise complaint(file, f"frame {len(images)} has no time", _COPY)
        times_s.append(float(frame.pts * frame.time_base))
        images.append(np.asarray(frame.to_ndarray(), np.uint16))  # (height, width)
    return times_s, images


def _wrong_kind(file: Path, kind: str | None) -> InputError:
    fault = f"its pictures are {kind}, not 16-bit grey ({_KIND})"
    return complaint(file, fault, "read it with VideoReader")
