"""Paired differences with clustered errors, against loops that follow the papers to the letter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from weighlock.statistics.paired import Estimate, Units, auc_difference, autocorrelation, mcnemar_exact, mean_difference

seeds = st.integers(0, 2**32 - 1)


def case(seed: int, rows: int = 60, clusters: int = 8) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    cluster = np.concatenate([np.arange(clusters), random.integers(0, clusters, rows - clusters)])
    truth = np.concatenate([[0, 1], random.integers(0, 2, rows - 2)])
    first = np.round(random.random(rows), 1)  # with ties
    second = np.round(random.random(rows), 1)
    return cluster, truth, first, second


@given(seeds)
def test_the_mean_is_that_of_a_loop_over_clusters(seed: int) -> None:
    cluster, _, first, second = case(seed)
    d = first - second

    found = mean_difference(d, Units(cluster))

    groups = [d[cluster == c] for c in np.unique(cluster)]
    residuals = [(g - d.mean()).sum() / len(d) for g in groups]
    variance = len(groups) / (len(groups) - 1) * sum(r * r for r in residuals)
    assert found.value == pytest.approx(sum(d) / len(d))
    assert found.error == pytest.approx(variance**0.5)
    assert found.naive_error == pytest.approx(stats.sem(d))


@given(seeds)
def test_clusters_of_one_row_give_the_paired_t_test(seed: int) -> None:
    _, _, first, second = case(seed)

    found = mean_difference(first - second, Units.rows(len(first)))
    reference = stats.ttest_rel(first, second, alternative="greater")

    assert found.p_above(0.0) == pytest.approx(reference.pvalue)
    low, high = found.interval(0.9)
    assert (low, high) == pytest.approx(tuple(stats.ttest_rel(first, second).confidence_interval(0.9)))
    assert found.lower(0.95) == pytest.approx(low)
    assert found.upper(0.95) == pytest.approx(high)


@given(seeds)
def test_the_auc_is_obuchowskis_and_its_naive_error_delongs(seed: int) -> None:
    cluster, truth, first, second = case(seed)

    found = auc_difference(truth, first, second, Units(cluster))

    positives, negatives = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    m, n = len(positives), len(negatives)

    def beats(s: np.ndarray, i: int, j: int) -> float:
        return float(s[i] > s[j]) + 0.5 * float(s[i] == s[j])

    v10 = {i: sum(beats(first, i, j) - beats(second, i, j) for j in negatives) / n for i in positives}
    v01 = {j: sum(beats(first, i, j) - beats(second, i, j) for i in positives) / m for j in negatives}
    a = sum(v10.values()) / m
    groups = range(cluster.max() + 1)
    x = [sum(v - a for i, v in v10.items() if cluster[i] == c) for c in groups]
    y = [sum(v - a for j, v in v01.items() if cluster[j] == c) for c in groups]
    g = len(groups) / (len(groups) - 1)
    s10, s01, s11 = (g * sum(p * q for p, q in zip(u, w, strict=True)) for u, w in ((x, x), (y, y), (x, y)))
    assert found.value == pytest.approx(a, abs=1e-12)
    assert found.error**2 == pytest.approx(s10 / m**2 + s01 / n**2 + 2 * s11 / (m * n), abs=1e-12)
    spread = [float(np.var(list(v.values()), ddof=1)) if len(v) > 1 else 0.0 for v in (v10, v01)]
    assert found.naive_error**2 == pytest.approx(spread[0] / m + spread[1] / n, abs=1e-12)


def test_rows_that_come_in_copies_say_no_more_than_one_of_each() -> None:
    random = np.random.default_rng(3)
    d = random.normal(size=40)

    once = mean_difference(d, Units.rows(40))
    often = mean_difference(np.repeat(d, 25), Units(np.repeat(np.arange(40), 25)))

    assert often.error == pytest.approx(once.error)
    assert often.naive_error < once.error / 4.8
    assert often.effective_rows == pytest.approx(40, rel=0.05)


def test_equal_models_have_no_difference_and_are_above_nothing() -> None:
    cluster, truth, first, _ = case(1)

    for found in (mean_difference(first - first, Units(cluster)), auc_difference(truth, first, first, Units(cluster))):
        assert (found.value, found.error, found.p_above(0.0), found.p_above(-0.01)) == (0.0, 0.0, 1.0, 0.0)
        assert found.effective_rows == found.rows


def test_one_cluster_shows_nothing() -> None:
    assert mean_difference(np.array([1.0, 2.0]), Units(np.zeros(2, dtype=int))).error == np.inf


def test_the_bound_errs_as_often_as_it_says() -> None:
    # 14 days whose effect is far larger than a row's: an equal model must not be shown to be better too often
    random = np.random.default_rng(11)
    cluster = np.repeat(np.arange(14), 20)
    wrong = naive = 0
    for _ in range(1000):
        d = random.normal(size=14)[cluster] + random.normal(size=280)
        found = mean_difference(d, Units(cluster))
        wrong += found.lower(0.95) > 0
        naive += found.value - 1.645 * found.naive_error > 0

    assert 0.03 < wrong / 1000 < 0.07
    assert naive / 1000 > 0.25  # what taking rows for independent does


def test_blocks_are_counted_back_from_the_newest_day() -> None:
    units = Units.days(np.array([10, 11, 12, 13, 14, 14]), 2)
    assert (units.clusters.tolist(), units.ordered) == ([2, 1, 1, 0, 0, 0], True)
    assert Units.days(np.array([3, 7, 100])).clusters.tolist() == [2, 1, 0]
    assert units.where(np.array([True, False, False, False, True, True])).clusters.tolist() == [1, 0, 0]


def test_neighbours_that_are_alike_inflate_the_error_and_cost_freedom() -> None:
    # sums 1 1 -1 -1 1 1 -1 -1: r = (1 - 1 + 1 - 1 + 1 - 1 + 1) / 8 = 1/8; (1/8 + 1/8) / (1 - 4/8) = 1/2; 1.5 / 0.5 = 3
    sums = np.array([1.0, 1, -1, -1, 1, 1, -1, -1])
    assert autocorrelation(sums) == pytest.approx((3.0, 0.5))

    alike = mean_difference(sums, Units(np.arange(8), ordered=True))
    apart = mean_difference(sums, Units(np.arange(8)))

    # residuals are too small by 1 - (3 - 1) / 7
    assert alike.error == pytest.approx(apart.error * (3 / (1 - 2 / 7)) ** 0.5)
    assert (alike.freedom, apart.freedom) == (2.0, 7)  # 7 / 3² is below the least
    assert (alike.autocorrelation, apart.autocorrelation) == (0.5, 0.0)


def test_neighbours_that_alternate_earn_nothing() -> None:
    assert autocorrelation(np.array([1.0, -1] * 8)) == (1.0, 0.0)
    assert autocorrelation(np.zeros(20)) == (1.0, 0.0)
    assert autocorrelation(np.array([3.0, 1, -1, -3])) == (1.0, 0.0)  # too few to tell


def test_the_bound_errs_as_often_as_it_says_where_storms_last() -> None:
    random = np.random.default_rng(5)
    wrong = plain = 0
    for _ in range(2000):
        day = random.normal(size=28)
        for i in range(1, 28):
            day[i] = 0.4 * day[i - 1] + 0.84**0.5 * day[i]
        wrong += mean_difference(day, Units(np.arange(28), ordered=True)).lower(0.95) > 0
        plain += mean_difference(day, Units(np.arange(28))).lower(0.95) > 0

    assert wrong / 2000 < 0.065
    assert plain / 2000 > 0.11


def test_mcnemar_by_hand() -> None:
    first = np.array([True] * 9 + [False])
    second = np.array([True] + [False] * 8 + [True])

    # 8 against 1 of 9 that differ: 2 · (1 + 9) / 2^9
    assert mcnemar_exact(first, second) == pytest.approx(20 / 512)
    assert mcnemar_exact(first, first) == 1.0


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_bounds_are_those_of_the_t_distribution(confidence: float) -> None:
    estimate = Estimate(value=0.5, error=0.1, naive_error=0.05, clusters=10, rows=1000, freedom=9)

    half = stats.t.ppf((1 + confidence) / 2, 9) * 0.1
    assert estimate.interval(confidence) == pytest.approx((0.5 - half, 0.5 + half))
    assert estimate.p_above(0.4) == pytest.approx(stats.t.sf(1.0, 9))
    assert estimate.p_below(0.4) == pytest.approx(stats.t.cdf(1.0, 9))
    assert estimate.effective_rows == pytest.approx(250)


def test_clusters_that_tell_nothing_are_not_counted() -> None:
    found = Estimate(value=0.5, error=0.1, naive_error=0.05, clusters=10, rows=1000, freedom=9)

    # variance times 4/3 and not 10/9
    told = found.told_by(4)
    assert (told.clusters, told.freedom) == (4, 3)
    assert told.error == pytest.approx(0.1 * (4 / 3 / (10 / 9)) ** 0.5)
    assert (found.told_by(10), found.told_by(11)) == (found, found)
    assert (found.told_by(1).error, found.told_by(1).freedom) == (np.inf, 1)


def test_two_clusters_have_one_degree_of_freedom() -> None:
    assert mean_difference(np.array([1.0, 2.0]), Units.rows(2)).freedom == 1
