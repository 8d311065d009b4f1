"""What a window reads: the tables of its days, and the rows of segments that are not compacted yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from weighlock.errors import EvidenceError
from weighlock.monitoring.log_forgotten import Forgotten
from weighlock.monitoring.log_record import Record
from weighlock.monitoring.log_segment import read_segments
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store, current, day_of
from weighlock.monitoring.log_table import kind_of, to_table

if TYPE_CHECKING:
    from weighlock.monitoring.log_record import HashKey, Row

_AT_ONCE = 50_000
_PASSES = 10
_NEEDED = {PREDICTIONS: {"id", "time", "model"}, LABELS: {"id", "time", "truth"}}


@dataclass(frozen=True)
class Days:
    """UTC days, both included, as 2026-01-31; None where that side is open."""

    first: str | None = None
    last: str | None = None

    def has(self, day: str) -> bool:
        """Whether a day is among them; a file outside of any day never is."""
        return bool(day) and (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass
class Local:
    """What segments hold.

    Attributes:
        tables: of predictions and of labels, as days hold them.
        torn, foreign: lines that could not be read.
    """

    tables: dict[str, list[pa.Table]] = field(default_factory=lambda: {PREDICTIONS: [], LABELS: []})
    torn: int = 0
    foreign: int = 0


def read_local(store: Store, folder: Path | None, days: Days, told: Days, key: HashKey | None) -> Local:
    """The rows of a folder's segments that are of some days.

    Args:
        store: where the compacted days are.
        folder: the log's; None where its segments are out of reach.
        days, told: of predictions and of labels.
        key: of the hashes, where people have been forgotten under one.

    Raises:
        ConfigError: the key is missing, and segments hold rows that may be of someone who has been forgotten.
    """
    found = Local()
    if folder is None:
        return found
    waiting: dict[str, list[Row]] = {PREDICTIONS: [], LABELS: []}
    forgotten: Forgotten | None = None
    segments = read_segments(folder)
    for row in segments:
        kind = kind_of(row)
        if not (days if kind == PREDICTIONS else told).has(row.time[:10]):
            continue
        if isinstance(row, Record) and row.entity is not None:
            forgotten = forgotten or Forgotten.read([store, Store(str(folder))], key)
            if forgotten.covers(row):
                continue
        waiting[kind].append(row)
        if len(waiting[kind]) == _AT_ONCE:
            found.tables[kind].append(to_table(waiting[kind]))
            waiting[kind] = []
    for kind, rows in waiting.items():
        found.tables[kind] += [to_table(rows)] if rows else []
    found.torn, found.foreign = segments.torn, segments.foreign
    return found


def local_folder(where: str | Path) -> Path | None:
    """The folder that `where` names; None where it is a URL of something else."""
    text = str(where)
    if "://" not in text:
        return Path(text)
    return Path(text.removeprefix("file://")) if text.startswith("file://") else None


def day_tables(store: Store, kind: str, days: Days, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The files of some days, one after another.

    Args:
        store: of the days.
        kind: predictions or labels.
        days: which.
        columns: only these, such as `id` or `features.distance`, as far as a file has them.

    Raises:
        EvidenceError: a file is no Parquet, or holds no rows of this kind.
    """
    wanted: set[str] | None = None
    for _ in range(_PASSES):
        replaced = set()
        for name in current(store.names(kind))[0]:
            stem = name.rsplit(".", 2)[0]
            if not days.has(day_of(name)) or (wanted is not None and stem not in wanted):
                continue
            with store.parquet(name) as file:
                if file is None:
                    replaced.add(stem)  # since it was listed: by a generation without someone who has been forgotten
                    continue
                table = file.read(None if columns is None else _paths(file.schema_arrow, columns))
                _require(table if columns is None else file.schema_arrow, kind, f"{store.where}/{name}")
            yield table
        if not replaced:
            return
        wanted = replaced


def gathered(tables: Iterable[pa.Table], rows: int = 500_000) -> Iterator[pa.Table]:
    """The same rows in fewer tables: what is looked up in them is hashed for each table anew."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        if waiting and (count >= rows or table.schema != waiting[0].schema):
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
        waiting.append(table)
        count += table.num_rows
    if waiting:
        yield pa.concat_tables(waiting)


def foreign_files(store: Store) -> tuple[str, ...]:
    """What lies in the folders of days and is no file of ours."""
    names = [name for kind in (PREDICTIONS, LABELS) for name in store.names(kind)]
    kept, replaced = current(names)
    ours = {name for name in (*kept, *replaced) if day_of(name)}
    return tuple(name for name in names if name not in ours)


def _paths(schema: pa.Schema, columns: Sequence[str]) -> list[str]:
    found = []
    for column in columns:
        top, _, below = column.partition(".")
        place = schema.get_field_index(top)
        if place >= 0 and (not below or schema.field(place).type.get_field_index(below) >= 0):
            found.append(column)
    return found


def _require(content: pa.Table | pa.Schema, kind: str, name: str) -> None:
    names = content.column_names if hasattr(content, "column_names") else content.names
    missing = sorted(_NEEDED[kind] - set(names))
    if missing:
        raise EvidenceError(
            f"`{name}` is Parquet, but no {kind} of this log: it lacks {', '.join(f'`{m}`' for m in missing)}. Move it "
            "away: only `weighlock` writes there."
        )
