"""Holm's correction, against statsmodels' and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from weighlock.statistics.multiple import holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_it_rejects_what_stepping_down_rejects(values: list[float]) -> None:
    adjusted = holm(values)

    for level in (0.01, 0.05, 0.5):
        rejected: list[int] = []
        for step, i in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            if values[i] * (len(values) - step) > level:
                break
            rejected.append(i)
        assert sorted(rejected) == np.flatnonzero(adjusted <= level).tolist()


def test_it_is_that_of_statsmodels() -> None:
    values = np.random.default_rng(1).random(40) ** 4  # some small, none in order

    assert holm(values).tolist() == pytest.approx(multipletests(values, method="holm")[1].tolist())


def test_by_hand() -> None:
    # sorted: .01 · 4, .02 · 3, .03 · 2, .04 · 1, none below the one before it
    assert holm([0.04, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, value])


def test_it_errs_anywhere_as_seldom_as_it_says() -> None:
    # twenty looks at nothing, half of them at the same thing
    random = np.random.default_rng(2)
    found = []
    for _ in range(2000):
        values = random.random(20)
        values[:10] = values[0]
        found.append((holm(values) <= 0.05).any())

    assert 0.02 < np.mean(found) < 0.06
