"""The geometric teacher: what each rule tells apart, and what votes add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus_builder import blendshape_arrays, mesh_arrays, write_npz
from mien.data.targets.mesh import load_mesh
from mien.data.targets.mesh_units import (
    MEASURES,
    VOTE_SHARE,
    expected_units,
    mesh_intensities,
    mesh_scores,
    mesh_units,
    photograph_units,
)
from mien.labels import ACTION_UNITS, EXPRESSIONS

ONE = np.array(["a.png"])
SHUT = {"lip_gap": 0.0, "brow_height": 0.5}


def both(**scores: float) -> dict[str, float]:
    """Scores by name; one without a side is given to both."""
    sided = ("mouthSmile", "eyeSquint", "mouthStretch", "mouthUpperUp", "mouthPress", "browDown")
    found = {}
    for name, value in scores.items():
        names = [f"{name}{side}" for side in ("Left", "Right")] if name in sided else [name]
        found |= dict.fromkeys(names, value)
    return found


def seen(tmp_path: Path, measure: Any = mesh_units, **arguments: Any) -> dict[int, float]:
    """What a teacher says of one face, by unit."""
    geometry = {name: arguments.pop(name, value) for name, value in SHUT.items()}
    arrays = mesh_arrays(ONE, both(**arguments), **geometry)
    found = measure(load_mesh(write_npz(tmp_path / "mesh.npz", arrays), ONE))
    return dict(zip(ACTION_UNITS, found[0].tolist(), strict=True))


def test_a_face_at_rest_shows_no_unit(tmp_path: Path) -> None:
    found = seen(tmp_path)
    assert all(np.isnan(found.pop(unit)) for unit in (9, 11))  # no rule sees these
    assert set(found.values()) == {0.0}
    assert set(MEASURES) == set(found)


def test_narrow_eyes_raise_the_cheeks_in_a_smile_and_tighten_the_lids_without_one(
    tmp_path: Path,
) -> None:
    smiling = seen(tmp_path, eyeSquint=0.7, mouthSmile=0.9)
    assert smiling[12] == 1 and smiling[6] > 0.9 and smiling[7] == 0
    staring = seen(tmp_path, eyeSquint=0.7)
    assert staring[12] == staring[6] == 0 and staring[7] > 0.9
    polite = seen(tmp_path, mouthSmile=0.9)  # a smile that leaves the eyes out
    assert polite[12] == 1 and polite[6] == polite[7] == 0


@pytest.mark.parametrize(("unit", "score"), [(10, "mouthUpperUp"), (20, "mouthStretch")])
def test_what_a_smile_explains_is_no_unit_of_its_own(unit: int, score: str, tmp_path: Path) -> None:
    assert seen(tmp_path, **{score: 0.6})[unit] == 1
    assert seen(tmp_path, **{score: 0.6}, mouthSmile=0.95)[unit] == 0


def test_lips_part_by_their_gap_and_the_jaw_drops_by_itself(tmp_path: Path) -> None:
    teeth = seen(tmp_path, lip_gap=0.2)
    assert teeth[25] == 1 and teeth[26] == 0
    chewing = seen(tmp_path, jawOpen=0.6)
    assert chewing[25] == 0 and chewing[26] == 1
    assert seen(tmp_path, lip_gap=0.03)[25] == 0
    assert seen(tmp_path, lip_gap=0.075)[25] == pytest.approx(0.5, abs=1e-3)


def test_lips_are_pressed_only_where_they_are_shut(tmp_path: Path) -> None:
    assert seen(tmp_path, mouthPress=0.6)[24] == 1
    assert seen(tmp_path, mouthPress=0.6, lip_gap=0.2)[24] == 0
    rolled = seen(tmp_path, mouthRollLower=0.6)
    assert rolled[24] == 1 and rolled[23] > 0.7  # rolled in: tight as well
    smile = seen(tmp_path, mouthPress=0.4, mouthSmile=1.0)[24]
    assert 0 < smile < seen(tmp_path, mouthPress=0.4)[24]


def test_knit_brows_are_seen_where_the_score_misses_them(tmp_path: Path) -> None:
    assert seen(tmp_path, browDown=0.6)[4] == 1
    assert seen(tmp_path, brow_height=0.12)[4] == pytest.approx(1)
    assert seen(tmp_path, brow_height=0.25)[4] == 0


def test_intensities_go_on_where_probability_is_sure(tmp_path: Path) -> None:
    rising = [
        (seen(tmp_path, mouthSmile=s)[12], seen(tmp_path, mesh_intensities, mouthSmile=s)[12])
        for s in (0.0, 0.1, 0.4, 0.7, 0.96, 1.0)
    ]
    chance, degree = np.array(rising).T
    np.testing.assert_allclose(chance, [0, 0, 0.5, 1, 1, 1], atol=1e-5)
    np.testing.assert_allclose(degree, [0, 0, 5 * 0.3 / 0.86, 5 * 0.6 / 0.86, 5, 5], atol=1e-4)
    assert seen(tmp_path, mesh_scores, mouthSmile=0.4)[12] == pytest.approx(0.4)


@pytest.mark.parametrize("unit", sorted(MEASURES))
def test_every_line_rises(unit: int) -> None:
    low, high, top = MEASURES[unit][1]
    assert 0 < low < high < top <= 1


def test_a_file_of_blendshapes_alone_says_all_but_parted_lips(tmp_path: Path) -> None:
    names = np.array(["a.png", "b.png"])
    file = write_npz(tmp_path / "scores.npz", blendshape_arrays(names))
    found = mesh_units(load_mesh(file, names))
    unknown = {unit for k, unit in enumerate(ACTION_UNITS) if np.isnan(found[0, k])}
    assert unknown == {9, 11, 25}
    assert np.isnan(found[1]).all()  # not found


def test_votes_expect_the_units_of_their_expression() -> None:
    found = expected_units(np.eye(7, dtype=np.float32))
    of = {
        name: dict(zip(ACTION_UNITS, row, strict=True))
        for name, row in zip(EXPRESSIONS, found, strict=True)
    }
    assert not found[EXPRESSIONS.index("neutral")].any()
    assert of["disgust"][9] == 1 and of["happiness"][12] == 1 and of["sadness"][15] == 1
    assert of["happiness"][6] > 0 and of["sadness"][6] == 0
    half = expected_units(np.array([[0.5, 0, 0.5, 0, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(half[0], found[EXPRESSIONS.index("disgust")] / 2, atol=1e-6)


def test_photographs_mix_what_is_seen_with_what_votes_expect(tmp_path: Path) -> None:
    names = np.array(["a.png", "b.png", "c.png"])
    arrays = mesh_arrays(names, both(mouthSmile=0.7)) | {"detected": np.array([True, True, False])}
    mesh = load_mesh(write_npz(tmp_path / "mesh.npz", arrays), names)
    disgust = np.eye(7, dtype=np.float32)[EXPRESSIONS.index("disgust")]
    votes = np.stack([disgust, np.full(7, np.nan, np.float32), disgust])
    found = photograph_units(mesh, votes)
    smile, nose = ACTION_UNITS.index(12), ACTION_UNITS.index(9)
    # Sure to be seen, and nobody who calls it disgust expects it.
    assert found[0, smile] == pytest.approx(1 - VOTE_SHARE[12])
    assert found[1, smile] == pytest.approx(1)  # no votes: geometry stands alone
    assert np.isnan(found[2, smile])  # no geometry: unknown, whatever the votes
    assert found[0, nose] == found[2, nose] == 1 and np.isnan(found[1, nose])
    still = mesh_arrays(names[:1])
    calm = photograph_units(
        load_mesh(write_npz(tmp_path / "calm.npz", still), names[:1]),
        np.eye(7, dtype=np.float32)[[EXPRESSIONS.index("neutral")]],
    )
    assert (calm == 0).all()  # a bare neutral face teaches absence, of all 17


def test_every_unit_has_a_share_of_votes_and_what_no_rule_sees_all_of_it() -> None:
    assert set(VOTE_SHARE) == set(ACTION_UNITS)
    assert {unit for unit, share in VOTE_SHARE.items() if share == 1} == {9, 11}
    assert VOTE_SHARE[25] == VOTE_SHARE[26] == 0  # mouths open for many reasons
