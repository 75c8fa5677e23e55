"""Names, mirror and file of a face mesh's scores."""

import numpy as np
import pytest

from corpus_builder import blendshape_arrays, write_npz
from mien.data.targets.blendshapes import BLENDSHAPES, MIRRORED, load_blendshapes
from mien.errors import DataError

NAMES = np.array(["a.png", "b.png", "c.png"])


def test_every_score_has_a_place_and_a_counterpart():
    assert len(set(BLENDSHAPES)) == 47
    assert sorted(MIRRORED) == list(range(47))
    assert [MIRRORED[k] for k in MIRRORED] == list(range(47))  # twice is as before
    for name, other in (("mouthLeft", "mouthRight"), ("eyeWideRight", "eyeWideLeft")):
        assert BLENDSHAPES[MIRRORED[BLENDSHAPES.index(name)]] == other
    assert MIRRORED[BLENDSHAPES.index("jawOpen")] == BLENDSHAPES.index("jawOpen")


def test_columns_go_by_name_whatever_their_order_and_what_is_absent_is_unknown(tmp_path):
    arrays = blendshape_arrays(NAMES)
    found = load_blendshapes(write_npz(tmp_path / "a.npz", arrays), NAMES)
    column = list(arrays["names"]).index("jawOpen")
    place = BLENDSHAPES.index("jawOpen")
    np.testing.assert_array_equal(found[:2, place], arrays["blendshapes"][:2, column])
    assert np.isnan(found[2]).all()  # not detected
    order = np.arange(len(arrays["names"]))[::-1]
    turned = {**arrays, "names": arrays["names"][order]}
    turned["blendshapes"] = arrays["blendshapes"][:, order]
    again = load_blendshapes(write_npz(tmp_path / "b.npz", turned), NAMES)
    np.testing.assert_array_equal(again, found)
    more = {**arrays, "names": np.append(arrays["names"], "_neutral")}
    more["blendshapes"] = np.hstack([arrays["blendshapes"], np.zeros((3, 1), np.float16)])
    some = load_blendshapes(write_npz(tmp_path / "c.npz", more), NAMES)
    np.testing.assert_array_equal(some, found)


@pytest.mark.parametrize("score", ["jawOpen", "mouthSmileLeft", "mouthPucker"])
def test_no_score_may_be_absent(score, tmp_path):
    arrays = blendshape_arrays(NAMES)
    arrays["names"] = np.where(arrays["names"] == score, "other", arrays["names"])
    with pytest.raises(DataError, match=f"npz: blendshape '{score}' is not among its 'names'"):
        load_blendshapes(write_npz(tmp_path / "a.npz", arrays), NAMES)
