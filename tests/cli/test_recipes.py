"""Recipes are found, copied with their bases, and travel in the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.recipes import copy_recipes, recipe_root, recipes

REPOSITORY = Path(__file__).parents[2]


def test_list_names_every_recipe_and_no_card() -> None:
    result = CliRunner().invoke(cli, ["recipes", "list"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    there = {
        path.relative_to(REPOSITORY).as_posix()
        for name in ("configs", "recipes")
        for path in (REPOSITORY / name).rglob("*.toml")
        if not path.name.endswith(".about.toml") and path.parent.name != "about"
    }
    assert {line.split()[0] for line in lines} == there
    (one,) = [line for line in lines if line.startswith("configs/reactions-facernet.toml")]
    assert "The paper's settings: batch 4, Adam" in one


def test_a_recipe_is_copied_with_its_base(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["recipes", "copy", "reactions-fast", "--to", str(tmp_path)])
    assert result.exit_code == 0
    copied = sorted(path.name for path in (tmp_path / "configs").iterdir())
    assert copied == ["reactions-facernet.toml", "reactions-fast.toml"]
    for name in copied:
        source = REPOSITORY / "configs" / name
        assert (tmp_path / "configs" / name).read_bytes() == source.read_bytes()
    again = CliRunner().invoke(cli, ["recipes", "copy", "reactions-fast", "--to", str(tmp_path)])
    assert again.exit_code == 0  # the same file may be written again
    (tmp_path / "configs/reactions-fast.toml").write_text("mine = 1\n")
    again = CliRunner().invoke(cli, ["recipes", "copy", "reactions-fast", "--to", str(tmp_path)])
    assert again.exit_code == 1 and "is there already, and another" in str(again.exception)
    assert (tmp_path / "configs/reactions-fast.toml").read_text() == "mine = 1\n"


def test_without_names_everything_is_copied(tmp_path: Path) -> None:
    files = copy_recipes((), tmp_path)
    assert tmp_path / "recipes/extractor/make.sh" in files
    assert not any("__pycache__" in path.parts for path in files)
    assert all((tmp_path / name).is_file() for name in recipes())


def test_a_name_that_is_unknown_or_not_enough(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["recipes", "copy", "nothing", "--to", str(tmp_path)])
    assert "recipe 'nothing' is not there; see mien recipes list" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_wheel_carries_them(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    code = (
        "import sys; from hatchling.builders.wheel import WheelBuilder; "
        "print(next(WheelBuilder(sys.argv[1]).build(directory=sys.argv[2])))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(REPOSITORY), str(tmp_path)], check=True, timeout=300
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 40e6
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    for name in recipes():
        carried = tmp_path / "site/mien/_recipes" / name
        assert carried.read_bytes() == (recipe_root() / name).read_bytes()
    page = tmp_path / "site/mien/serve/page"  # no npm is needed to have it whole
    scripts = {path.name: path for path in (page / "faces").glob("*.js")}
    assert scripts.keys() == {path.name for path in (REPOSITORY / "js/src").glob("*.js")}
    assert (page / "onnxruntime/ort-wasm-simd-threaded.wasm").stat().st_size > 10e6
    notices = {path.name for path in (tmp_path / "site").glob("*.dist-info/licenses/**/*")}
    assert {"LICENSE", "ThirdPartyNotices.txt"} <= notices
    found = subprocess.run(
        [sys.executable, "-m", "mien", "recipes", "list"],
        cwd=tmp_path / "site", env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=300, check=True,
    ).stdout  # fmt: skip
    assert "configs/reactions-facernet.toml" in found
