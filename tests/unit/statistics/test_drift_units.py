"""A changed unit: named by what the other columns foretell, and never where columns merely drift apart."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from weighlock.statistics.drift_distance import Column, middles
from weighlock.statistics.drift_faults import FaultLimits, Feed
from weighlock.statistics.drift_units import RIDGE, conversion_of, conversions, foretell, unit_faults

LIMITS = FaultLimits(error=0.01)
DAYS, WINDOW, ROWS = 120, 7, 200
NONE = np.zeros(WINDOW, dtype=np.int64)
EDGES = {"warm": np.linspace(10, 95, 16), "dew": np.linspace(0, 80, 16), "load": np.linspace(-3, 3, 16)}


def days(random, count):
    """Each day's mean of three columns: °F, a dew point that goes with it, and something of its own."""
    warm = 55 + 18 * np.sin(np.arange(count) / 20) + random.normal(0, 6, count)
    return {"warm": warm, "dew": warm - 12 + random.normal(0, 1.5, count), "load": random.normal(0, 0.3, count)}


def feeds(change=lambda day: day, *, missing=None, before=True):
    random = np.random.default_rng(3)
    past, usual = days(random, DAYS), days(random, WINDOW + 1)
    now = change({name: means[1:] for name, means in usual.items()})
    return [
        _feed(name, past[name], now[name], usual[name][0] if before else None, random, name == missing)
        for name in EDGES
    ]


def _feed(name, past, now, before, random, missing):
    edges, spread = EDGES[name], 0.5 if name == "load" else 4.0

    def counted(means):
        rows = random.normal(means[:, None], spread, (len(means), ROWS))
        found = np.array([np.bincount(np.searchsorted(edges, day), minlength=len(edges) + 1) for day in rows])
        return np.column_stack([found, np.zeros(len(means), dtype=np.int64)]), rows.mean(axis=1)

    reference, window = counted(past)[0], counted(now)
    if missing:
        reference[::4, :-1] = 0
    return Feed(
        Column(name, reference, window[0]), middles(edges), NONE, NONE, NONE, (None,) * WINDOW, window[1], before,
        np.ones(DAYS - 1, dtype=bool), np.append(np.nan if before is None else before, window[1]),
    )  # fmt: skip


def test_days_like_those_before_have_no_fault():
    assert unit_faults(feeds(), LIMITS) == []


def test_the_column_in_another_unit_is_named_and_the_one_that_goes_with_it_is_not():
    (fault,) = unit_faults(feeds(lambda day: day | {"warm": (day["warm"] - 32) / 1.8}), LIMITS)
    assert (fault.column, fault.kind, fault.value, fault.days) == ("warm", "unit", "°F to °C", tuple(range(WINDOW)))
    assert fault.found == pytest.approx((fault.usual - 32) / 1.8, abs=2)


def test_it_is_seen_from_the_day_on_that_it_began():
    def later(day):
        return day | {"dew": np.where(np.arange(WINDOW) < 4, day["dew"], (day["dew"] - 32) / 1.8)}

    (fault,) = unit_faults(feeds(later), LIMITS)
    assert (fault.column, fault.days) == ("dew", (4, 5, 6))


def test_columns_that_drift_apart_are_no_change_of_unit():
    # the dew point is then what a conversion from km would make of what is foretold; but it is not what has moved
    assert unit_faults(feeds(lambda day: day | {"warm": day["warm"] + 25}), LIMITS) == []


def test_where_nobody_knows_the_day_before_the_nearest_conversion_is_named():
    (fault,) = unit_faults(feeds(lambda day: day | {"warm": (day["warm"] - 32) / 1.8}, before=False), LIMITS)
    assert (fault.column, fault.value) == ("warm", "°F to °C")


def test_a_season_that_moves_all_of_them_is_none_either():
    assert unit_faults(feeds(lambda day: day | {"warm": day["warm"] - 35, "dew": day["dew"] - 35}), LIMITS) == []


def test_a_column_that_is_often_missing_foretells_nothing():
    other = feeds(lambda day: day | {"warm": (day["warm"] - 32) / 1.8}, missing="dew")
    assert unit_faults(other, LIMITS) == []
    assert len(foretell(other, 1e-5)) == 2


def test_few_days_tell_nothing():
    short = feeds()
    cut = [
        Feed(Column(f.column.name, f.column.reference[:30], f.column.window), *list(f.__dict__.values())[1:])
        for f in short
    ]
    assert foretell(cut, 1e-5) == []
    assert unit_faults(short[:1], LIMITS) == []


def test_what_is_foretold_is_scikit_learns_ridge():
    given = feeds()
    found = foretell(given, 1e-5)
    past = np.column_stack([f.column.reference[:, :-1] @ f.values / f.column.reference.sum(axis=1) for f in given])
    now = np.column_stack([f.levels for f in given])
    centre, scale = past.mean(axis=0), past.std(axis=0)
    past, now = (past - centre) / scale, (now - centre) / scale
    for place, one in enumerate(found):
        others = [i for i in range(3) if i != place]
        fitted = Ridge(alpha=RIDGE).fit(past[:, others], past[:, place]).predict(now[:, others])
        assert one.means == pytest.approx(fitted * scale[place] + centre[place])


def test_conversions_go_there_and_back():
    assert len({name for name, _, _ in conversions()}) == 24
    for name, factor, shift in conversions():
        assert conversion_of(70.0, 70.0 * factor + shift), name
    assert conversion_of(68.0, 20.0) == "°F to °C"
    assert conversion_of(20.0, 68.0) == "°C to °F"
    assert conversion_of(55.0, 9.0) == ""
