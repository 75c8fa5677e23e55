"""The metric, its intervals, the challenge's file and the pictures."""

import csv
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

pytest.importorskip("onnx")
from mien.cli import cli
from mien.data.sequences import SequenceSet
from mien.errors import DataError
from mien.evaluation.bootstrap import bootstrap_pearson
from mien.evaluation.figures import Bar, bars, scatter_grid
from mien.evaluation.models.reactions import challenge_column, evaluate_reactions, write_submission
from mien.labels import REACTIONS
from mien.runtime.models import ReactionModel
from tiny_models import REACTIONS_METADATA, tiny_reactions


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Says the mean over time of the first seven channels; its window holds 20 positions."""
    metadata = {**REACTIONS_METADATA, "positions": 20}
    return ReactionModel(tiny_reactions(tmp_path_factory.mktemp("m") / "r.onnx", metadata))


def videos(count=60, reactions=REACTIONS, longest=30, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, longest + 1, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    labels = rng.random((count, len(reactions)), np.float32)
    values = rng.random((offsets[-1], 26), np.float32) * 0.5
    for video in range(count):
        width = len(reactions)
        values[offsets[video] : offsets[video + 1], :width] += labels[video] * 0.3
    ids = tuple(f"[{video:05d}]" for video in range(count))
    persons = tuple(f"p{video // 4}" for video in range(count))
    return SequenceSet(values, offsets, labels, tuple(reactions), 25.0, ids, persons=persons)


def test_figures_are_those_of_scipy_and_lie_inside_their_intervals(model):
    data = videos()
    evaluation = evaluate_reactions(model, data, "here", "valid", draws=300)
    report = evaluation.report
    short = int(np.argmin(data.lengths))
    np.testing.assert_allclose(
        evaluation.intensities[short], data.sequence(short)[:, :7].mean(0), atol=1e-6
    )
    for column, name in enumerate(REACTIONS):
        expected = stats.pearsonr(evaluation.intensities[:, column], data.labels[:, column])
        assert report["pearson"][name] == pytest.approx(expected.statistic, abs=1e-6)
        low, high = report["interval"][name]
        assert low < report["pearson"][name] < high
    assert report["mean_pearson"] == pytest.approx(np.mean(list(report["pearson"].values())))
    low, high = report["mean_interval"]
    assert low < report["mean_pearson"] < high
    assert report["bootstrap"] == {"draws": 300, "level": 0.95, "unit": "person", "units": 15}


def test_outputs_in_another_order_are_matched_by_name(model):
    data = videos()
    turned = SequenceSet(
        data.values, data.offsets, data.labels[:, ::-1].copy(), REACTIONS[::-1], data.fps
    )
    first = evaluate_reactions(model, data, "a", "valid", draws=1).report["pearson"]
    second = evaluate_reactions(model, turned, "a", "valid", draws=1).report["pearson"]
    assert first == pytest.approx(second)


def test_intervals_by_person_are_wider_where_videos_of_a_person_are_alike():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(20), 20)
    x = rng.normal(size=(20, 1))[person] + 0.1 * rng.normal(size=(400, 1))
    y = 0.5 * x + rng.normal(size=(20, 1))[person] + 0.1 * rng.normal(size=(400, 1))
    groups = tuple(f"p{i}" for i in person)
    (by_video,), _ = bootstrap_pearson(x, y)
    (by_person,), _ = bootstrap_pearson(x, y, groups)
    assert by_person.high - by_person.low > 2 * (by_video.high - by_video.low)


def test_intervals_agree_with_theory_and_repeat():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 1)) + 1000.0
    y = 0.6 * (x - 1000.0) + rng.normal(size=(500, 1))
    (interval,), mean = bootstrap_pearson(x, y, draws=2000)
    expected = stats.pearsonr(x[:, 0], y[:, 0]).confidence_interval(0.95)
    assert interval.low == pytest.approx(expected.low, abs=0.02)
    assert interval.high == pytest.approx(expected.high, abs=0.02)
    assert mean == interval
    assert bootstrap_pearson(x, y, draws=50) == bootstrap_pearson(x, y, draws=50)


def test_withheld_labels_give_no_figure_but_a_submission(model, tmp_path):
    data = videos(12)
    data.labels[:] = np.nan
    evaluation = evaluate_reactions(model, data, "here", "test", draws=5)
    assert np.isnan(evaluation.report["mean_pearson"])
    evaluation.write(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["mean_pearson"] is None
    path = tmp_path / "deep" / "submission.csv"
    write_submission(evaluation, path)
    with path.open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == [
        "File_ID", "Adoration", "Amusement", "Anxiety", "Disgust", "Empathic-Pain", "Fear",
        "Surprise",
    ]  # fmt: skip
    assert [row[0] for row in rows[1:]] == list(data.ids)
    np.testing.assert_allclose(
        np.array([row[1:] for row in rows[1:]], float), evaluation.intensities, atol=1e-6
    )
    assert [challenge_column(name) for name in REACTIONS] == rows[0][1:]


def test_a_submission_names_videos_that_could_not_be_prepared_or_is_refused(model, tmp_path):
    evaluation = evaluate_reactions(model, videos(12), "here", "test", draws=5)
    path = tmp_path / "submission.csv"
    with pytest.raises(DataError, match=r"2 videos .* \(first: lost1\).* --fill"):
        write_submission(evaluation, path, ["lost1", "lost2"])
    assert not path.exists()
    write_submission(evaluation, path, ["lost1", "lost2"], fill=True)
    with path.open() as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[-2:]] == ["lost1", "lost2"] and len(rows) == 15
    means = evaluation.intensities.mean(axis=0)
    np.testing.assert_allclose(np.array(rows[-1][1:], float), means, atol=1e-6)


def test_what_does_not_fit_is_named(model, tmp_path):
    data = videos(8)
    with pytest.raises(DataError, match=r"model reads 25.0 fps, these sequences have 30.0"):
        other = SequenceSet(data.values, data.offsets, data.labels, data.reactions, 30.0)
        evaluate_reactions(model, other, "here", "valid")
    with pytest.raises(DataError, match="the model's outputs are"):
        evaluate_reactions(model, videos(8, ("joy", "grief")), "here", "valid")
    nameless = SequenceSet(data.values, data.offsets, data.labels, data.reactions, data.fps)
    with pytest.raises(DataError, match="names every video"):
        write_submission(evaluate_reactions(model, nameless, "a", "b", 1), tmp_path / "s.csv")
    with pytest.raises(ValueError, match="draws=0"):
        bootstrap_pearson(np.zeros((3, 1)), np.zeros((3, 1)), draws=0)


def test_pictures_are_whole_and_say_what_is_missing():
    labels = np.random.default_rng(0).random((5000, 3), np.float32)
    labels[:, 2] = np.nan
    text = scatter_grid(("a_b", "<c>", "d"), labels, labels * 0.5, [1.0, 1.0, float("nan")])
    root = ElementTree.fromstring(text)
    assert text.count("<circle") == 2 * 2500
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a b", "<c>", "r = 1.000", "r undefined"} <= set(words)
    assert any("1 of every 2 of 5000" in str(word) for word in words)
    nothing = float("nan")
    rows = [Bar("full", 0.8, 0.01, 0.494), Bar("other", nothing, nothing, nothing)]
    text = bars(rows, "table", "paper, Hume-Reaction validation")
    ElementTree.fromstring(text)
    assert "not run" in text and "paper, Hume-Reaction validation" in text


def test_the_command_prints_figures_and_writes_files(tmp_path, monkeypatch):
    data = videos(20)
    path = tiny_reactions(tmp_path / "r.onnx")
    monkeypatch.setattr(
        "mien.data.reaction_sets.load_split", lambda source, split, fps, simulation=None: data
    )
    arguments = ["evaluate", "reactions", "--model", str(path), "--data", "simulated"]
    more = ["--out", str(tmp_path / "out"), "--submission", str(tmp_path / "s.csv")]
    result = CliRunner().invoke(cli, [*arguments, *more, "--draws", "20"])
    assert result.exit_code == 0, result.output
    assert "empathic_pain" in result.stdout and "20 resamples of 5 persons" in result.stdout
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "metrics.json", "predictions.csv", "scatter.svg",
    }  # fmt: skip
    assert (tmp_path / "s.csv").is_file()
    result = CliRunner().invoke(cli, [*arguments, "--draws", "5", "--json"])
    assert json.loads(result.stdout)["n"] == 20


def test_a_folder_that_is_none_is_one_line(tmp_path):
    path = tiny_reactions(tmp_path / "r.onnx")
    arguments = ["evaluate", "reactions", "--model", str(path), "--data", str(tmp_path)]
    result = CliRunner().invoke(cli, arguments)
    assert isinstance(result.exception, DataError)
    assert "holds no dataset.json" in str(result.exception)


def dots(text):
    return [
        (float(node.get("cx")), float(node.get("cy")))
        for node in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}circle")
    ]


@pytest.mark.parametrize("low", [0.0, -0.35])
def test_every_dot_lies_in_its_square_and_in_order(low):
    labels = np.array([[0.0], [0.5], [1.0]], np.float32)
    estimates = np.array([[low], [0.2], [1.25]], np.float32)
    text = scatter_grid(("joy",), labels, estimates, [0.9])
    found = dots(text)
    assert len(found) == 3 and all(0 <= value <= 190 for dot in found for value in dot)
    assert found[0][0] < found[1][0] < found[2][0] and found[0][1] > found[1][1] > found[2][1]
    ends = "-0.4 to 1.3" if low else "0 to 1.3"
    assert f"both {ends}" in text
    # as far up as they are apart: no estimate is drawn at the border in place of its own height
    span = 1.3 + (0.4 if low else 0.0)
    assert found[0][1] - found[1][1] == pytest.approx((0.2 - low) / span * 190, abs=0.1)


def test_few_dots_are_large_and_dark():
    label = np.linspace(0, 1, 400, dtype=np.float32)[:, None]
    few, many = (scatter_grid(("a",), x, x, [1.0]) for x in (label[:50], label))
    assert "r='3'" in few and "fill-opacity='0.75'" in few
    assert "r='2'" in many and "fill-opacity='0.4'" in many


def test_bars_of_negative_scores_go_to_the_left_of_zero():
    nothing = float("nan")
    rows = [
        Bar("good", 0.4, 0.05, 0.5),
        Bar("bad", -0.25, 0.1, nothing),
        Bar("off", 0.0, nothing, -0.1),
    ]
    root = ElementTree.fromstring(bars(rows, "table", "paper"))
    tag = "{http://www.w3.org/2000/svg}"
    drawn = [n for n in root.iter(f"{tag}rect") if n.get("fill-opacity") == "0.75"]
    (x0, w0), (x1, w1), (x2, w2) = [(float(n.get("x")), float(n.get("width"))) for n in drawn]
    assert x1 + w1 == pytest.approx(x0, abs=0.1) == pytest.approx(x2, abs=0.1)  # zero
    assert w1 / w0 == pytest.approx(0.25 / 0.4, abs=0.01) and w2 == 0
    assert x1 >= 250  # right of the names
    words = [node.text for node in root.iter(f"{tag}text")]
    assert "-0.4" in words and "0.0" in words and "-0.250" in words
