"""How often each expression occurs: the prior that a training or a use of an extractor assumes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.data.faces import FaceSet


def expression_shares(
    faces: FaceSet, draw: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """Shares of the expressions among the labelled faces, float64 (7,), sum 1.

    Parameters
    ----------
    faces
        Their distributions count by their weight.
    draw
        (n,) how often each face is shown; None: alike.

    Returns
    -------
    Alike for all expressions where no face is labelled.
    """
    weight = faces.expression_weight.astype(np.float64)
    if draw is not None:
        weight = weight * draw
    if not weight.sum() > 0:
        return np.full(faces.expressions.shape[1], 1 / faces.expressions.shape[1])
    total: npt.NDArray[np.float64] = weight @ np.nan_to_num(faces.expressions.astype(np.float64))
    shares: npt.NDArray[np.float64] = total / total.sum()
    return shares
