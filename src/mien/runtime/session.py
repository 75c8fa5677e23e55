"""An exported model under watch: one-line errors, a limit of time, outputs within their range."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from mien.errors import ModelError
from mien.sessions import open_session
from mien.types import FloatArray

RUN_LIMIT_S = 60.0
"""Longest time that one call of a model of one's own may take; graphs can loop for ever."""

MOST_FPS, MOST_POSITIONS = 1000.0, 100_000
"""Beyond these a file's metadata is damaged."""

_TOLERANCE = 0.01  # rounding of half precision, and limits that a network only tends to

# ONNX Runtime's errors share no base class of their own.
_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    ort_errors.EPFail,
    MemoryError,
    ValueError,  # inputs that the graph does not name
)


class Session:
    """ONNX Runtime's session of one file.

    Parameters
    ----------
    file
        The model, which messages name.
    threads, device
        As of `mien.sessions.open_session`.
    ships
        Whether the file is one that ships, whose checksum is known: it needs no limit of time.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """

    def __init__(self, file: Path, threads: int, ships: bool, device: str = "cpu") -> None:
        if not file.is_file():
            raise ModelError(
                f"{file}: no such model file; give the path of an exported .onnx model"
            )
        self._file, self._ships = file, ships
        try:
            self._session = open_session(str(file), threads, device)
        except _ERRORS as error:
            raise ModelError(f"{file}: not a readable ONNX model ({_first_line(error)})") from error

    def metadata(self, key: str) -> str | None:
        """A text of the file's metadata; None where it has none of that key."""
        text: str | None = self._session.get_modelmeta().custom_metadata_map.get(key)
        return text

    def get_inputs(self) -> Any:
        """As of ONNX Runtime."""
        return self._session.get_inputs()

    def get_outputs(self) -> Any:
        """As of ONNX Runtime."""
        return self._session.get_outputs()

    def run(self, names: list[str] | None, inputs: Mapping[str, Any]) -> list[Any]:
        """Outputs of these names, or all, in this order.

        Raises
        ------
        ModelError
            If the graph cannot be run with these inputs, or takes too long.
        """
        if self._ships:
            found: list[Any] = self._session.run(names, inputs)
            return found
        options = ort.RunOptions()
        options.log_severity_level = 4
        watch = threading.Timer(RUN_LIMIT_S, setattr, (options, "terminate", True))
        watch.daemon = True
        watch.start()
        try:
            found = self._session.run(names, inputs, options)
        except _ERRORS as error:
            if options.terminate:
                reason = f"one call takes over {RUN_LIMIT_S:g} s"
            else:
                reason = _first_line(error)
            raise ModelError(f"{self._file}: cannot be run ({reason}); export it again") from error
        finally:
            watch.cancel()
        return found


def check_range(
    values: FloatArray, low: FloatArray | float, high: FloatArray | float, file: Path, what: str
) -> None:
    """Refuse outputs that no model of mien gives; undefined ones (NaN, infinite) are let pass.

    Parameters
    ----------
    values
        Outputs, (n, ...).
    low, high
        Limits, of all or of the last axis.
    file, what
        The model and the name of the output, for the message.

    Raises
    ------
    ModelError
        If one lies beyond the limits by more than a hundredth of their distance.
    """
    if (values >= low).all() and (values <= high).all():
        return
    slack = _TOLERANCE * (np.asarray(high) - low)
    beyond = ((values < low - slack) | (values > high + slack)) & np.isfinite(values)
    if beyond.any():
        value = float(values[beyond][0])
        raise ModelError(
            f"{file}: gives {value:.6g} for {what}, which no such model does; the file is damaged: "
            "copy or export it again"
        )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
