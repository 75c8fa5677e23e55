from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from face_doubles import (
    FullAffect,
    MadeReader,
    MeanAffect,
    double_analyzer,
    make_face,
    run_made,
    texture,
)
from mien.errors import ConfigError, MienError, ModelError
from mien.labels import AFFECT_COLUMNS, EXPRESSION_SLICE, EXPRESSIONS
from mien.pipeline.analyzer import Analysis
from mien.pipeline.options import AnalysisOptions
from mien.runtime.prior import choose_prior, read_prior

PRIORS = {"default": (0.4, *(0.1,) * 6), "everyday": (0.7, *(0.05,) * 6)}
LINES = "neutral = 0.4\nanger = 0.1\ndisgust = 0.1\nfear = 0.1\nhappiness = 0.1\nsadness = 0.1\n"


def affect(*shares: float) -> np.ndarray:
    values = np.linspace(0, 1, 26, dtype=np.float32)
    values[EXPRESSION_SLICE] = shares
    return values


def test_balanced_by_hand() -> None:
    """0.2 / 0.4 = 0.5 and 0.2 / 0.1 = 2 for the next four: 0.5 / 8.5 and 2 / 8.5."""
    given = affect(0.2, 0.2, 0.2, 0.2, 0.2, 0, 0)
    told = choose_prior("balanced", PRIORS, "m").apply(given)
    expected = np.array([0.5, 2, 2, 2, 2, 0, 0]) / 8.5
    np.testing.assert_allclose(told[EXPRESSION_SLICE], expected, rtol=1e-6)
    others = np.r_[0:2, 9:26]
    np.testing.assert_array_equal(told[others], given[others])
    np.testing.assert_allclose(given[EXPRESSION_SLICE], [0.2] * 5 + [0] * 2)  # a copy


def test_everyday_by_hand() -> None:
    """0.25 * 0.7 / 0.4 = 0.4375 and 0.125 * 0.05 / 0.1 = 0.0625: 0.4375 of 0.8125."""
    told = choose_prior("everyday", PRIORS, "m").apply(affect(0.25, *(0.125,) * 6))
    np.testing.assert_allclose(told[2], 0.4375 / 0.8125, rtol=1e-6)
    np.testing.assert_allclose(told[3:9], 0.0625 / 0.8125, rtol=1e-6)
    assert told[EXPRESSION_SLICE].sum() == pytest.approx(1, abs=1e-6)


def test_default_changes_nothing_and_needs_nothing() -> None:
    given = affect(0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0)
    for priors in (PRIORS, None):
        prior = choose_prior("default", priors, "m")
        assert prior.apply(given) is given
    assert choose_prior("default", None, "m").describe() == {"name": "default", "shares": None}
    shares = choose_prior("default", PRIORS, "m").describe()["shares"]
    assert shares == dict(zip(EXPRESSIONS, PRIORS["default"], strict=True))


def test_the_prior_that_is_assumed_leaves_all_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "same.toml"
    file.write_text(LINES + "surprise = 0.1\n")
    given = affect(0.3, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1)
    told = choose_prior(str(file), PRIORS, "m").apply(given)
    np.testing.assert_allclose(told, given, rtol=1e-6)


