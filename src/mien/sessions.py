"""ONNX Runtime: on which device networks run, with how many threads, and in which numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import onnxruntime as ort

from mien.errors import ModelError

DEVICES = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Providers of ONNX Runtime by the names of devices."""

_AUTOMATIC = ("cuda", "directml")  # in this order; a wheel for them was installed on purpose
_WHEELS = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml", "coreml": "onnxruntime"}
# Dot products of bytes: without them integers gain little or nothing.
_BYTE_PRODUCTS = {"AVX512VNNI", "AVX_VNNI"}
_MOST_FEATURES = 256  # that OpenCV numbers


def chosen_device(asked: str) -> str:
    """One of `DEVICES`: as asked, or for ``"auto"`` the best that ONNX Runtime has here.

    Raises
    ------
    ModelError
        If this installation of ONNX Runtime does not have it.
    """
    there = ort.get_available_providers()
    if asked == "auto":
        return next((name for name in _AUTOMATIC if DEVICES[name] in there), "cpu")
    if DEVICES[asked] not in there:
        have = [name for name, provider in DEVICES.items() if provider in there]
        raise ModelError(
            f"device {asked}: this ONNX Runtime has {', '.join(have)} only; install "
            f"{_WHEELS.get(asked, 'onnxruntime')} in place of onnxruntime, or leave --device out"
        )
    return asked


@cache
def integers_are_faster() -> bool:
    """Whether this processor multiplies bytes quickly (VNNI). On others nothing was measured."""
    return any(
        cv2.checkHardwareSupport(number)
        for number in range(_MOST_FEATURES)
        if cv2.getHardwareFeatureName(number) in _BYTE_PRODUCTS
    )


def open_session(model: str | bytes, threads: int, device: str = "cpu") -> Any:
    """A session of an ONNX file or its bytes.

    Parameters
    ----------
    model
        Path, or content.
    threads
        Of ONNX Runtime; 0 lets it choose. They sleep between two runs: others have work, too.
    device
        One of `DEVICES`; what it cannot do is done by the processor.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # notices about unused weights are not for users
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = list(dict.fromkeys((DEVICES[device], DEVICES["cpu"])))
    return ort.InferenceSession(model, options, providers=providers)
