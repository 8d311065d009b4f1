"""Holm's correction, against statsmodels' and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from weighlock.statistics.multiple import holm


@settings(max_examples=4)  # theirs collects garbage each time
@given(st.lists(st.floats(0, 1), min_size=5, max_size=30))
def test_it_is_that_of_statsmodels(values: list[float]) -> None:
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
