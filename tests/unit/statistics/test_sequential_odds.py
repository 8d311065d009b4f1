"""Two streams of yes and no: likelihoods against scipy's, errors by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nchypergeom_fisher

from weighlock.statistics.sequential import enough
from weighlock.statistics.sequential_odds import (
    LOG_ODDS,
    Strata,
    log_evidence,
    log_evidence_below,
    log_likelihoods,
    odds_bounds,
)


def strata(*rows: tuple[int, int, int, int]) -> Strata:
    return Strata(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


@st.composite
def stratum(draw: st.DrawFn) -> tuple[int, int, int, int]:
    n1, n0 = draw(st.integers(0, 40)), draw(st.integers(0, 200))
    return n1, draw(st.integers(0, n1)), n0, draw(st.integers(0, n0))


@given(st.lists(stratum(), min_size=1, max_size=4))
def test_a_stratum_s_likelihood_is_fisher_s_noncentral_hypergeometric(rows):
    found = log_likelihoods(strata(*rows))

    places = [60, 160, 175, 230]
    for row, (n1, k1, n0, k0) in zip(found, rows, strict=True):
        expected = [nchypergeom_fisher.logpmf(k1, n1 + n0, n1, k1 + k0, np.exp(LOG_ODDS[place])) for place in places]
        assert row[places] == pytest.approx(expected, abs=1e-6)


def test_a_stratum_too_large_for_the_memory_at_once_is_the_same_in_parts(monkeypatch):
    rows = strata((500, 60, 4000, 300), (40, 2, 300, 5))
    whole = log_likelihoods(rows)

    monkeypatch.setattr("weighlock.statistics.sequential_odds._CELLS", 5_000)

    assert log_likelihoods(rows) == pytest.approx(whole)


def test_evidence_is_the_mixture_of_likelihood_ratios():
    total = log_likelihoods(strata((200, 12, 1800, 18))).sum(axis=0)
    distance = np.arange(1, 61) * 0.05
    weights = np.exp(-0.5 * (distance / 0.8) ** 2)

    ratios = np.exp(np.interp(distance, LOG_ODDS, total) - np.interp(0.0, LOG_ODDS, total))

    assert log_evidence(total) == pytest.approx(np.log((weights / weights.sum()) @ ratios))


def test_the_other_side_is_the_mirror_image():
    one = log_likelihoods(strata((200, 12, 1800, 18))).sum(axis=0)
    other = log_likelihoods(strata((1800, 18, 200, 12))).sum(axis=0)

    assert log_evidence_below(other) == pytest.approx(log_evidence(one))
    lower, upper = odds_bounds(one, 0.05)
    assert odds_bounds(other, 0.05) == pytest.approx((-upper, -lower))


def test_bounds_hold_the_ratio_seen_and_agree_with_the_test():
    total = log_likelihoods(strata((1000, 40, 9000, 90))).sum(axis=0)

    lower, upper = odds_bounds(total, 0.02)

    assert lower < np.log(40 / 960 / (90 / 8910)) < upper
    assert log_evidence(total, lower) >= enough(0.02) > log_evidence(total, lower + 0.05)


def test_no_yeses_say_nothing():
    assert odds_bounds(log_likelihoods(strata((50, 0, 450, 0))).sum(axis=0), 0.05) == (-np.inf, np.inf)


def test_stretches_are_merged_until_both_were_asked_and_nothing_is_lost_before_the_last():
    found = strata((0, 0, 50, 1), (6, 1, 44, 0), (4, 0, 46, 2), (3, 1, 40, 0), (2, 2, 9, 9)).merged(5)

    assert [list(part) for part in (found.candidate, found.candidate_yes, found.stable, found.stable_yes)] == [
        [6, 7], [1, 1], [94, 86], [1, 2]]  # fmt: skip
    assert strata((1, 0, 1, 0)).merged().totals() == (0, 0, 0, 0)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="fewer requests than yeses"):
        log_likelihoods(strata((1, 2, 5, 0)))


def looks(random: np.random.Generator, candidate: float, stable: np.ndarray) -> np.ndarray:
    n1 = random.binomial(50, 0.2, len(stable))
    counts = np.stack([n1, random.binomial(n1, candidate), 50 - n1, random.binomial(50 - n1, stable)], axis=1)
    return np.cumsum(log_likelihoods(strata(*counts.tolist()).merged()), axis=0)


def test_equal_streams_are_rarely_told_apart_at_any_look_even_where_both_change_together():
    random = np.random.default_rng(5)
    rate = np.where(np.arange(60) % 20 < 4, 0.3, 0.02)

    found = [looks(random, rate, rate) for _ in range(40)]

    # 3 standard errors above 10 %
    assert np.mean([(log_evidence(path) >= enough(0.1)).any() for path in found]) < 0.25
    assert np.mean([(log_evidence_below(path) >= enough(0.1)).any() for path in found]) < 0.25


def test_doubled_errors_are_told():
    random = np.random.default_rng(5)

    found = [log_evidence(looks(random, 0.1, np.full(60, 0.05))).max() >= enough(0.05) for _ in range(30)]

    assert np.mean(found) > 0.8
