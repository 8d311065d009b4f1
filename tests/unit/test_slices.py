"""Slices: every row has one name, and names that differ are of rows that differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.slices import slice_labels


def labels(values: list, kind: str, most: int = 12) -> list[str]:
    dtype = object if kind == "category" else float
    return slice_labels(pd.Series(values, dtype=dtype), kind, most).tolist()


def test_categories_stand_for_themselves_the_largest_first_and_the_rest_are_other() -> None:
    values = ["b"] * 3 + ["a"] * 3 + ["d"] * 2 + ["c"] * 2 + [None]

    # of c and d, which are equally large, c by name
    assert labels(values, "category", 3) == ["b"] * 3 + ["a"] * 3 + ["(other)"] * 2 + ["c"] * 2 + ["(missing)"]
    assert labels(values, "category", 4) == [*values[:-1], "(missing)"]


def test_booleans_have_names() -> None:
    assert labels([1.0, 0.0, np.nan], "boolean") == ["true", "false", "(missing)"]


def test_few_numbers_stand_for_themselves() -> None:
    assert labels([1.0, 2.5, np.nan, 1.0], "number") == ["1", "2.5", "(missing)", "1"]
    assert labels([3.0, 2013.0], "integer") == ["3", "2013"]


def test_many_numbers_are_cut_into_quarters() -> None:
    names = labels([*range(1, 10), np.nan], "number", most=4)

    # the quartiles of 1 … 9 are 3, 5 and 7; a border is of the part above, the largest of the part below
    assert names == ["1 to 3"] * 2 + ["3 to 5"] * 2 + ["5 to 7"] * 2 + ["7 to 9"] * 3 + ["(missing)"]


def test_quarters_of_mostly_one_value_are_fewer() -> None:
    assert set(labels([0.0] * 80 + [float(i) for i in range(1, 21)], "number")) == {"0 to 20"}


def test_an_all_null_column_is_one_slice() -> None:
    for kind in ("number", "integer", "boolean", "category"):
        assert labels([None, None], kind) == ["(missing)", "(missing)"]


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_large_numbers_that_differ_late_keep_names_of_their_own(kind: str) -> None:
    assert labels([12345678.0, 12345679.0], kind) == ["12345678", "12345679"]
    assert len(set(labels([1e9 + i for i in range(100)], kind))) == 4


def test_the_index_is_kept() -> None:
    values = pd.Series([1.0, 2.0, 3.0], index=[7, 3, 5])

    assert slice_labels(values, "number", 2).index.tolist() == [7, 3, 5]
    assert slice_labels(values, "number", 3).index.tolist() == [7, 3, 5]


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=60), st.integers(2, 6))
def test_numbers_stay_in_order_and_every_row_has_a_slice(values: list[float], most: int) -> None:
    series = pd.Series(values)

    names = slice_labels(series, "number", most)

    assert names.notna().all()
    assert (names == "(missing)").tolist() == series.isna().tolist()
    assert names.nunique() <= max(most, 4) + 1
    known = series.dropna()
    spans = known.groupby(names[known.index]).agg(["min", "max"]).sort_values("min")
    assert (spans["max"].to_numpy()[:-1] < spans["min"].to_numpy()[1:]).all()


@given(st.lists(st.none() | st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.integers(2, 6))
def test_a_category_is_itself_or_other(values: list[str | None], most: int) -> None:
    names = labels(values, "category", most)

    kept = set(names) - {"(other)", "(missing)"}
    assert len(kept) <= most
    assert all(
        n == (v if v in kept else "(missing)" if v is None else "(other)") for n, v in zip(names, values, strict=True)
    )
    others = [values.count(v) for v in set(values) - kept - {None}]
    assert max(others, default=0) <= min((values.count(v) for v in kept), default=0)
