"""Numbers of a study against an independent calculation."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from study_builder import write_results

from mien.cli import cli
from mien.errors import ConfigError, DataError
from mien.study.compare import compare_conditions, group_effect, holm, paired_effect
from mien.study.episodes import find_blinks, find_episodes
from mien.study.study import StudyOptions, make_study, write_study


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Six persons, each at rest and telling a joke."""
    rng = np.random.default_rng(3)
    for person in range(6):
        for condition, level in (("rest", 0.2), ("joke", 0.5)):
            au12 = np.clip(level + 0.05 * person + 0.1 * rng.standard_normal(100), 0, 1)
            write_results(tmp_path / "out", f"p{person}_{condition}", au12)
    rows = [f"p{p}_{c}.mp4,p{p},{c},{20 + p}" for p in range(6) for c in ("rest", "joke")]
    (tmp_path / "people.csv").write_text("video,person,condition,age\n" + "\n".join(rows) + "\n")
    return tmp_path


def test_the_summary_equals_a_calculation_with_pandas(results: Path) -> None:
    study = make_study(results / "out", StudyOptions(participants=results / "people.csv"))
    assert len(study.summary) == 12 and study.notes == []
    for row in study.summary.to_dict("records"):
        frames = pd.read_parquet(results / "out" / row["video"] / "frames.parquet")
        assert row["au12_mean"] == pytest.approx(frames["au12"].mean(), abs=1e-12)
        assert row["au12_sd"] == pytest.approx(frames["au12"].std(), abs=1e-12)
        assert row["au12_active_share"] == pytest.approx((frames["au12"] >= 0.6).mean())
        assert row["au06_active_share"] == pytest.approx((frames["au06"] >= 0.5).mean())
        assert (row["frames"], row["seconds"], row["quality_share"]) == (100, 10.0, 1.0)
        assert row["age"] == str(20 + int(row["person"][1:]))
    smile = study.comparison.set_index("measure").loc["au12_mean"]
    means = study.summary.pivot(index="person", columns="condition", values="au12_mean")
    difference = (means["rest"] - means["joke"]).mean()
    assert (smile["first"], smile["second"], smile["design"]) == ("joke", "rest", "within")
    assert smile["difference"] == pytest.approx(difference) and smile["persons"] == 6
    assert smile["low"] < difference < smile["high"] < 0 and smile["p_holm"] >= smile["p"]


