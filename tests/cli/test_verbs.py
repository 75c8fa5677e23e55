"""Verbs are found by themselves, and older names go on working."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

import mien.cli
import mien.errors
from mien.cli import cli, verbs


def test_help_lists_every_verb_with_its_line() -> None:
    found = verbs()
    assert list(found)[:2] == ["analyze", "demo"]
    assert found["analyze"] == "Read the faces in videos and images; write tables and reports."
    assert {"ablate", "calibrate", "datasets", "evaluate", "export", "synthesize", "train"} < {
        *found
    }
    assert not {"progress", "evaluate_extractor"} & {*found}
    text = CliRunner().invoke(cli, ["--help"]).output
    assert all(name in text for name in found)


def test_a_package_of_others_adds_a_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("somebodys_verbs")

    @click.command()
    @click.argument("name")
    def greet(name: str) -> None:
        click.echo(f"hello {name}")

    module.greet = greet  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebodys_verbs", module)
    point = EntryPoint("greet", "somebodys_verbs:greet", "mien.verbs")
    monkeypatch.setattr(mien.cli, "entry_points", lambda group: [point] * (group == "mien.verbs"))
    assert "greet" in CliRunner().invoke(cli, ["--help"]).output
    assert CliRunner().invoke(cli, ["greet", "you"]).output == "hello you\n"


def test_a_misspelt_verb_names_the_nearest() -> None:
    done = CliRunner().invoke(cli, ["anaylze", "x.mp4"])
    assert done.exit_code == 2 and "Did you mean 'analyze'?" in done.output


@pytest.mark.parametrize("verb", ["train", "export"])
def test_help_needs_no_torch_and_running_does(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mien.cli, "find_spec", lambda name: None if name == "torch" else object())
    group = import_module(f"mien.cli.{verb}").command
    assert CliRunner().invoke(group, ["extractor", "--help"]).exit_code == 0
    options = [option for option in group.commands["extractor"].params if option.required]
    words = [word for option in options for word in (option.opts[0], "x.toml")]
    done = CliRunner().invoke(group, ["extractor", *words])
    assert "needs torch, which is not installed: pip install '.[train]'" in str(done.exception)


def test_outside_a_checkout_extras_are_asked_for_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mien.errors, "__file__", str(tmp_path / "a" / "mien" / "errors.py"))
    assert mien.errors.install("train") == "pip install 'mien[train]'"


@pytest.mark.parametrize("verb", ["train", "export", "evaluate", "calibrate"])
def test_the_old_name_of_the_extractor_works_and_is_not_shown(verb: str) -> None:
    text = CliRunner().invoke(cli, [verb, "--help"]).output
    assert "extractor" in text and "  mma" not in text
    old = CliRunner().invoke(cli, [verb, "mma", "--help"])
    assert old.exit_code == 0
    new = CliRunner().invoke(cli, [verb, "extractor", "--help"]).output
    assert old.output.split("\n", 1)[1] == new.split("\n", 1)[1]
