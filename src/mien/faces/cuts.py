"""Notices scene cuts, so that faces are not followed from one shot into the next."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mien.types import Frame, ImageArray

_LUMA_SIDE = 32  # thumbnail in which structure is compared
_SHIFT = 3  # pans and shakes of up to this many of its pixels are looked through
_COLOUR_SIDE = 64  # thumbnail whose colours are counted
_LEVELS = 6  # of each of red, green and blue
_BLANK_CONTRAST = 4.0  # grey levels; frames with less show nothing: flashes, fades, black
_LEAST_CHANGE = 6.0  # grey levels; sensor noise in the dark is no cut whatever its structure
_LEAST_STRUCTURE = 0.2
# On real footage consecutive frames score up to 0.1, frames 0.4 s apart up to 0.4, and frames
# of different clips from 1.1.
_THRESHOLD = 0.5
_THRESHOLD_PER_S = 0.3  # for sparse sampling, where more happens between two frames
_BUSY_FACTOR = 6.0  # a cut also stands out against how lively the shot is
_BUSY_AT_MOST = 1.0
_MEMORY_S = 1.0
# A dissolve: what lies between is a mixture of both ends, and ever more of the second.
_DISSOLVES_S = (0.4, 0.8, 1.2)
_LEAST_BETWEEN = 3  # frames
_MIXTURE_OFF = 0.2  # of the distance of the ends
_STEP_AT_MOST = 0.5  # of the way; more at once is a flash, or a cut that was none
_STEP_BACK = 0.02


@dataclass(frozen=True, slots=True)
class _Look:
    luma: npt.NDArray[np.float32]  # (32, 32), 0 to 255
    colours: npt.NDArray[np.float64]  # (216,), shares that sum to 1


class SceneCutDetector:
    """Says of each frame whether it begins a new shot.

    Two frames are compared in structure (one minus the correlation of 32 x 32 luma thumbnails,
    which ignores brightness and contrast and allows for small shifts) and in colour (half the
    L1 distance of their colour histograms). A cut needs a jump in structure, so that flicker,
    exposure changes and lamps do not count, and must stand out against the last second.

    Frames without contrast are passed over and the frames around them are compared: a flash of
    one white or black frame leaves faces their ids, while a fade through black to another shot
    is a cut at the first frame of the new shot. There is no look-ahead: a single frame of wholly
    other content is two cuts.

    State is two thumbnails and one number, however long the video is.
    """

    def __init__(self) -> None:
        self._last: _Look | None = None
        self._last_s = 0.0
        self._usual = 0.0
        self._past: deque[tuple[float, npt.NDArray[np.float32]]] = deque()

    def look(self, frame: Frame) -> bool:
        """As `update`, of a frame, of which a thumbnail is enough."""
        return self.update(frame.thumbnail(_COLOUR_SIDE), frame.timestamp_s)

    def update(self, image: ImageArray, timestamp_s: float) -> bool:
        """Take the next frame; return whether a cut lies between it and the frame before.

        Parameters
        ----------
        image
            uint8 (height, width, 3), RGB; any size, which may change at a cut.
        timestamp_s
            Presentation time in seconds.

        Raises
        ------
        ValueError
            On an image of another type or shape, or a timestamp that is not finite.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(f"image is {image.dtype} {image.shape}; expected uint8 (H, W, 3)")
        if not math.isfinite(timestamp_s):
            raise ValueError(f"timestamp_s is {timestamp_s}; it must be finite")
        look = _look(image)
        if float(look.luma.std()) < _BLANK_CONTRAST:
            return False
        last, elapsed_s = self._last, max(0.0, timestamp_s - self._last_s)
        self._last, self._last_s = look, timestamp_s
        if last is None:
            return False
        structure = _structure_change(last.luma, look.luma)
        score = structure + 0.5 * float(np.abs(last.colours - look.colours).sum())
        usual = min(_BUSY_FACTOR * self._usual, _BUSY_AT_MOST)
        threshold = max(_THRESHOLD + _THRESHOLD_PER_S * min(elapsed_s, 1.0), usual)
        change = float(np.abs(last.luma - look.luma).mean())
        jumps = score > threshold and structure > _LEAST_STRUCTURE and change > _LEAST_CHANGE
        if jumps or self._has_dissolved(look.luma, timestamp_s):
            self._usual = 0.0  # the new shot has its own liveliness
            self._past.clear()
            self._past.append((timestamp_s, look.luma))
            return True
        keep = math.exp(-elapsed_s / _MEMORY_S)
        self._usual = keep * self._usual + (1.0 - keep) * score
        return False

    def _has_dissolved(self, now: npt.NDArray[np.float32], time_s: float) -> bool:
        """Whether another shot has been mixed in until now; remembers the frame."""
        past = self._past
        while past and not 0 <= time_s - past[0][0] <= _DISSOLVES_S[-1] * 1.01:
            past.popleft()
        found = False
        for span_s in _DISSOLVES_S:
            since = [luma for at_s, luma in past if time_s - at_s <= span_s * 1.01]
            found = found or (len(since) > _LEAST_BETWEEN and _is_mixture(since, now))
        past.append((time_s, now))
        return found


def _is_mixture(shown: list[npt.NDArray[np.float32]], now: npt.NDArray[np.float32]) -> bool:
    """Whether the first of the frames that were shown has become another picture by mixing."""
    first = shown[0]
    way = now - first
    if float(np.abs(way).mean()) <= 2 * _LEAST_CHANGE:
        return False
    if _structure_change(first, now) <= _THRESHOLD:
        return False
    between = np.stack(shown[1:]) - first  # (n, 32, 32)
    length = float((way * way).sum())
    share = (between * way).sum(axis=(1, 2)) / length
    off = np.sqrt(((between - share[:, None, None] * way) ** 2).sum(axis=(1, 2)) / length)
    steps = np.diff(share, prepend=0.0, append=1.0)
    return bool(
        off.max() <= _MIXTURE_OFF and steps.min() >= -_STEP_BACK and steps.max() <= _STEP_AT_MOST
    )


def _look(image: ImageArray) -> _Look:
    small = cv2.resize(image, (_COLOUR_SIDE, _COLOUR_SIDE), interpolation=cv2.INTER_AREA)
    tiny = cv2.resize(small, (_LUMA_SIDE, _LUMA_SIDE), interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(tiny, cv2.COLOR_RGB2GRAY).astype(np.float32)
    level = small.reshape(-1, 3).astype(np.intp) * _LEVELS // 256  # (4096, 3)
    cell = (level[:, 0] * _LEVELS + level[:, 1]) * _LEVELS + level[:, 2]
    counts = np.bincount(cell, minlength=_LEVELS**3)
    return _Look(luma, counts / len(cell))


def _structure_change(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    """One minus the best normalised correlation over small shifts: 0 (same) to 2."""
    inner = np.ascontiguousarray(after[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT])
    if float(inner.std()) < 1.0:  # all contrast at the rim: nothing to compare, no cut
        return 0.0
    return 1.0 - float(cv2.matchTemplate(before, inner, cv2.TM_CCOEFF_NORMED).max())
