"""Times: every one becomes an instant in UTC; days and months are those of `data.timezone`."""

from __future__ import annotations

import pandas as pd

from weighlock.errors import DataError

_OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})$"
_SLASHES = r"^(\d{4})/(\d{2})/(\d{2})"  # year first: there is but one way to read it


def to_utc(values: pd.Series, timezone: str) -> pd.Series:
    """A column of times as UTC instants in microseconds; those without an offset are of `timezone`.

    An hour that the clocks repeat counts as its second time (standard time); one that they skip is moved on.

    Raises:
        DataError: a value is missing or no time, or only some carry an offset.
    """
    name = values.name
    missing = int(values.isna().sum())
    if missing:
        raise DataError(f"the time column `{name}` is missing in {missing} rows, first in row {_first(values.isna())}.")
    if pd.api.types.is_numeric_dtype(values):
        raise DataError(
            f"the time column `{name}` holds numbers such as {values.iloc[0]}; write times as "
            "2013-01-31 or 2013-01-31T05:15."
        )
    if not isinstance(values.dtype, pd.DatetimeTZDtype) and not pd.api.types.is_datetime64_dtype(values):
        values = _parse(values.astype(str).str.strip())
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        ambiguous = pd.Series(data=False, index=values.index).to_numpy()
        values = values.dt.tz_localize(timezone, ambiguous=ambiguous, nonexistent="shift_forward")
    return values.dt.tz_convert("UTC").dt.as_unit("us")


def local_days(values: pd.Series, timezone: str) -> pd.Series:
    """The local day of each UTC instant, as a timestamp without a zone."""
    return values.dt.tz_convert(timezone).dt.tz_localize(None).dt.normalize()


def minute(instant: pd.Timestamp) -> str:
    """A UTC instant as reports and signatures write it: 2013-08-04T03:59Z."""
    return f"{instant:%Y-%m-%dT%H:%MZ}"


def _parse(texts: pd.Series) -> pd.Series:
    carries = texts.str.contains(_OFFSET)
    if carries.any() and not carries.all():
        raise DataError(
            f"the time column `{texts.name}` mixes time zones: {int(carries.sum())} rows carry an offset and "
            f"{int((~carries).sum())} do not (first in row {_first(~carries)}). Write all of them in the same way."
        )
    dashed = texts.str.replace(_SLASHES, r"\1-\2-\3", regex=True)
    parsed = pd.to_datetime(dashed, format="ISO8601", errors="coerce", utc=bool(carries.any()))
    bad = parsed.isna()
    if bad.any():
        raise DataError(
            f"the time column `{texts.name}` has {int(bad.sum())} values that are no time, first "
            f"{texts[bad].iloc[0]!r} in row {_first(bad)}. Write times as 2013-01-31 or 2013-01-31T05:15."
        )
    return parsed


def _first(mask: pd.Series) -> int:
    return int(mask.to_numpy().argmax()) + 1
