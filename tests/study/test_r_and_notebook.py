"""The R of the page and the notebook, run on tables whose numbers are known otherwise."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner
from study_builder import write_results

import mien
from mien.cli import cli
from mien.demo import demo_frames

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "r-and-notebooks.md").read_text(encoding="utf-8")
NOTEBOOK = ROOT / "docs" / "examples" / "first-look.ipynb"
R = shutil.which("Rscript")


def numbers(text: str) -> list[float]:
    return [float(word) for word in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


@pytest.mark.skipif(R is None, reason="no R here (apt-get install r-base-core)")
def test_r_finds_what_scipy_and_python_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = pytest.importorskip("scipy.stats")
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(5)
    means: dict[str, list[float]] = {"rest": [], "joke": []}
    for person in range(6):
        for condition, level in (("rest", 0.2), ("joke", 0.5)):
            au12 = np.clip(level + 0.03 * person + 0.1 * draw.standard_normal(60), 0, 1)
            write_results(tmp_path / "persons", f"p{person}_{condition}", au12)
            means[condition].append(float(au12.mean()))
    rows = [f"p{p}_{c}.mp4,p{p},{c}" for p in range(6) for c in ("rest", "joke")]
    (tmp_path / "people.csv").write_text("video,person,condition\n" + "\n".join(rows) + "\n")
    words = ["study", "persons", "--participants", "people.csv", "--out", "study"]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = mien.analyze_frames(list(demo_frames(0.2)), fps=25)
    result.save("results/interview", format="csv")
    (tmp_path / "page.R").write_text("\n".join(re.findall(r"^```r\n(.*?)^```", PAGE, re.M | re.S)))
    told = subprocess.run(
        [str(R), "--vanilla", "page.R"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    first, second = told.stdout.splitlines()
    difference = np.subtract(means["joke"], means["rest"])
    test = stats.ttest_1samp(difference, 0)
    low, high = test.confidence_interval(0.95)
    expected = [difference.mean(), 95, low, high, test.pvalue, 6]
    assert numbers(first) == pytest.approx(expected, rel=2e-3, abs=1e-4)
    assert numbers(second) == pytest.approx(
        [5, pc.mean(result.table.column("valence")).as_py()], abs=1e-4
    )


def test_the_notebook_runs_from_its_first_cell_to_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    there: dict[str, Any] = {}
    told = ""
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []  # numbers of an older version would stand there
        text = "".join(cell["source"])
        body = ast.parse(text).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None  # a notebook shows it
        exec(compile(ast.Module(body, []), str(NOTEBOOK), "exec"), there)
        if last is not None:
            shown = eval(ast.unparse(last.value), there)
            printed = capsys.readouterr().out
            assert shown is not None or printed.strip(), text
            told += printed
    assert len(there["frames"]) == 25  # a second
    assert there["shares"].index[0] == "expr_happiness"  # the portrait smiles
    assert there["shares"].sum() == pytest.approx(1, abs=1e-5)
    assert "25 of 25 rows count" in told
    assert there["figure"]._repr_png_().startswith(b"\x89PNG")
