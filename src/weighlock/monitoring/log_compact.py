"""Segments become Parquet by day; what is older than the retention goes.

Any step may be the last one before a crash. Rows are written before segments are removed, and a row whose id the day
holds already is not written again, so doing it all once more gives the same log.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError
from weighlock.locks import locked
from weighlock.monitoring.log_erase import Erased, Gone, day_files, erase_from_files, erase_from_segment
from weighlock.monitoring.log_forgotten import Forgotten, known_until
from weighlock.monitoring.log_record import HashKey, Record, Row
from weighlock.monitoring.log_segment import Segments, given_up, lines, segment_paths
from weighlock.monitoring.log_store import FORGOTTEN, LABELS, PREDICTIONS, Store, current, day_of, new_name
from weighlock.monitoring.log_table import kind_of, to_table

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 100_000  # rows in memory at once, and so in a file
_OPEN = 200  # segments held at once
TAKEN = ".taken"


@dataclass
class Compacted:
    """What a compaction did.

    Attributes:
        written: rows by kind (predictions, labels).
        repeated: rows that their day held already, as after a crash.
        forgotten: rows of someone who has been forgotten, dropped on the way.
        expired: rows that were older than the retention before they were compacted.
        torn, foreign: lines that could not be read; see `Segments`.
        kept: segments that stay because of foreign lines.
        active: segments whose writer lives: their whole lines were taken.
        removed: segments that were done with.
        days: days removed for their age.
    """

    written: dict[str, int] = field(default_factory=lambda: {PREDICTIONS: 0, LABELS: 0})
    repeated: int = 0
    forgotten: int = 0
    expired: int = 0
    torn: int = 0
    foreign: int = 0
    kept: list[str] = field(default_factory=list)
    active: int = 0
    removed: int = 0
    days: list[str] = field(default_factory=list)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other process compacts or erases in this log's folder meanwhile.

    Raises:
        EvidenceError: there is no log.
    """
    if not folder.is_dir():
        raise EvidenceError(f"`{folder}` holds no prediction log. `weighlock serve --log-dir {folder}` writes one.")
    with locked(folder):
        yield


def compact(
    folder: Path, store: Store, *, retention: dt.timedelta | None, at: dt.datetime, key: HashKey | None
) -> Compacted:
    """Move the rows of a log's segments to the days of `store`, and remove days that are too old.

    Args:
        folder: the log's.
        store: where the days are.
        retention: how long a row is kept, from the end of its UTC day; None for ever.
        at: the present.
        key: of the hashes, where people have been forgotten under one.

    Raises:
        EvidenceError: there is no log, or a day's file is no Parquet.
        ConfigError: the key is missing.
        StorageError: the store or the folder cannot be written; no row is lost.
    """
    with alone(folder):
        return _Compaction(folder, store, retention, at, key).run()


