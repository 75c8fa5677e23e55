"""Shares of a batch, each worked on by a thread of its own.

On rows of 128 numbers the threads inside an operation wait for each other longer than they work. A
thread that walks through its own share of the batch waits once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

S = TypeVar("S")
R = TypeVar("R")


def each(task: Callable[[S], R], shares: Sequence[S]) -> list[R]:
    """Results of `task` for every share, in their order; gradients are not recorded."""

    def quietly(share: S) -> R:
        with torch.no_grad():  # a setting of the thread
            return task(share)

    if len(shares) == 1:
        return [quietly(shares[0])]
    return list(_workers(len(shares)).map(quietly, shares))


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    own = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "mien-share", _work_alone)
    everyone = Barrier(threads)  # else the first worker does it all, and the others start later
    list(pool.map(lambda _: everyone.wait(), range(threads)))
    torch.set_num_threads(own)  # a worker's setting would become that of later threads too
    return pool


def _work_alone() -> None:
    # A thread that torch has not met takes the process's number at its first question, and would
    # take it later, over the one set here.
    torch.get_num_threads()
    torch.set_num_threads(1)
