"""Arrow columns as what the model takes, and what is wrong or odd about their values.

The same rules as a request's: what is no number, is infinite, is missing where it must not be or is no whole number
where one is asked for cannot be scored; what is out of range or a category that the model does not know is scored and
flagged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weighlock.schema import label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.scoring import Feature, Signature

LARGEST = float(np.finfo(np.float32).max)
_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"-?\d+")
_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be scored."""

    row: int  # of the batch
    column: str
    reason: str


@dataclass(slots=True)
class Feeds:
    """A batch as the model takes it.

    Attributes:
        columns: (n, 1) each; float32, or text as objects.
        values: (n,) each; the numbers before they were made float32.
        faults: by row; such a row has no meaning in `columns`.
        flags: by row, as the service writes them: `range:distance`, `unseen:carrier`.
    """

    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)
    flags: dict[int, list[str]] = field(default_factory=dict)

    def only(self, rows: NDArray[np.int64]) -> Feeds:
        """Some of the rows, numbered anew, without their faults."""
        place = {old: new for new, old in enumerate(rows.tolist())} if self.flags else {}
        return Feeds(
            {name: values[rows] for name, values in self.columns.items()},
            {name: values[rows] for name, values in self.values.items()},
            flags={place[row]: flags for row, flags in self.flags.items() if row in place},
        )


def make_feeds(batch: pa.RecordBatch, signature: Signature) -> Feeds:
    """A batch that has every feature's column, of whatever type a file gave it."""
    feeds = Feeds()
    for feature in signature.features:
        column = batch.column(feature.name)
        make = _categories if feature.type == "category" else _numbers
        feeds.columns[feature.name] = make(column, feature, feeds).reshape(-1, 1)
    return feeds


def _numbers(column: pa.Array, feature: Feature, feeds: Feeds) -> NDArray[np.float32]:
    values = feeds.values[feature.name] = _parsed(column, feature, feeds)
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = values.astype(np.float32)
        low = -LARGEST if feature.min is None else feature.min
        high = LARGEST if feature.max is None else feature.max
        if ((values < low) | (values > high)).any():
            for row in np.flatnonzero((values < low) | (values > high)).tolist():
                if abs(values[row]) > LARGEST:
                    _fault(feeds, row, feature, f"is {values[row]:g}, which is larger than single precision holds")
                else:
                    feeds.flags.setdefault(row, []).append(f"range:{feature.name}")
        if feature.type == "integer":
            for row in np.flatnonzero(np.isfinite(values) & (values != np.floor(values))).tolist():
                _fault(feeds, row, feature, f"is {values[row]:g}, which is no whole number")
    if not feature.nullable:
        for row in np.flatnonzero(np.isnan(values)).tolist():
            _fault(feeds, row, feature, "is missing")
    return numbers


def _parsed(column: pa.Array, feature: Feature, feeds: Feeds) -> NDArray[np.float64]:
    """The column as float64, null as NaN."""
    kind = column.type
    if pa.types.is_dictionary(kind) or _is_text(kind) or feature.type == "boolean":
        return _from_texts(column, feature, feeds)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    try:
        floats = column if kind == pa.float64() else pc.cast(column, pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _from_texts(column, feature, feeds)
    result: NDArray[np.float64] = floats.to_numpy(zero_copy_only=False)
    return result


def _from_texts(column: pa.Array, feature: Feature, feeds: Feeds) -> NDArray[np.float64]:
    """Numbers that are written as text; each that can be told apart is read once."""
    if feature.type != "boolean" and _is_text(column.type):
        try:  # the usual case, in one go
            plain: NDArray[np.float64] = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
        else:
            if np.count_nonzero(np.isnan(plain)) == column.null_count:  # else "nan" stands there as a text
                return plain
    read = _boolean if feature.type == "boolean" else _number
    places, distinct = _distinct(column)
    numbers = [None if value is None else read(value) for value in distinct]
    wrong = {place for place, number in enumerate(numbers) if number is None and distinct[place] is not None}
    if wrong:
        for row in np.flatnonzero(np.isin(places, list(wrong))).tolist():
            _fault(feeds, row, feature, f"is {_shown(distinct[places[row]])}, which is no {feature.type}")
    lookup = np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
    return lookup[places]


def _categories(column: pa.Array, feature: Feature, feeds: Feeds) -> NDArray[Any]:
    places, distinct = _distinct(column)
    known = frozenset(feature.categories) if feature.categories is not None else None
    texts = [_label(value, known) for value in distinct]
    unseen = [place for place, text in enumerate(texts) if known is not None and text and text not in known]
    if unseen:
        for row in np.flatnonzero(np.isin(places, unseen)).tolist():
            feeds.flags.setdefault(row, []).append(f"unseen:{feature.name}")
    missing = [place for place, text in enumerate(texts) if not text]
    if not feature.nullable and (len(missing) > 1 or column.null_count or _is_missing(distinct)):
        for row in np.flatnonzero(np.isin(places, missing)).tolist():
            _fault(feeds, row, feature, "is missing")
    result: NDArray[Any] = np.array(texts, dtype=object)[places]
    return result


def _distinct(column: pa.Array) -> tuple[NDArray[np.int64], list[Any]]:
    """Each row's place among the distinct values, of which the last is None."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    distinct = [*encoded.dictionary.to_pylist(), None]
    places = encoded.indices
    if places.null_count:
        places = pc.fill_null(pc.cast(places, pa.int64()), len(distinct) - 1)
    return places.to_numpy(zero_copy_only=False), distinct


def _is_missing(distinct: list[Any]) -> bool:
    return any(value is None or value == "" or value != value for value in distinct[:-1])


def _label(value: Any, known: frozenset[str] | None) -> str:
    """A category as the text by which the model knows it; "" where it is missing.

    Other readers than the one that trained may have made text of what it read as numbers or truths: then 3.0 is `3`
    and True is `true`, where the model knows no others.
    """
    if value is None or value != value:
        return ""
    text = label(value)
    if known and text not in known:
        if known <= {"true", "false"} and text.lower() in known:
            return text.lower()
        whole = _WHOLE_FLOAT.fullmatch(text)
        if whole and all(map(_WHOLE.fullmatch, known)):
            return whole[1]
    return text


def _number(value: Any) -> float | None:
    text = str(value).strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _boolean(value: Any) -> float | None:
    if isinstance(value, float) and value != value:
        return float("nan")
    text = label(value).strip().lower()
    whole = _WHOLE_FLOAT.fullmatch(text)  # a reader that met a null made 1.0 of 1
    return _BOOLEANS.get(whole[1] if whole else text)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _fault(feeds: Feeds, row: int, feature: Feature, reason: str) -> None:
    feeds.faults.setdefault(row, Fault(row, feature.name, reason))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