def test_the_command_writes_tables_and_a_page(results: Path) -> None:
    words = ["study", str(results / "out"), "--participants", str(results / "people.csv")]
    words += ["--out", str(results / "study"), "--measure", "au12_mean", "--frames"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("6 person(s) -> ")
    names = {path.name for path in (results / "study").iterdir()}
    assert names == {
        *("summary.csv", "summary.xlsx", "episodes.csv", "comparison.csv", "frames.parquet"),
        *("study.json", "study.html"),
    }
    page = (results / "study" / "study.html").read_text()
    assert "<svg" in page and "AU12" in page and "measured" in page and "http" not in page
    sheet = pd.read_excel(results / "study" / "summary.xlsx", sheet_name="summary")
    table = pd.read_csv(results / "study" / "summary.csv")
    np.testing.assert_allclose(sheet["au12_mean"], table["au12_mean"])
    assert len(pd.read_parquet(results / "study" / "frames.parquet")) == 1200
    assert (
        "4,999 resamples" in json.loads((results / "study" / "study.json").read_text())["methods"]
    )


def test_frames_of_low_quality_do_not_count(tmp_path: Path) -> None:
    au12 = np.repeat([0.2, 0.9], 50)
    write_results(tmp_path, "a", au12, quality=np.repeat([0.9, 0.1], 50))
    [row] = make_study(tmp_path, StudyOptions()).summary.to_dict("records")
    assert row["au12_mean"] == pytest.approx(0.2)
    assert (row["frames"], row["quality_share"]) == (50, 0.5)


def test_results_of_schema_version_1_are_read(tmp_path: Path) -> None:
    write_results(tmp_path, "a", np.full(20, 0.7), schema=1)
    [row] = make_study(tmp_path, StudyOptions()).summary.to_dict("records")
    assert row["au12_mean"] == pytest.approx(0.7) and row["person"] == "a:0"


def test_versions_are_not_mixed_unless_asked_for(tmp_path: Path) -> None:
    write_results(tmp_path, "a", np.full(20, 0.7))
    write_results(tmp_path, "b", np.full(20, 0.7), version="0.2.0")
    with pytest.raises(DataError, match=r"b: mien is 0\.2\.0, that of a is 0\.1\.0.*--mixed"):
        make_study(tmp_path, StudyOptions())
    assert len(make_study(tmp_path, StudyOptions(mixed=True)).summary) == 2


def test_baselines_are_taken_off_and_thresholds_stay(tmp_path: Path) -> None:
    write_results(tmp_path / "out", "a", np.repeat([0.3, 0.9], [60, 40]))
    [row] = make_study(tmp_path / "out", StudyOptions(baseline="rest")).summary.to_dict("records")
    assert row["au12_mean"] == pytest.approx(0.4 * 0.6)
    assert row["au12_active_share"] == pytest.approx(0.4)  # of what was read, not of the rest
    events = tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n0\t2\tbase\n6\t4\tjoke\n")
    options = StudyOptions(events=events, baseline="base")
    table = make_study(tmp_path / "out", options).summary.set_index("event")
    assert table.loc["joke", "au12_mean"] == pytest.approx(0.6)
    assert table.loc["base", "frames"] == 20 and table.loc["joke", "event_onset_s"] == 6
    with pytest.raises(ConfigError, match="no usable frame of a:0 lies in an event 'calm'"):
        make_study(tmp_path / "out", StudyOptions(events=events, baseline="calm"))


def test_a_moment_among_the_events_is_passed_over(tmp_path: Path) -> None:
    write_results(tmp_path / "out", "a", np.repeat([0.3, 0.9], [60, 40]))
    events = tmp_path / "events.csv"
    events.write_text("onset,duration,label\n1,0,look\n6,4,joke\n")
    table = make_study(tmp_path / "out", StudyOptions(events=events)).summary
    assert table["event"].tolist() == ["joke"] and table["event_onset_s"].tolist() == [6]
    events.write_text("onset,duration,label\n6,-4,joke\n")
    with pytest.raises(DataError, match="line 2: duration is '-4'"):
        make_study(tmp_path / "out", StudyOptions(events=events))


@pytest.mark.parametrize(
    ("part", "value", "what"),
    [
        ("models", [{"role": "affect", "name": "other", "version": "1"}], "extractor"),
        ("models", [{"role": "affect", "name": "toy", "version": "2"}], "extractor"),
        ("prior", {"name": "everyday"}, "prior"),
        ("settings", {"steady": False}, "steady"),
    ],
)
def test_extractors_priors_and_smoothing_are_not_mixed(
    tmp_path: Path, part: str, value: object, what: str
) -> None:
    write_results(tmp_path, "a", np.full(20, 0.7))
    folder = write_results(tmp_path, "b", np.full(20, 0.7))
    document = json.loads((folder / "video.json").read_text())
    (folder / "video.json").write_text(json.dumps(document | {part: value}))
    with pytest.raises(DataError, match=rf"b: {what} is .*--mixed"):
        make_study(tmp_path, StudyOptions())
    assert len(make_study(tmp_path, StudyOptions(mixed=True)).summary) == 2


def test_the_correction_is_stated_where_results_are_read(results: Path) -> None:
    study = make_study(results / "out", StudyOptions(participants=results / "people.csv"))
    tests = len(study.comparison)
    assert tests == 6
    np.testing.assert_allclose(
        study.comparison["p_holm"], holm(study.comparison["p"].to_numpy(float))
    )
    assert f"p-values corrected by Holm for {tests} tests" in study.methods
    assert f"after Holm&#x27;s correction for {tests} tests" in study.page.replace("'", "&#x27;")


def test_every_column_of_the_summary_equals_a_calculation_with_pandas(results: Path) -> None:
    """A second way through the same frames, written without a line of the package."""
    options = StudyOptions(participants=results / "people.csv")
    summary = make_study(results / "out", options).summary.set_index("video")
    for video in summary.index:
        frames = pd.read_parquet(results / "out" / video / "frames.parquet")
        channels = ["valence", "arousal", "expr_neutral", "expr_happiness", "au06", "au12"]
        told = frames[channels].agg(["mean", "std"])
        for name in channels:
            assert summary.loc[video, f"{name}_mean"] == pytest.approx(told.loc["mean", name])
            assert summary.loc[video, f"{name}_sd"] == pytest.approx(told.loc["std", name])
        active = (frames["au12"] >= 0.6).to_numpy()
        edges = np.flatnonzero(np.diff(np.concatenate([[0], active, [0]])))
        runs = edges.reshape(-1, 2).tolist()
        joined: list[list[int]] = []
        for start, end in runs:  # frames of 0.1 s: one frame out is bridged
            if joined and start - joined[-1][1] < 2:
                joined[-1][1] = end
            else:
                joined.append([start, end])
        count = sum(end - start >= 2 for start, end in joined)
        per_min = summary.loc[video, "au12_episodes_per_min"]
        assert per_min == pytest.approx(count * 6)  # ten seconds


def test_episodes_are_written_as_boris_takes_them(results: Path) -> None:
    words = ["study", str(results / "out"), "--participants", str(results / "people.csv")]
    done = CliRunner().invoke(cli, [*words, "--boris", "--out", str(results / "study")])
    assert done.exit_code == 0, done.output
    episodes = pd.read_csv(results / "study" / "episodes.csv")
    assert len(episodes)
    for video, own in episodes.groupby("video"):
        text = (results / "study" / "boris" / f"{video}.tsv").read_text()
        events = [line.split("\t") for line in text.split("\n")]
        assert {len(event) for event in events} == {6}  # else BORIS takes none of them
        assert {event[5] for event in events} == {"NA"}
        times_s = [float(event[0]) for event in events]
        assert times_s == sorted(times_s)
        both = sorted([*own["onset_s"], *own["offset_s"]])
        np.testing.assert_allclose(times_s, both, atol=5e-4)
        assert {event[1] for event in events} == {*own["person"]}
        assert {event[2] for event in events} == {*own["unit"]}


def test_episodes_are_written_for_elan(results: Path) -> None:
    words = ["study", str(results / "out"), "--participants", str(results / "people.csv")]
    done = CliRunner().invoke(cli, [*words, "--elan", "--out", str(results / "study")])
    assert done.exit_code == 0, done.output
    episodes = pd.read_csv(results / "study" / "episodes.csv")
    for video, rows in episodes.groupby("video"):
        lines = (results / "study" / "elan" / f"{video}.tsv").read_text().splitlines()
        heads = ("Tier", "Begin Time - ss.msec", "End Time - ss.msec", "Annotation")
        assert lines[0].split("\t") == list(heads)
        cells = [line.split("\t") for line in lines[1:]]
        assert len(cells) == len(rows)
        by_tier: dict[str, float] = {}
        for (tier, begin, end, peak), row in zip(cells, rows.to_dict("records"), strict=True):
            assert tier == f"{row['person']} {row['unit']}"
            assert float(begin) == pytest.approx(row["onset_s"], abs=5e-4)
            assert float(begin) < float(end) and 0 <= float(peak) <= 1
            assert float(begin) >= by_tier.get(tier, 0)  # no two of a tier overlap
            by_tier[tier] = float(end)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("person\nx\n", r"it needs 'video', the file or its result folder"),
        ("video,person\nb.mp4,x\n", r"names no video that there are results of; there are .* a$"),
        ("video,person,face\na,x,7\n", r"line 2: a has no face '7'; it has \[0\]"),
        ("video,person\na,x\na,y\n", r"line 3: face 0 of a has a person already"),
    ],
)
def test_participants_that_do_not_fit_are_named(tmp_path: Path, text: str, match: str) -> None:
    write_results(tmp_path / "out", "a", np.full(20, 0.7))
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=match):
        make_study(tmp_path / "out", StudyOptions(participants=path))


