"""Drift of days: distances by hand and by scipy, thinning, thresholds that hold, and shifts that are seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from weighlock.statistics.drift import drifts
from weighlock.statistics.drift_chance import inflation, tail_of, thinned
from weighlock.statistics.drift_distance import Column, distance, middles, moments

FLOORS = {"shift": 0.1, "mix": 0.05, "nulls": 0.02}
histograms = st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(lambda rows: sum(rows[:-1]) > 0)


@settings(max_examples=25)
@given(histograms, histograms)
def test_distances_are_those_of_scipy(first, second):
    a, b, steps = np.array(first), np.array(second), np.array([0.5, 1.0, 2.0])
    places = np.array([0.0, 0.5, 1.5, 3.5])

    shift = distance("shift", a, b, steps)
    assert shift == pytest.approx(wasserstein_distance(places, places, a[:-1], b[:-1]), abs=1e-12)
    mix = distance("mix", a, b, None)
    assert mix == pytest.approx(np.nan_to_num(jensenshannon(a, b, base=2)), abs=1e-6)
    assert distance("nulls", a, b, None) == pytest.approx(abs(a[-1] / a.sum() - b[-1] / b.sum()))


def test_a_side_without_rows_is_no_distance_away():
    empty, some = np.zeros(3, dtype=int), np.array([1, 2, 0])
    assert distance("shift", empty, some, np.array([1.0])) == 0
    assert distance("mix", empty, some, None) == 0


def test_bins_are_stood_for_by_their_middles():
    assert middles(np.array([0.0, 2.0, 6.0])).tolist() == [-1.0, 1.0, 4.0, 8.0]
    assert len(middles(np.array([]))) == 1
    assert len(middles(np.array([3.0]))) == 2
    mean, deviation = moments(np.array([[1, 0, 1, 5]]), np.array([0.0, 1.0, 2.0]))
    assert (mean, deviation) == (1.0, 1.0)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=6), st.integers(1, 40))
def test_thinned_days_have_as_many_rows_as_are_asked_for_and_only_such_as_they_had(days, wanted):
    counts = np.array(days)
    thin = thinned(counts, np.full(len(counts), wanted), np.random.default_rng(0))

    total = counts.sum(axis=1)
    assert thin.sum(axis=1).tolist() == np.where(total > 0, wanted, 0).tolist()
    enough = total >= wanted
    assert (thin[enough] <= counts[enough]).all()
    assert (thin[counts == 0] == 0).all()


def test_thinning_keeps_shares():
    many = thinned(np.tile([[600, 300, 100]], (400, 1)), np.full(400, 20), np.random.default_rng(1))
    assert many.sum(axis=0) / many.sum() == pytest.approx([0.6, 0.3, 0.1], abs=0.02)


def test_the_tail_of_exponential_scores_is_their_quantile():
    scores = np.random.default_rng(2).exponential(size=200_000)
    assert tail_of(scores, 0.001) == pytest.approx(-np.log(0.001), rel=0.03)


def test_days_that_are_like_their_neighbours_inflate():
    random = np.random.default_rng(3)
    level = np.cumsum(random.normal(size=60)) * 5
    shares = 1 / (1 + np.exp(-(level - level.mean()) / level.std()))
    alike = np.column_stack([1000 * shares, 1000 * (1 - shares), np.zeros(60)]).astype(np.int64)
    window = np.arange(60) < 7

    assert inflation(alike, np.array([1.0]), window) > 2
    assert inflation(alike, None, window) > 2
    assert inflation(random.permutation(alike), np.array([1.0]), window) < 2


def _days(random, days, rows, *, move=0.0, storms=0.3):
    """Eight columns of numbers in ten bins: days differ, columns do not know of each other."""
    edges = np.linspace(-2, 2, 9)
    found = []
    for column in range(8):
        levels = storms * random.normal(size=days) + (move if column == 0 else 0.0)
        values = levels[:, None] + random.normal(size=(days, rows))
        bins = np.searchsorted(edges, values)
        found.append(np.array([np.append(np.bincount(day, minlength=10), 0) for day in bins]))
    return found


def _drifted(random, rows, *, move=0.0, days=(40, 7)):
    reference, window = _days(random, days[0], 200), _days(random, days[1], rows, move=move)
    steps = np.diff(middles(np.linspace(-2, 2, 9)))
    columns = [Column(f"x{i}", r, w, steps) for i, (r, w) in enumerate(zip(reference, window, strict=True))]
    return [drift for drift in drifts(columns, FLOORS, 0.05, random) if drift.drifted]


@pytest.mark.parametrize("rows", [7, 200])
def test_without_drift_it_hardly_ever_speaks_up(rows):
    random = np.random.default_rng(rows)
    assert sum(bool(_drifted(random, rows)) for _ in range(6)) <= 2  # 5 % and luck: five in a thousand exceed this


def test_a_shift_is_seen_and_named():
    random = np.random.default_rng(4)
    found = [_drifted(random, 200, move=1.2) for _ in range(2)]
    assert all([drift.column for drift in drifted] == ["x0"] for drifted in found)
    assert found[0][0].effect == pytest.approx(1.1, abs=0.4)
    assert found[0][0].effect > found[0][0].smallest >= FLOORS["shift"]


def test_what_is_large_and_matters_to_nobody_is_below_the_floor():
    """A million rows a day show any difference; a hundredth of a standard deviation is none."""
    steady = np.tile([[500_000, 500_000, 0]], (12, 1))
    moved = np.tile([[495_000, 505_000, 0]], (7, 1))
    (drift, _) = drifts([Column("x", steady, moved, np.array([2.0]))], FLOORS, 0.05, np.random.default_rng(5))
    assert drift.score > drift.limit
    assert not drift.drifted


def test_fewer_than_five_days_say_nothing():
    with pytest.raises(ValueError, match="4 days of window and 12"):
        drifts(
            [Column("x", np.ones((12, 3), dtype=int), np.ones((4, 3), dtype=int))],
            FLOORS,
            0.05,
            np.random.default_rng(),
        )
