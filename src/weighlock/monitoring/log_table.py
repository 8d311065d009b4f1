"""Rows of the prediction log as Arrow tables and back.

A prediction's features are one struct column, so that no feature's name meets another's; numbers are float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from weighlock.monitoring.log_record import Feedback, Model, Record, Row, Value, instant, stamp
from weighlock.monitoring.log_store import LABELS, PREDICTIONS

TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()


def kind_of(row: Row) -> str:
    """The folder whose days a row belongs to."""
    return PREDICTIONS if isinstance(row, Record) else LABELS


def to_table(rows: Sequence[Row]) -> pa.Table:
    """Rows of one kind, ordered by time and id.

    A feature that some rows lack is null there. Where values of one feature are of several types (a model was
    replaced by one that takes text), all of them become text.
    """
    ordered = sorted(rows, key=lambda row: (row.time, row.id))
    shared = {
        "id": pa.array([row.id for row in ordered], TEXT),
        "time": pa.array([instant(row.time) for row in ordered], TIME),
    }
    if ordered and isinstance(ordered[0], Feedback):
        return pa.table(shared | {"truth": _column([row.truth for row in ordered if isinstance(row, Feedback)])})
    records = [row for row in ordered if isinstance(row, Record)]
    return pa.table(shared | _described(records))


def to_rows(table: pa.Table) -> Iterator[Row]:
    """The rows of a table that `to_table` made."""
    make = _record if "model" in table.column_names else _feedback
    for batch in table.to_batches(max_chunksize=4096):
        for item in batch.to_pylist():
            yield make(item)


def _described(records: list[Record]) -> dict[str, pa.Array]:
    optional: dict[str, Callable[[Record], Any]] = {"entity": lambda r: r.entity, "request": lambda r: r.request}
    columns = {name: pa.array(map(get, records), TEXT, size=len(records)) for name, get in optional.items()}
    columns["model"] = pa.StructArray.from_arrays(
        [pa.array([getattr(r.model, part) for r in records], TEXT) for part in Model.__struct_fields__],
        Model.__struct_fields__,
    )
    columns["score"] = pa.array([r.score for r in records], pa.float64())
    columns["value"] = pa.array([r.value for r in records], pa.float64())
    columns["label"] = pa.array([r.label for r in records], TEXT)
    columns["flags"] = pa.array([r.flags for r in records], pa.list_(TEXT))
    # Parquet has no struct without a field, so where nobody has any of them there is no such column.
    for name, dicts in (("scores", [r.scores for r in records]), ("features", [r.features for r in records])):
        struct = _struct(dicts)
        if struct is not None:
            columns[name] = struct
    return columns


def _struct(dicts: Sequence[dict[str, Any] | None]) -> pa.Array | None:
    names = list(dict.fromkeys(name for item in dicts if item for name in item))
    if not names:
        return None
    columns = [_column([item.get(name) if item else None for item in dicts]) for name in names]
    missing = pa.array([item is None for item in dicts], pa.bool_())
    return pa.StructArray.from_arrays(columns, names, mask=missing)


def _column(values: list[Value]) -> pa.Array:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_() if kinds else pa.float64())
    if kinds <= {int, float, bool}:
        try:
            return pa.array([None if v is None else float(v) for v in values], pa.float64())
        except OverflowError:  # an integer of 400 digits
            pass
    return pa.array([None if v is None else _text(v) for v in values], TEXT)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _record(item: dict[str, Any]) -> Record:
    scores = item.get("scores")
    return Record(
        id=item["id"],
        time=stamp(item["time"]),
        model=Model(**item["model"]),
        features=item.get("features") or {},
        entity=item["entity"],
        request=item["request"],
        score=item["score"],
        value=item["value"],
        scores={name: score for name, score in scores.items() if score is not None} if scores else None,
        label=item["label"],
        flags=item["flags"] or [],
    )


def _feedback(item: dict[str, Any]) -> Feedback:
    return Feedback(id=item["id"], truth=item["truth"], time=stamp(item["time"]))