def test_who_is_not_compared_is_named(tmp_path: Path) -> None:
    lines = ["video,person,condition"]
    for person in range(6):
        for condition in ("rest", "joke"):
            name = f"p{person}_{condition}"
            write_results(tmp_path / "out", name, np.full(20, 0.2 + 0.1 * person))
            said = "" if name == "p5_joke" else condition
            lines.append(f"{name}.mp4,p{person},{said}")
    lines += ["p9_rest.mp4,p9,rest"]  # whose recording failed, say
    path = tmp_path / "people.csv"
    path.write_text("\n".join(lines))
    study = make_study(tmp_path / "out", StudyOptions(participants=path))
    assert study.notes == [
        f"{path}: 1 row(s) without results are left out: p9_rest.mp4 (line 14)",
        "no condition is said of p5 in p5_joke: not compared",
        "joke and rest are not both there of p5: not compared",
    ]
    assert set(study.comparison["persons"]) == {5}
    assert all(note in html.unescape(study.page) for note in study.notes)


def test_measures_are_named_as_people_name_them(tmp_path: Path) -> None:
    write_results(tmp_path / "out", "a", np.full(20, 0.7))
    measures = ("AU6", "happiness", "au12_sd", "au06_mean")
    page = make_study(tmp_path / "out", StudyOptions(measures=measures)).page
    assert "AU06" in page and "happiness" in page
    with pytest.raises(ConfigError, match=r"'au12_maen'; it has au12_mean, .* and \d+ more$"):
        make_study(tmp_path / "out", StudyOptions(measures=("au12_maen",)))


