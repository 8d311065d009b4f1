"""Outcomes as someone tells them: a table with a key and a truth, from files or a database, checked cell by cell.

Keys are text, so that 00123 keeps its zeros; a truth is a class of the model, or a finite number.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pat

from weighlock.batch.inputs import find_inputs
from weighlock.conform import as_category
from weighlock.errors import DataError
from weighlock.monitoring.log_table import TEXT
from weighlock.times import to_utc

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from weighlock.params import Csv, Sql
    from weighlock.scoring import Signature

IDS = ("prediction_id", "id")


@dataclass(frozen=True)
class Columns:
    """The columns of outcomes.

    Attributes:
        key: what names a prediction; None: `prediction_id`, or else `id`.
        truth: what became of it.
        told: when that was told; None: now.
        when: when it happened; None: that is not asked.
    """

    key: str | None
    truth: str
    told: str | None = None
    when: str | None = None


@dataclass(frozen=True)
class Outcomes:
    """What was told, without what says nothing.

    Attributes:
        frame: `key` (text), `truth` (text, or float64 for regression), `row` (of the source, from 1), and where their
            columns are given `told` and `when` (UTC).
        total: rows of the source.
        open: rows without a truth: nobody knows yet.
        keyless: rows without a key.
        repeated: rows that say again what another row says.
        contradicted: keys of which rows say different things; the last row, or the one told last, counts.
    """

    frame: pd.DataFrame
    total: int = 0
    open: int = 0
    keyless: int = 0
    repeated: int = 0
    contradicted: int = 0


def read_files(pattern: str, columns: Columns, dialect: Csv) -> tuple[dict[str, pd.Series], str]:
    """The columns of CSV or Parquet files, and what they are called in messages.

    Raises:
        SourceError: there is no such file, or its store does not answer.
        DataError: a file is torn or lacks a column.
    """
    found: dict[str, list[pa.Array]] = {}
    inputs = find_inputs(pattern, dialect)
    for file in inputs:
        have = file.columns()
        wanted = _wanted(columns, have, file.name)
        for batch in file.batches(list(dict.fromkeys(wanted.values())), [], 0):
            for role, name in wanted.items():
                found.setdefault(role, []).append(batch.column(name))
        for role in wanted:
            found.setdefault(role, [])
    series = {
        role: pd.concat([_series(array) for array in arrays], ignore_index=True) if arrays else pd.Series(dtype=object)
        for role, arrays in found.items()
    }
    return series, pattern


def read_query(sql: Sql, columns: Columns, since: dt.date | None, until: dt.date) -> tuple[dict[str, pd.Series], str]:
    """The columns of a query; `:start` and `:end` in it are the log's first day and today.

    Raises:
        SourceError: the database does not answer, or the query fails.
        DataError: a column is missing.
    """
    from weighlock.sources.sql import load_sql

    frame = load_sql(sql, since, until)
    wanted = _wanted(columns, list(frame.columns), "the query")
    return {role: frame[name] for role, name in wanted.items()}, "the query"


def checked(
    columns: dict[str, pd.Series], source: str, signature: Signature, timezone: str, names: Columns
) -> Outcomes:
    """The outcomes of a table whose cells are all that they should be.

    Args:
        columns: by role: key, truth, and perhaps told and when.
        source: as messages call it.
        signature: of the model that predicted.
        timezone: of times that carry no offset.
        names: of the columns.

    Raises:
        DataError: a truth is none of the model's classes or no finite number, or a time is none; the row is named.
    """
    key = as_category(columns["key"])
    truth = columns["truth"]
    texts = as_category(truth)
    known = texts.notna().to_numpy()
    keyed = key.notna().to_numpy()
    frame = pd.DataFrame({"key": key, "truth": texts, "row": np.arange(1, len(key) + 1)})[known & keyed]
    if signature.classes is not None:
        frame = frame.assign(truth=_spelled(frame["truth"], signature.classes))
        _require_classes(frame, signature.classes, source, names.truth)
    else:
        frame = frame.assign(truth=_numbers(frame, source, names.truth))
    for role in ("told", "when"):
        if role in columns:
            frame = frame.assign(**{role: _times(columns[role], frame["row"], source, timezone)})
    kept = [name for name in ("key", "when", "told") if name in frame.columns]
    once = frame.drop_duplicates([*kept, "truth"], keep="last")
    latest = once.drop_duplicates(kept, keep="last").reset_index(drop=True)
    subject = [name for name in ("key", "when") if name in frame.columns]
    several = once.drop_duplicates([*subject, "truth"]).groupby(subject, sort=False).size()
    return Outcomes(
        latest,
        total=len(key),
        open=int((~known).sum()),
        keyless=int((known & ~keyed).sum()),
        repeated=len(frame) - len(once),
        contradicted=int((several > 1).sum()),
    )


def _series(values: pa.Array) -> pd.Series:
    """Whole numbers as text: beside a null, pandas would make floats of them and lose digits of long keys."""
    return (values.cast(TEXT) if pat.is_integer(values.type) else values).to_pandas()


def _wanted(columns: Columns, have: Sequence[str], source: str) -> dict[str, str]:
    key = columns.key or next((name for name in IDS if name in have), IDS[0])
    wanted = {"key": key, "truth": columns.truth, "told": columns.told, "when": columns.when}
    named = {role: name for role, name in wanted.items() if name}
    options = {"key": "--by", "truth": "--truth", "told": "--told", "when": "--when"}
    lines = []
    for role, name in named.items():
        if name not in have:
            near = difflib.get_close_matches(name, have, n=1)
            hint = f" (is it `{near[0]}`?)" if near else ""
            shown = f"`{name}`, or `{IDS[1]}`" if role == "key" and not columns.key else f"`{name}`{hint}"
            lines.append(f"  - {shown}: `{options[role]}` says which column holds the {role}")
    if lines:
        raise DataError(
            f"`{source}` has the columns {', '.join(f'`{n}`' for n in have)}, and lacks\n" + "\n".join(lines)
        )
    return named


def _spelled(truths: pd.Series, classes: Sequence[str]) -> pd.Series:
    """Classes as the model spells them: CSV files hold True for true, and 1.0 for 1 where a column has gaps."""
    others = {
        name: re.sub(r"^(-?\d+)\.0+$", r"\1", name.lower() if name.lower() in {"true", "false"} else name)
        for name in truths.unique()
        if name not in classes
    }
    return truths.replace(others) if others else truths


def _require_classes(frame: pd.DataFrame, classes: Sequence[str], source: str, column: str) -> None:
    odd = frame[~frame["truth"].isin(classes)]
    if len(odd):
        raise DataError(
            f"`{source}`, row {odd['row'].iloc[0]:,}: `{column}` is {odd['truth'].iloc[0]!r}, which is none of the "
            f"model's classes {', '.join(classes)}"
            + (f"; so it is in {len(odd):,} rows" if len(odd) > 1 else "")
            + ". Nothing was written. Mend the rows, or name another column with `--truth`."
        )


def _numbers(frame: pd.DataFrame, source: str, column: str) -> pd.Series:
    numbers = pd.to_numeric(frame["truth"], errors="coerce").astype("float64")
    odd = frame[~np.isfinite(numbers)]
    if len(odd):
        raise DataError(
            f"`{source}`, row {odd['row'].iloc[0]:,}: `{column}` is {odd['truth'].iloc[0]!r}, which is no finite number"
            + (f"; so it is in {len(odd):,} rows" if len(odd) > 1 else "")
            + ". Nothing was written. Mend the rows, or name another column with `--truth`."
        )
    return numbers


def _times(values: pd.Series, rows: pd.Series, source: str, timezone: str) -> pd.Series:
    """The times of the rows that count; times of rows without a truth may be missing."""
    own = values.iloc[rows.to_numpy() - 1]
    if own.isna().any():
        missing = rows[own.isna().to_numpy()]
        raise DataError(f"`{source}`, row {missing.iloc[0]:,}: there is a truth, but no time in `{values.name}`.")
    if own.empty:
        return pd.Series([], dtype="datetime64[us, UTC]")
    try:
        return to_utc(own.reset_index(drop=True), timezone).set_axis(rows.index)
    except DataError as error:
        odd = pd.to_datetime(own.astype(str).str.strip(), format="ISO8601", errors="coerce", utc=True).isna()
        if odd.any():
            row, value = rows[odd.to_numpy()].iloc[0], own[odd].iloc[0]
            raise DataError(
                f"`{source}`, row {row:,}: `{values.name}` is {value!r}, which is no time such as 2013-01-31T05:15."
            ) from error
        raise DataError(f"`{source}`: {error}") from error
