"""What became of the predictions of a window: of several truths that were told, the latest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from weighlock.monitoring.log_table import TEXT, TIME
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
    found = [_about(table, asked, known) for table in tables] if len(asked) else []
    found = [table for table in found if table.num_rows]
    if not found:
        return Truths(pa.array([], TEXT), pa.array([], pa.null()), pa.array([], TIME))
    kind = shared_type([_plain(table["truth"]).type for table in found])
    truth = pa.chunked_array([chunk for t in found for chunk in as_type(_plain(t["truth"]), kind).chunks], kind)
    told = pa.table(
        {**{n: pa.concat_tables([t.select([n]) for t in found])[n] for n in ("id", "time")}, "truth": truth}
    )
    return _latest(told)


def _about(table: pa.Table, asked: pa.Array, known: dt.datetime | None) -> pa.Table:
    table = table.select(LABEL_COLUMNS)
    table = table.filter(pc.and_(pc.is_in(table["id"], asked), pc.is_valid(table["truth"])))
    return table if known is None else table.filter(pc.less_equal(table["time"], pa.scalar(known, TIME)))


def _plain(truth: pa.ChunkedArray) -> pa.ChunkedArray:
    """A class by its name: true is `true`."""
    return truth.cast(TEXT) if pa.types.is_boolean(truth.type) else truth


def _latest(told: pa.Table) -> Truths:
    frame = told.select(["id", "time"]).to_pandas()
    code = told["truth"].combine_chunks().dictionary_encode().indices.to_numpy()
    frame = frame.assign(code=code, place=range(len(frame))).sort_values(["id", "time", "place"], kind="stable")
    same = frame["id"].eq(frame["id"].shift()) & frame["code"].ne(frame["code"].shift())
    last = told.take(pa.array(frame.loc[~frame["id"].duplicated(keep="last"), "place"].to_numpy()))
    columns = (last[name].combine_chunks() for name in LABEL_COLUMNS)
    ids, time, truth = columns
    return Truths(ids, truth, time, frozenset(frame.loc[same, "id"]))
