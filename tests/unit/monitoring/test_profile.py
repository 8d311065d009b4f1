"""Day profiles: every row of a day is in one bin of every column."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.files import to_json
from weighlock.monitoring.profile import day_profile


def days(*counts: int) -> pd.Series:
    """So many rows on the first of January, so many on the second, …"""
    return pd.Series(np.repeat(pd.date_range("2013-01-01", periods=len(counts)), counts))


def profile(column: list, kind: str, day: pd.Series | None = None, most: int = 3) -> tuple[list[tuple], dict]:
    dtype = object if kind == "category" else float
    table, bins = day_profile(pd.DataFrame({"f": pd.Series(column, dtype=dtype)}), {"f": kind}, {}, day, most)
    return list(table.itertuples(index=False, name=None)), bins["f"]


def test_categories_by_hand() -> None:
    rows, bins = profile(["a", "b", "a", None, "d", "c", "b", "a"], "category", days(5, 3), most=2)

    assert bins == {"categories": ["a", "b"]}
    assert rows == [
        ("2013-01-01", "f", "(missing)", 1),
        ("2013-01-01", "f", "(other)", 1),
        ("2013-01-01", "f", "a", 2),
        ("2013-01-01", "f", "b", 1),
        ("2013-01-02", "f", "(other)", 1),
        ("2013-01-02", "f", "a", 1),
        ("2013-01-02", "f", "b", 1),
    ]


def test_numbers_by_hand() -> None:
    # the sixteenths of 0 … 16 are 1 … 15, and a value at an edge is of the bin below
    rows, bins = profile([*range(17), np.nan], "number")

    assert bins == {"edges": [float(i) for i in range(1, 16)]}
    assert {(day, column) for day, column, _, _ in rows} == {("all", "f")}
    assert {name: count for _, _, name, count in rows} == {"(missing)": 1, "0": 2, **{str(i): 1 for i in range(1, 16)}}


def test_few_values_have_few_bins() -> None:
    rows, bins = profile([0.0] * 90 + [1.0] * 10, "boolean")

    assert bins == {"edges": [0.0, 1.0]}
    assert [(name, count) for _, _, name, count in rows] == [("0", 90), ("1", 10)]


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "category"])
def test_a_column_of_nulls_is_missing(kind: str) -> None:
    rows, bins = profile([None] * 4, kind)

    assert rows == [("all", "f", "(missing)", 4)]
    assert list(bins.values()) == [[]]


def test_scores_are_columns_of_their_own_with_finer_bins() -> None:
    columns = pd.DataFrame({"f": np.arange(100.0)})
    scores = {"low": np.linspace(0, 1, 100), "high": np.linspace(1, 0, 100).astype(np.float32)}

    table, bins = day_profile(columns, {"f": "number"}, scores, None, 3)

    assert list(bins) == ["f", "(score)low", "(score)high"]
    assert [len(b["edges"]) for b in bins.values()] == [15, 19, 19]
    assert table.groupby("column")["rows"].agg(["sum", "max"]).loc["(score)low"].tolist() == [100, 5]


def test_days_are_those_given_whatever_the_order_of_rows() -> None:
    shuffled = pd.Series(pd.to_datetime(["2013-03-02", "2013-03-01", "2013-03-02"]))

    rows, _ = profile([1.0, 1.0, 1.0], "number", shuffled)

    assert rows == [("2013-03-01", "f", "0", 1), ("2013-03-02", "f", "0", 2)]


@settings(max_examples=6)
@given(data=st.data())
def test_every_row_is_in_one_bin_of_each_column(data: st.DataObject, rows_of: Callable, schema_of: Callable) -> None:
    rows = rows_of("binary", data.draw(st.integers(1, 60)), seed=data.draw(st.integers(0, 99)))
    features = schema_of("binary").features
    day = pd.Series(pd.Timestamp("2013-01-01") + pd.to_timedelta(np.arange(len(rows)) % 4, unit="D"))
    most = data.draw(st.integers(1, 5))

    table, bins = day_profile(
        rows[list(features)], {n: c.type for n, c in features.items()}, {"": rows["size"].to_numpy()}, day, most
    )

    assert list(table.columns) == ["day", "column", "bin", "rows"]
    assert set(table["column"]) == set(bins) == {*features, "(score)"}
    assert (table["rows"] > 0).all()
    assert not table.duplicated(["day", "column", "bin"]).any()
    per_day = day.dt.strftime("%Y-%m-%d").value_counts().to_dict()
    for _, part in table.groupby("column"):
        assert part.groupby("day")["rows"].sum().to_dict() == per_day
    assert json.loads(to_json(bins)) == bins
    for name, edges in ((n, b["edges"]) for n, b in bins.items() if "edges" in b):
        values = rows["size" if name == "(score)" else name]
        for i, count in table[table["column"] == name].groupby("bin")["rows"].sum().items():
            low, high = -np.inf, np.inf
            if i != "(missing)":
                low, high = [-np.inf, *edges][int(i)], [*edges, np.inf][int(i)]
            inside = values.isna() if i == "(missing)" else (values > low) & (values <= high)
            assert count == inside.sum()
