"""One way to say what is wrong with an input: the file, the fault, the remedy, on one line."""

from __future__ import annotations

from pathlib import Path

from mien.errors import InputError


def complaint(path: Path, fault: str, remedy: str) -> InputError:
    """Build, not raise, an `InputError` that reads ``<path>: <fault>; <remedy>`` on one line."""
    # A file name may hold line breaks; the promise of one line is kept all the same.
    name = " ".join(str(path).split("\n")).replace("\r", " ")
    return InputError(f"{name}: {fault}; {remedy}")


def too_large(path: Path, width_px: int, height_px: int, max_pixels: int) -> InputError:
    """The error for a picture above the limit."""
    size = f"{width_px} x {height_px} pixels, more than {max_pixels / 1e6:g} million"
    return complaint(path, f"its pictures have {size}", "shrink it, or raise --max-pixels")
