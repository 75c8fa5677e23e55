"""Where the time of an analysis goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

STAGES = ("decode", "find", "warp", "extract", "reactions", "write")
"""Decoding; detecting and following; cutting crops; the extractor; what is kept of every face and
its reactions; tables and pages on disk."""


class Stopwatch:
    """Adds up seconds by stage; threads may measure at the same time.

    A stage that is measured inside of another one is not counted twice: the outer one stands still
    while the inner one runs. Where stages overlap, their sum is more than the time that passed.

    Attributes
    ----------
    seconds
        Seconds so far, of every stage of `STAGES`.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch("find"), watch("warp"):
    ...     pass
    >>> list(watch.seconds) == list(STAGES)
    True
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._inner = threading.local()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure the block as a part of this stage."""
        outer = getattr(self._inner, "seconds", 0.0)
        self._inner.seconds = 0.0
        started = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - started
            self.seconds[stage] += passed - self._inner.seconds
            self._inner.seconds = outer + passed

    def each(self, items: Iterable[Item], stage: str) -> Iterator[Item]:
        """The items, the time that they are waited for measured."""
        iterator = iter(items)
        while True:
            with self(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item


def table(seconds: Mapping[str, float], frames: int, passed_s: float) -> str:
    """Lines with share and milliseconds per frame of every stage.

    Parameters
    ----------
    seconds
        By stage.
    frames
        How many frames were read.
    passed_s
        Time from start to end.

    Examples
    --------
    >>> print(table({"decode": 1.0, "extract": 3.0}, 1000, 2.0))
    stage        share   ms/frame
    decode        25 %       1.00
    extract       75 %       3.00
    all stages               4.00, in 2.00 ms/frame: stages overlap
    """
    frames, total = max(1, frames), sum(seconds.values())
    lines = [f"{'stage':<10}{'share':>8}{'ms/frame':>11}"]
    lines += [
        f"{name:<10}{100 * value / (total or 1):>6.0f} %{1000 * value / frames:>11.2f}"
        for name, value in seconds.items()
    ]
    passed = f"in {1000 * passed_s / frames:.2f} ms/frame"
    note = ": stages overlap" if total > passed_s else ""
    lines.append(f"{'all stages':<18}{1000 * total / frames:>11.2f}, {passed}{note}")
    return "\n".join(lines)
