"""Single keys of a terminal, without Enter; nothing where there is no terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_POLL_S = 0.1


@contextmanager
def listening(pressed: Callable[[str], object]) -> Iterator[None]:
    """Calls `pressed` with every key, from a thread, until the block ends."""
    if not sys.stdin.isatty():
        yield
        return
    over = threading.Event()
    wait = _wait_windows if os.name == "nt" else _wait_posix
    thread = threading.Thread(target=wait, args=(pressed, over), daemon=True)
    with _single_keys():
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def _single_keys() -> Iterator[None]:
    """A terminal that hands keys over at once and does not show them; as it was afterwards."""
    if os.name == "nt":
        yield
        return
    import termios
    import tty

    place = sys.stdin.fileno()
    before = termios.tcgetattr(place)
    try:
        tty.setcbreak(place)
        yield
    finally:
        termios.tcsetattr(place, termios.TCSADRAIN, before)


def _wait_posix(pressed: Callable[[str], object], over: threading.Event) -> None:
    import select

    while not over.is_set():
        if select.select([sys.stdin], [], [], _POLL_S)[0]:
            key = os.read(sys.stdin.fileno(), 1)
            if not key:
                return
            pressed(key.decode("latin-1"))


def _wait_windows(pressed: Callable[[str], object], over: threading.Event) -> None:
    import msvcrt

    while not over.wait(_POLL_S):
        while msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
            pressed(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]
