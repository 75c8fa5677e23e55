import numpy as np
import pytest

from mien.evaluation.trace_table import trace_table
from mien.evaluation.traces import trace_report, trace_scores


def series(seed, n=50):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, 2))
    return truth * 0.7 + 0.2 + rng.normal(size=(n, 2)) * 0.3, truth


def ccc(x, y):
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    return 2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def test_scores_equal_numpy_and_leave_unannotated_frames_out():
    x, y = series(0)
    y[::7, 1] = np.nan
    scores = trace_scores(x, y)
    for column, name in enumerate(("valence", "arousal")):
        known = np.isfinite(y[:, column])
        a, b = x[known, column], y[known, column]
        assert scores[name]["rmse"] == pytest.approx(np.sqrt(((a - b) ** 2).mean()))
        assert scores[name]["cc"] == pytest.approx(np.corrcoef(a, b)[0, 1])
        assert scores[name]["ccc"] == pytest.approx(ccc(a, b))


def test_pooled_and_per_recording_are_both_given():
    parts = [series(1), series(2, 30), (np.zeros((5, 2)), np.full((5, 2), np.nan))]
    report = trace_report([x for x, _ in parts], [y for _, y in parts])
    assert report["recordings"] == 3 and report["frames"] == 80
    x, y = (np.concatenate([part[side] for part in parts[:2]])[:, 0] for side in (0, 1))
    assert report["pooled"]["valence"]["ccc"] == pytest.approx(ccc(x, y))
    single = np.mean([ccc(x[:, 0], y[:, 0]) for x, y in parts[:2]])
    assert report["per_recording"]["valence"]["ccc"] == pytest.approx(single)
    for way in ("pooled", "per_recording"):
        both = [report[way][name]["ccc"] for name in ("valence", "arousal")]
        assert report[way]["mean_ccc"] == pytest.approx(np.mean(both))


def test_what_is_undefined_is_nan_and_a_dash():
    report = trace_report([np.zeros((4, 2))], [np.full((4, 2), np.nan)])
    assert np.isnan(report["pooled"]["mean_ccc"]) and report["frames"] == 0
    assert trace_table([("model", [{"all": report}])]).count(" - ") == 14
    with pytest.raises(ValueError, match="no recording"):
        trace_report([], [])


def test_the_table_gives_mean_and_spread_over_seeds():
    reports = [{"all": trace_report([x], [y])} for x, y in (series(1), series(2))]
    table = trace_table([("MRAN", reports), ("stage 1", reports[:1])])
    lines = table.splitlines()
    assert len(lines) == 6 and lines[2].startswith("| MRAN | 1 | 50 | pooled |")
    values = [r["all"]["pooled"]["mean_ccc"] for r in reports]
    assert f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" in lines[2]
    assert "±" not in lines[4]
