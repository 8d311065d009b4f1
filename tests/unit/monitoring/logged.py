"""A log to play with, and a process that dies at a step of one's choice."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from weighlock.monitoring import log_compact, log_segment, log_store
from weighlock.monitoring.log_cat import rows_by_time
from weighlock.monitoring.log_compact import Compacted, compact
from weighlock.monitoring.log_forget import forget
from weighlock.monitoring.log_record import Answer, HashKey
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store, current
from weighlock.monitoring.log_table import to_rows
from weighlock.monitoring.prediction_log import Answered, Feedback, LogWriter, Model, Record, Row, encode, stamp

START = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
KEY = HashKey("correct horse battery staple")
MODEL = Model("flights", "v3", "sha256:00")


def record(name: str, entity: str | None = None, days: float = 0, **change: Any) -> Record:
    """A prediction, `days` after START."""
    time = stamp(START + dt.timedelta(days=days))
    base = Record(name, time, MODEL, {"distance": 500.0, "carrier": "UA", "new": None}, entity=entity, score=0.25)
    return msgspec.structs.replace(base, **change)


def feedback(name: str, truth: Any = True, days: float = 0) -> Feedback:
    """What became of a prediction."""
    return Feedback(name, truth, stamp(START + dt.timedelta(days=days)))


def together(*rows: Record) -> bytes:
    """The line of a request of many rows, which share all but their features and answers."""
    first = rows[0]
    said = [Answer(r.id, r.score, r.value, r.scores, r.label, r.flags) for r in rows]
    asked = [r.features for r in rows]
    return msgspec.json.encode(Answered(first.time, first.model, asked, said, first.entity, first.request))


class Log:
    """A log's folder, where its days are, and short ways to use them."""

    def __init__(self, folder: Path, to: str | None = None, key: HashKey | None = KEY) -> None:
        self.folder, self.to, self.key = folder, to or str(folder), key

    def write(self, *rows: Row | bytes, close: bool = True) -> LogWriter:
        writer = LogWriter.open(self.folder, "0")
        writer.append([row if isinstance(row, bytes) else encode(row) for row in rows])
        if close:
            writer.close()
        return writer

    @property
    def store(self) -> Store:
        return Store(self.to)

    def compact(self, days: float = 0, retention: int | None = 90) -> Compacted:
        kept = None if retention is None else dt.timedelta(days=retention)
        at = START + dt.timedelta(days=days)
        return compact(self.folder, self.store, retention=kept, at=at, key=self.key)

    def forget(self, entity: str, days: float = 0) -> Any:
        return forget(self.folder, self.store, entity, at=START + dt.timedelta(days=days), key=self.key)

    def cat(self, kind: str = PREDICTIONS) -> list[Row]:
        return list(rows_by_time(self.folder, self.store, kind, key=self.key))

    def in_days(self, kind: str = PREDICTIONS) -> list[Row]:
        """The rows of every Parquet file that counts, as they stand there."""
        tables = [self.store.read_table(name) for name in current(self.store.names(kind))[0]]
        return [row for table in tables if table is not None for row in to_rows(table)]

    def ids(self, kind: str = PREDICTIONS) -> list[str]:
        return sorted(row.id for row in self.in_days(kind))

    def segments(self) -> list[str]:
        return [path.name for path in log_segment.segment_paths(self.folder)]

    def holds(self, text: str) -> list[str]:
        """The files in which a text stands."""
        found = [p.name for p in self.folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]
        for kind in (PREDICTIONS, LABELS):  # compressed
            for name in self.store.names(kind):
                content = self.store.read_table(name)
                if content is not None and text in str(content.to_pylist()):
                    found.append(name)
        return found


class KilledError(BaseException):
    """As `kill -9`: nothing that comes after it happens."""


@contextmanager
def dies_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every change of a file counts as a step; from this one on there are none. Yields what was done."""
    done: list[str] = []

    def counted(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **options: Any) -> Any:
            if len(done) >= step:
                raise KilledError
            done.append(name)
            return change(*args, **options)

        return stepped

    pwrite = os.pwrite

    def half(file: int, data: bytes, offset: int) -> int:
        """The kernel stops in the middle of a write as well."""
        return pwrite(file, data[: max(len(data) // 2, 1)], offset)

    with monkeypatch.context() as patch:
        for owner, name in ((Path, "unlink"), (Path, "replace"), (Path, "write_text"), (Path, "rmdir")):
            patch.setattr(owner, name, counted(name, getattr(owner, name)))
        patch.setattr(log_store.os, "open", counted("open", os.open))
        patch.setattr(log_segment.os, "pwrite", counted("pwrite", half))
        patch.setattr(Store, "remove", counted("remove", Store.remove))
        try:
            yield done
        except KilledError:
            done.append("killed")


__all__ = ["KEY", "MODEL", "START", "KilledError", "Log", "dies_at", "feedback", "log_compact", "record"]
