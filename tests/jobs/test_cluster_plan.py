"""What a corpus takes is what its sample took, as often as there are inputs."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fsspec", reason="no fsspec: pip install 'mien[scale]'")
from mien.cli import cli
from mien.demo import write_demo_clip
from mien.jobs.cluster.plan import Sampled, choose_rows, estimate


@given(st.integers(1, 10**7), st.integers(1, 500))
def test_rows_are_spread_over_the_manifest(count: int, sample: int) -> None:
    rows = choose_rows(count, sample)
    assert len({*rows}) == len(rows) == min(count, sample)
    assert rows[0] >= 0 and rows[-1] < count and rows == sorted(rows)
    steps = [b - a for a, b in pairwise(rows)]
    assert not steps or max(steps) - min(steps) <= 1


def test_sums_are_those_of_a_corpus_like_the_sample() -> None:
    sampled = [Sampled("a", 10, 100, 1000, 50), Sampled("b", 30, 300, 3000, 150)]
    found = estimate(1000, sampled, failed=2, workers=4, memory_bytes=10**9)
    assert found.video_hours == pytest.approx(500 * 200 / 3600)  # half of them cannot be read
    assert found.core_hours == pytest.approx(500 * 20 / 3600)
    assert found.hours == pytest.approx(found.core_hours / 4)
    assert found.core_hours_low == pytest.approx(500 * 10 / 3600)
    assert found.core_hours_high == pytest.approx(500 * 30 / 3600)
    assert (found.source_bytes, found.result_bytes) == (500 * 2000, 500 * 100)
    assert estimate(2, sampled, 0, 100, 1).hours == pytest.approx(30 / 3600)  # the longest
    assert found.lines()[0] == "inputs        1,000 (4 measured, 2 failed)"
    assert "1 GB a worker, 4.0 GB in all" in found.lines()[4].replace("1.00", "1")


def test_a_sample_is_measured(tmp_path: Path) -> None:
    write_demo_clip(tmp_path / "a.mp4", 1.0)
    (tmp_path / "m.csv").write_text("source\n" + f"{tmp_path / 'a.mp4'}\n" * 1000)
    command = ["cluster-plan", "m.csv", "--workers", "10", "--sample", "2", "--quiet"]
    command[1] = str(tmp_path / "m.csv")
    done = CliRunner().invoke(cli, [*command, "--json", str(tmp_path / "p.json"), "--no-player"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("inputs        1,000 (2 measured, ")
    document = json.loads((tmp_path / "p.json").read_text())
    assert document["workers"] == 10 and document["core_hours"] > 0
    assert document["memory_bytes"] > 50e6


def test_nothing_that_can_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("source\nnone.mp4\n")
    done = CliRunner().invoke(cli, ["cluster-plan", str(tmp_path / "m.csv"), "--quiet"])
    assert "none of the 1 inputs that were tried can be read" in str(done.exception)
