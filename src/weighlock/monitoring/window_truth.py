"""What became of the predictions of a window: of several truths that were told, the latest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weighlock.monitoring.log_table import TEXT, TIME
from weighlock.monitoring.window_files import gathered
from weighlock.monitoring.window_rows import as_type, shared_type

if TYPE_CHECKING:
    import datetime as dt

LABEL_COLUMNS = ["id", "time", "truth"]


@dataclass(frozen=True)
class Truths:
    """The latest truth of each prediction that has one.

    Attributes:
        ids, truth, time: one for each.
        contradicted: the ids of which different truths were told.
    """

    ids: pa.Array
    truth: pa.Array
    time: pa.Array
    contradicted: frozenset[str] = frozenset()

    def of(self, ids: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
        """Truth and time of each of these predictions; null where nothing was told."""
        place = pc.index_in(ids, self.ids)
        return self.truth.take(place), self.time.take(place)


def truths_of(tables: Iterable[pa.Table], ids: Sequence[pa.ChunkedArray], known: dt.datetime | None) -> Truths:
    """The latest truth of some predictions.

    Args:
        tables: of labels; of what was told in one instant, what stands later counts.
        ids: of the predictions.
        known: what was told later is left out.
    """
    asked = pa.chunked_array([chunk for column in ids for chunk in column.chunks], TEXT).combine_chunks()
    told = told_about(tables, asked, known) if len(asked) else None
    if told is None:
        return Truths(pa.array([], TEXT), pa.array([], pa.null()), pa.array([], TIME))
    return latest(told, asked)


def told_about(tables: Iterable[pa.Table], asked: pa.Array, known: dt.datetime | None = None) -> pa.Table | None:
    """All that was told about some predictions, as `id`, `time` and `truth` of one type; None where nothing was."""
    found = [
        table
        for table in (
            _about(table, asked, known) for table in gathered(table.select(LABEL_COLUMNS) for table in tables)
        )
        if table.num_rows
    ]
    if not found:
        return None
    truths = [_plain(table["truth"]) for table in found]
    kind = shared_type([truth.type for truth in truths])
    chunks = [chunk for truth in truths for chunk in as_type(truth, kind).chunks]
    whole = pa.concat_tables([table.select(["id", "time"]) for table in found])
    return whole.append_column("truth", pa.chunked_array(chunks, kind))


def _about(table: pa.Table, asked: pa.Array, known: dt.datetime | None) -> pa.Table:
    table = table.filter(pc.and_(pc.is_in(table["id"], asked), pc.is_valid(table["truth"])))
    return table if known is None else table.filter(pc.less_equal(table["time"], pa.scalar(known, TIME)))


def _plain(truth: pa.ChunkedArray) -> pa.ChunkedArray:
    """A class by its name: true is `true`."""
    return truth.cast(TEXT) if pa.types.is_boolean(truth.type) else truth


def latest(told: pa.Table, asked: pa.Array) -> Truths:
    """Of each prediction the row of the latest time; of one time, the last."""
    about = pc.index_in(told["id"], asked).to_numpy()
    value = told["truth"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((told["time"].cast(pa.int64()).to_numpy(), about))  # stable: what stands later stays later
    about, value = about[order], value[order]
    again = about[1:] == about[:-1]
    contradicted = np.unique(about[1:][again & (value[1:] != value[:-1])])
    last = told.take(pa.array(order[np.append(~again, True)]))
    ids, time, truth = (last[name].combine_chunks() for name in LABEL_COLUMNS)
    return Truths(ids, truth, time, frozenset(asked.take(pa.array(contradicted)).to_pylist()))
