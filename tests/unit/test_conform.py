"""Columns come to the schema's types, cell by cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.config import parse
from weighlock.conform import as_category, as_type, conform
from weighlock.errors import DataError
from weighlock.schema import Column, Schema


def schema(**change: object) -> Schema:
    base = {
        "task": "binary", "target": "y", "classes": ["no", "yes"], "key": "id",
        "features": {k: {"type": t} for k, t in zip("xnbc", ("number", "integer", "boolean", "category"), strict=True)},
    }  # fmt: skip
    return parse({**base, **change}, Schema, "schema.yaml")


FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "x": ["1.5", "oops", None],
        "n": [1.0, 2.5, 3.0],
        "b": [True, "FALSE", 2],
        "c": [7, "JFK", None],
        "y": ["yes", "no", "maybe"],
    }
)


def test_cells_are_typed_and_each_misfit_is_told() -> None:
    frame, failures = conform(FRAME, schema())

    assert list(frame.columns) == ["id", "y", "x", "n", "b", "c"]
    assert frame["id"].tolist() == ["1", "2", "3"]
    assert frame["x"].tolist()[:1] == [1.5]
    assert frame["x"].isna().tolist() == [False, True, True]
    assert frame["n"].isna().tolist() == [False, True, False]
    assert frame["b"].tolist()[:2] == [1.0, 0.0]
    assert frame["c"].tolist() == ["7", "JFK", None]
    assert frame["y"].tolist() == [1, 0, 0]
    told = sorted(failures.itertuples(index=False, name=None))
    assert told == [
        (1, "n", "is no whole number"),
        (1, "x", "is no number"),
        (2, "b", "is no boolean"),
        (2, "y", "is none of the classes no, yes"),
    ]


def test_infinities_are_failures() -> None:
    values, failures = as_type(pd.Series([1.0, np.inf, -np.inf], name="x"), Column(type="number"))

    assert values.isna().tolist() == [False, True, True]
    assert failures["reason"].tolist() == ["is infinite", "is infinite"]


@pytest.mark.parametrize("kind", ["number", "integer", "boolean"])
def test_a_column_that_is_wholly_of_another_type_is_refused(kind: str) -> None:
    with pytest.raises(DataError, match=f"`x` should be a {kind}, but holds values such as 'far'"):
        as_type(pd.Series(["far", "near", None], name="x"), Column.model_validate({"type": kind}))


def test_dates_are_no_numbers() -> None:
    with pytest.raises(DataError, match="should be a number"):
        as_type(pd.Series(pd.to_datetime(["2013-01-01"]), name="x"), Column(type="number"))


def test_an_all_null_column_is_of_any_type() -> None:
    values, failures = as_type(pd.Series([None, None], name="x", dtype=object), Column(type="number"))

    assert values.isna().all()
    assert failures.empty


def test_missing_columns_are_named_with_their_nearest() -> None:
    renamed = FRAME.rename(columns={"x": "xx"}).drop(columns="n")

    with pytest.raises(DataError, match=r"the data lack `x` \(renamed to `xx`\?\), `n`"):
        conform(renamed, schema())


def test_a_target_without_any_of_its_classes_is_refused() -> None:
    with pytest.raises(DataError, match="the target `y` holds none of its classes"):
        conform(FRAME.assign(y="perhaps"), schema())


def test_a_missing_outcome_is_a_failure() -> None:
    _, failures = conform(FRAME.assign(y=["yes", None, "no"]), schema())

    assert (1, "y", "is missing, so the row has no outcome") in set(failures.itertuples(index=False, name=None))


def test_regression_and_multiclass_targets() -> None:
    number, _ = conform(FRAME.assign(y=[1, 2.5, 3]), schema(task="regression", classes=None))
    named, _ = conform(FRAME.assign(y=[1, 2, 3]), schema(task="multiclass", classes=[1, 2, 3]))

    assert number["y"].tolist() == [1.0, 2.5, 3.0]
    assert named["y"].tolist() == ["1", "2", "3"]


@given(
    st.lists(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.just(float("nan")), max_size=8)
)
def test_categories_are_text_or_null_and_stay_so(values: list) -> None:
    once = as_category(pd.Series(values, dtype=object))

    assert all(v is None or (isinstance(v, str) and v) for v in once)
    assert as_category(once).tolist() == once.tolist()
