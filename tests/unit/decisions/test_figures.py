"""Figures have as many digits as they bear, and those of a row can be subtracted from one another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import check, context, estimate

from weighlock.decisions.figures import (
    Figures,
    arrow,
    count,
    decimals,
    figures_of,
    interval,
    metric_of,
    number,
    probability,
    share,
    written,
)
from weighlock.decisions.verdict import Comparison


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.45123, "0.4512"), (23410.4, "23,410"), (3.0, "3.000"), (0.0, "0"), (1.5e-7, "1.5e-07"), (2e12, "2e+12"),
     (math.inf, "unknown"), (math.nan, "unknown"), (-0.5, "-0.5000")],
)  # fmt: skip
def test_a_figure_has_four_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_row_has_the_decimals_of_its_error() -> None:
    # an error of 0.000031 needs six decimals for two digits
    row = Comparison("primary", "log_loss", 0.45121, 0.451188, estimate(0.000022, 0.000031), 0.02)
    shown = figures_of(row)

    assert (shown.plain(row.champion), shown.plain(row.challenger), shown.signed(row.gain.value)) == (
        "0.451210", "0.451188", "+0.000022",
    )  # fmt: skip


@given(
    st.floats(1e-3, 1e8), st.floats(-0.5, 0.5), st.floats(1e-6, 1.0),
)  # fmt: skip
def test_the_figures_of_a_row_add_up(champion: float, change: float, error: float) -> None:
    gain = champion * change
    row = Comparison("guard", "mae", champion, champion - gain, estimate(gain, champion * error), 0.0)
    shown = figures_of(row)
    read = [float(text.replace(",", "")) for text in map(shown.plain, (row.champion, row.challenger))]

    found = float(shown.signed(gain).replace(",", ""))

    assert shown.decimals is not None
    # each of three is off by half a unit of the last decimal at most
    assert abs((read[0] - read[1]) - found) <= 1.51 * 10**-shown.decimals * (1 + 1e-6)


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert Figures(3).signed(-0.0001) == "0.000"
    assert Figures(3).signed(-0.1) == "-0.100"
    assert Figures(0).signed(-0.1) == "0"


def test_very_small_and_very_large_values_are_powers_of_ten() -> None:
    tiny = Comparison("primary", "mae", 2.5e-9, 2.4e-9, estimate(1e-10, 1e-11), 0.0)

    assert figures_of(tiny).plain(tiny.champion) == "2.5e-09"
    assert written(check(gain=estimate(math.nan, math.inf)))[2:4] == ("unknown", "unknown")


@pytest.mark.parametrize(("size", "digits", "places"), [(0.0041, 2, 4), (12.0, 4, 2), (99999, 4, 0), (0, 4, 0)])
def test_decimals(size: float, digits: int, places: int) -> None:
    assert decimals(size, digits) == places


def test_the_interval_starts_at_the_one_sided_bound() -> None:
    made = check(gain=estimate(0.0024, 0.0041), confidence=0.95)

    ends = interval(made)

    # t(0.95; 27) = 1.7033, by the book's table
    assert ends == pytest.approx((0.0024 - 1.7033 * 0.0041, 0.0024 + 1.7033 * 0.0041), abs=1e-6)
    assert written(made) == ("0.4512", "0.4488", "+0.0024", "-0.0046 to +0.0094", "-0.02")
    assert interval(check(gain=estimate(error=math.inf))) is None


def test_words() -> None:
    assert (count(1, "row"), count(2053, "row"), count(2, "more", "many")) == ("1 row", "2,053 rows", "2 many")
    assert (share(0.975), probability(None), probability(0.03123), probability(1e-9)) == (
        "97.5%", "", "0.031", "< 0.0001",
    )  # fmt: skip
    assert [arrow(m, "binary") for m in ("log_loss", "roc_auc", "nonsense", None)] == ["↓", "↑", "", ""]
    assert metric_of(check("slice", "carrier = UA"), context()) == "log_loss"
    assert metric_of(check("fairness", "gap"), context()) is None
