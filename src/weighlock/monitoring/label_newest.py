"""How old the newest prediction is whose outcome is known: what tells that outcomes have stopped coming."""

from __future__ import annotations

import datetime as dt
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from weighlock.monitoring.log_store import LABELS, PREDICTIONS, current, day_of
from weighlock.monitoring.log_table import TEXT, TIME
from weighlock.monitoring.window_files import Days, day_tables, read_local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighlock.monitoring.collect import LogPlace
    from weighlock.monitoring.log_record import HashKey

COLUMNS = ["id", "time", "model"]


def newest_known(place: LogPlace, at: dt.datetime, key: HashKey | None = None) -> dt.timedelta | None:
    """The age of the newest prediction whose truth is known; where none is, that of the oldest prediction.

    Days are opened from the newest on, until one has such a prediction. Memory holds the ids of labels and of a day.

    Args:
        place: of the log.
        at: the present, aware; what was predicted or told later is not known.
        key: of the hashes, where people have been forgotten under one.

    Returns:
        The age; None where there is no prediction.

    Raises:
        EvidenceError: a day's file is no Parquet, or none of this log.
        StorageError: the store does not answer.
    """
    at = at.astimezone(dt.UTC)
    until = Days(None, f"{at:%Y-%m-%d}")
    local = read_local(place.store, place.folder, until, until, key)
    labels = chain(day_tables(place.store, LABELS, until, ["id", "time", "truth"]), local.tables[LABELS])
    told = (table.filter(pc.is_valid(table["truth"])) for table in labels)
    known = pa.chunked_array([chunk for table in told for chunk in _before(table, at)["id"].chunks], TEXT).unique()
    oldest, newest = _ends(local.tables[PREDICTIONS], known, at)
    for day in reversed(_days(place, until)):
        if newest is not None and f"{newest:%Y-%m-%d}" > day:
            break
        first, last = _ends(day_tables(place.store, PREDICTIONS, Days(day, day), COLUMNS), known, at)
        oldest = min(filter(None, (oldest, first)), default=None)
        newest = max(filter(None, (newest, last)), default=None)
    told_at = newest or oldest
    return None if told_at is None else at - told_at


def _days(place: LogPlace, until: Days) -> list[str]:
    found = {day_of(name) for name in current(place.store.names(PREDICTIONS))[0]}
    return sorted(day for day in found if until.has(day))


def _ends(
    tables: Iterable[pa.Table], known: pa.Array, at: dt.datetime
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The oldest prediction, and the newest whose truth is known."""
    oldest, newest = [], []
    for table in tables:
        rows = _before(table, at)
        oldest.append(pc.min(rows["time"]).as_py())
        newest.append(pc.max(rows["time"].filter(pc.is_in(rows["id"], known))).as_py())
    return min(filter(None, oldest), default=None), max(filter(None, newest), default=None)


def _before(table: pa.Table, at: dt.datetime) -> pa.Table:
    return table.select(["id", "time"]).filter(pc.less_equal(table["time"], pa.scalar(at, TIME)))
