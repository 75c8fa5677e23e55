"""Whether expressions and action units of the same face agree with each other.

By the table of Du, Tao & Martinez (PNAS 111, 2014), the one that L_DM is made from
(`mien.labels.prototypical`). No label is needed: this asks a model whether it contradicts itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.labels import PAPERS_LABELS, LabelSet, prototypical
from mien.types import FloatArray


def contradictions(affect: FloatArray, labels: LabelSet = PAPERS_LABELS) -> dict[str, float]:
    """How often expressions and action units contradict each other.

    An expression is *claimed* where its probability is at least 0.5, a unit is *on* where its
    probability is. Two contradictions are counted:

    * ``unsupported``: an expression other than neutral is claimed, but fewer than half of its
      prototypical units are on;
    * ``denied``: neutral is claimed, but all prototypical units of some expression are on.

    Parameters
    ----------
    affect
        (n, 26), in the order of ``labels.affect_columns``.
    labels
        Of the extractor; what the published table does not have contradicts nothing.

    Returns
    -------
    ``unsupported`` (share of the faces with a claimed expression other than neutral), ``denied``
    (share of those claimed neutral) and ``rate`` (share of all faces that claim anything and
    contradict themselves). NaN where there is no such face.

    Examples
    --------
    >>> smile = np.zeros((2, 26), np.float32)
    >>> smile[:, 2 + PAPERS_LABELS.expressions.index("happiness")] = 0.9
    >>> smile[0, 9 + 9] = 0.8  # AU12 in the first face alone
    >>> contradictions(smile)["unsupported"]
    0.5
    """
    expressions, on = affect[:, labels.expression_slice], affect[:, labels.action_unit_slice] >= 0.5
    table = prototypical(labels)
    is_neutral = np.array([name == "neutral" for name in labels.expressions])
    leading = expressions.argmax(axis=1)
    claimed = expressions.max(axis=1, initial=0.0) >= 0.5
    shown = on.astype(int) @ table.T  # (n, 7), prototypical units that are on, per expression
    needed = table.sum(axis=1)
    emotional, neutral = claimed & ~is_neutral[leading], claimed & is_neutral[leading]
    unsupported = emotional & (2 * shown[np.arange(len(affect)), leading] < needed[leading])
    denied = neutral & ((shown == needed) & (needed > 0)).any(axis=1)
    return {
        "rate": _share(unsupported | denied, claimed),
        "unsupported": _share(unsupported, emotional),
        "denied": _share(denied, neutral),
    }


def _share(part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")