class _Compaction:
    """One run; what it holds in memory are the rows read since the last `_flush`."""

    def __init__(
        self, folder: Path, store: Store, retention: dt.timedelta | None, at: dt.datetime, key: HashKey | None
    ) -> None:
        self.folder, self.store, self.key, self.at = folder, store, key, at
        self.stores = [store, Store(str(folder))]
        self.first_day = "" if retention is None else (at - retention).astimezone(dt.UTC).date().isoformat()
        self.retention = retention
        self.done = Compacted()
        self.rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.count = 0
        self.finished: list[Path] = []
        self.staying: list[Path] = []
        self.gone: set[str] = set()  # predictions dropped for their entity: what was told about them goes as well
        self.offsets: dict[Path, int] = {}

    def run(self) -> Compacted:
        tidy(self.store)
        self.forgotten = Forgotten.read(self.stores, self.key)
        waiting = segment_paths(self.folder)
        for start in range(0, len(waiting), _OPEN):
            with ExitStack() as held:
                for path in waiting[start : start + _OPEN]:
                    self._take(path, held)
                self._flush()
        for path in self.staying if self.forgotten.tombstones else ():
            erase_from_segment(path, self._labels_gone, Erased())
            erase_from_segment(path, Gone(self.forgotten), Erased())
        self._expire()
        return self.done

    def _take(self, path: Path, held: ExitStack) -> None:
        """Read what a segment has; it is held until the flush that ends its use."""
        free = held.enter_context(given_up(path))
        segment, end = Segments([]), taken(path)
        for offset, line in lines(path, end, whole=not free):
            end = offset + len(line) + 1
            for row in segment.rows(line):
                self._add(row)
        self.done.torn += segment.torn
        self.done.foreign += segment.foreign
        if free and not segment.foreign:
            self.finished.append(path)
            return
        self.staying.append(path)
        if segment.foreign:
            self.done.kept.append(path.name)  # from where it was: another version may read those lines
        else:
            self.done.active += 1
            self.offsets[path] = end

    def _add(self, row: Row) -> None:
        if isinstance(row, Record) and self.forgotten.covers(row):
            self.gone.add(row.id)
            self.done.forgotten += 1
            return
        if row.time[:10] < self.first_day:
            self.done.expired += 1
            return
        self.rows[kind_of(row), row.time[:10]].append(row)
        self.count += 1
        if self.count >= CHUNK:
            self._write()

    def _write(self) -> None:
        written = []
        for (kind, day), rows in sorted(self.rows.items()):
            new = self._without_repeated(kind, day, rows)
            if new:
                written.append(new_name(kind, day, self.at))
                self.store.write_table(written[-1], to_table(new))
                self.done.written[kind] += len(new)
        self.rows.clear()
        self.count = 0
        self._check(written)

    def _check(self, written: list[str]) -> None:
        """Someone may have been forgotten while these files were written: then that row is taken out again."""
        if not written:
            return
        later = Forgotten.read(self.stores, self.key)
        if later.tombstones != self.forgotten.tombstones:
            self.forgotten = later
            self.done.forgotten += erase_from_files(self.store, written, Gone(later), Erased())

    def _flush(self) -> None:
        """Write what is in memory; only then are the segments that it came from done with."""
        self._write()
        if self.gone:
            erase_from_files(self.store, day_files(self.store, LABELS), self._labels_gone, Erased())
        for path, offset in self.offsets.items():
            _remember(path, offset)
        for path in self.finished:
            path.unlink()
            path.with_suffix(TAKEN).unlink(missing_ok=True)
            self.done.removed += 1
        self.offsets.clear()
        self.finished.clear()

    @property
    def _labels_gone(self) -> Gone:
        return Gone(Forgotten([], None), frozenset(self.gone))

    def _without_repeated(self, kind: str, day: str, rows: list[Row]) -> list[Row]:
        unique = {_identity(row): row for row in rows}
        there = set()
        for name in current(self.store.names(f"{kind}/day={day}"))[0]:
            there |= _present(self.store, name, unique.keys())
        self.done.repeated += len(rows) - len(unique) + len(there)
        return [row for identity, row in unique.items() if identity not in there]

    def _expire(self) -> None:
        """Remove the days, and the tombstones that can no longer meet a row."""
        days = set()
        for kind in (PREDICTIONS, LABELS):
            for name in self.store.names(kind):
                if day_of(name) and day_of(name) < self.first_day:
                    self.store.remove(name)
                    days.add(f"{kind} of {day_of(name)}")
        self.done.days = sorted(days)
        for store in self.stores if self.retention is not None else ():
            for name in store.names(FORGOTTEN):
                until = known_until(name)
                if until is not None and until.date().isoformat() < self.first_day:
                    store.remove(name)


def tidy(store: Store) -> None:
    """Finish what a killed process began: halves of files, and files that a later generation has replaced."""
    store.sweep()
    for kind in (PREDICTIONS, LABELS):
        for name in current(store.names(kind))[1]:
            store.remove(name)


def taken(path: Path) -> int:
    """Up to which offset a segment has been compacted."""
    try:
        return int(path.with_suffix(TAKEN).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def _remember(path: Path, offset: int) -> None:
    new = path.with_suffix(f"{TAKEN}.new")
    new.write_text(str(offset), encoding="ascii")
    new.replace(path.with_suffix(TAKEN))


def _identity(row: Row) -> tuple[str, ...]:
    """What tells a row from others of its kind and day: a prediction its id; of one id several truths may be told."""
    return (row.id,) if isinstance(row, Record) else (row.id, row.time)


def _present(store: Store, name: str, asked: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Those of the rows asked for that a file holds; only ids are read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from weighlock.monitoring.log_record import stamp

    wanted = set(asked)
    ids = pa.array({identity[0] for identity in wanted}, pa.string())
    timed = any(len(identity) > 1 for identity in wanted)
    found: set[Any] = set()
    with store.parquet(name) as file:
        if file is None:
            return found
        for batch in file.iter_batches(columns=["id", "time"] if timed else ["id"]):
            hits = batch.filter(pc.is_in(batch["id"], ids)).to_pylist()
            found |= {(hit["id"], stamp(hit["time"])) if timed else (hit["id"],) for hit in hits}
    return found & wanted
