"""A report that is written again shows what the one before did, or says what it would lack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import mien
from face_doubles import FullAffect, MeanReactions, double_analyzer, make_face, texture
from mien.api import Result, analyze
from mien.cli import cli
from mien.errors import DataError, OutputError
from mien.output.people.file import default_people, write_people
from mien.output.views import VIEWS_FILE
from mien.runtime.clip_stream import ClipEstimate
from mien.runtime.mran import MranFrame
from mien.types import MranView
from mien.video import write_video


class MeanMran:
    """Valence is the mean of the color crop / 255."""

    modalities = ("color", "depth", "thermal")
    clip_frames, fps = 16, 25.0

    def predict(self, clip: Sequence[MranFrame]) -> ClipEstimate:
        valence = [frame.color.mean() / 255 for frame in clip]
        maps = np.full((len(clip), 2, 2), 0.25, np.float32)
        return ClipEstimate(np.array([valence, valence], np.float32).T, maps)

    metadata = {"name": "mean", "caveat": "a stand-in"}  # noqa: RUF012

    def describe(self) -> dict:
        return {"role": "mran", "name": "mean", "caveat": "a stand-in"}


def view(**changes: Any) -> MranView:
    x = np.arange(112, dtype=np.float32)[None].repeat(112, 0)
    color = np.full((112, 112, 3), 4, np.uint8)
    given = {"time_s": 1.5, "affect": np.float32([0.25, -0.5]), "color": color}
    given |= {"depth_mm": 600 + x, "thermal_c": 30 + x / 50, "attention": np.eye(12, dtype="f4")}
    return MranView(**{**given, **changes})


LEFT, RIGHT = make_face(4, 10), make_face(80, 12, 36)


def script(call: int) -> list:
    return [LEFT] if call < 20 else [RIGHT]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    base = texture(1).astype(float)
    frames = ((base * (0.7 + 0.005 * (k * 7 % 40))).astype(np.uint8) for k in range(40))
    write_video(tmp_path / "clip.mp4", frames, fps=25, codec="h264-lossless")
    return tmp_path / "clip.mp4"


def with_views(clip: Path) -> Result:
    settings = {"min_reaction_s": 0.2, "detect": "every", "steady": False}
    analyzer = double_analyzer(
        script, FullAffect(), reactions=MeanReactions(), mran=True, **settings
    )
    analyzer.mran = MeanMran()  # type: ignore[assignment]
    return analyze(clip, analyzer=analyzer)


def same(one: MranView, other: MranView) -> bool:
    return one.time_s == other.time_s and all(
        (a is None and b is None) or np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for name in ("affect", "color", "depth_mm", "thermal_c", "attention")
        for a, b in ((getattr(one, name), getattr(other, name)),)
    )


def test_what_mran_read_is_kept(clip: Path, tmp_path: Path) -> None:
    result = with_views(clip)
    assert all(face.mran is not None and face.mran.view for face in result.summaries)
    folder = result.save(tmp_path / "out")
    before = (folder / "report.html").read_bytes()
    assert b"What MRAN read" in before
    again = mien.read(folder)
    for one, other in zip(result.summaries, again.summaries, strict=True):
        assert one.mran and other.mran and one.mran.view and other.mran.view
        assert same(one.mran.view, other.mran.view)
    done = CliRunner().invoke(cli, ["report", str(folder)])
    assert done.exit_code == 0 and (folder / "report.html").read_bytes() == before
    copy = again.save(tmp_path / "copy")
    assert (copy / VIEWS_FILE).read_bytes() == (folder / VIEWS_FILE).read_bytes()


def test_every_stream_is_kept(clip: Path, tmp_path: Path) -> None:
    result = with_views(clip)
    given = view(depth_mm=np.full((112, 112), np.nan, np.float32), thermal_c=None)
    assert result.summaries[0].mran is not None
    result.summaries[0].mran.view = given
    [first, _] = mien.read(result.save(tmp_path / "out")).summaries
    assert first.mran and first.mran.view and same(first.mran.view, given)


def test_of_a_person_the_strongest_moment_is_shown(clip: Path, tmp_path: Path) -> None:
    result = with_views(clip)
    for face, strength in zip(result.summaries, (0.2, 0.9), strict=True):
        assert face.mran is not None
        time_s = face.first_s + 0.1
        face.mran.view = view(time_s=time_s, affect=np.array([strength, 0], np.float32))
    folder = result.save(tmp_path / "out")
    people = default_people([0, 1]).merge(["0", "1"])
    write_people(people, folder)
    [one] = mien.read(folder).summaries
    assert one.mran and one.mran.view and one.mran.view.affect[0] == np.float32(0.9)
    assert one.mran.view.time_s == pytest.approx(0.9)
    write_people(people.split("Face 0", 0.85), folder)
    first, second = mien.read(folder).summaries
    assert first.mran and first.mran.view and first.mran.view.affect[0] == np.float32(0.2)
    assert second.mran and second.mran.view and second.mran.view.affect[0] == np.float32(0.9)


def test_a_damaged_file_is_named(clip: Path, tmp_path: Path) -> None:
    folder = with_views(clip).save(tmp_path / "out")
    (folder / VIEWS_FILE).write_bytes(b"PK none")
    with pytest.raises(DataError, match=r"mran-views\.npz: cannot be read; remove it"):
        mien.read(folder)


def test_a_report_is_not_made_poorer_unless_it_is_meant(clip: Path, tmp_path: Path) -> None:
    folder = with_views(clip).save(tmp_path / "out", player=True)
    before = (folder / "report.html").read_bytes()
    clip.unlink()
    done = CliRunner().invoke(cli, ["report", str(folder)])
    assert isinstance(done.exception, OutputError)
    assert "would lack the pictures at the peaks, because" in str(done.exception)
    assert (folder / "report.html").read_bytes() == before
    (folder / "player.mp4").unlink()
    done = CliRunner().invoke(cli, ["report", str(folder)])
    assert "lack the pictures at the peaks and the video, because" in str(done.exception)
    done = CliRunner().invoke(cli, ["report", str(folder), "--poorer"])
    assert done.exit_code == 0 and (folder / "report.html").read_bytes() != before
    assert CliRunner().invoke(cli, ["report", str(folder)]).exit_code == 0  # nothing more to lose


def test_the_share_of_active_time_stands_on_every_unit_row(clip: Path, tmp_path: Path) -> None:
    result = with_views(clip)
    frames = result.frames
    rows = frames[(frames["face_id"] == 0) & ~(frames["quality"] < result.document["min_quality"])]
    [levels] = [m["au_decisions"] for m in result.document["models"] if "au_decisions" in m]
    level = levels["au12"] = float(rows["au12"].median())
    again = mien.read(result.save(tmp_path / "again"))
    share = (rows["au12"] >= np.float32(level)).mean()
    assert 0.4 < share < 1
    assert again.summaries[0].active_share["au12"] == (pytest.approx(share, abs=0.05), level)
    page = (tmp_path / "again" / "report.html").read_text()
    told = 100 * again.summaries[0].active_share["au12"][0]
    assert f"active in {told:.1f} % of the usable frames: from {level:.2f} on" in page
    assert page.count('class="active"') == 2 * 17 and 'class="scale"' in page
