"""Fences: what the tail of the past says of a further value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.statistics.drift_tails import fence, leads, of_shares, share_of


@pytest.mark.parametrize(("count", "error"), [(40, 0.002), (240, 0.001), (240, 1e-4)])
def test_a_further_value_of_an_exponential_tail_passes_as_often_as_it_may(count, error):
    random = np.random.default_rng(1)
    passed = np.exp([-fence(random.exponential(size=count), error) for _ in range(800)])  # each one's probability
    assert passed.mean() == pytest.approx(error, rel=0.2)


def test_leads_by_hand():
    # of four values the largest two: P = 2/5 · 1/(2 + k)
    assert leads(4, 2, 0.02) == pytest.approx(18)
    # of 79 the largest three: 3/80 · 1/(2 + k) · 2/(3 + k)
    assert leads(79, 3, 3 / 80 / 10) == pytest.approx(2)
    assert leads(79, 3, 0.5) == 0


def test_a_past_without_any_is_its_own_fence():
    assert fence(np.zeros(50), 1e-5) == 0
    with pytest.raises(ValueError, match="two values"):
        fence(np.zeros(1), 0.1)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=60), st.floats(1e-6, 0.2))
def test_a_fence_is_never_below_what_was_seen_and_rises_with_doubt(values, error):
    past = np.array(values)
    assert fence(past, error) >= past.max()
    assert fence(past, error / 2) >= fence(past, error)


@given(st.floats(0, 0.999))
def test_shares_come_back(share):
    assert share_of(float(of_shares(share))) == pytest.approx(share, abs=1e-9)


def test_all_of_them_lie_beyond_every_fence():
    assert of_shares(1.0) == np.inf
    assert share_of(np.inf) == 1.0
