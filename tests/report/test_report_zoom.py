"""Curves in detail, from which a zoom is drawn: the numbers of the table, small, with gaps."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.api import Result
from mien.labels import unit_name
from mien.report import render_report
from other_tables import write_openface, write_pyfeat


def embedded(result: Result) -> dict:
    found = re.search(r'<script type="application/json" id="curves">(.*?)</script>',
                      render_report(result._summary), re.DOTALL)  # fmt: skip
    assert found is not None
    return json.loads(found[1])


def unpacked(face: dict) -> tuple[np.ndarray, np.ndarray]:
    """Seconds, and (channels, n) with NaN."""
    time = np.frombuffer(base64.b64decode(face["time"]), "<i4")
    values = np.frombuffer(base64.b64decode(face["packed"]), "<i2").reshape(-1, len(time))
    return time / 1000, np.where(values == -32768, np.nan, values / 1000)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Five minutes, with a gap."""
    smile = np.clip(2 + 2 * np.sin(np.arange(7500) / 40), 0, 4.9)
    smile[3000:3200] = np.nan
    return mien.read_openface(write_openface(tmp_path_factory.mktemp("long") / "a.csv", smile, 25))


def test_a_zoom_has_every_frame(long: Result) -> None:
    [face] = long.summaries
    assert face.timeline.bin_s > 0 and len(face.timeline.time_s) < 1100
    told = embedded(long)
    time_s, values = unpacked(told["faces"][0])
    assert told["names"].index(unit_name(12)) < len(values)
    smile = values[told["names"].index(unit_name(12))]
    frames = long.frames.dropna(subset=["au12"])
    known = np.isfinite(smile)
    np.testing.assert_allclose(time_s[known], frames["timestamp_s"], atol=6e-4)
    np.testing.assert_allclose(smile[known], frames["au12"], atol=6e-4)
    [gap] = np.flatnonzero(~np.isfinite(values).any(axis=0))  # one row in the hole
    assert 120 < time_s[gap] < 128
    assert not np.isfinite(values[:2]).any()  # OpenFace says no valence
    page = render_report(long._summary)
    assert "A zoom shows 7" in page and "one every 0.04 s" in page
    assert told["plan"]["units"][1] - told["plan"]["units"][0] == len(face.labels.action_units)


def test_short_recordings_need_none(tmp_path: Path) -> None:
    short = mien.read_openface(write_openface(tmp_path / "a.csv", np.full(500, 2.0)))
    assert short.summaries[0].fine is None and "packed" not in embedded(short)["faces"][0]
    assert "A zoom shows" not in render_report(short._summary)


def test_many_faces_share_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.output.episodes._FINE_POINTS", 6000)
    path = write_pyfeat(tmp_path / "a.csv", np.linspace(0, 1, 6000), ("Ann", "Ben"))
    result = mien.read_pyfeat(path, fps=25)
    for face in result.summaries:
        assert face.fine is not None and len(face.fine.time_s) == 3000
        column = face.labels.affect_columns.index("au12")
        np.testing.assert_allclose(
            face.fine.values[:, column], np.linspace(0, 1, 6000).reshape(-1, 2).mean(1), atol=1e-4
        )
        assert face.fine.bin_s == pytest.approx(0.08)


def test_it_is_the_same_from_memory_and_from_disk(long: Result, tmp_path: Path) -> None:
    folder = long.save(tmp_path / "out")
    before = (folder / "report.html").read_bytes()
    assert b'"packed"' in before
    assert mien.read(folder).write_report(tmp_path / "again.html").read_bytes() == before
