"""Videos of 16-bit pictures with one channel: depth in millimetres, temperature, and the like."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from mien.errors import InputError
from mien.types import TimeArray
from mien.video.complaints import complaint
from mien.video.containers import missing_bytes

Gray16Array = npt.NDArray[np.uint16]

_KIND = "gray16le"
_COPY = "copy or make it again"


class Gray16Reader:
    """Reads a video of 16-bit grey frames one after the other; use it as a context manager.

    Iterating gives (presentation time in seconds, uint16 (height, width)), in order of time, and
    holds one frame. Whether the file is complete is known at its end.

    Parameters
    ----------
    path
        The file; its first video stream is read.

    Attributes
    ----------
    size_px
        Width and height.
    nominal_fps
        Rate that the file states; None where it does not.

    Raises
    ------
    InputError
        If the file cannot be read or holds pictures of another kind; while iterating, if it is cut
        short or a frame has no time.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = Path(path)
        if not self._file.is_file():
            raise complaint(self._file, "there is no such file", "check the path")
        try:
            self._container: InputContainer = av.open(f"file:{self._file}")
        except av.error.FFmpegError as error:
            raise _unreadable(self._file) from error
        except OSError as error:
            raise _refused(self._file, error) from error
        try:
            if not self._container.streams.video:
                raise complaint(self._file, "it holds no video", "give a file with a video stream")
            self._stream = self._container.streams.video[0]
            context = self._stream.codec_context
            kind = None if context is None else context.pix_fmt
            if kind != _KIND:
                raise _wrong_kind(self._file, kind)
        except InputError:
            self._container.close()
            raise
        self.size_px = (int(self._stream.width), int(self._stream.height))
        rate: Fraction | None = self._stream.average_rate
        self.nominal_fps = float(rate) if rate else None

    def __enter__(self) -> Gray16Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[float, Gray16Array]]:
        count = 0
        try:
            for frame in self._container.decode(self._stream):
                if frame.pts is None or frame.time_base is None:
                    raise complaint(self._file, f"frame {count} has no time", _COPY)
                count += 1
                image = np.asarray(frame.to_ndarray(), np.uint16)  # (height, width)
                yield float(frame.pts * frame.time_base), image
            cut = missing_bytes(self._file) > 0
        except av.error.FFmpegError as error:
            raise _unreadable(self._file) from error
        except OSError as error:
            raise _refused(self._file, error) from error
        if cut or not count:
            fault = "it is cut short" if cut else "it holds no frame"
            raise complaint(self._file, fault, _COPY)

    def close(self) -> None:
        """Release the file."""
        self._container.close()


def read_gray16(path: str | Path) -> tuple[TimeArray, Gray16Array]:
    """Read a whole video of 16-bit grey frames, as `VideoWriter` writes with ``ffv1-gray16``.

    Parameters
    ----------
    path
        The file; its first video stream is read. For long videos see `Gray16Reader`.

    Returns
    -------
    float64 (frames,), presentation times in seconds, and uint16 (frames, height, width).

    Raises
    ------
    InputError
        If the file cannot be read, is cut short, or holds pictures of another kind.
    """
    with Gray16Reader(path) as reader:
        frames = list(reader)
    return np.array([time_s for time_s, _ in frames]), np.stack([image for _, image in frames])


def _unreadable(file: Path) -> InputError:
    return complaint(file, "this is not a video that can be read", _COPY)


def _refused(file: Path, error: OSError) -> InputError:
    reason = error.strerror or "the system refuses"
    return complaint(file, f"it cannot be read ({reason})", "check its permissions")


def _wrong_kind(file: Path, kind: str | None) -> InputError:
    fault = f"its pictures are {kind}, not 16-bit grey ({_KIND})"
    return complaint(file, fault, "give a 16-bit grey video, or read it with VideoReader")
