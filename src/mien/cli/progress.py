"""A progress bar where somebody is looking, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    total: int | None, unit: str, quiet: bool = False, words: str | None = None
) -> Iterator[Callable[[int], object]]:
    """A bar on stderr, if that is a terminal; yields what moves it on.

    Parameters
    ----------
    total
        Steps in all; None where that is not known.
    unit
        What a step is called, in the singular.
    quiet
        No bar in any case.
    words
        What stands before the bar.
    """
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(total=total, desc=words, unit=unit, disable=hidden, leave=False) as bar:
        yield bar.update
