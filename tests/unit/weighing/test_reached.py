"""What a model reached by itself: the metrics of `reports/metrics.json`, with intervals that stay possible."""

from __future__ import annotations

from weighlock.statistics.paired import Estimate
from weighlock.weighing.reached import _interval


def estimate(value: float, error: float) -> Estimate:
    return Estimate(value, error, error, 28, 1000, freedom=27.0)


def test_an_interval_is_a_t_interval() -> None:
    found = _interval("log_loss", estimate(0.5, 0.1))

    assert found == {"value": 0.5, "lower": round(0.5 - 2.0518305 * 0.1, 6), "upper": round(0.5 + 2.0518305 * 0.1, 6)}


def test_no_interval_reaches_where_the_figure_cannot() -> None:
    wide = 10.0
    assert _interval("roc_auc", estimate(0.7, wide)) == {"value": 0.7, "lower": 0.0, "upper": 1.0}
    assert _interval("selection rate", estimate(0.7, wide)) == {"value": 0.7, "lower": 0.0, "upper": 1.0}
    rmse, r2, gap = (_interval(name, estimate(0.5, wide)) for name in ("rmse", "r2", "calibration"))
    assert rmse["lower"] == 0.0
    assert (rmse["upper"] or 0) > 20
    assert (r2["lower"] or 0) < -20
    assert r2["upper"] == 1.0
    assert (gap["lower"] or 0) < -20


def test_one_cluster_tells_no_spread() -> None:
    assert _interval("accuracy", estimate(0.5, float("inf"))) == {"value": 0.5, "lower": None, "upper": None}
