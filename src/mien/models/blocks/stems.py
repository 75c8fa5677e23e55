"""A stem that averages first as one that sees single pixels.

Averaging over 2 x 2 pixels, then 3 x 3 weights, is 6 x 6 weights, alike in fours.
"""

from __future__ import annotations

from torch import Tensor


def wide_stem(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with a ``"wide"`` stem, if theirs is a ``"half"`` one; else as they are."""
    if "stem.1.0.weight" not in tensors:
        return tensors
    narrow = tensors["stem.1.0.weight"]
    wide = narrow.repeat_interleave(2, 2).repeat_interleave(2, 3) / 4
    others = {name.replace("stem.1.1.", "stem.1."): value for name, value in tensors.items()}
    del others["stem.1.0.weight"]
    return {"stem.0.weight": wide, **others}
