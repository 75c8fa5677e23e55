"""`mien demo --mran`: the clip in the dark goes through the network, and the report shows it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mien.cli.demo import command


@pytest.mark.slow
def test_the_demo_in_the_dark_reads_three_streams(tmp_path):
    done = CliRunner().invoke(command, ["--mran", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" / "dark"
    document = json.loads((folder / "video.json").read_text())
    assert document["mran"]["streams"] == ["color", "depth", "thermal"]
    assert document["mran"]["missing_streams"] == []
    page = (folder / "report.html").read_text()
    for name in ("color, as it was", "depth, lit from above", "thermal, warm is light"):
        assert f"<figcaption>{name}</figcaption>" in page
    with np.load(folder / "attention.npz") as stored:
        maps = stored["attention_0"]
    assert len(maps) > 30
    np.testing.assert_allclose(maps.sum((1, 2)), 1, rtol=1e-5)
    assert (folder / "attention.mp4").stat().st_size > 10_000
