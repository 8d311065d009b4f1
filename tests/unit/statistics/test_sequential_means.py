"""Empirical-Bernstein confidence sequences: against published values, against integrals, errors by simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from weighlock.statistics.sequential_means import (
    BEST_AT,
    best_rho,
    boundary,
    difference,
    log_mixture,
    means,
    paired,
)


def test_the_mixture_is_the_reference_implementation_s():
    # of the authors' own library, at c = 2, tuned for v = 100 and alpha = .05
    rho = best_rho(100.0, 0.05)

    assert log_mixture(np.array([10.0]), np.array([100.0]), 2.0, rho) == pytest.approx(-0.2490165, abs=1e-6)
    assert log_mixture(np.array([33.02017]), np.array([100.0]), 2.0, rho) == pytest.approx(np.log(20), abs=1e-5)


@pytest.mark.parametrize(("total", "squares"), [(3.0, 5.0), (20.0, 60.0)])
def test_the_mixture_is_the_integral_over_a_truncated_gamma(total, squares):
    rho = best_rho(BEST_AT, 0.01)
    weight = gamma(rho, scale=1 / rho)

    def integrand(lam):  # 1 - lam is gamma distributed, and below 1
        return weight.pdf(1 - lam) / weight.cdf(1) * np.exp(lam * total - squares * (-np.log1p(-lam) - lam))

    assert log_mixture(np.array([total]), np.array([squares])) == pytest.approx(np.log(quad(integrand, 0, 1)[0]))


def test_the_boundary_is_where_the_mixture_becomes_enough():
    squares = np.array([0.0, 0.3, 10.0, 500.0, 1e6])

    assert log_mixture(boundary(squares, 0.01), squares) == pytest.approx(np.full(5, np.log(100)))


def test_bounds_after_some_values_are_those_of_the_first_ones_alone():
    values = np.random.default_rng(3).beta(2, 5, 200)

    found = means(values, 0.05, np.array([0, 50, 200]))

    assert (found.lower[0], found.upper[0]) == (0.0, 1.0)
    alone = means(values[:50], 0.05)
    assert (found.mean[1], found.lower[1], found.upper[1]) == (alone.mean[0], alone.lower[0], alone.upper[0])
    assert found.mean[2] == pytest.approx(values.mean())
    assert found.upper[2] - found.lower[2] < found.upper[1] - found.lower[1]


def test_values_beyond_their_range_are_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        means(np.array([0.5, 1.1]), 0.05)
    with pytest.raises(ValueError, match="from 0 to 1"):
        means(np.array([0.5, np.nan]), 0.05)


def test_a_mean_is_rarely_out_of_bounds_at_any_look():
    random = np.random.default_rng(4)
    every = np.arange(1, 401, 8)
    wrong = 0
    for _ in range(80):
        found = means(random.beta(0.4, 1.6, 400), 0.1, every)
        wrong += bool(((found.lower > 0.2) | (found.upper < 0.2)).any())

    assert wrong / 80 < 0.2  # both sides together


def test_a_difference_is_bounded_by_both_arms_and_pairs_by_their_own():
    random = np.random.default_rng(6)
    shared = random.random(2000) * 0.6
    new, old = shared + 0.3 * random.random(2000), shared + 0.1 * random.random(2000)

    apart, together = difference(means(new, 0.025), means(old, 0.025)), paired(new, old, 0.05)

    for found in (apart, together):
        assert found.lower[0] < 0.1 < found.upper[0]
        assert found.mean[0] == pytest.approx((new - old).mean())
    assert together.lower[0] > apart.lower[0]
    assert together.upper[0] < apart.upper[0]
