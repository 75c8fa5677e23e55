"""Where live frames come from, and the newest of them when the analysis asks for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from mien.errors import InputError
from mien.types import ImageArray
from mien.video.reader import VideoReader

Timed = Iterator[tuple[float, ImageArray]]
"""Time in seconds, increasing, and image, uint8 (height, width, 3), RGB."""

_WIDTH_PX, _HEIGHT_PX = 640, 480  # asked of a camera: more takes longer and shows no more of a face
_SLEEP_S = 0.01


class Source(Protocol):
    """Frames as they come, until there are no more or it is closed.

    Attributes
    ----------
    name
        What results call it.
    fps
        Usual frames per second; None: unknown.
    """

    name: str
    fps: float | None

    def frames(self) -> Timed:
        """Each frame when it is there."""

    def close(self) -> None:
        """Release the camera or the file."""


class Camera:
    """A camera by its number; 0 is the first.

    Raises
    ------
    InputError
        If there is none, or another program has it.
    """

    def __init__(self, number: int) -> None:
        self.name = f"camera {number}"
        cv2.utils.logging.setLogLevel(0)  # OpenCV would tell what drivers it tried
        self._camera = cv2.VideoCapture(number)
        if not self._camera.isOpened():
            raise InputError(
                f"{self.name}: cannot be opened; is there one, and does no other program use it? "
                "(--camera N takes another)"
            )
        self._camera.set(cv2.CAP_PROP_FRAME_WIDTH, _WIDTH_PX)
        self._camera.set(cv2.CAP_PROP_FRAME_HEIGHT, _HEIGHT_PX)
        self.fps = self._camera.get(cv2.CAP_PROP_FPS) or None

    def frames(self) -> Timed:
        """Each frame when it is there."""
        began_s = time.monotonic()
        while True:
            there, image = self._camera.read()
            if not there:
                return
            yield time.monotonic() - began_s, np.ascontiguousarray(image[:, :, ::-1])

    def close(self) -> None:
        """Release the camera."""
        self._camera.release()


class Playback:
    """A video file that takes as long as it lasts; times are the file's own.

    Raises
    ------
    InputError
        If it cannot be read, or is a picture.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._reader = VideoReader(path)
        self.fps = self._reader.info.nominal_fps
        if self._reader.info.is_image:
            self.close()
            raise InputError(f"{path}: is a picture; mien analyze reads it")

    def frames(self) -> Timed:
        """Each frame when it is due."""
        start_s: float | None = None
        for frame in self._reader:
            now_s = time.monotonic() - frame.timestamp_s
            start_s = now_s if start_s is None else start_s
            if now_s < start_s:
                time.sleep(start_s - now_s)
            yield frame.timestamp_s, frame.image

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


class Newest:
    """The newest frame of a source whenever one is asked for; those before it are passed over.

    A thread takes frames as they come, so that a slow analysis is late by one frame and not by
    more and more. An iterator of time and image; it ends with the source, or when told to.

    Attributes
    ----------
    time_s, taken_s
        Of the frame that was handed out last: its own time, and when it was there on the clock of
        `time.monotonic`.
    passed_over
        Frames that were not handed out.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self.time_s = self.taken_s = 0.0
        self.passed_over = 0
        self._waiting: tuple[float, float, ImageArray] | None = None
        self._error: Exception | None = None
        self._ended = False
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def __iter__(self) -> Newest:
        return self

    def __next__(self) -> tuple[float, ImageArray]:
        with self._changed:
            while self._waiting is None and not self._ended and not self._stopping.is_set():
                self._changed.wait(_SLEEP_S * 10)
            if self._waiting is None or self._stopping.is_set():
                if self._error is not None:
                    raise self._error
                raise StopIteration
            self.taken_s, self.time_s, image = self._waiting
            self._waiting = None
        return self.time_s, image

    def now_s(self) -> float:
        """Time of the source at this moment."""
        return self.time_s + self._clock() - self.taken_s

    def stop(self) -> None:
        """No more frames."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End, and release the source."""
        self.stop()
        self._thread.join(timeout=5)
        self._source.close()

    def _take(self) -> None:
        try:
            for time_s, image in self._source.frames():
                with self._changed:
                    self.passed_over += self._waiting is not None
                    self._waiting = self._clock(), time_s, image
                    self._changed.notify_all()
                if self._stopping.is_set():
                    return
        except Exception as error:  # noqa: BLE001  it is raised where frames are taken
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
