"""Figures: what they show, that they are the same again, and what is said where there is none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import mien
from face_doubles import FullAffect, double_analyzer, make_face
from mien.api import Result
from mien.cli import cli
from mien.errors import ConfigError, DataError
from mien.plot import FIGURES, PlotOptions, StudyTables, draw, figures_of
from mien.plot.registry import register_figure
from other_tables import write_imotions, write_openface

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def result() -> Result:
    """Two faces; the second is lost in between."""
    frames = [np.full((120, 160, 3), 60 + k, np.uint8) for k in range(60)]

    def script(call: int) -> list:
        gone = 20 <= call < 35
        return [make_face(4, 10), *([] if gone else [make_face(80, 12, 36)])]

    analyzer = double_analyzer(script, FullAffect(), steady=False, detect="every")
    return mien.analyze_frames(frames, fps=25, analyzer=analyzer)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    (tmp_path / "csv").mkdir()
    for person in range(5):
        for condition, level in (("rest", 0.5), ("joke", 2.0)):
            smile = np.clip(level + 0.3 * rng.standard_normal(40), 0, 5)
            write_openface(tmp_path / "csv" / f"p{person}_{condition}.csv", smile)
    rows = [f"p{p}_{c},p{p},{c}" for p in range(5) for c in ("rest", "joke")]
    (tmp_path / "people.csv").write_text("video,person,condition\n" + "\n".join(rows) + "\n")
    words = ["study", str(tmp_path / "csv"), "--participants", str(tmp_path / "people.csv")]
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "study")])
    assert done.exit_code == 0, done.output
    return tmp_path / "study"


def lines_of(drawing: object, panel: int = 0) -> dict[str, np.ndarray]:
    axes = drawing.figure.axes[panel]  # type: ignore[attr-defined]
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.get_lines()}


def test_the_timeline_shows_the_numbers_and_breaks_where_the_face_was_lost(result: Result) -> None:
    drawing = result.plot("timeline", face="1", channels=("valence", "au12", "au12_intensity"))
    frames = result.frames
    least = result.document["min_quality"]
    own = frames[(frames["face_id"] == 1) & ~(frames["quality"] < least)]
    lines = lines_of(drawing)
    [(label, line)] = [(k, v) for k, v in lines.items() if k.startswith("valence")]
    known = line[np.isfinite(line[:, 1])]
    np.testing.assert_allclose(known[:, 1], own["valence"], rtol=1e-6)
    np.testing.assert_allclose(known[:, 0], own["timestamp_s"])
    holes = int((np.diff(own["timestamp_s"]) > 0.25).sum())
    assert holes and len(line) == len(known) + holes and label.startswith("valence")
    scales = [panel.get_ylabel() for panel in drawing.figure.axes]
    assert scales == ["-1 to 1", "0 to 1", "0 to 5"]


@pytest.mark.parametrize("name", ["timeline", "expressions", "units", "intensities", "plane",
                                  "everybody", "seen"])  # fmt: skip
def test_every_figure_of_a_result_is_drawn_the_same_again(
    result: Result, name: str, tmp_path: Path
) -> None:
    assert name in figures_of(result)
    for kind in ("svg", "png", "pdf"):
        first = result.plot(name).save(tmp_path / f"a.{kind}").read_bytes()
        assert first == result.plot(name).save(tmp_path / f"b.{kind}").read_bytes()
        assert len(first) > 3000
    assert result.plot(name)._repr_png_()[:4] == b"\x89PNG"


def test_active_shares_stand_beside_the_units(result: Result) -> None:
    words = {text.get_text() for text in result.plot("units", face="0").figure.axes[0].texts}
    frames = result.frames[result.frames["face_id"] == 0]
    frames = frames[~(frames["quality"] < result.document["min_quality"])]
    share = (frames["au12"] >= 0.5).mean()
    assert f"{100 * share:.0f} %" in words


def test_a_stretch_of_time_is_cut_out(result: Result) -> None:
    drawing = result.plot("timeline", from_s=0.4, to_s=1.2)
    assert drawing.figure.axes[0].get_xlim() == (0.4, 1.2)
    line = next(iter(lines_of(drawing).values()))
    assert line[:, 0].min() >= 0.4 and line[:, 0].max() < 1.2


def test_long_recordings_are_averaged(result: Result) -> None:
    from mien.plot.series import _binned

    time_s, values = np.arange(9001) / 25, np.sin(np.arange(9001.0))[:, None]
    values[::7] = np.nan
    binned_s, means = _binned(time_s, values)
    assert len(binned_s) <= 2000
    np.testing.assert_allclose(means[0, 0], np.nanmean(values[:5]))
    np.testing.assert_allclose(binned_s[3], time_s[15:20].mean())


def test_what_is_not_there_is_said(result: Result) -> None:
    with pytest.raises(ConfigError, match="there is no face '7'; choose from: 0, 1"):
        result.plot("timeline", face="7")
    with pytest.raises(ConfigError, match="has no column 'au99'; it has"):
        result.plot("timeline", channels=("au99",))
    drawn = result.plot("timeline", channels=("AU12", "Au6")).figure
    assert [line.get_label()[:4] for line in drawn.axes[0].get_lines()[:1]] == ["AU12"]
    with pytest.raises(ConfigError, match="no usable frame in this stretch"):
        result.plot("timeline", from_s=99)
    with pytest.raises(ConfigError, match="effects is a figure of a study; choose one of"):
        result.plot("effects")
    with pytest.raises(ConfigError, match="there is no figure named 'pie'"):
        result.plot("pie")
    with pytest.raises(ConfigError, match=r"x\.gif: a figure ends in \.svg, \.png, \.pdf"):
        result.plot("timeline").save("x.gif")


def test_simulated_reactions_are_pale_and_say_so(result: Result) -> None:
    for face in result.summaries:
        face.reactions, face.reaction_names = np.array([0.2, 0.4], np.float32), ("awe", "fear")
    models = result.document["models"]
    models.insert(0, {"role": "reactions", "trained_on": "simulated sequences; no person"})
    try:
        axes = result.plot("reactions").figure.axes[0]
        assert axes.get_xlabel() == "intensity; simulated: says nothing of a person"
        assert {bar.get_alpha() for bar in axes.patches} == {0.35}
    finally:
        models.pop(0)


def test_expressions_that_do_not_sum_to_one_are_lines(tmp_path: Path) -> None:
    result = mien.read_imotions(write_imotions(tmp_path / "a.csv", np.linspace(0, 90, 30)))
    axes = result.plot("expressions").figure.axes[0]
    assert axes.get_ylabel() == "0 to 1, each by itself" and len(axes.get_lines()) == 8


def test_the_effects_are_those_of_the_table(study: Path) -> None:
    tables = StudyTables.read(study)
    options = PlotOptions(channels=("au12_intensity_mean",))
    axes = draw(tables, "effects", options).figure.axes[0]
    row = tables.comparison.set_index("measure").loc["au12_intensity_mean"]
    interval, dot, _ = [np.array(line.get_xdata()) for line in axes.get_lines()]
    np.testing.assert_allclose(interval, [row["low"], row["high"]])
    np.testing.assert_allclose(dot, [row["difference"]])
    assert "rest less joke" in axes.get_xlabel()
    with pytest.raises(ConfigError, match="the comparison has no column 'au99_mean'; it has"):
        draw(tables, "effects", PlotOptions(channels=("au99_mean",)))
    axes = draw(tables, "conditions", options).figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["joke", "rest"]
    assert len(axes.collections) == 5  # persons


def test_the_command(study: Path, tmp_path: Path, result: Result) -> None:
    folder = result.save(tmp_path / "clip")

    def run(*words: object) -> str:
        done = CliRunner().invoke(cli, ["plot", *map(str, words)])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    assert "effects: differences between" in run(study, "--list")
    assert run(study, "--out", tmp_path / "e.svg") == f"{tmp_path / 'e.svg'}\n"
    assert "<svg" in (tmp_path / "e.svg").read_text()
    run(folder, "--out", tmp_path / "all")
    assert {path.stem for path in (tmp_path / "all").glob("*.svg")} == {*figures_of(result)}
    table = tmp_path / "csv" / "p0_joke.csv"
    told = run(table, "--out", tmp_path / "some")
    assert "expressions: left out, this table has no expressions" in told
    run(folder, "--figure", "units", "--face", 1, "--width", 9, "--out", tmp_path / "u.png")
    done = CliRunner().invoke(cli, ["plot", str(study)])
    assert isinstance(done.exception, ConfigError)
    run(table, "--out", tmp_path / "of.pdf")
    (study / "summary.csv").unlink()
    with pytest.raises(DataError, match=r"summary\.csv: cannot be read; run mien study again"):
        StudyTables.read(study)


def test_a_figure_is_added_in_one_place(result: Result) -> None:
    @register_figure("dot", "result", "one dot")
    def dot(source: Result, options: PlotOptions, figure: object) -> float:
        figure.subplots().plot([0], [0], "o")  # type: ignore[attr-defined]
        return 5.0

    try:
        assert figures_of(result)["dot"] == "one dot"
        assert result.plot("dot").figure.get_size_inches()[1] == pytest.approx(5 / 2.54)
    finally:
        del FIGURES._things["dot"]


def test_importing_mien_does_not_import_matplotlib() -> None:
    import subprocess
    import sys

    code = "import sys, mien.api; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.search("False", done.stdout)