def test_files_in_both_forms(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(LINES + "surprise = 0.1\n")
    values = dict(zip(EXPRESSIONS, PRIORS["default"], strict=True))
    (tmp_path / "p.json").write_text(json.dumps(dict(reversed(values.items()))))
    for name in ("p.toml", "p.json"):
        np.testing.assert_allclose(read_prior(tmp_path / name), PRIORS["default"])


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("p.toml", None, r"cannot be read \(No such file or directory\); give default, balanced"),
        ("p.toml", b"\xff\xfe\x00", "cannot be read"),
        ("p.toml", b"neutral : 0.4", "not valid TOML or JSON .*write lines such as neutral = 0.4"),
        ("p.json", b"{", "not valid TOML or JSON"),
        ("p.json", b"[0.4, 0.1]", "holds list; give a share for each of neutral, anger"),
        ("p.toml", LINES.encode(), "give a share for each of neutral, .*surprise"),
        ("p.toml", (LINES + "smile = 0.1").encode(), "smile.*give a share for each"),
        ("p.toml", (LINES + "surprise = 0.4").encode(), "the shares sum to 1.3; make them sum to"),
        ("p.toml", (LINES + "surprise = 0").encode(), "share of surprise is 0; give a number"),
        ("p.toml", (LINES + "surprise = nan").encode(), "share of surprise is nan"),
        ("p.toml", (LINES + "surprise = 'all'").encode(), "share of surprise is 'all'"),
        ("p.toml", (LINES + "surprise = true").encode(), "share of surprise is True"),
    ],
)
def test_wrong_files_are_told_in_one_line(
    name: str, content: bytes | None, text: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=text) as caught:
        choose_prior(str(file), PRIORS, "m")
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("asked", ["balanced", "everyday"])
def test_a_model_without_a_prior_refuses_another(asked: str) -> None:
    with pytest.raises(ModelError, match=f"'mine' does not say .*{asked}.*leave --prior out"):
        choose_prior(asked, None, "mine")
    with pytest.raises(MienError, match="does not say which prior"):
        _ = double_analyzer(lambda call: [], affect=MeanAffect(), prior=asked).prior
    with pytest.raises(ModelError, match="knows no 'everyday' prior; give a file"):
        choose_prior("everyday", {"default": PRIORS["default"]}, "mine")


def test_options() -> None:
    assert AnalysisOptions().prior == "default"
    assert AnalysisOptions(prior=Path("p.toml")).prior == "p.toml"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prior is a name or the path"):
        AnalysisOptions(prior="")


def test_the_table_follows_the_prior_and_reactions_do_not() -> None:
    column = AFFECT_COLUMNS.index("expr_neutral")
    told = {}
    for name in ("default", "everyday", "balanced"):
        analyzer = double_analyzer(lambda call: [make_face(4, 10)], FullAffect(), prior=name)
        heard: list[np.ndarray] = []
        predict = analyzer.reactions.predict  # type: ignore[union-attr]

        def listen(values: np.ndarray, heard: list = heard, predict=predict) -> np.ndarray:
            heard.append(values.copy())
            return predict(values)

        analyzer.reactions.predict = listen  # type: ignore[union-attr, method-assign]
        rows, summary = run_made(analyzer, [i / 25 for i in range(60)])
        told[name] = (rows, summary, np.concatenate(heard))
    for name, expected in (
        ("default", 0.3),
        ("everyday", (0.3 * 1.75) / (0.3 * 1.75 + 0.7 * 0.5)),
        ("balanced", (0.3 / 0.4) / (0.3 / 0.4 + 0.7 / 0.1)),
    ):
        rows, summary, heard = told[name]
        assert all(row.affect[column] == pytest.approx(expected, rel=1e-5) for row in rows)
        document = summary.document
        assert document["faces"][0]["mean"]["expr_neutral"] == pytest.approx(expected, rel=1e-5)
        assert document["prior"]["name"] == document["settings"]["prior"] == name
        assert sum(document["prior"]["shares"].values()) == pytest.approx(1)
        np.testing.assert_array_equal(heard, told["default"][2])
        assert (
            document["faces"][0]["reactions"]
            == (told["default"][1].document["faces"][0]["reactions"])
        )


def test_the_pipeline_takes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(LINES + "surprise = 0.1\n")
    analyzer = double_analyzer(lambda call: [make_face(4, 10)], FullAffect(), prior=str(file))
    reader: Any = MadeReader([0.0], lambda index: texture(1))
    with Analysis(analyzer, reader, "made") as analysis:
        assert len(list(analysis.rows())) == 1
        assert analysis.summary().document["prior"]["name"] == str(file)
