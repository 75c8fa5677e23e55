"""A corpus that a package of others registers: listed, prepared, trained and measured on."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from striped import recipe

from mien.cli import cli
from mien.data.formats.annotated_faces import load_annotated_faces
from mien.data.registry import CORPORA, READERS, Corpus, corpora, corpus_info, register_corpus
from mien.errors import ConfigError
from mien.evaluation.corpora import load_labelled
from mien.training.extractor import train_mma
from mien.training.extractor.corpora import load_corpora


def write_stripes(folder: Path, count: int = 24) -> Path:
    """Lying stripes are neutral, standing ones happy."""
    folder.mkdir()
    (folder / "stripes.txt").write_text("stripes\n")
    y, x = np.mgrid[:48, :48]
    for k in range(count):
        image = 127 + 90 * np.sin((x if k % 2 else y) * 0.6 + k)
        cv2.imwrite(str(folder / f"{k:03d}.png"), image.astype(np.uint8))
    return folder


@pytest.fixture(autouse=True)
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests register is forgotten after them."""
    monkeypatch.delitem(sys.modules, "toy_corpus", raising=False)
    for registry in (CORPORA, READERS):
        assert "toy" not in registry.names()
        monkeypatch.setattr(registry, "_things", dict(registry._things))


def bring(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A package of others is installed, whose entry points have this value."""

    def entry_points(group: str) -> list[EntryPoint]:
        ours = group in ("mien.corpora", "mien.faces")
        return [EntryPoint("toy", value, group)] if ours else []

    monkeypatch.setattr("mien.registry.entry_points", entry_points)


@pytest.fixture(params=["decorator", "entry point"])
def toy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "decorator":
        importlib.import_module("toy_corpus")
    else:
        bring(monkeypatch, "toy_corpus")


def mien(*arguments: object) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("toy")
def test_it_is_listed_and_described() -> None:
    lines = mien("datasets", "list").splitlines()
    names = [line.split()[0] for line in lines]
    assert names == sorted(names) and "crema-d" in names
    (line,) = [line for line in lines if line.startswith("toy ")]
    assert line.split("  ")[-1].strip() == (
        "Stripes of another package: images or frames with partial labels"
    )
    text = mien("datasets", "info", "toy")
    assert "published 24 annotated (the test)" in text
    assert "use       mien datasets prepare toy --root DIR --out DIR" in text


@pytest.mark.usefixtures("toy")
def test_it_is_prepared(tmp_path: Path) -> None:
    root, out = write_stripes(tmp_path / "stripes"), tmp_path / "out"
    text = mien("datasets", "prepare", "toy", "--root", root, "--out", out)
    assert text.splitlines()[-1] == f"24 annotated images -> {out / 'annotations.parquet'}"
    faces = load_annotated_faces(out)
    assert faces.corpus == "toy" and faces.majority.tolist() == [0, 4] * 12
    assert (faces.split == "valid").sum() == 8


@pytest.mark.usefixtures("toy")
def test_a_recipe_trains_on_it(tmp_path: Path) -> None:
    write_stripes(tmp_path / "stripes")
    stripes = {"kind": "toy", "path": "stripes", "per_batch": 8}
    config = recipe(corpora={"stripes": stripes})
    faces = load_corpora(config, tmp_path, tmp_path)
    assert list(faces) == ["stripes"] and faces["stripes"].corpus == "toy"
    lines: list[str] = []
    train_mma(config, faces, tmp_path / "run", lines.append)
    assert len(lines) == config.optimizer.epochs
    assert (tmp_path / "run" / "model.safetensors").is_file()
    for key, value in (("mesh", "m.npz"), ("second_labels", "s.npz"), ("weight_color", 0.5)):
        with pytest.raises(ConfigError, match=rf"{key} is .*'toy'"):
            recipe(corpora={"stripes": {**stripes, key: value}}).corpus_configs()


@pytest.mark.usefixtures("toy")
def test_it_is_measured_on(tmp_path: Path) -> None:
    found = load_labelled(write_stripes(tmp_path / "stripes"), framing="framed")
    assert (found.faces.corpus, found.split, len(found.faces)) == ("toy", "valid", 8)
    assert np.isnan(found.faces.aligned).all()


def test_a_package_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bring(monkeypatch, "no_such_package_at_all")
    with pytest.raises(ConfigError, match=r"corpus 'toy' of no_such_package_at_all: cannot be"):
        corpora()
    assert corpus_info("crema-d").title == "CREMA-D"  # the others go on working


def test_a_package_that_registers_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bring(monkeypatch, "json")
    with pytest.raises(ConfigError, match="there is no corpus named 'toy'"):
        corpora()


def test_an_entry_point_may_name_a_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_corpus = importlib.import_module("toy_corpus")
    whole = corpus_info("toy")
    monkeypatch.delitem(CORPORA._things, "toy")
    monkeypatch.setattr(toy_corpus, "CORPUS", whole, raising=False)
    bring(monkeypatch, "toy_corpus:CORPUS")
    assert corpus_info("toy") == whole


def test_two_corpora_of_one_name_are_refused() -> None:
    facts = {"title": "t", "labels": "l", "access": "a", "terms": "t", "layout": ("l",)}
    other = Corpus(name="crema-d", kind="videos", **facts)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"there is a corpus named 'crema-d' already"):
        register_corpus(other)(write_stripes)
    with pytest.raises(ValueError, match=r"kind is one of \['videos', .*'sounds'"):
        Corpus(name="x", kind="sounds", **facts)  # type: ignore[arg-type]
