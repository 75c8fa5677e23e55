"""FER+ joined from the tables of its owners."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.data.corpora.ferplus import (
    IMAGE_FILES,
    SPLITS,
    VOTE_COLUMNS,
    VOTE_FILE,
    load_ferplus_tables,
)
from mien.datasets import load_ferplus
from mien.errors import DataError

USAGES = ("Training", "PublicTest", "PrivateTest")
HEADINGS = [*VOTE_COLUMNS[:-1], "NF"]


def write_tables(folder, images, votes, split, names, file=IMAGE_FILES[0]):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = [" ".join(map(str, image.ravel())) for image in images]
    usage = [USAGES[k] for k in split]
    with (folder / file).open("w", newline="") as out:
        if file == "fer2013.csv":
            rows = [["emotion", "pixels", "Usage"]]
            rows += [["0", p, u] for p, u in zip(pixels, usage, strict=True)]
        else:  # the columns of the other edition, its spaces included
            rows = [["emotion", " Usage", " pixels"]]
            rows += [["0", u, p] for p, u in zip(pixels, usage, strict=True)]
        csv.writer(out).writerows(rows)
    with (folder / VOTE_FILE).open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["Usage", "Image name", *HEADINGS])
        writer.writerows([u, n, *v] for u, n, v in zip(usage, names, votes, strict=True))
    return folder


def some(count=6, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 48, 48)).astype(np.uint8)
    images[3] = images[0]
    votes = np.zeros((count, 10), np.int64)
    votes[np.arange(count), np.arange(count) % 7] = 10
    names = [f"fer{k:07d}.png" for k in range(count)]
    return images, votes, [0, 0, 0, 1, 1, 2][:count], names


@pytest.mark.parametrize("file", IMAGE_FILES)
def test_both_editions_become_the_file_that_training_reads(tmp_path: Path, file: str) -> None:
    images, votes, split, names = some()
    names[2] = ""  # taken out by FER+'s authors
    root = write_tables(tmp_path / "in", images, votes, split, names, file)
    arguments = ["datasets", "prepare", "ferplus", "--root", str(root)]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "note: 1 rows without an image name (no face) are left out" in result.output
    assert f"5 faces with votes -> {tmp_path / 'out/ferplus.npz'}" in result.output
    faces = load_ferplus(tmp_path / "out" / "ferplus.npz")
    kept = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(faces.images, images[kept])
    assert faces.names.tolist() == [names[k] for k in kept]
    assert faces.split.tolist() == [SPLITS[split[k]] for k in kept]
    assert faces.counted.tolist() == [True, True, False, True, True]  # a copy of a training face
    again = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "out")])
    assert again.exit_code == 0 and sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".prepare.json", "ferplus.npz",
    ]  # fmt: skip


def test_real_faces_and_votes_survive_the_round_trip(shared_data: Path, tmp_path: Path) -> None:
    with np.load(shared_data / "ferplus_trainval.npz") as stored:
        rows = np.r_[:150, -50:0]
        real = {name: stored[name][rows] for name in stored.files}
    root = write_tables(tmp_path, real["images"], real["votes"], real["split"], real["name"])
    corpus = load_ferplus_tables(root)
    np.testing.assert_array_equal(corpus.images, real["images"])
    np.testing.assert_array_equal(corpus.votes, real["votes"])
    np.testing.assert_array_equal(corpus.split, real["split"])
    same = corpus.duplicates[:, None] == corpus.duplicates
    np.testing.assert_array_equal(same, real["dup_group"][:, None] == real["dup_group"])


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    def refused(text: str, folder: Path) -> None:
        with pytest.raises(DataError, match=text) as caught:
            load_ferplus_tables(folder)
        assert "\n" not in str(caught.value)

    refused("looked for fer2013.csv or icml_face_data.csv", tmp_path)
    images, votes, split, names = some()
    root = write_tables(tmp_path / "a", images, votes, split, names)
    (root / VOTE_FILE).rename(root / "elsewhere.csv")
    refused("looked for fer2013new.csv, found none", root)
    many = votes.copy()
    many[1, 0] = 11
    refused(
        r"fer2013new\.csv, line 3: 'neutral' is '11'; expected one of 0 to 10",
        write_tables(tmp_path / "b", images, many, split, names),
    )
    root = write_tables(tmp_path / "c", images, votes, split, names)
    write_tables(tmp_path / "d", images[:5], votes[:5], split[:5], names[:5])
    (tmp_path / "d" / VOTE_FILE).replace(root / VOTE_FILE)
    refused("line 7: is more than the other file has", root)
    root = write_tables(tmp_path / "e", images, votes, split, names)
    write_tables(tmp_path / "f", images, votes, [0, 0, 0, 0, 1, 2], names)
    (tmp_path / "f" / VOTE_FILE).replace(root / VOTE_FILE)
    refused("line 5: 'Usage' is 'Training', that of the image 'PublicTest'", root)
    for name, text in (
        ("g", "holds 4 numbers; expected 2304"),
        ("h", "holds something else than num"),
    ):
        root = write_tables(tmp_path / name, images, votes, split, names)
        lines = (root / IMAGE_FILES[0]).read_text().splitlines()
        lines[1] = f"0,{'1 2 3 4' if name == 'g' else '1 2 x'},Training"
        (root / IMAGE_FILES[0]).write_text("\n".join(lines))
        refused(f"line 2: 'pixels' {text}", root)
    refused(
        "no row has an image name", write_tables(tmp_path / "i", images, votes, split, [""] * 6)
    )
