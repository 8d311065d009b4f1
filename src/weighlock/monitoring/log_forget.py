"""A person is forgotten: their rows go from live segments, from segments that wait and from every day.

What cannot be reached from here is a copy that someone else made: backups, and older versions in a bucket that keeps
them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError, StorageError
from weighlock.monitoring.log_compact import alone, tidy
from weighlock.monitoring.log_erase import (
    Erased,
    Gone,
    day_files,
    erase_from_files,
    erase_from_segment,
    predictions_of,
)
from weighlock.monitoring.log_forgotten import GRACE, Forgotten, Tombstone
from weighlock.monitoring.log_record import KEY_VARIABLE, HashKey, Record, clean, instant
from weighlock.monitoring.log_segment import read_segments, segment_paths
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PASSES = 10


def forget(folder: Path, store: Store, entity: str, *, at: dt.datetime, key: HashKey | None) -> Erased:
    """Erase every row of an entity, and what was told about these rows, and keep later ones from coming in.

    Args:
        folder: the log's.
        store: where its compacted days are.
        entity: as the client names it (in `X-Entity-Id`).
        at: the present. Rows that are on their way, up to five minutes from now, will not be compacted.
        key: of the hashes.

    Returns:
        What went. Erasing again what is gone already finds nothing, and does no harm.

    Raises:
        EvidenceError: there is no log.
        ConfigError: entities are hashed in this log, and the key is not at hand.
        StorageError: something cannot be written; run it again.
    """
    with alone(folder):
        return _Forgetting(folder, store, clean(entity), at, key).run()


@dataclass(frozen=True)
class _Forgetting:
    folder: Path
    store: Store
    entity: str
    at: dt.datetime
    key: HashKey | None

    def run(self) -> Erased:
        """First say who is forgotten, so that no one brings a row back; then erase until a pass finds nothing."""
        stores = {store.where: store for store in (self.store, Store(str(self.folder)))}
        self._say(stores.values(), self.at + GRACE)
        latest = max(self._times(), default=self.at)
        if latest > self.at + GRACE:  # a clock ran ahead
            self._say(stores.values(), latest)
        erased = Erased()
        for _ in range(_PASSES):
            for store in stores.values():
                tidy(store)
            if not self._erase(Forgotten.read(stores.values(), self.key), list(stores.values()), erased):
                return erased
        raise StorageError(
            f"rows kept coming back while they were being erased {_PASSES} times: another `weighlock log forget` or "
            f"`compact` works on `{self.store.where}`. Run it again."
        )

    def _say(self, stores: Iterable[Store], until: dt.datetime) -> None:
        tombstone = Tombstone.of(self.entity, until, self.key)
        for store in stores:
            store.write(tombstone.name, b"{}\n")

    def _times(self) -> Iterator[dt.datetime]:
        """When the entity's rows were made."""
        own = Forgotten([Tombstone.of(self.entity, dt.datetime.max.replace(tzinfo=dt.UTC), self.key)], self.key)
        for row in read_segments(self.folder):
            if isinstance(row, Record) and row.entity is not None:
                self._require_key(own, row.entity)
                if own.covers(row):
                    yield instant(row.time)
        for name in day_files(self.store, PREDICTIONS):
            with self.store.parquet(name) as file:
                for batch in file.iter_batches(columns=["entity", "time"]) if file else ():
                    for entity, time in zip(batch["entity"].to_pylist(), batch["time"].to_pylist(), strict=True):
                        if entity is not None:
                            self._require_key(own, entity)
                            if own.reaches(entity, time):
                                yield time

    def _require_key(self, own: Forgotten, entity: str) -> None:
        if own.hides(entity):
            raise ConfigError(
                f"this log holds hashes of entities, and `{KEY_VARIABLE}` is not set, so nobody can tell which are "
                "theirs. Nothing was erased. Set it to the key that the service has."
            )

    def _erase(self, forgotten: Forgotten, stores: list[Store], erased: Erased) -> int:
        """One pass; how many rows went. Labels go before predictions: only these know whose the labels are."""
        ids = {row.id for row in read_segments(self.folder) if isinstance(row, Record) and forgotten.covers(row)}
        names = {self.entity} | ({self.key.hash("entity", self.entity)} if self.key else set())
        labels = Gone(Forgotten([], None), frozenset(ids.union(*(predictions_of(s, forgotten) for s in stores))))
        predictions = Gone(forgotten, names=frozenset(names))
        count = 0
        for kind, gone in ((LABELS, labels), (PREDICTIONS, predictions)):
            count += sum(erase_from_segment(path, gone, erased) for path in segment_paths(self.folder))
            count += sum(erase_from_files(store, day_files(store, kind), gone, erased) for store in stores)
        return count
