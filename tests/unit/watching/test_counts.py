"""Bins: where a number lies beyond them, and what a day's level is as the reference's are told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weighlock.scoring import Feature, Signature
from weighlock.watching.counts import Bins, counted
from weighlock.watching.feeds import feeds_of
from weighlock.watching.rows import Rows

BINS = Bins(edges=np.array([10.0, 12.0, 16.0]))  # centres 9, 11, 14 and 18; the outer bins reach to 8 and 20


def test_what_lies_beyond_the_outer_bins_is_told_by_how_far():
    assert BINS.overshoot(np.array([8.0, 9.0, 13.0, 20.0])).tolist() == [0, 0, 0, 0]
    found = BINS.overshoot(np.array([5.0, 26.0, np.nan]))
    assert found[:2].tolist() == [-3, 6]
    assert np.isnan(found[2])
    assert Bins(edges=np.zeros(0)).overshoot(np.array([7.0])).tolist() == [0]


def test_levels_of_days_are_alike_the_references_and_leave_the_bins_where_values_do():
    values = [[11.9, 12.1, 9.0], [8.0, 8.0, 2.0], [np.nan] * 3, [15.0, 15.0, 50.0]]
    day = np.repeat(np.arange(9, 13), 3)
    frame = pd.DataFrame({"x": np.concatenate(values)})
    nothing = np.zeros(len(day), dtype=bool)
    rows = Rows(day, frame, {}, {}, ~nothing, nothing, np.zeros(len(day)), ())
    window = counted({"x": frame["x"]}, {"x": BINS}, day, 10, 3)
    signature = Signature(
        "binary", "y", (Feature("x", "number", nullable=True),), ("n", "y"), 0.5, {}, "sha256:00", None
    )
    (feed,) = feeds_of(
        rows, signature, counted({"x": np.array([11.0])}, {"x": BINS}, np.zeros(1, int), 0, 1), window, {"x": BINS}
    )
    expected = [(11 + 14 + 9) / 3, (9 + 9 + 9 - 6) / 3, np.nan, (14 + 14 + 18 + 30) / 3]
    assert feed.alike == pytest.approx(expected, nan_ok=True)
    assert feed.levels[0] == pytest.approx(6)
