"""Power, against scipy's noncentral t and simulated tests; further clusters, against the bounds that they lead to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from weighlock.statistics.paired import Estimate, Units, mean_difference
from weighlock.statistics.power import MOST_CLUSTERS, more_clusters, power


def gain(value: float, error: float = 0.01, clusters: int = 20, freedom: float | None = None) -> Estimate:
    return Estimate(value, error, error / 3, clusters, 1000 * clusters, clusters - 1.0 if freedom is None else freedom)


def after(found: Estimate, more: int) -> Estimate:
    """The estimate of so many clusters more, were they like these."""
    growth = (found.clusters + more) / found.clusters
    return replace(
        found, clusters=found.clusters + more, error=found.error / growth**0.5, freedom=found.freedom * growth
    )


@given(st.floats(-0.03, 0.03), st.floats(0.0, 0.02), st.booleans(), st.floats(0.8, 0.99))
def test_so_many_more_decide_and_one_less_does_not(value: float, margin: float, superior: bool, level: float) -> None:
    found = gain(value)

    more = more_clusters(found, margin, level, superior=superior)

    def decided(e: Estimate) -> bool:
        border = 0.0 if superior else -margin
        return e.lower(level) >= border if value > border else e.upper(level) <= 0

    if more is None:
        assert not decided(after(found, MOST_CLUSTERS - 1 - found.clusters))
    else:
        assert decided(after(found, more))
        assert more == 0 or not decided(after(found, more - 1))


def test_by_hand() -> None:
    # 20 days, error 1, gain 1: with G days the lower bound is 1 - t(.95, 19 G/20) · √(20/G); above 0 from 57 on
    found = gain(1.0, error=1.0)
    assert stats.t.ppf(0.95, 19 * 57 / 20) * (20 / 57) ** 0.5 < 1 < stats.t.ppf(0.95, 19 * 56 / 20) * (20 / 56) ** 0.5

    assert more_clusters(found, 0.0, 0.95) == 37
    assert more_clusters(found, 0.0, 0.95, superior=True) == 37
    assert more_clusters(replace(found, value=0.0), 1.0, 0.95) == 37
    # beyond the margin, what can be shown is harm: that it is below 0
    assert more_clusters(replace(found, value=-1.0), 0.5, 0.95) == 37
    assert more_clusters(replace(found, value=-1.0), 0.5, 0.5, harm_confidence=0.95) == 37


@pytest.mark.parametrize(
    ("found", "superior"),
    [
        (gain(-0.01), False),  # on the border
        (gain(0.0), True),
        (gain(-0.01 + 1e-6), False),  # too near it
        (gain(0.5, error=np.inf, clusters=1, freedom=1.0), False),
    ],
)
def test_no_number_decides(found: Estimate, superior: bool) -> None:
    assert more_clusters(found, 0.01, 0.95, superior=superior) is None


def test_what_is_decided_takes_no_more() -> None:
    assert more_clusters(gain(0.05), 0.01, 0.95) == 0
    assert more_clusters(gain(-0.05), 0.01, 0.95) == 0
    assert more_clusters(gain(0.0, error=0.0), 0.01, 0.95) == 0


@given(st.floats(-2, 4), st.integers(2, 200), st.floats(0.8, 0.99))
def test_power_is_that_of_the_noncentral_t(effect: float, clusters: int, level: float) -> None:
    found = power(effect - 0.5, 1.0, clusters, 0.5, level)

    expected = stats.nct.sf(stats.t.ppf(level, clusters - 1), clusters - 1, effect * clusters**0.5)
    assert found == pytest.approx(float(expected), abs=1e-8)


def test_power_is_that_of_statsmodels() -> None:
    expected = TTestPower().power(0.5, 28, 0.05, alternative="larger")

    assert power(0.03, 0.1, 28, 0.02, 0.95) == pytest.approx(expected)


def test_power_is_how_often_the_test_passes() -> None:
    random = np.random.default_rng(4)
    days = random.normal(0.1, 1.0, (2000, 28))
    units = Units(np.arange(28))

    passed = np.mean([mean_difference(line, units).lower(0.95) > -0.3 for line in days])

    assert passed == pytest.approx(power(0.1, 1.0, 28, 0.3, 0.95), abs=3.5 * 0.5 / 2000**0.5)


def test_at_the_border_a_test_passes_as_often_as_it_may_err() -> None:
    assert power(-0.3, 1.0, 28, 0.3, 0.95) == pytest.approx(0.05)


def test_without_spread_power_is_certain() -> None:
    assert (power(0.0, 0.0, 5, 0.1, 0.95), power(-0.2, 0.0, 5, 0.1, 0.95)) == (1.0, 0.0)
    with pytest.raises(ValueError, match="two clusters"):
        power(0.0, 1.0, 1, 0.1, 0.95)
