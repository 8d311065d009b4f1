"""Split: train | validation | holdout, by time, by group, or by a hash of the key; no row, key or group in two."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weighlock.errors import ConfigError, DataError
from weighlock.files import outputs
from weighlock.layout import PART_FILES, PARTS, ROW_ID, SPLIT, VALID
from weighlock.params import SplitParams, read_params, to_timedelta
from weighlock.schema import Schema, read_schema
from weighlock.tables import read_table, write_table
from weighlock.times import minute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

LIBRARIES = ("numpy", "pandas", "pyarrow")
MIN_ROWS = {"train": 30, "validation": 5, "holdout": 5}


def run() -> None:
    """Read the valid rows; write one file a part and `reports/split.json`."""
    params, schema = read_params(), read_schema()
    frame = read_table(Path(VALID), "weighlock stage validate")
    part = assign(frame, schema, params.split, params.data.timezone)
    check(frame, part, schema)
    report = describe(frame, part, schema)
    with outputs("split") as out:
        for name in PARTS:
            write_table(frame[part == name].reset_index(drop=True), out.path(PART_FILES[name]))
        out.json(SPLIT, report)
    for name, row in report.items():
        span = f"  {row['from']} to {row['to']}" if "from" in row else ""
        print(f"{name:<10} {row['rows']:>9,} rows{span}")


def assign(frame: pd.DataFrame, schema: Schema, params: SplitParams, timezone: str) -> NDArray[np.str_]:
    """The part of each row: (n,) of `train`, `validation` or `holdout`.

    By time, the borders are local midnights, and rows of one time (or group: its newest row counts) stay together.
    By group or hash, the part hangs on the group's or key's name alone, so that added rows move no other.

    Raises:
        ConfigError: the column that `split.by` needs is not in `schema.yaml`.
        DataError: the rows do not span what validation and holdout ask for.
    """
    if params.by == "time":
        if schema.time is None:
            raise ConfigError("`split.by: time` needs a `time` column in `schema.yaml`. Name one, or split by hash.")
        return _by_time(frame, schema.time, schema.group, params, timezone)
    if params.by == "group" and schema.group is None:
        raise ConfigError("`split.by: group` needs a `group` column in `schema.yaml`. Name one, or split by hash.")
    name = schema.group or schema.key or ROW_ID
    if frame[name].isna().any():
        raise DataError(f"the column `{name}` is missing in some rows, so they belong to no part. Mend the source.")
    assert isinstance(params.holdout, float)  # noqa: S101  (SplitParams asks for shares here)
    assert isinstance(params.validation, float)  # noqa: S101
    place = _uniform(frame[name])
    return np.select(
        [place < params.holdout, place < params.holdout + params.validation],
        ["holdout", "validation"],
        "train",
    )


def check(frame: pd.DataFrame, part: NDArray[np.str_], schema: Schema) -> None:
    """What must hold of every split, however it was made.

    Raises:
        DataError: a part has too few rows or classes, or a key or group stands in two parts.
    """
    for name in PARTS:
        rows = int((part == name).sum())
        if rows < MIN_ROWS[name]:
            raise DataError(
                f"{name} would have {rows} rows of {len(frame)}; it needs {MIN_ROWS[name]} or more. "
                "Widen `data.window` or change `split` in `params.yaml`."
            )
    for column in (schema.key or ROW_ID, schema.group):
        if column and (shared := _shared(frame[column], part)):
            raise DataError(
                f"`{column}` {shared[0]!r} and {len(shared) - 1} more stand in two parts; the split is unsound."
            )
    if schema.task == "regression":
        return
    for name in PARTS:
        found = frame[schema.target][part == name].nunique()
        needed = len(schema.classes or ()) if name == "train" else 2
        if found < needed:
            raise DataError(
                f"{name} has {found} of the {len(schema.classes or ())} classes of `{schema.target}`; it needs "
                f"{needed}. Widen `data.window`, change `split`, or take rare classes out of `schema.yaml`."
            )


def describe(frame: pd.DataFrame, part: NDArray[np.str_], schema: Schema) -> dict[str, Any]:
    """By part: rows, first and last time, and what the target looks like."""
    report = {}
    for name in PARTS:
        rows = frame[part == name]
        row: dict[str, Any] = {"rows": len(rows)}
        if schema.time:
            row |= {
                "from": minute(rows[schema.time].min()),
                "to": minute(rows[schema.time].max()),
            }
        if schema.task == "multiclass":
            row["shares"] = {
                str(k): round(float(v), 6)
                for k, v in rows[schema.target].value_counts(normalize=True).sort_index().items()
            }
        else:
            row["mean"] = round(float(rows[schema.target].mean()), 6)
        report[name] = row
    return report


def _by_time(frame: pd.DataFrame, time: str, group: str | None, params: SplitParams, timezone: str) -> NDArray[np.str_]:
    moments = frame.groupby(group)[time].transform("max") if group else frame[time]
    local = moments.dt.tz_convert(timezone).dt.tz_localize(None)
    if isinstance(params.holdout, str) and isinstance(params.validation, str):
        end = local.max().normalize() + pd.Timedelta(days=1)
        holdout = end - to_timedelta(params.holdout)
        validation = holdout - to_timedelta(params.validation)
        if local.min() >= validation:
            raise DataError(
                f"the rows run from {local.min():%Y-%m-%d} to {local.max():%Y-%m-%d}; {params.holdout} of holdout and "
                f"{params.validation} of validation leave none to train on. Widen `data.window` or shorten `split`."
            )
    else:
        assert isinstance(params.holdout, float)  # noqa: S101  (SplitParams asks for two of a kind)
        assert isinstance(params.validation, float)  # noqa: S101
        ordered = local.sort_values(ignore_index=True)
        holdout = ordered.iloc[round(len(ordered) * (1 - params.holdout))]
        validation = ordered.iloc[round(len(ordered) * (1 - params.holdout - params.validation))]
    return np.select([local >= holdout, local >= validation], ["holdout", "validation"], "train")


def _uniform(names: Iterable[Any]) -> NDArray[np.float64]:
    """A number in [0, 1) for each name, the same on every machine and in every year."""
    whole = [int.from_bytes(hashlib.blake2b(str(n).encode(), digest_size=7).digest()) for n in names]
    return np.array(whole, dtype=np.float64) / 2.0**56


def _shared(values: pd.Series, part: NDArray[np.str_]) -> list[Any]:
    if values.is_unique:
        return []
    parts = pd.Series(part, index=values.index).groupby(values).nunique()
    return list(parts.index[parts > 1])
