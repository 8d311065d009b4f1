"""The log in the order of time, a day at a time, from days and segments alike; each row once."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from weighlock.monitoring.log_forgotten import Forgotten
from weighlock.monitoring.log_record import HashKey, Record, Row, instant
from weighlock.monitoring.log_segment import Segments, lines, segment_paths
from weighlock.monitoring.log_store import PREDICTIONS, Store, current, day_of
from weighlock.monitoring.log_table import kind_of, to_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 4096


def rows_by_time(folder: Path, store: Store, kind: str = PREDICTIONS, *, key: HashKey | None) -> Iterator[Row]:
    """The rows of a log, oldest first; of one instant by id.

    In memory are a day's places in segments (16 bytes a line) and a piece of each of its files.

    Args:
        folder: the log's; its segments are read.
        store: where its compacted days are.
        kind: predictions or labels.
        key: of the hashes, where people have been forgotten under one.

    Raises:
        EvidenceError: a day's file is no Parquet.
        ConfigError: the key is missing.
    """
    forgotten = Forgotten.read([store, Store(str(folder))], key)
    index = _index(folder, kind)
    files = current(store.names(kind))[0]
    for day in sorted({day_of(name) for name in files} | index.keys()):
        sources = [_of_file(store, name) for name in files if day_of(name) == day]
        sources += [_of_segment(path, places) for path, places in index.get(day, {}).items()]
        yield from _once(heapq.merge(*sources, key=_order), forgotten)


def _order(row: Row) -> tuple[str, str]:
    return row.time, row.id


def _once(rows: Iterator[Row], forgotten: Forgotten) -> Iterator[Row]:
    """Without those that stand in a segment and, since a crash, in a day as well: they come one after another."""
    last: tuple[str, str] | None = None
    for row in rows:
        if _order(row) != last and not (isinstance(row, Record) and forgotten.covers(row)):
            yield row
        last = _order(row)


def _index(folder: Path, kind: str) -> dict[str, dict[Path, NDArray[np.int64]]]:
    """By day and segment: the instant (µs since the epoch) and the offset of each line, in the order of time."""
    days: dict[str, dict[Path, NDArray[np.int64]]] = {}
    segments = Segments([])
    for path in segment_paths(folder):
        places: dict[str, list[tuple[int, int]]] = {}
        for offset, line in lines(path):
            rows = segments.rows(line)  # of one instant, where they are several
            if rows and kind_of(rows[0]) == kind:
                places.setdefault(rows[0].time[:10], []).append((_micros(rows[0]), offset))
        for day, found in places.items():
            days.setdefault(day, {})[path] = np.array(sorted(found), dtype=np.int64)
    return days


def _micros(row: Row) -> int:
    return int(instant(row.time).timestamp() * 1e6)


def _of_file(store: Store, name: str) -> Iterator[Row]:
    import pyarrow as pa

    with store.parquet(name) as file:
        for batch in file.iter_batches(_BATCH) if file else ():
            yield from to_rows(pa.Table.from_batches([batch]))


def _of_segment(path: Path, places: NDArray[np.int64]) -> Iterator[Row]:
    """The rows at these places; rows of one instant by id, as the merge needs them."""
    segments = Segments([])
    with path.open("rb") as file:

        def rows_at(offset: int) -> list[Row]:
            file.seek(offset)
            return segments.rows(file.readline().rstrip(b"\n"))

        yield from _by_id(rows_at, places)


def _by_id(rows_at: Callable[[int], list[Row]], places: NDArray[np.int64]) -> Iterator[Row]:
    same: list[Row] = []
    for offset in places[:, 1].tolist():
        rows = rows_at(offset)
        if same and rows and same[0].time != rows[0].time:
            yield from sorted(same, key=_order)
            same = []
        same += rows
    yield from sorted(same, key=_order)
