"""Items fetched ahead by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.workers import Ahead


@settings(max_examples=30, deadline=None)
@given(items=st.lists(st.integers()), depth=st.integers(1, 4), stages=st.integers(1, 3))
def test_all_come_in_order_through_any_number_of_threads(
    items: list[int], depth: int, stages: int
) -> None:
    chain: Iterator[int] = iter(items)
    for _ in range(stages):
        chain = Ahead(chain, depth)
    assert list(chain) == items
    assert list(chain) == []


def failing(closed: list[str], error: BaseException) -> Iterator[int]:
    try:
        yield 1
        yield 2
        raise error
    finally:
        closed.append(threading.current_thread().name)


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), MemoryError("no room")])
def test_what_is_raised_comes_after_what_was_there(error: BaseException) -> None:
    closed: list[str] = []
    ahead = Ahead(failing(closed, error), 8)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(type(error)):
        next(ahead)
    assert len(closed) == 1
    with pytest.raises(StopIteration):
        next(ahead)


def endless(closed: list[int]) -> Iterator[int]:
    number = 0
    try:
        while True:
            yield number
            number += 1
    finally:
        closed.append(number)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_early_ends_the_threads_and_closes_the_items(taken: int) -> None:
    closed: list[int] = []
    before = threading.active_count()
    with Ahead(endless(closed), 2) as inner, Ahead(inner, 2) as outer:
        for _ in range(taken):
            next(outer)
    assert threading.active_count() == before
    assert len(closed) == 1 and closed[0] <= taken + 8  # no further than what may wait
