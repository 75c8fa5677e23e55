"""What networks read of color, depth and thermal crops: numbers about -1 to 1. Torch-free.

The scalings are ours. Depth is taken relative to the face, because how far away somebody sits says
nothing of an expression, and 80 mm hold a face from the tip of the nose to the ears; 26 to 38
degrees Celsius hold skin, hair and spectacles indoors.
"""

from __future__ import annotations

import numpy as np

from mien.faces.align import to_network
from mien.types import FloatArray, ImageArray

STREAMS: tuple[str, ...] = ("color", "depth", "thermal")
"""The three modalities, in the order that arrays and models have them."""

CHANNELS: dict[str, int] = {"color": 3, "depth": 1, "thermal": 1}
"""Channels of each stream as networks read it."""

DEPTH_RANGE_MM = 80.0
"""Distance from the middle of the face that becomes 1."""

DEPTH_CENTRE = 0.5
"""Share of the crop's width and height, around its middle, whose median is the face's distance."""

DEPTH_MISSING = 1.0
"""What a pixel without a measured distance becomes: far away, as what lies behind a face is."""

THERMAL_MIDDLE_C = 32.0
"""Temperature that becomes 0."""

THERMAL_RANGE_C = 6.0
"""Difference from it that becomes 1."""

THERMAL_MISSING = -1.0
"""What a pixel without a measured temperature becomes: cold, as what lies behind a face is."""


def normalisation() -> dict[str, float]:
    """The constants of this module by name, for the metadata of an exported model.

    Examples
    --------
    >>> normalisation()["depth_range_mm"], normalisation()["thermal_middle_c"]
    (80.0, 32.0)
    """
    return {
        "depth_range_mm": DEPTH_RANGE_MM,
        "depth_centre": DEPTH_CENTRE,
        "depth_missing": DEPTH_MISSING,
        "thermal_middle_c": THERMAL_MIDDLE_C,
        "thermal_range_c": THERMAL_RANGE_C,
        "thermal_missing": THERMAL_MISSING,
    }


def color_to_network(color: ImageArray) -> FloatArray:
    """Color crops as a network reads them.

    Parameters
    ----------
    color
        uint8 (T, H, W, 3), RGB.

    Returns
    -------
    float32 (T, 3, H, W) in [-1, 1]; 0 becomes -1, 255 becomes 1.

    Raises
    ------
    ValueError
        If `color` has another shape or type.
    """
    if color.dtype != np.uint8 or color.ndim != 4 or color.shape[3] != 3:
        raise ValueError(f"color is {color.dtype} {color.shape}: expected uint8 (T, H, W, 3)")
    return to_network(color)


def depth_to_network(depth_mm: FloatArray) -> FloatArray:
    """Depth crops of one clip as a network reads them.

    The face's distance is the median of what was measured in the middle of the crops
    (`DEPTH_CENTRE`), over all frames of the clip at once: a head that comes closer within the clip
    does so in the result. ``(depth - distance) / DEPTH_RANGE_MM``, cut off at -1 (near) and 1
    (far).

    Parameters
    ----------
    depth_mm
        float32 (T, H, W), millimetres along the camera's axis, NaN where nothing was measured.

    Returns
    -------
    float32 (T, 1, H, W) in [-1, 1]; `DEPTH_MISSING` where nothing was measured, and everywhere if
    nothing was in the middle of any frame.

    Raises
    ------
    ValueError
        If `depth_mm` has another shape or type.
    """
    _check(depth_mm, "depth_mm")
    _, height, width = depth_mm.shape
    top, left = (round(side * (1 - DEPTH_CENTRE) / 2) for side in (height, width))
    middle = depth_mm[:, top : height - top, left : width - left]
    measured = middle[np.isfinite(middle)]
    if not len(measured):
        return np.full((len(depth_mm), 1, height, width), DEPTH_MISSING, np.float32)
    relative = (depth_mm - np.median(measured)) / np.float32(DEPTH_RANGE_MM)
    return _bounded(relative, DEPTH_MISSING)


def thermal_to_network(thermal_c: FloatArray) -> FloatArray:
    """Thermal crops as a network reads them.

    ``(temperature - THERMAL_MIDDLE_C) / THERMAL_RANGE_C``, cut off at -1 and 1: absolute, because
    a face that warms within a clip says something, and so does one that is warm throughout.

    Parameters
    ----------
    thermal_c
        float32 (T, H, W), degrees Celsius, NaN where nothing was measured.

    Returns
    -------
    float32 (T, 1, H, W) in [-1, 1]; `THERMAL_MISSING` where nothing was measured.

    Raises
    ------
    ValueError
        If `thermal_c` has another shape or type.
    """
    _check(thermal_c, "thermal_c")
    relative = (thermal_c - np.float32(THERMAL_MIDDLE_C)) / np.float32(THERMAL_RANGE_C)
    return _bounded(relative, THERMAL_MISSING)


def _check(values: FloatArray, name: str) -> None:
    if values.dtype != np.float32 or values.ndim != 3:
        raise ValueError(f"{name} is {values.dtype} {values.shape}: expected float32 (T, H, W)")


def _bounded(relative: FloatArray, missing: float) -> FloatArray:
    """(T, H, W) to (T, 1, H, W), within [-1, 1]; `missing` for NaN."""
    known = np.where(np.isnan(relative), np.float32(missing), relative)
    return np.clip(known, -1, 1).astype(np.float32)[:, None]  # (T, 1, H, W)