def test_episodes_are_bridged_and_end_where_the_face_was_not_read() -> None:
    time_s = np.arange(60) / 10
    values = np.zeros(60)
    values[[10, 11, 13, 14]] = 0.8  # one frame out: bridged
    values[11] = 0.9
    values[20] = 0.8  # too short
    values[30:40] = 0.7
    seen = np.r_[0:33, 37:60]  # not read for 0.4 s
    found = find_episodes(time_s[seen], values[seen], 0.6, 0.1)
    spans = [(round(e.onset_s, 3), round(e.apex_s, 3), round(e.offset_s, 3)) for e in found]
    assert spans == [(1.0, 1.1, 1.5), (3.0, 3.0, 3.3), (3.7, 3.7, 4.0)]
    assert found[0].peak == 0.9


def test_blinks_are_short_and_relative_to_the_persons_own_eyes() -> None:
    time_s = np.arange(100) / 25
    eyes = np.full(100, 0.4)  # narrow eyes
    eyes[20:24] = 0.05
    eyes[60:90] = 0.05  # eyes shut for 1.2 s are no blink
    [found] = find_blinks(time_s, eyes, 1 / 25)
    assert found.onset_s == pytest.approx(0.8) and found.duration_s == pytest.approx(0.16)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 400 simulated studies of 16 persons, 93 to 97 in 100; skewed differences."""
    rng = np.random.default_rng(11)
    within = between = 0
    for study in range(400):
        draw = np.random.default_rng(study)
        values = rng.standard_normal(16) + 0.3 * rng.exponential(size=16)
        effect = paired_effect(values, draw)
        within += effect.low <= 0.3 <= effect.high
        effect = group_effect(rng.standard_normal(14), 0.5 + 1.4 * rng.standard_normal(18), draw)
        between += effect.low <= 0.5 <= effect.high
    assert 0.93 <= within / 400 <= 0.97 and 0.93 <= between / 400 <= 0.97


def test_no_effect_is_found_where_there_is_none_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    p = [paired_effect(rng.standard_normal(12), np.random.default_rng(k)).p for k in range(400)]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.08


def test_holm_against_the_definition() -> None:
    p = np.random.default_rng(0).uniform(size=9)
    order = np.argsort(p)
    expected = np.empty(9)
    for rank, k in enumerate(order):
        expected[k] = min(1.0, max((9 - r) * p[order[r]] for r in range(rank + 1)))
    np.testing.assert_allclose(holm(p), expected)


def test_groups_are_compared_where_nobody_has_both() -> None:
    table = pd.DataFrame({"person": list("abcdefgh"), "condition": ["x"] * 4 + ["y"] * 4})
    table["m"] = [1.0, 2, 3, 4, 3, 4, 5, 6]
    [row] = compare_conditions(table, ["m"]).to_dict("records")
    assert (row["design"], row["difference"], row["persons"]) == ("between", 2.0, 8)
    assert compare_conditions(table.head(7), ["m"]).empty  # three persons are too few


def test_what_is_written_can_be_written_again(results: Path) -> None:
    options = StudyOptions(participants=results / "people.csv")
    study = make_study(results / "out", options)
    first = {p.name: p.read_bytes() for p in write_study(study, results / "s", options)}
    again = write_study(make_study(results / "out", options), results / "s", options)
    for path in again:
        if path.suffix != ".xlsx":  # holds the time of writing
            assert path.read_bytes() == first[path.name]
