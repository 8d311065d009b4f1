"""One model's own figures: the metric itself, with the error of a mean, of an AUC, or of resampled clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.level import level
from weighlock.statistics.metrics import Scored, find_metric, log_losses, metrics_of
from weighlock.statistics.paired import Units

FEW = Resampling(resamples=200, seed=1)


def rows(task: str, count: int = 400, seed: int = 0) -> Scored:
    random = np.random.default_rng(seed)
    if task == "regression":
        truth = random.normal(10, 3, count)
        return Scored(task, truth, truth + random.normal(0, 1, count))
    if task == "multiclass":
        truth = random.integers(0, 3, count)
        scores = random.dirichlet((1, 1, 1), count) + 0.6 * np.eye(3)[truth]
        return Scored(task, truth, scores / scores.sum(axis=1, keepdims=True))
    truth = (random.random(count) < 0.4).astype(int)
    return Scored(task, truth, np.clip(0.3 * truth + 0.7 * random.random(count), 0.01, 0.99), 0.5)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_value_is_the_metric_and_its_error_shrinks_with_rows(task: str) -> None:
    few, many = rows(task, 100), rows(task, 1600)
    for metric in metrics_of(task):
        small, large = (level(metric, scored, Units.rows(len(scored.truth)), FEW) for scored in (few, many))

        assert small.value == pytest.approx(metric(few))
        assert 0 < large.error < small.error, metric.name
        assert large.lower(0.95) < large.value < large.upper(0.95)


def test_the_error_of_a_mean_is_that_of_a_mean() -> None:
    scored = rows("binary")

    found = level(find_metric("log_loss", "binary"), scored, Units.rows(400))

    assert found.error == pytest.approx(log_losses(scored).std(ddof=1) / 20)
    assert found.freedom == 399


def test_the_error_of_an_auc_is_delongs() -> None:
    """Hanley & McNeil's (1982) formula agrees for scores that are normal given the truth."""
    random = np.random.default_rng(3)
    truth = np.repeat([0, 1], 1000)
    scores = random.normal(truth * 1.0, 1.0)
    scored = Scored("binary", truth, (1 / (1 + np.exp(-scores))))

    found = level(find_metric("roc_auc", "binary"), scored, Units.rows(2000))

    auc = found.value
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    expected = np.sqrt((auc * (1 - auc) + 999 * (q1 - auc**2) + 999 * (q2 - auc**2)) / 1000**2)
    assert found.error == pytest.approx(expected, rel=0.05)


@given(st.integers(0, 50))
def test_rows_that_repeat_each_other_say_no_more_than_one(seed: int) -> None:
    scored = rows("binary", 60, seed)
    twice = Scored("binary", np.repeat(scored.truth, 5), np.repeat(scored.scores, 5), 0.5)
    metric = find_metric("brier", "binary")

    alone = level(metric, scored, Units.rows(60))
    together = level(metric, twice, Units(np.repeat(np.arange(60), 5)))

    assert together.value == pytest.approx(alone.value)
    assert together.error == pytest.approx(alone.error)
    assert together.freedom == alone.freedom


def test_rows_that_say_nothing_of_a_metric() -> None:
    scored = Scored("binary", np.zeros(5, dtype=int), np.full(5, 0.2), 0.5)
    for name in ("roc_auc", "recall"):
        with pytest.raises(ValueError, match=r"nothing"):
            level(find_metric(name, "binary"), scored, Units.rows(5))
