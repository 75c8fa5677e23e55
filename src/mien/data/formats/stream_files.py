"""Files of a folder of aligned streams, and their layout.

A folder of ours, format "mien aligned streams" version 1:

* ``dataset.json``: ``format``, ``version``, ``corpus``, ``size_px`` (112), ``fps`` (nominal),
  ``modalities`` (some of color, depth, thermal), ``units``, ``counts``, ``present_frames`` (per
  modality), ``failed`` (id and reason of every recording that could not be read);
* ``recordings.parquet``: ``id``, ``split`` (train, valid, test), ``person`` (or null), ``frames``,
  ``sha256`` (of the recording's arrays), then free columns such as ``light`` and ``skin_tone``;
* ``streams/<id>/color.npy`` uint8 (n, 112, 112, 3), RGB;
* ``streams/<id>/depth.npy`` uint16 (n, 112, 112), tenths of a millimetre, 0: nothing measured;
* ``streams/<id>/thermal.npy`` uint16 (n, 112, 112), hundredths of a kelvin, 0: nothing measured;
* ``streams/<id>/frames.parquet``: ``time_s`` float64, ``valence`` and ``arousal`` float32 (NaN:
  not annotated), ``has_color``, ``has_depth``, ``has_thermal`` bool, and where the corpus has them
  ``au01`` to ``au26`` float32, intensities of the 17 action units (NaN: not annotated). A frame
  that a stream lacks is zero in its file and False here.

Arrays are npy files because those can be read by memory map: a clip costs its own bytes. A
recording's folder has its name only when everything is in it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX

FORMAT = "mien aligned streams"
VERSION = 1
UNITS = {
    "color": "uint8 RGB",
    "depth": "uint16, tenths of a millimetre, 0: nothing measured",
    "thermal": "uint16, hundredths of a kelvin, 0: nothing measured",
    "time_s": "seconds",
    "valence, arousal": "-1 to 1, NaN: not annotated",
    "au01 to au26": "0 to 1, NaN: not annotated; only where the corpus has them",
}
FRAME_SHAPES: dict[str, tuple[int, ...]] = {
    "color": (CROP_SIZE_PX, CROP_SIZE_PX, 3),
    "depth": (CROP_SIZE_PX, CROP_SIZE_PX),
    "thermal": (CROP_SIZE_PX, CROP_SIZE_PX),
}
DTYPES: dict[str, np.dtype[Any]] = {
    "color": np.dtype("u1"),
    "depth": np.dtype("<u2"),
    "thermal": np.dtype("<u2"),
}
ABSOLUTE_ZERO_C = -273.15
FIXED_COLUMNS = ("id", "split", "person", "frames", "sha256")
FRAME_COLUMNS = ("time_s", "valence", "arousal", "has_color", "has_depth", "has_thermal")

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER_BYTES = 128


def recording_folder(folder: Path, name: str) -> Path:
    """Where the streams of one recording are."""
    return folder / "streams" / name


def open_array(path: Path, modality: str, frames: int) -> npt.NDArray[Any]:
    """Memory map (frames, ...) of one stream.

    Raises
    ------
    DataError
        If the file is missing, cut short, or holds something else.
    """
    try:
        values: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file; prepare the recording again") from error
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be read ({error}); prepare the recording again") from error
    shape = (frames, *FRAME_SHAPES[modality])
    if values.dtype != DTYPES[modality] or values.shape != shape:
        raise DataError(
            f"{path}: holds {values.dtype} {values.shape}, expected {DTYPES[modality]} {shape}; "
            "prepare the recording again"
        )
    return values


def to_tenths_of_mm(depth_mm: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Millimetres, NaN where nothing was measured, to what is stored; beyond 6.55 m: nothing.

    Examples
    --------
    >>> to_tenths_of_mm(np.array([512.34, np.nan, 7000.0])).tolist()
    [5123, 0, 0]
    """
    return _stored(np.asarray(depth_mm, np.float64) * 10)


def to_hundredths_of_kelvin(thermal_c: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Degrees Celsius, NaN where nothing was measured, to what is stored; above 382 C: nothing.

    Examples
    --------
    >>> to_hundredths_of_kelvin(np.array([0.0, 36.6, np.nan])).tolist()
    [27315, 30975, 0]
    """
    return _stored((np.asarray(thermal_c, np.float64) - ABSOLUTE_ZERO_C) * 100)


def _stored(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint16]:
    whole = np.round(values)
    fits = (whole >= 1) & (whole <= 65535)  # NaN does not
    return np.where(fits, whole, 0).astype(np.uint16)


class ArrayFile:
    """An npy file that grows frame by frame; its length is written when it is closed.

    Parameters
    ----------
    path
        The file, overwritten.
    modality
        One of `FRAME_SHAPES`.
    """

    def __init__(self, path: Path, modality: str) -> None:
        self._dtype, self._shape = DTYPES[modality], FRAME_SHAPES[modality]
        self._file = path.open("wb")
        self._file.write(b"\0" * _HEADER_BYTES)  # not readable before it is closed in good order
        self._hash = hashlib.sha256(modality.encode())
        self.frames = 0

    def append(self, frame: npt.NDArray[Any] | None) -> None:
        """Add a frame, or zeros for None.

        Raises
        ------
        ValueError
            If it has another shape or type than the stream's frames.
        """
        if frame is None:
            frame = np.zeros(self._shape, self._dtype)
        if frame.dtype != self._dtype or frame.shape != self._shape:
            raise ValueError(
                f"a frame is {frame.dtype} {frame.shape}: expected {self._dtype} {self._shape}"
            )
        data = np.ascontiguousarray(frame).tobytes()
        self._hash.update(data)
        self._file.write(data)
        self.frames += 1

    def digest(self) -> str:
        """Hash of all frames so far."""
        return self._hash.hexdigest()

    def close(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the file; after an error (`kind`) it stays unreadable."""
        if kind is None:
            self._file.seek(0)
            self._file.write(_header(self._dtype, (self.frames, *self._shape)))
        self._file.close()


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Header of an npy file, version 1.0, always 128 bytes (numpy.lib.format)."""
    text = repr({"descr": dtype.str, "fortran_order": False, "shape": shape})
    room = _HEADER_BYTES - len(_MAGIC) - 2
    padded = text.encode("latin1").ljust(room - 1) + b"\n"
    return _MAGIC + room.to_bytes(2, "little") + padded
