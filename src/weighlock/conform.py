"""Bring a table's columns to the types of `schema.yaml`, noting every cell that does not fit.

In memory and in Parquet a number, an integer and a boolean are float64 (null is NaN), a category is text
(null is None). The target is 0 or 1 for binary, its class's name for multiclass, float64 for regression.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.errors import DataError
from weighlock.schema import Column, Schema, label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
FAILURE = ["row", "column", "reason"]


def conform(frame: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The schema's columns with its types, and the cells that do not fit.

    Returns:
        The table (key, time and group first, then the target, features and others), same rows in the same order;
        and the failures, one row each: `row` (position), `column`, `reason`. A cell that fails is null in the table.

    Raises:
        DataError: a column is missing, or nothing in it is of its type.
    """
    require_columns(frame, schema)
    typed: dict[str, pd.Series] = {}
    failures: list[pd.DataFrame] = []
    for name in carried(frame, schema):
        typed[name] = frame[name] if name == schema.time else as_category(frame[name])
    typed[schema.target], target_failures = _target(frame[schema.target], schema)
    failures.append(target_failures)
    for name, column in schema.columns.items():
        typed[name], bad = as_type(frame[name], column)
        failures.append(bad)
    return pd.DataFrame(typed), pd.concat(failures, ignore_index=True)


def require_columns(frame: pd.DataFrame, schema: Schema) -> None:
    """Refuse a table that lacks a column of the schema.

    Raises:
        DataError: names each, with the nearest name that the table does have.
    """
    lines = []
    for name in [n for n in (schema.key, schema.time, schema.group, schema.target, *schema.columns) if n]:
        if name not in frame.columns:
            near = difflib.get_close_matches(name, list(frame.columns), n=1, cutoff=0.5)
            lines.append(f"`{name}`" + (f" (renamed to `{near[0]}`?)" if near else ""))
    if lines:
        raise DataError(f"the data lack {', '.join(lines)} of `schema.yaml`. Mend the source or the schema.")


def carried(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """The names of the columns that identify a row rather than describe it: key, time, group."""
    key = schema.key or "row_id"
    names = [key, schema.time, schema.group]
    return [n for n in names if n and n in frame.columns and n not in schema.columns]


def truth(rows: pd.DataFrame, schema: Schema) -> NDArray[Any]:
    """The target as metrics take it: 0/1, the class's number, or the value."""
    values = rows[schema.target]
    if schema.task == "multiclass":
        numbers = {name: i for i, name in enumerate(schema.classes or ())}
        values = values.map(numbers)
    return np.asarray(values, dtype=np.float64 if schema.task == "regression" else np.int64)


def as_type(values: pd.Series, column: Column) -> tuple[pd.Series, pd.DataFrame]:
    """One column's values by its type, and the failures.

    Raises:
        DataError: no value at all is of the type.
    """
    if column.type == "category":
        return as_category(values), _failures(values, values.isna() & False, "")
    number = _booleans(values) if column.type == "boolean" else _numbers(values)
    wrong = number.isna() & values.notna()
    if values.notna().any() and bool(wrong[values.notna()].all()):
        raise DataError(
            f"the column `{values.name}` should be a {column.type}, but holds values such as "
            f"{values.dropna().iloc[0]!r}. Mend the source, or its `type` in `schema.yaml`."
        )
    failures = [_failures(values, wrong, f"is no {column.type}")]
    with np.errstate(over="ignore"):  # models read single precision
        infinite = pd.Series(np.isinf(number.to_numpy(dtype=np.float32)), index=number.index)
    failures.append(_failures(values, infinite, "is infinite"))
    number = number.mask(infinite)
    if column.type == "integer":
        broken = number.notna() & (number % 1 != 0)
        failures.append(_failures(values, broken, "is no whole number"))
        number = number.mask(broken)
    return number, pd.concat(failures, ignore_index=True)


def as_category(values: pd.Series) -> pd.Series:
    """The values as text, null as None; 3.0 in a column of numbers is `3`."""
    if values.dtype == object:
        plain = values.where(values.notna(), None)
        if not all(type(v) is str for v in pd.unique(plain) if v is not None):
            plain = plain.map(label, na_action="ignore")
    else:
        plain = values.astype(object).map(label, na_action="ignore").where(values.notna(), None)
    return plain.mask(plain == "", None).astype(object)  # an empty text says no more than a null


def _target(values: pd.Series, schema: Schema) -> tuple[pd.Series, pd.DataFrame]:
    if schema.task == "regression":
        typed, failures = as_type(values, Column(type="number"))
    else:
        typed = as_category(values)
        assert schema.classes is not None  # noqa: S101  (Schema requires them)
        wrong = typed.notna() & ~typed.isin(schema.classes)
        if typed.notna().any() and bool(wrong[typed.notna()].all()):
            raise DataError(
                f"the target `{values.name}` holds none of its classes {schema.classes}, but values such as "
                f"{typed.dropna().iloc[0]!r}. Mend `classes` in `schema.yaml`."
            )
        failures = _failures(values, wrong, f"is none of the classes {', '.join(schema.classes)}")
        if schema.task == "binary":
            typed = (typed == schema.classes[1]).astype("int8")
    missing = _failures(values, values.isna(), "is missing, so the row has no outcome")
    return typed, pd.concat([failures, missing], ignore_index=True)


def _numbers(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.Series(np.nan, index=values.index, name=values.name)
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _booleans(values: pd.Series) -> pd.Series:
    return as_category(values).str.lower().map(_BOOLEANS).astype("float64")


def _failures(values: pd.Series, mask: pd.Series, reason: str) -> pd.DataFrame:
    rows: Iterable[int] = np.flatnonzero(mask.to_numpy(dtype=bool))
    return pd.DataFrame({"row": rows, "column": str(values.name), "reason": reason}, columns=FAILURE)
