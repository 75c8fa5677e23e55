"""``attention.mp4``: the color video with MRAN's attention over each face.

Warm means more than the average of the crop; what gets no more than the average is left as it is.
The scale is one for the whole video and stands in a corner.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mien.faces.align import CROP_SIZE_PX
from mien.output.attention import ATTENTION_FILE, Records, write_attention
from mien.output.drawing import DARK, FONT, WHITE, darken, label, shrunk, text_scale
from mien.types import FloatArray, ImageArray
from mien.video.reader import VideoReader
from mien.video.writer import VideoWriter

VIDEO_FILE = "attention.mp4"

_STRONGEST = 0.72  # opacity where attention is strongest
_SAMPLE = 2000  # records that the scale is found from


def write_attention_video(
    source: str | Path,
    records: Records,
    path: Path,
    progress: Callable[[int], object] | None = None,
    opening: Callable[[str | Path], VideoReader] = VideoReader,
) -> int:
    """Read the color video once more and draw over it.

    Parameters
    ----------
    source
        The color video.
    records
        One or more, of `mien.output.attention`, in order of frames.
    path
        The file to write.
    progress
        Called with the number of frames done since the last call.
    opening
        Opens the source as it was opened when it was analysed.

    Returns
    -------
    Number of frames written. A frame whose time does not exceed the one before is left out.

    Raises
    ------
    InputError
        If the source cannot be read.
    OutputError
        If the file cannot be written.
    """
    top = scale_top(records)
    frames = records["frame"]
    last_s = -np.inf
    with opening(source) as reader, VideoWriter(path, fps=reader.info.nominal_fps or 25) as out:
        start_s: float | None = None
        row = 0
        for frame in reader:
            first = row
            while row < len(records) and frames[row] == frame.index:
                row += 1
            if start_s is None:
                start_s = min(0.0, frame.timestamp_s)
            time_s = frame.timestamp_s - start_s
            if time_s > last_s + 1e-4:
                out.write(paint(frame.image, records[first:row], top), time_s)
                last_s = time_s
            if progress is not None:
                progress(1)
    return out.written_frames


def write_attention_files(
    source: str | Path,
    records: Records | None,
    folder: Path,
    opening: Callable[[str | Path], VideoReader] = VideoReader,
) -> None:
    """Write ``attention.npz`` and, where a face was read, ``attention.mp4`` into a folder.

    Raises
    ------
    InputError, OutputError
        As `write_attention_video`.
    """
    write_attention(records, folder / ATTENTION_FILE)
    if records is not None:
        write_attention_video(source, records, folder / VIDEO_FILE, opening=opening)


def scale_top(records: Records) -> float:
    """How many times the average the strongest color means: what 1 of 200 cells exceeds."""
    step = max(1, len(records) // _SAMPLE)
    some = np.asarray(records["attention"][::step])
    relative = some * (some.shape[1] * some.shape[2])
    return max(1.5, float(np.quantile(relative, 0.995)))


def paint(image: ImageArray, records: Records, top: float) -> ImageArray:
    """One frame with its maps, outlines, numbers and scale.

    Parameters
    ----------
    image
        uint8 (height, width, 3), RGB; it stays as it is.
    records
        Those of this frame, or none.
    top
        Times the average that the strongest color means.

    Returns
    -------
    uint8 (h, w, 3), the frame, shrunk to at most 1280 px.
    """
    canvas, shrink = shrunk(image)
    to_canvas = np.diag([shrink, shrink, 1.0])[:2, :2]
    shift = 0.5 * shrink - 0.5
    placed = []
    for record in records:
        matrix = np.asarray(record["matrix"], np.float64)
        matrix = np.column_stack([to_canvas @ matrix[:, :2], to_canvas @ matrix[:, 2] + shift])
        _blend(canvas, np.asarray(record["attention"], np.float32), matrix, top)
        placed.append((record, matrix))
    for record, matrix in placed:  # words last, or a neighbour's map would cover them
        _frame_face(canvas, record, matrix)
    _draw_scale(canvas, top)
    return canvas


def _blend(
    canvas: ImageArray, attention: FloatArray, matrix: npt.NDArray[np.float64], top: float
) -> None:
    """Lay one map over its crop's place."""
    cells = attention.shape[0] * attention.shape[1]
    size = (CROP_SIZE_PX, CROP_SIZE_PX)
    relative = cv2.resize(attention * cells, size, interpolation=cv2.INTER_CUBIC)
    strength = np.clip((relative - 1) / (top - 1), 0, 1).astype(np.float32)
    strength *= _feather()
    left, upper, right, lower = _bounds(canvas, matrix)
    if right <= left or lower <= upper:
        return
    local = matrix.copy()
    local[:, 2] -= (left, upper)
    size = (right - left, lower - upper)
    placed = cv2.warpAffine(strength, local, size, flags=cv2.INTER_LINEAR).astype(np.float32)
    alpha = _STRONGEST * np.sqrt(placed)[:, :, None]
    part = canvas[upper:lower, left:right].astype(np.float32)
    mixed = part + alpha * (_warm(placed) - part)
    canvas[upper:lower, left:right] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _warm(strength: FloatArray) -> FloatArray:
    """RGB of strengths in [0, 1]: from violet over red to pale yellow."""
    level = np.clip(np.rint(60 + 190 * strength), 0, 255).astype(np.uint8)
    colors = cv2.applyColorMap(level, cv2.COLORMAP_INFERNO)
    return colors[:, :, ::-1].astype(np.float32)


