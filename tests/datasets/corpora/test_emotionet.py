from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_replicas import emotionet_row, write, write_emotionet, write_image
from mien.datasets import load_emotionet
from mien.errors import DataError
from mien.labels import ACTION_UNITS


def test_columns_are_action_units_by_number(tmp_path: Path) -> None:
    corpus = load_emotionet(write_emotionet(tmp_path))
    units = corpus.action_units
    assert units.shape == (3, 17)
    active = [[ACTION_UNITS[k] for k in np.flatnonzero(row == 1)] for row in units]
    assert active == [[12, 25], [1], []]
    unknown = [[ACTION_UNITS[k] for k in np.flatnonzero(np.isnan(row))] for row in units]
    assert unknown == [[], [2, 26], []]
    assert corpus.table.column("image").to_pylist() == [
        "N_1/N_1_00001.jpg", "elsewhere/N_1_00002.jpg", None,
    ]  # fmt: skip
    assert (corpus.expressions == -1).all() and np.isnan(corpus.valence_arousal).all()
    assert corpus.notes == ("1 of 3 images are not there",)


@settings(max_examples=20, deadline=None)
@given(active=st.sets(st.integers(1, 60)), unknown=st.sets(st.integers(1, 60)))
def test_markers_never_become_numbers(
    tmp_path_factory: pytest.TempPathFactory, active: set[int], unknown: set[int]
) -> None:
    row = emotionet_row("N_1/N_1_00001.jpg", sorted(active), sorted(unknown))
    units = load_emotionet(write_emotionet(tmp_path_factory.mktemp("net"), [row])).action_units[0]
    for unit, value in zip(ACTION_UNITS, units, strict=True):
        if unit in unknown:
            assert np.isnan(value)
        else:
            assert value == (unit in active)


def test_splits_do_not_depend_on_order(tmp_path: Path) -> None:
    rows = [emotionet_row(f"N_1/{k}.jpg", []) for k in range(200)]
    write_image(tmp_path / "N_1/0.jpg")
    splits = load_emotionet(write_emotionet(tmp_path, rows)).table.column("split").to_pylist()
    assert 8 <= splits.count("valid") <= 35
    again = load_emotionet(write_emotionet(tmp_path, rows[::-1])).table.column("split").to_pylist()
    assert again == splits[::-1]


def test_a_header_names_the_columns(tmp_path: Path) -> None:
    rows = ["URL\torig\tAU 12\tAU99\tAU01", "http://x/Images/N_1/N_1_00001.jpg\t-\t1\t7\t999"]
    units = load_emotionet(write_emotionet(tmp_path, rows)).action_units[0]
    assert units[ACTION_UNITS.index(12)] == 1
    assert np.isnan(units[[k for k, unit in enumerate(ACTION_UNITS) if unit != 12]]).all()


def test_two_files_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    write_image(tmp_path / "another/N_1_00002.jpg")
    images = load_emotionet(write_emotionet(tmp_path)).table.column("image").to_pylist()
    assert images == ["N_1/N_1_00001.jpg", None, None]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (emotionet_row("x.jpg", []) + "\t0", "has 63 cells separated by tabs; expected 62"),
        ("http://x/Images/x.jpg,0,0", "has 1 cells separated by tabs; expected 62: a URL"),
        (emotionet_row("x.jpg", []).replace("\t0", "\t2", 1), "AU1 is '2'; expected 1 .active."),
        (emotionet_row("x.jpg", []).replace("\t0", "\t", 1), "AU1 is ''; expected 1"),
        (emotionet_row("N_1/N_1_00001.jpg", []), r"is there twice: first at .*, line 1"),
        ("\t".join(["x.jpg", *["0"] * 61]), r"starts with 'x\.jpg'; expected the URL of an image"),
    ],
)
def test_lines_that_are_wrong(row: str, text: str, tmp_path: Path) -> None:
    write_emotionet(tmp_path, [emotionet_row("N_1/N_1_00001.jpg", [12]), row])
    with pytest.raises(DataError, match=rf"dataFile_0001\.txt, line 2: .*{text}"):
        load_emotionet(tmp_path)


def test_a_name_that_several_images_share_says_nothing(tmp_path: Path) -> None:
    rows = [
        emotionet_row(f"{place}/N_1_00001.jpg", [unit]) for place, unit in (("N_1", 1), ("B", 4))
    ]
    images = load_emotionet(write_emotionet(tmp_path, rows)).table.column("image").to_pylist()
    assert images == ["N_1/N_1_00001.jpg", None]


def test_files_that_are_wrong(tmp_path: Path) -> None:
    write(tmp_path / "readme.txt", ["hello"])
    with pytest.raises(DataError, match=r"looked for dataFile_.* text files: \['readme\.txt'\]"):
        load_emotionet(tmp_path)
    write_emotionet(tmp_path, [emotionet_row("gone.jpg", []), emotionet_row("lost.jpg", [])])
    with pytest.raises(DataError, match=r"looked for gone\.jpg and 1 more images, found none"):
        load_emotionet(tmp_path)
    write_emotionet(tmp_path, [])
    with pytest.raises(DataError, match=r"dataFile_0001\.txt: is empty"):
        load_emotionet(tmp_path)
    write_emotionet(tmp_path, ["URL\torig\tAU12\tAU012"])
    with pytest.raises(DataError, match=r"line 1: AU12 is there twice"):
        load_emotionet(tmp_path)
    write_emotionet(tmp_path, ["URL\torig\tAU60"])
    with pytest.raises(DataError, match=r"line 1: names none of the action units"):
        load_emotionet(tmp_path)
    write_emotionet(tmp_path, ["name\t0\t1"])
    with pytest.raises(DataError, match=r"line 1: starts with 'name'; expected the URL"):
        load_emotionet(tmp_path)
