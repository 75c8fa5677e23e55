"""Frames that somebody else hands in, one by one: a source, and what is read of each."""

from __future__ import annotations

import queue
import threading
from contextlib import closing

from mien.errors import InputError, MienError, one_line
from mien.live.session import Marks, Moment, run_live
from mien.live.sources import Newest, Timed
from mien.pipeline.analyzer import Analyzer
from mien.types import ImageArray

IDLE_S = 10.0
"""Without a frame for so long a session ends by itself."""

_LONGEST_S = 20.0  # until a frame is read; the first one is slow


class Pushed:
    """A source of frames that are put in; it ends when it is closed, or none comes any more."""

    name: str = "camera of a page"
    fps: float | None = None

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._next: queue.SimpleQueue[tuple[float, ImageArray] | None] = queue.SimpleQueue()

    def put(self, time_s: float, image: ImageArray) -> None:
        """The next frame."""
        self._next.put((time_s, image))

    def frames(self) -> Timed:
        """Each frame when it is there."""
        while True:
            try:
                found = self._next.get(timeout=self._idle_s)
            except queue.Empty:
                return
            if found is None:
                return
            yield found

    def close(self) -> None:
        """No more frames."""
        self._next.put(None)


class PushedSession:
    """A live session whose frames are handed in, and answered, one by one; from any thread.

    Nothing is written; a frame is let go when the next one comes.

    Parameters
    ----------
    analyzer
        With ``batch=1``.
    idle_s
        Without a frame for so long it ends.
    """

    def __init__(self, analyzer: Analyzer, idle_s: float = IDLE_S) -> None:
        self.analyzer = analyzer
        self._source = Pushed(idle_s)
        self._said: queue.SimpleQueue[Moment | str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._last_s: float | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether it still takes frames."""
        return self._thread.is_alive()

    def read(self, time_s: float, image: ImageArray) -> Moment:
        """What a frame shows.

        Parameters
        ----------
        time_s
            Later than that of the frame before, in seconds.
        image
            uint8 (height, width, 3), RGB.

        Raises
        ------
        InputError
            If the time is not later, the session has ended, or the frame cannot be read.
        """
        with self._lock:
            if self._last_s is not None and not time_s > self._last_s:
                raise InputError(f"a frame of {time_s:g} s came after one of {self._last_s:g} s")
            if not self.is_open:
                raise InputError("no frame came for a while, so it has ended; start again")
            self._last_s = time_s
            self._source.put(time_s, image)
            try:
                said = self._said.get(timeout=_LONGEST_S)
            except queue.Empty:
                self.close()
                raise InputError(f"a frame was not read within {_LONGEST_S:g} s") from None
            if isinstance(said, str):
                raise InputError(said)
            return said

    def close(self) -> None:
        """End it."""
        self._source.close()

    def wait(self) -> None:
        """Until it has ended; `close` first."""
        self._thread.join()

    def _run(self) -> None:
        said = "it has ended; start again"
        try:
            with closing(Newest(self._source)) as frames, closing(self._source):
                run_live(self.analyzer, frames, Pushed.name, None, self._said.put, None, Marks())
        except MienError as error:
            said = one_line(str(error))
        except Exception as error:  # noqa: BLE001  it is said where the frame was handed in
            said = one_line(f"{type(error).__name__}: {error}")
        self._said.put(said)
