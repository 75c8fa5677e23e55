"""Where a function of one number is least, by golden section: no gradient, a fixed range."""

from __future__ import annotations

from collections.abc import Callable

_RATIO = (5**0.5 - 1) / 2


def least(loss: Callable[[float], float], low: float, high: float, width: float = 1e-4) -> float:
    """The middle of a range of `width` around the least value of a function with one valley.

    Examples
    --------
    >>> round(least(lambda x: (x - 0.25) ** 2, -1, 1), 3)
    0.25
    """
    left, right = high - _RATIO * (high - low), low + _RATIO * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > width:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _RATIO * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _RATIO * (high - low)
            at_right = loss(right)
    return (low + high) / 2
