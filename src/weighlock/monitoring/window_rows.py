"""Rows of the log by the model that answered them: each once, in the order of time, each column of one type.

A column that is null throughout was asked for and never given, or is that of another model in the same file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weighlock.monitoring.log_record import Model
from weighlock.monitoring.log_table import TEXT, TIME

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from weighlock.scoring import Signature

FIXED = {
    "id": TEXT,
    "time": TIME,
    "entity": TEXT,
    "request": TEXT,
    "score": pa.float64(),
    "value": pa.float64(),
    "label": TEXT,
    "flags": pa.list_(TEXT),
}


@dataclass(frozen=True)
class Piece:
    """Some rows of one model: the fixed columns, the features, the scores by class where there are any."""

    rows: pa.Table
    features: dict[str, pa.ChunkedArray]
    scores: dict[str, pa.ChunkedArray]


def paths(columns: Sequence[str] | None) -> list[str] | None:
    """What a window reads of a file; None: all of it."""
    if columns is None:
        return None
    return [*FIXED, "model", "scores", *(f"features.{name}" for name in columns)]


def pieces(
    table: pa.Table, start: dt.datetime, end: dt.datetime, columns: Sequence[str] | None
) -> Iterator[tuple[Model, Piece]]:
    """The rows of a time in one table, by model.

    Args:
        table: of predictions, as days hold it.
        start, end: instants, the end excluded.
        columns: the features that are wanted; None: all.
    """
    time = table["time"]
    inside = pc.and_(pc.greater_equal(time, pa.scalar(start, TIME)), pc.less(time, pa.scalar(end, TIME)))
    if not pc.all(inside, min_count=0).as_py():
        table = table.filter(inside)
    if not table.num_rows:
        return
    models = table["model"].combine_chunks()
    parts = [pc.fill_null(pc.struct_field(models, name), "") for name in Model.__struct_fields__]
    which = pc.binary_join_element_wise(*parts, "\0").dictionary_encode()
    for number, name in enumerate(which.dictionary.to_pylist()):
        own = table if len(which.dictionary) == 1 else table.filter(pc.equal(which.indices, number))
        yield Model(*name.split("\0")), _piece(own, columns)


def _piece(table: pa.Table, columns: Sequence[str] | None) -> Piece:
    there = set(table.column_names)
    fixed = {
        name: table[name].cast(kind) if name in there else pa.nulls(table.num_rows, kind)
        for name, kind in FIXED.items()
    }
    features = _fields(table, "features")
    if columns is not None:
        features = {name: features[name] for name in columns if name in features}
    return Piece(pa.table(fixed), features, _fields(table, "scores"))


def _fields(table: pa.Table, name: str) -> dict[str, pa.ChunkedArray]:
    if name not in table.column_names:
        return {}
    column = table[name]
    return {field.name: pc.struct_field(column, [place]) for place, field in enumerate(column.type)}


def joined(parts: Sequence[Piece]) -> tuple[Piece, int]:
    """The rows of one model in the order of time and id, each once, and how many stood there twice.

    The pieces are used up: a column goes from them when it is whole, so that memory holds one column twice at most.
    """
    lengths = [part.rows.num_rows for part in parts]
    fixed = pa.concat_tables([part.rows for part in parts])
    order = _order(fixed)
    rows = pa.table({name: _taken(fixed[name], order) for name in FIXED})
    features = _stacked([part.features for part in parts], lengths, order)
    scores = _stacked([part.scores for part in parts], lengths, order)
    return Piece(rows, features, scores), sum(lengths) - rows.num_rows


def _order(rows: pa.Table) -> pa.Array | None:
    """Where the rows stand that are kept, in the order of time and id; None where they are in order already."""
    order = pc.sort_indices(rows.select(["time", "id"]), [("time", "ascending"), ("id", "ascending")])
    ids = rows["id"].combine_chunks().dictionary_encode()
    if len(ids.dictionary) < len(ids):
        places = order.to_numpy()
        _, first = np.unique(ids.indices.to_numpy()[places], return_index=True)
        return pa.array(places[np.sort(first)])
    return None if np.array_equal(order.to_numpy(), np.arange(len(order))) else order


def _taken(column: pa.ChunkedArray, order: pa.Array | None) -> pa.ChunkedArray:
    return column if order is None else pa.chunked_array([column.combine_chunks().take(order)])


def _stacked(
    parts: Sequence[dict[str, pa.ChunkedArray]], lengths: Sequence[int], order: pa.Array | None
) -> dict[str, pa.ChunkedArray]:
    stacked = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        columns = [part.pop(name, None) for part in parts]
        told = [column for column in columns if column is not None and column.null_count < len(column)]
        kind = shared_type([column.type for column in told]) if told else pa.float64()
        chunks: list[pa.Array] = []
        for column, length in zip(columns, lengths, strict=True):
            known = column is not None and column.null_count < length
            chunks += as_type(column, kind).chunks if known else [pa.nulls(length, kind)]
        stacked[name] = _taken(pa.chunked_array(chunks, kind), order)
    return stacked


def shared_type(kinds: Sequence[Any]) -> Any:
    """What holds values of all of these types: their own, float64 for numbers and booleans, else text."""
    if len(set(kinds)) == 1:
        return kinds[0]
    return TEXT if TEXT in kinds else pa.float64()


def as_type(column: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray:
    """A column of float64, bool or text as one of these; numbers become the text by which they go elsewhere: `3`."""
    if column.type == kind:
        return column
    if kind != TEXT:
        return column.cast(kind)
    if pa.types.is_boolean(column.type):
        return column.cast(TEXT)
    known = column.to_pandas()
    texts = known.astype(object).map(_label, na_action="ignore").where(known.notna(), None)
    return pa.chunked_array([pa.array(texts, TEXT)])


def _label(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


@dataclass(frozen=True)
class Typed:
    """The features of logged rows as a signature types them.

    Attributes:
        frame: (n, k) in the order of the signature: float64 for number, integer and boolean, text for category; null
            is NaN or None. A feature that the log lacks is not among its columns.
        missing: features of the signature that no row has.
        extra: what rows have, and the signature has not.
        hidden: features whose values are hashed (`monitoring.log.hash`): they can be told apart, and that is all.
        unreadable: by feature, in how many rows something stands that is not of its type; it is null in the frame.
    """

    frame: pd.DataFrame
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    hidden: tuple[str, ...]
    unreadable: dict[str, int]

    @property
    def fits(self) -> bool:
        """Whether the rows are those of the signature."""
        return not (self.missing or self.extra)


def typed(features: pa.Table, signature: Signature) -> Typed:
    """The features of a `Part` as its signature types them, and what is odd about them."""
    import pandas as pd

    there = set(features.column_names)
    expected = {feature.name: feature.type for feature in signature.features}
    columns: dict[str, pd.Series] = {}
    hidden, unreadable = [], {}
    for name, kind in expected.items():
        if name not in there:
            continue
        values = features[name]
        if _is_hidden(values):
            hidden.append(name)
            columns[name] = values.to_pandas()
        elif kind == "category":
            columns[name] = as_type(values, TEXT).to_pandas()
        else:
            columns[name] = _numbers(values, boolean=kind == "boolean")
            odd = int(columns[name].isna().sum()) - values.null_count
            unreadable.update({name: odd} if odd else {})
    extra = [name for name in features.column_names if name not in expected]
    return Typed(
        pd.DataFrame(columns),
        missing=tuple(name for name in expected if name not in there),
        extra=tuple(name for name in extra if features[name].null_count < features.num_rows),
        hidden=tuple(hidden),
        unreadable=unreadable,
    )


def _is_hidden(values: pa.ChunkedArray) -> bool:
    if values.type != TEXT or values.null_count == len(values):
        return False
    return bool(pc.all(pc.match_substring_regex(values, r"^h:[0-9a-f]{32}$")).as_py())


def _numbers(values: pa.ChunkedArray, *, boolean: bool) -> pd.Series:
    import pandas as pd

    plain = values.to_pandas()
    if boolean and values.type == TEXT:
        plain = plain.replace({"true": "1", "false": "0"})
    return pd.to_numeric(plain, errors="coerce").astype("float64")
