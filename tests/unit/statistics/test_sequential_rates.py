"""Differences in rates and quantiles of histograms: against brute force and scipy, errors by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import xlog1py, xlogy
from scipy.stats import beta

from weighlock.statistics.sequential import enough
from weighlock.statistics.sequential_rates import (
    difference_bounds,
    log_evidence_difference,
    log_evidence_rate,
    quantile_bucket,
)


def one(*counts: int) -> list[np.ndarray]:
    return [np.array([count]) for count in counts]


@given(st.integers(1, 30), st.integers(1, 40), st.data(), st.sampled_from([-0.3, -0.01, 0.0, 0.02, 0.4]))
def test_the_evidence_is_a_mixture_over_the_best_of_the_hypothesis(n1, n0, data, margin):
    k1, k0 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))

    def mixed(n, k):
        parts = [beta_function(k + a, n - k + b) / beta_function(a, b) for a, b in ((0.5, 50), (0.5, 0.5))]
        return np.log(np.mean(parts))

    grid = np.linspace(0, 1, 301)
    p1, p0 = np.meshgrid(grid, grid[::2])
    logs = xlogy(k1, p1) + xlog1py(n1 - k1, -p1) + xlogy(k0, p0) + xlog1py(n0 - k0, -p0)
    best = logs[p1 - p0 >= margin - 1e-9].max()

    found = log_evidence_difference(*one(n1, k1, n0, k0), margin)[0]

    assert found == pytest.approx(mixed(n1, k1) + mixed(n0, k0) - best, abs=0.03)


def test_bounds_are_where_the_evidence_becomes_enough():
    lower, upper = difference_bounds(2000, 40, 18000, 180, 0.05)

    assert lower < 0.01 < upper
    assert log_evidence_difference(*one(2000, 40, 18000, 180), upper)[0] == pytest.approx(enough(0.05), abs=1e-6)
    assert log_evidence_difference(*one(18000, 180, 2000, 40), -lower)[0] == pytest.approx(enough(0.05), abs=1e-6)


def test_bounds_of_nothing_are_everything():
    assert difference_bounds(0, 0, 0, 0, 0.05) == (-1.0, 1.0)


def test_a_rate_that_is_as_large_as_the_margin_is_rarely_called_smaller_at_any_look():
    random = np.random.default_rng(1)
    paths = []
    for _ in range(150):
        n1 = np.cumsum(random.binomial(50, 0.2, 60))
        n0 = np.arange(1, 61) * 50 - n1
        k1, k0 = (np.cumsum(random.binomial(np.diff(n, prepend=0), p)) for n, p in ((n1, 0.06), (n0, 0.02)))
        paths.append(log_evidence_difference(n1, k1, n0, k0, 0.04).max())

    assert np.mean(np.array(paths) >= enough(0.1)) < 0.1


def test_the_evidence_of_a_rate_is_a_mixture_over_larger_ones():
    n, k, rate = 300, 9, 0.01
    prior = beta(rate * 200, (1 - rate) * 200)

    mass = quad(lambda p: prior.pdf(p) * p**k * (1 - p) ** (n - k), rate, 1, points=[0.02, 0.05])[0]
    expected = np.log(mass / prior.sf(rate)) - k * np.log(rate) - (n - k) * np.log(1 - rate)

    assert log_evidence_rate(*one(n, k), rate)[0] == pytest.approx(expected, abs=1e-5)


def test_a_quantile_s_bucket():
    counts = np.array([5000, 4000, 960, 30, 10, 0])  # 99.6 % are in the first three

    assert quantile_bucket(counts, 0.99, 0.05) == (2, 2)
    assert quantile_bucket(counts // 1000, 0.99, 0.05) == (0, 5)
    assert quantile_bucket(np.zeros(6, dtype=np.int64), 0.99, 0.05) == (0, 5)


def test_a_quantile_is_rarely_said_to_lie_elsewhere_at_any_look():
    random = np.random.default_rng(2)
    wrong = []
    for _ in range(200):
        slow = np.cumsum(random.binomial(50, 0.1, 60))
        asked = np.arange(1, 61) * 50
        wrong.append(max(log_evidence_rate(asked, slow, 0.1).max(), log_evidence_rate(asked, asked - slow, 0.9).max()))

    assert np.mean(np.array(wrong) >= enough(0.05)) < 0.1
