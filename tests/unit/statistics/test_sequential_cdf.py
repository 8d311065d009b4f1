"""Distances of distributions: against published values and scipy's statistic, errors by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from weighlock.statistics.sequential_cdf import band, distance, distance_bounds

values = st.lists(st.integers(0, 9).map(float), min_size=2, max_size=9).map(np.array)


@given(values, values)
def test_the_distance_is_scipy_s(new, old):
    assert distance(new, old) == pytest.approx(ks_2samp(new, old, method="exact").statistic)


def test_the_band_is_the_reference_implementation_s():
    # of the authors' own library, for 1,000 values, said from the 100th on
    assert band(np.array([1000]), 0.05)[0] == pytest.approx(0.08204769, abs=1e-6)


def test_nothing_is_said_before_the_first_hundred():
    assert list(band(np.array([0, 99]), 0.05)) == [1.0, 1.0]
    assert distance_bounds(np.zeros(99), np.ones(1000), 0.05) == (0.0, 1.0)
    assert distance_bounds(np.zeros(0), np.ones(5), 0.05) == (0.0, 1.0)


def test_the_bands_hold_at_every_look():
    random = np.random.default_rng(7)
    looks = np.arange(100, 1001, 50)
    width = band(looks, 0.1)
    wrong = 0
    for _ in range(100):
        sample = random.random(1000)
        seen = np.array([ks_uniform(sample[:look]) for look in looks])
        wrong += bool((seen > width).any())

    assert wrong <= 10


def ks_uniform(sample: np.ndarray) -> float:
    ordered, n = np.sort(sample), len(sample)
    return float(max((np.arange(1, n + 1) / n - ordered).max(), (ordered - np.arange(n) / n).max()))


def test_what_differs_is_told():
    random = np.random.default_rng(8)

    lower, upper = distance_bounds(random.random(2000) ** 2, random.random(9000), 0.02)

    assert 0.1 < lower < 0.25 < upper  # the true distance of x and the root of x is 1/4
