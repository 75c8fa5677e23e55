"""What an analysis reads frames from: a file, or frames that a program hands over."""

from __future__ import annotations

import math
import numbers
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from mien.errors import InputError
from mien.types import Frame, ImageArray, SourceInfo
from mien.video.rate import RateMeter

FROM_MEMORY = "memory"
"""What stands for the codec of frames that came from no file."""


class FrameSource(Protocol):
    """Frames in order of time, iterated over once, and what is known of them."""

    @property
    def info(self) -> SourceInfo:
        """Size and rate, known before the first frame is taken."""

    @property
    def decoded_frames(self) -> int:
        """Frames handed out so far."""

    @property
    def warnings(self) -> list[str]:
        """Sentences on what is odd; complete once the iteration has ended."""

    @property
    def variable_frame_rate(self) -> bool:
        """Whether the times seen so far fit no constant rate."""

    @property
    def duration_s(self) -> float:
        """Last time minus first plus one typical interval."""

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """Release what is held."""


class FrameFeed:
    """Frames of a camera or from memory as a `FrameSource`; one at a time is held.

    Parameters
    ----------
    frames
        Time in seconds and image, uint8 (height, width, 3) RGB, upright, all of one size; times
        increase and need not start at 0. The first frame is taken at once. A generator is closed
        with the feed.
    name
        Stands where a file's path would: in the results and in messages.
    nominal_fps
        Frames per second, if they are known; None: times alone say it. A step of more than 0.25 s
        is then a gap, so give the rate of cameras slower than some ten frames a second.

    Raises
    ------
    InputError
        While iterating, and here for the first frame: if there is none, an image is of another
        kind or size, or times do not increase.
    """

    def __init__(
        self,
        frames: Iterable[tuple[float, ImageArray]],
        name: str = "frames",
        nominal_fps: float | None = None,
    ) -> None:
        if nominal_fps is not None and not (math.isfinite(nominal_fps) and nominal_fps > 0):
            raise ValueError(f"nominal_fps is above 0, or None, not {nominal_fps}")
        self.warnings: list[str] = []
        self.decoded_frames = 0
        self._name = name
        self._fps = nominal_fps
        self._meter = RateMeter(0.0)
        self._last_s = -math.inf
        self._shape: tuple[int, ...] | None = None
        self._given = iter(frames)
        first = next(self._given, None)
        if first is None:
            raise InputError(f"{name}: there is no frame; give at least one")
        self._waiting: list[Frame] = [self._checked(0, first)]
        height_px, width_px = self._waiting[0].image.shape[:2]
        self.info = SourceInfo(
            path=name,
            width_px=width_px,
            height_px=height_px,
            nominal_fps=nominal_fps,
            duration_s=None,
            frame_count_hint=None,
            rotation_deg=0,
            codec=FROM_MEMORY,
            is_image=False,
        )

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        if self._waiting:
            frame = self._waiting.pop()
        else:
            frame = self._checked(self.decoded_frames, next(self._given))
        if frame.timestamp_s <= self._last_s:
            raise InputError(
                f"{self._name}: frame {frame.index} at {frame.timestamp_s:g} s does not come "
                f"after {self._last_s:g} s; give frames in order of time"
            )
        self._last_s = frame.timestamp_s
        self.decoded_frames += 1
        self._meter.add(frame.timestamp_s)
        return frame

    @property
    def variable_frame_rate(self) -> bool:
        """Whether the times seen so far fit no constant rate (up to 1 ms)."""
        return self._meter.variable

    @property
    def duration_s(self) -> float:
        """Last time minus first plus one typical interval, in seconds."""
        if not self.decoded_frames:
            return 0.0
        interval_s = self._meter.typical_interval_s
        if interval_s is None:
            interval_s = 1 / self._fps if self._fps else 0.0
        return self._meter.span_s + interval_s

    def close(self) -> None:
        """Take no more frames, and close the generator they came from, so that it can clean up."""
        given, self._given, self._waiting = self._given, iter(()), []
        if isinstance(given, Generator):
            given.close()

    def _checked(self, index: int, given: Any) -> Frame:
        try:
            time_s, image = given
        except (TypeError, ValueError):
            raise InputError(
                f"{self._name}: frame {index} is no pair of a time in seconds and an image"
            ) from None
        if not _is_picture(image):
            array = isinstance(image, np.ndarray)
            found = f"{image.dtype} {image.shape}" if array else type(image).__name__
            raise InputError(
                f"{self._name}: frame {index} is {found}; give uint8 (height, width, 3), RGB"
            )
        if self._shape is not None and image.shape != self._shape:
            raise InputError(
                f"{self._name}: frame {index} is {image.shape[1]} x {image.shape[0]} pixels, those "
                f"before it {self._shape[1]} x {self._shape[0]}; give frames of one size"
            )
        self._shape = image.shape
        if not isinstance(time_s, numbers.Real) or not math.isfinite(time_s):
            raise InputError(
                f"{self._name}: frame {index} has the time {time_s!r}; give seconds, one number"
            )
        return Frame(index, float(time_s), image)


def _is_picture(image: Any) -> bool:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        return False
    return image.ndim == 3 and image.shape[2] == 3 and image.size > 0
