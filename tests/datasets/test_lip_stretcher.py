"""AU 20 of photographs: known where mouthStretch leaves little doubt, unknown elsewhere."""

import numpy as np
import pytest

from mien.datasets.blendshapes import BLENDSHAPES, no_scores
from mien.datasets.lip_stretcher import lip_stretcher_targets
from mien.labels import EXPRESSIONS


def faces(*rows):
    """(mouthStretch left, right, mouthSmile, share of happiness) of each face."""
    mesh, expressions = no_scores(len(rows)), np.zeros((len(rows), 7), np.float32)
    for k, (left, right, smile, happiness) in enumerate(rows):
        mesh[k, BLENDSHAPES.index("mouthStretchLeft")] = left
        mesh[k, BLENDSHAPES.index("mouthStretchRight")] = right
        for side in ("Left", "Right"):
            mesh[k, BLENDSHAPES.index(f"mouthSmile{side}")] = smile
        expressions[k, EXPRESSIONS.index("happiness")] = happiness
    return mesh, expressions


@pytest.mark.parametrize(
    ("face", "target"),
    [
        ((0.0, 0.01, 0.0, 0.0), 0.0),
        ((0.0, 0.01, 0.9, 1.0), 0.0),  # a smile without it
        ((0.2, 0.2, 0.0, 0.0), None),
        ((0.2, 0.5, 0.0, 0.0), 0.9),  # both sides together
        ((0.5, 0.5, 0.3, 0.0), None),  # a smile stretches lips too
        ((0.5, 0.5, 0.0, 0.4), None),  # raters say that it is one
        ((np.nan, 0.5, 0.0, 0.0), None),
        ((0.5, 0.5, 0.0, np.nan), None),
    ],
)
def test_what_is_sure(face, target):
    found = lip_stretcher_targets(*faces(face, (0.0, 0.0, 0.0, 0.0)))
    assert found.dtype == np.float32 and found[1] == 0
    assert np.isnan(found[0]) if target is None else found[0] == pytest.approx(target)
