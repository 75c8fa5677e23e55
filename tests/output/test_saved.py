"""A saved folder read back: the same numbers, curves and report as of the analysis."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import mien
from face_doubles import FullAffect, MeanAffect, double_analyzer, make_face, texture
from mien.api import Result, analyze
from mien.cli import cli
from mien.errors import DataError, InputError
from mien.report import render_report
from mien.types import FaceSummary
from mien.video import write_video

LEFT, RIGHT = make_face(4, 10), make_face(80, 12, 36)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "clip.mp4"
    base = texture(1).astype(float)
    frames = ((base * (0.7 + 0.005 * (k * 7 % 40))).astype(np.uint8) for k in range(40))
    write_video(path, frames, fps=25, codec="h264-lossless")
    return path


def script(call: int) -> list:
    return [] if call < 5 else [LEFT, RIGHT] if call < 20 else [LEFT]


def analysed(clip: Path, **settings: object) -> Result:
    affect = FullAffect() if settings.get("columns") != "v1" else MeanAffect()
    chosen = {"min_reaction_s": 0.2, "detect": "every", **settings}
    return analyze(clip, analyzer=double_analyzer(script, affect, **chosen))


def assert_same(one: FaceSummary, other: FaceSummary) -> None:
    for name in ("face_id", "first_s", "last_s", "usable_frames", "low_quality_frames", "labels"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("mean", "peak", "peak_time_s"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.timeline.time_s, other.timeline.time_s)
    np.testing.assert_array_equal(one.timeline.values, other.timeline.values)
    assert one.thumbnails == other.thumbnails
    assert one.reaction_names == other.reaction_names
    assert (one.reactions is None) == (other.reactions is None)
    if one.reactions is not None and other.reactions is not None:
        np.testing.assert_allclose(one.reactions, other.reactions, atol=1e-6)
    assert (one.details is None) == (other.details is None)
    if one.details is not None and other.details is not None:
        np.testing.assert_array_equal(one.details.mean, other.details.mean)
        np.testing.assert_array_equal(one.details.timeline.values, other.details.timeline.values)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("columns", ["v1", "v2"])
def test_what_is_read_is_what_was_analysed(
    clip: Path, tmp_path: Path, kind: str, columns: str
) -> None:
    result = analysed(clip, columns=columns, steady=False)
    again = mien.read(result.save(tmp_path / "saved", kind))
    assert again.table.schema == result.table.schema
    for name in result.table.column_names:
        one, other = (side.table.column(name).to_pylist() for side in (result, again))
        np.testing.assert_allclose(  # nulls as NaN; csv has the shortest digits that are exact
            np.array(one, float), np.array(other, float), rtol=0, atol=0, equal_nan=True
        )
    assert again.document == result.document and repr(again) == repr(result)
    assert again.faces.equals(result.faces) and again.reactions.equals(result.reactions)
    assert len(again.summaries) == 2 and again.summaries[0].thumbnails
    for one, other in zip(result.summaries, again.summaries, strict=True):
        assert_same(one, other)
    assert render_report(again._summary) == render_report(result._summary)


def test_the_report_is_written_again(clip: Path, tmp_path: Path) -> None:
    folder = analysed(clip, steady=False).save(tmp_path / "saved")
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    done = CliRunner().invoke(cli, ["report", str(folder)])
    assert done.exit_code == 0 and done.output == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").read_bytes() == before
    CliRunner().invoke(cli, ["report", str(folder), "--no-pictures"])
    assert len((folder / "report.html").read_bytes()) < len(before)


def test_without_the_source_there_are_no_pictures(clip: Path, tmp_path: Path) -> None:
    folder = analysed(clip).save(tmp_path / "saved")
    document = json.loads((folder / "video.json").read_text())
    document["source"]["size_bytes"] += 1
    (folder / "video.json").write_text(json.dumps(document))
    again = mien.read(folder)
    assert [face.thumbnails for face in again.summaries] == [{}, {}]
    assert "no picture kept" in again.write_report(tmp_path / "page.html").read_text()


def test_a_result_that_was_read_is_saved_again(clip: Path, tmp_path: Path) -> None:
    folder = analysed(clip).save(tmp_path / "saved")
    copy = mien.read(folder).save(tmp_path / "copy")
    for name in ("frames.parquet", "video.json", "report.html"):
        assert (copy / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("damage", ["nothing", "no document", "no table", "half a table"])
def test_other_folders_are_refused_in_one_line(clip: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "saved"
    if damage == "nothing":
        with pytest.raises(InputError, match=r"saved: there is no such folder"):
            mien.read(folder)
        folder.mkdir()
        with pytest.raises(InputError, match=r"saved: holds no video\.json; give a folder of a"):
            mien.read(folder)
        analysed(clip).save(folder / "clip")
        with pytest.raises(InputError, match=r"give one of them, such as .*saved.clip$"):
            mien.read(folder)
        return
    analysed(clip).save(folder)
    table = folder / "frames.parquet"
    if damage == "no document":
        (folder / "video.json").write_text("{}")
    elif damage == "no table":
        table.unlink()
    else:
        table.write_bytes(table.read_bytes()[:300])
    with pytest.raises((InputError, DataError)) as error:
        mien.read(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)