def _feather() -> FloatArray:
    """(112, 112), 1 inside, falling to 0 within 6 px of the crop's edge."""
    edge = np.minimum(np.arange(CROP_SIZE_PX), np.arange(CROP_SIZE_PX)[::-1]) / 6
    ramp = np.clip(edge, 0, 1).astype(np.float32)
    return np.minimum(ramp[:, None], ramp[None, :])


def _corners(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(4, 2) corners of the crop in the frame."""
    side = CROP_SIZE_PX - 0.5
    points = np.array([[-0.5, -0.5], [side, -0.5], [side, side], [-0.5, side]])
    return points @ matrix[:, :2].T + matrix[:, 2]


def _bounds(canvas: ImageArray, matrix: npt.NDArray[np.float64]) -> tuple[int, int, int, int]:
    """The part of the canvas that a crop can reach: left, upper, right, lower."""
    corners = _corners(matrix)
    low = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(0)) + 1, [canvas.shape[1], canvas.shape[0]]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _frame_face(canvas: ImageArray, record: np.void, matrix: npt.NDArray[np.float64]) -> None:
    """Outline of the crop, and number, valence and arousal above it."""
    corners = np.rint(_corners(matrix) * 16).astype(np.int32)[:, None]
    cv2.polylines(canvas, [corners], True, DARK, 3, cv2.LINE_AA, 4)
    cv2.polylines(canvas, [corners], True, WHITE, 1, cv2.LINE_AA, 4)
    valence, arousal = (float(v) for v in record["affect"])
    number = int(record["face_id"])
    texts = (
        f"face {number}   valence {valence:+.2f}   arousal {arousal:+.2f}",
        f"{number}  val {valence:+.2f}  aro {arousal:+.2f}",
        f"{valence:+.2f} {arousal:+.2f}",
    )
    points = _corners(matrix)
    label(canvas, texts, float(points[:, 0].min()), float(points[:, 1].min()))


def _draw_scale(canvas: ImageArray, top: float) -> None:
    """What the colors mean, in the lower left corner."""
    height, width = canvas.shape[:2]
    scale = text_scale(canvas)
    words = ("attention: average", f"{top:.1f} x")
    (first, high), base = cv2.getTextSize(words[0], FONT, scale, 1)
    (second, _), _ = cv2.getTextSize(words[1], FONT, scale, 1)
    pad = max(3, high // 2)
    bar = max(24, width // 10)
    whole = first + bar + second + 4 * pad
    if whole > width or high + base + 2 * pad > height:
        return  # a picture of a few pixels has no room for words
    upper, left = height - high - base - 2 * pad, 0
    darken(canvas, left, upper, left + whole, height)
    y = height - base - pad
    cv2.putText(canvas, words[0], (pad, y), FONT, scale, WHITE, 1, cv2.LINE_AA)
    ramp = np.tile(np.linspace(0, 1, bar, dtype=np.float32), (high + base, 1))
    place = canvas[upper + pad : upper + pad + high + base, first + 2 * pad : first + 2 * pad + bar]
    ground = np.full_like(place, 110).astype(np.float32)
    alpha = (_STRONGEST * np.sqrt(ramp))[:, :, None]
    place[:] = np.rint(ground + alpha * (_warm(ramp) - ground)).astype(np.uint8)
    at = (first + 3 * pad + bar, y)
    cv2.putText(canvas, words[1], at, FONT, scale, WHITE, 1, cv2.LINE_AA)
