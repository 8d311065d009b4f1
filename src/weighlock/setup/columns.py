"""What each column is: a feature of some type and range, or left out, and why."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from weighlock.conform import as_category
from weighlock.layout import ROW_ID
from weighlock.schema import Column, label

if TYPE_CHECKING:
    from collections.abc import Callable

LISTED = 20  # at most so many categories are listed; more are `open`
LISTED_ROWS, LISTED_SHARE = 10, 0.01  # each of the listed ones has so many rows or more
FEW_TEXTS = 20  # up to here, texts are categories however few rows they have each
FREE_TEXT_WORDS = 4
MOSTLY = 0.99  # of the values that are not null
HALF = 0.5
WIDENED = 0.5  # of what was observed, on either side
LONGEST_NAME = 128
_FLOAT32 = float(np.finfo(np.float32).max)
_SAMPLE = 1000
_TINY, _TINY_DIGITS = 1e-12, 14  # finer ranges are kept as observed: rounding them means nothing
_MOMENTS = (dt.date, dt.time, dt.timedelta)
_NESTED = (bytes, list, tuple, dict, set, np.ndarray)
_IDENTIFIER = re.compile(r"(^|[^a-z])(id|key|index|idx|nr|no|uuid|guid)$|^unnamed|^row_?(number|num|names?)?$")
_MOMENT = re.compile(
    r"(1[89]|20)\d\d[-/.][01]?\d([-/.][0-3]?\d([T ].*)?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ].*)?"
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}\.? [A-Za-z]{3,9}\.? \d{4}"
)


@dataclass(frozen=True)
class Finding:
    """A column's contract, or None where it is left out; and what was observed, or the reason."""

    column: Column | None
    said: str


def infer_column(values: pd.Series) -> Finding:
    """What a column seems to be.

    Args:
        values: (n,) as the source gives them; only rows that have an outcome.
    """
    found = _named(str(values.name)) or _filled(values)
    if found:
        return found
    numbers = as_numbers(values)
    if numbers is not None:
        return _number(values, numbers)
    if is_moment(values):
        return Finding(None, "dates or times; `--time` takes one, of others make numbers in the source")
    return _text(as_category(values))


def as_numbers(values: pd.Series) -> pd.Series | None:
    """The values as float64 where at least 99 % of those that are not null are numbers; else None.

    Booleans count as numbers; dates and durations do not.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object).infer_objects()
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return None
    known = values[present(values)]
    if known.empty or (known.dtype == object and bool(known.map(lambda v: isinstance(v, _MOMENTS)).any())):
        return None
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return numbers if numbers[known.index].notna().mean() >= MOSTLY else None


def is_moment(values: pd.Series) -> bool:
    """Whether the values are dates, times or durations."""
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return True
    if values.dtype != object:
        return False
    known = values.dropna().head(_SAMPLE)
    if known.map(lambda v: isinstance(v, _MOMENTS)).any():
        return True
    return bool(known.map(lambda v: isinstance(v, str) and _MOMENT.fullmatch(v.strip()) is not None).mean() >= MOSTLY)


def present(values: pd.Series) -> pd.Series:
    """(n,) whether there is a value; an empty text is none."""
    return as_category(values).notna() if values.dtype == object else values.notna()


def widened(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """A range with room for ordinary new rows: half of what was observed on either side, never across zero.

    Its ends are rounded outwards, to a tenth of what was observed or less.
    """
    span = high - low or abs(high) or 1.0
    least, most = low - WIDENED * span, high + WIDENED * span
    least, most = (0.0 if low >= 0 > least else least), (0.0 if high <= 0 < most else most)
    digits = 1 - math.floor(math.log10(span)) if span > _TINY else 0
    if whole:
        digits = min(digits, 0)
    if digits <= _TINY_DIGITS:
        least, most = _rounded(least, digits, math.floor), _rounded(most, digits, math.ceil)
    fits = -_FLOAT32 < least <= low and high <= most < _FLOAT32
    return (least, most) if fits else (low, high)


def _rounded(value: float, digits: int, towards: Callable[[float], float]) -> float:
    return round(towards(round(value * 10.0**digits, 6)) * 10.0**-digits, digits)


def _named(name: str) -> Finding | None:
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        return Finding(None, f"its name is empty, unprintable or longer than {LONGEST_NAME} characters")
    if name == ROW_ID:
        return Finding(None, "Weighlock gives rows that have no `--key` a column of this name; rename yours")
    return None


def _filled(values: pd.Series) -> Finding | None:
    if values.dtype == object:
        odd = values[values.map(lambda v: isinstance(v, _NESTED))]
        if len(odd):
            return Finding(None, f"holds {type(odd.iloc[0]).__name__} values, which no cell of a request can carry")
    known = values[present(values)]
    if known.empty:
        return Finding(None, "null in every row")
    if len(known) == len(values) and len(known.unique()) == 1:
        return Finding(None, f"constant ({label(known.iloc[0])})")
    return None


def _number(values: pd.Series, numbers: pd.Series) -> Finding:
    unreadable = values[numbers.isna() & present(values)]
    nullable = len(unreadable) < int(numbers.isna().sum())
    known = numbers[np.isfinite(numbers)]
    if known.empty or float(known.abs().max()) > _FLOAT32:
        return Finding(None, "infinite, or beyond what single precision holds")
    levels = set(known.unique())
    if levels == {0.0, 1.0}:
        return Finding(Column(type="boolean", nullable=nullable), "")
    whole = pd.api.types.is_integer_dtype(values.dtype)
    if whole and len(levels) == len(values) > FEW_TEXTS and _counts_rows(str(values.name), known):
        return Finding(None, "another whole number in every row, like an identifier")
    low, high = widened(float(known.min()), float(known.max()), whole=whole)
    said = f"observed {known.min():.6g} to {known.max():.6g}"
    if len(unreadable):
        said += f"; cells that are no number, such as {unreadable.iloc[0]!r}, go to quarantine: {len(unreadable):,}"
    return Finding(Column(type="integer" if whole else "number", nullable=nullable, min=low, max=high), said)


def _counts_rows(name: str, known: pd.Series) -> bool:
    spelt = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return bool(_IDENTIFIER.search(spelt)) or float(known.max() - known.min()) + 1 == len(known)


def _text(texts: pd.Series) -> Finding:
    counts = texts.value_counts()
    numeric = float(pd.to_numeric(texts.dropna(), errors="coerce").notna().mean())
    if numeric >= HALF:
        odd = next(t for t in counts.index if pd.isna(pd.to_numeric(t, errors="coerce")))
        return Finding(None, f"{1 - numeric:.0%} of its values are no number, such as {odd!r}; leave such cells empty")
    if len(counts) > FEW_TEXTS and len(counts) > HALF * len(texts):
        words = texts.dropna().head(_SAMPLE).str.split().str.len().mean()
        if words > FREE_TEXT_WORDS:
            return Finding(None, "free text")
        return Finding(None, f"{len(counts):,} texts in {len(texts):,} rows, like an identifier")
    least = max(LISTED_ROWS, LISTED_SHARE * len(texts))
    listed = len(counts) <= LISTED and bool((counts >= least).all())
    column = Column(
        type="category", nullable=bool(texts.isna().any()), values=sorted(counts.index) if listed else "open"
    )
    return Finding(column, "" if listed else f"{len(counts):,} values; unseen ones score too")
