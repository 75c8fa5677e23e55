"""The pictures at the peaks, for a report that is written again when the source is gone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.demo import demo_frames
from mien.errors import DataError
from mien.output.kept.pictures import PICTURES_FILE, write_pictures
from mien.output.people.file import default_people, write_people


@pytest.fixture
def result(tmp_path: Path) -> mien.Result:
    """Two faces side by side; their source is gone by nature, as it came from memory."""
    frames = [np.ascontiguousarray(np.hstack([f, f[:, ::-1]])) for f in list(demo_frames(4))[:12]]
    found = mien.analyze_frames(frames, fps=25)
    assert len(found.summaries) == 2 and all(face.thumbnails for face in found.summaries)
    found.save(tmp_path / "out")
    return found


def pictures(report: Path) -> list[str]:
    return re.findall(r'<img class="crop"[^>]*src="(data:image/jpeg[^"]+)"', report.read_text())


def test_a_report_that_is_written_again_has_the_same_pictures(
    result: mien.Result, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    before = pictures(folder / "report.html")
    assert len(before) > 2
    assert not any(face.thumbnails for face in mien.read(folder).summaries)
    write_pictures(result.summaries, folder)
    again = mien.read(folder)
    for was, now in zip(result.summaries, again.summaries, strict=True):
        assert now.thumbnails == was.thumbnails
    again.write_report(folder / "report.html")
    assert pictures(folder / "report.html") == before
    assert not any(face.thumbnails for face in mien.read(folder, pictures=False).summaries)


def test_persons_have_the_pictures_of_their_faces(result: mien.Result, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_pictures(result.summaries, folder)
    people = default_people([0, 1]).rename("0", "Ann").exclude("1")
    write_people(people, folder)
    [ann] = mien.read(folder).summaries
    assert ann.thumbnails == result.summaries[0].thumbnails
    write_people(people.exclude("1", False).split("Ann", 0.2), folder)
    found = mien.read(folder).summaries
    times = {float(t) for t in result.summaries[0].peak_time_s}
    for face in found:
        for name in face.thumbnails:  # only where the peak is where it was
            at_s = face.peak_time_s[face.labels.affect_columns.index(name)]
            assert any(abs(at_s - t) < 1e-3 for t in times | {*result.summaries[1].peak_time_s})
    shown = [picture for face in found for picture in face.thumbnails.values()]
    assert {*shown} == {p for face in result.summaries for p in face.thumbnails.values()}


def test_nothing_is_kept_where_there_is_no_picture(result: mien.Result, tmp_path: Path) -> None:
    for face in result.summaries:
        face.thumbnails.clear()
    write_pictures(result.summaries, tmp_path)
    assert not (tmp_path / PICTURES_FILE).exists()


@pytest.mark.parametrize("text", ["{", '{"pictures": [{"face_id": 0}]}', "[]"])
def test_a_damaged_file_says_so(result: mien.Result, tmp_path: Path, text: str) -> None:
    (tmp_path / "out" / PICTURES_FILE).write_text(text)
    with pytest.raises(DataError, match=r"peaks\.json: cannot be read"):
        mien.read(tmp_path / "out")
