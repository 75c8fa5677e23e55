"""Loops that hold no interpreter lock.

They are written in the part of Python that TorchScript takes, because small
operations called from Python cost as much as their arithmetic, and because threads that walk in
plain Python take the lock some thirty times a step: two of them are hardly faster than one.
TorchScript is deprecated; where torch no longer has it, the same functions run as they are, in the
same order, with the same results.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch

F = TypeVar("F", bound=Callable[..., None])


def without_lock(function: F) -> F:
    """The function compiled, where torch can do so."""
    if not hasattr(torch.jit, "script"):
        return function
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            compiled: F = torch.jit.script(function)
        except (RuntimeError, AttributeError, TypeError):
            # This Python or this torch has no TorchScript any more.
            return function
    return compiled
