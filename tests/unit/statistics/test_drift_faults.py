"""Faults: each kind planted, each told from a day that is merely odd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from weighlock.statistics.drift_distance import Column, middles
from weighlock.statistics.drift_faults import FaultLimits, Feed, at_least, faults

EDGES = np.arange(0.0, 9.0)
LIMITS = FaultLimits(error=0.01)
NONE = np.zeros(3, dtype=np.int64)


def feed(window=None, **changes):
    """A number that is spread over ten bins alike on each of 40 days; a window of three days that is like it."""
    reference = np.tile(np.append(np.full(10, 10), 0), (40, 1))
    reference[::2, 0] += 5  # days differ a little
    window = np.tile(np.append(np.full(10, 10), 0), (3, 1)) if window is None else np.asarray(window)
    start = Feed(
        Column("x", reference, window), middles(EDGES), NONE, NONE, NONE, (None,) * 3, np.full(3, 4.0), 4.0,
        np.ones(39, dtype=bool), np.full(4, 4.0),
    )  # fmt: skip
    return replace(start, **changes)


def test_what_is_as_ever_has_no_fault():
    assert faults([feed()], LIMITS) == []
    assert faults([], LIMITS) == []


@pytest.mark.parametrize(("kind", "field"), [("type", "mistyped"), ("range", "outside"), ("unseen", "unseen")])
def test_a_share_of_odd_values_is_a_fault_on_its_day(kind, field):
    (fault,) = faults([feed(**{field: np.array([0, 40, 1])})], LIMITS)
    assert (fault.kind, fault.days, fault.found) == (kind, (1,), 0.4)
    assert faults([feed(**{field: np.array([0, 3, 1])})], LIMITS) == []


def test_nulls_are_a_fault_where_there_never_were_so_many():
    window = np.tile(np.append(np.full(10, 10), 0), (3, 1))
    window[2] = [*[8] * 10, 20]
    (fault,) = faults([feed(window)], LIMITS)
    assert (fault.kind, fault.days, round(fault.found, 3)) == ("nulls", (2,), 0.2)
    often = feed(window)
    often.column.reference[3] = [*[5] * 10, 50]  # half a day was missing once
    assert faults([often], LIMITS) == []


def test_where_days_are_often_half_missing_a_dead_column_is_still_told():
    reference = np.tile([*[6] * 10, 40], (40, 1))
    reference[::5] = [*[4] * 10, 60]
    window = np.tile([*[6] * 10, 40], (3, 1))
    window[1], window[2] = [*[3] * 10, 70], [0] * 10 + [100]
    often = feed(window)
    often.column.reference[:] = reference
    often = replace(often, levels=np.array([4.0, 4.0, np.nan]))
    (fault,) = faults([often], LIMITS)
    assert (fault.kind, fault.days, fault.usual) == ("nulls", (2,), 0.6)


def test_a_bound_of_a_share_is_cloppers_and_pearsons():
    assert at_least(0, 10, 0.05) == 0
    assert at_least(7, 20, 0.01) == pytest.approx(beta.ppf(0.01, 7, 14))


def test_a_sensor_is_stuck_where_days_never_were_alike():
    window = np.tile([0] * 4 + [100] + [0] * 6, (3, 1))
    (fault,) = faults([feed(window, only=("4.5",) * 3)], LIMITS)
    assert (fault.kind, fault.days, fault.value) == ("constant", (0, 1, 2), "4.5")
    # weekday: all of a day's rows have the same one, always
    daily = feed(window, only=("4.5",) * 3)
    daily.column.reference[:] = 0
    daily.column.reference[np.arange(40), np.arange(40) % 7] = 100
    assert faults([daily], LIMITS) == []


def test_a_leap_is_a_fault_where_it_was_never_so_far_from_one_day_to_the_next():
    (fault,) = faults([feed(levels=np.array([4.1, 12.0, 12.1]))], LIMITS)
    assert (fault.kind, fault.days, fault.usual, fault.found) == ("jump", (1,), 4.1, 12.0)
    (fault,) = faults([feed(levels=np.array([12.0, 12.0, 12.0]))], LIMITS)
    assert (fault.days, fault.usual) == ((0,), 4.0)
    assert faults([feed(levels=np.array([12.0, 12.0, 12.0]), before=None)], LIMITS) == []
    assert faults([feed(levels=np.array([5.0, 4.0, 6.0]))], LIMITS) == []


def test_a_mean_of_few_rows_may_leap():
    few = np.zeros((3, 11), dtype=np.int64)
    few[:, 0] = 1
    assert faults([feed(few, levels=np.array([4.1, 9.0, 4.0]))], LIMITS) == []
