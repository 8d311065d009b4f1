"""The clustered bootstrap, against loops over scikit-learn's metrics of repeated rows."""

from __future__ import annotations

import numpy as np
import pytest
from cases import BOOTSTRAPPED, repeated, some_clusters, two_models
from numpy.typing import NDArray

from weighlock.statistics.bootstrap import GROUPS, Gains, Resampling, bootstrap, drawn, jackknife, spread
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import Scored, find_metric
from weighlock.statistics.paired import Units, autocorrelation, mean_difference


def mean_of(values: np.ndarray) -> object:
    """The statistic of which everything is known: a mean."""

    def statistic(clusters: NDArray[np.intp]) -> Gains:
        sums, sizes = np.bincount(clusters, weights=values), np.bincount(clusters)
        return lambda times: np.asarray((times @ sums) / (times @ sizes))

    return statistic


@pytest.mark.parametrize(("task", "name"), BOOTSTRAPPED)
def test_it_is_a_loop_over_scikit_learn(task: str, name: str) -> None:
    first, second = two_models(task, 3, rows=120)
    clusters = some_clusters(3, rows=120)
    metric = find_metric(name, task)

    found = difference(metric, first, second, Units(clusters), Resampling(10, seed=4))

    random = np.random.default_rng(4)
    gains = []
    for _ in range(10):
        times = np.bincount(random.integers(0, 5, 5), minlength=5)[clusters]
        gains.append(metric.gain(metric(repeated(first, times)), metric(repeated(second, times))))
    assert found.value == pytest.approx(metric.gain(metric(first), metric(second)), abs=1e-12)
    assert found.error == pytest.approx(np.std(gains, ddof=1) * (5 / 4) ** 0.5)
    assert (found.clusters, found.rows, found.freedom) == (5, 120, 4.0)


@pytest.mark.parametrize(("task", "name"), BOOTSTRAPPED)
def test_the_naive_error_is_the_jackknife_of_rows(task: str, name: str) -> None:
    first, second = two_models(task, 6, rows=24)
    metric = find_metric(name, task)

    found = difference(metric, first, second, Units(some_clusters(6, 24)), Resampling(100))

    def without(scored: Scored, row: int) -> float:
        return metric(repeated(scored, (np.arange(24) != row).astype(int)))

    gains = [metric.gain(without(first, row), without(second, row)) for row in range(24)]
    assert found.naive_error == pytest.approx((23 * np.var(gains)) ** 0.5)


def test_of_a_mean_it_gives_the_error_of_a_mean() -> None:
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(30), 40)
    values = random.normal(size=30)[clusters] + random.normal(size=1200)
    units = Units(clusters, ordered=True)

    found = bootstrap(float(values.mean()), mean_of(values), units, Resampling(8000))
    known = mean_difference(values, units)

    assert found.error == pytest.approx(known.error, rel=0.03)
    assert found.naive_error == pytest.approx(known.naive_error, rel=0.1)  # of 500 random groups
    assert len(values) > GROUPS
    assert (found.freedom, found.autocorrelation) == pytest.approx((known.freedom, known.autocorrelation))
    assert known.autocorrelation > 0


def test_rows_by_themselves_have_one_error() -> None:
    values = np.random.default_rng(2).normal(size=50)

    found = bootstrap(0.0, mean_of(values), Units.rows(50), Resampling(4000))

    assert found.naive_error == found.error == pytest.approx(values.std(ddof=1) / 50**0.5, rel=0.05)


def test_neighbours_that_are_alike_widen_it_as_they_widen_a_mean() -> None:
    sums = np.array([1.0, 1, -1, -1, 1, 1, -1, -1])

    alike = bootstrap(0.0, mean_of(sums), Units(np.arange(8), ordered=True), Resampling(200))
    apart = bootstrap(0.0, mean_of(sums), Units(np.arange(8)), Resampling(200))

    # correlation 1/2, inflation 3, residuals too small by 1 - 2/7 (test_paired)
    assert alike.error == pytest.approx(apart.error * (3 / (1 - 2 / 7)) ** 0.5)
    assert (alike.freedom, apart.freedom) == (2.0, 7.0)


def test_the_jackknife_of_a_mean_is_each_clusters_residual() -> None:
    values = np.array([1.0, 2.0, 6.0])

    influence = jackknife(mean_of(values)(np.arange(3)), 3, 3)

    # without each: 4, 3.5, 1.5, whose mean is 3
    assert influence.tolist() == pytest.approx([-1.0, -0.5, 1.5])
    assert autocorrelation(influence) == (1.0, 0.0)


def test_a_cluster_without_which_nothing_is_known_has_no_influence() -> None:
    def gains(times: np.ndarray) -> np.ndarray:
        return np.where(times[:, 0] > 0, times[:, 1] * 1.0, np.nan)

    assert jackknife(gains, 3, 3).tolist() == [0.0, 0.5, -0.5]
    assert jackknife(lambda times: np.full(len(times), np.nan), 3, 3).tolist() == [0.0] * 3


def test_undefined_resamples_are_left_out_unless_they_are_half() -> None:
    known = np.array([1.0, 2.0, 4.0])

    assert spread([known, np.array([np.nan])]) == pytest.approx(known.std(ddof=1))
    with pytest.raises(ValueError, match="undefined in 3 of 6 resamples"):
        spread([known, np.full(3, np.nan)])


def test_equal_gains_have_no_spread_to_the_last_bit() -> None:
    assert spread([np.full(7, 0.1)]) == 0.0


@pytest.mark.parametrize("rows", [20, 200_000])
def test_resamples_do_not_hang_on_how_many_are_computed_at_once(rows: int) -> None:
    chunks = list(drawn(np.random.default_rng(1), 10, 5, rows))

    assert np.concatenate(chunks).sum(axis=1).tolist() == [5] * 10
    assert np.array_equal(np.concatenate(chunks), next(iter(drawn(np.random.default_rng(1), 10, 5, 1))))


def test_one_cluster_shows_nothing() -> None:
    found = bootstrap(0.5, mean_of(np.arange(4.0)), Units(np.zeros(4, dtype=int)), Resampling(10))

    assert (found.error, found.clusters, found.freedom) == (np.inf, 1, 1.0)
    assert bootstrap(0.5, mean_of(np.ones(1)), Units.rows(1), Resampling(10)).naive_error == 0.0


def test_the_bound_errs_as_often_as_it_says_where_days_stand_or_fall_together() -> None:
    # f1 of two models of which neither is better; each of 14 days favours one of the two
    random = np.random.default_rng(12)
    clusters = np.repeat(np.arange(14), 30)
    wrong = naive = 0
    for _ in range(80):
        truth = random.random(420) < 0.4
        favour = random.normal(size=14)[clusters]
        first, second = (
            Scored("binary", truth * 1, ((2 * truth - 1) * (1 + sign * favour) + random.normal(size=420) > 0) * 1.0)
            for sign in (1, -1)
        )
        found = difference(find_metric("f1", "binary"), first, second, Units(clusters), Resampling(60))
        wrong += found.lower(0.95) > 0
        naive += found.value - 1.645 * found.naive_error > 0

    assert wrong / 80 < 0.12
    assert naive / 80 > 0.15
