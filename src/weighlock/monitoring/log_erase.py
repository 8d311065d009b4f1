"""Rows are taken out of the log: from segments by blanking their lines, from days by writing a file without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from weighlock.monitoring.log_record import Feedback, Record, Row, stamp
from weighlock.monitoring.log_segment import Segments, blank, given_up, lines
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, current, next_name

if TYPE_CHECKING:
    from weighlock.monitoring.log_forgotten import Forgotten
    from weighlock.monitoring.log_store import Store


@dataclass(frozen=True)
class Gone:
    """What has to go: predictions of those who have been forgotten, and what was told about these predictions.

    Attributes:
        forgotten: whose.
        ids: of the predictions, for their labels.
        names: the entity as it may stand in lines that are no rows of this version.
    """

    forgotten: Forgotten
    ids: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def has(self, row: Row) -> bool:
        """Whether a row has to go."""
        return row.id in self.ids if isinstance(row, Feedback) else self.forgotten.covers(row)

    def has_label(self, item: dict[str, Any]) -> bool:
        """Whether a row of a day's labels has to go."""
        return item["id"] in self.ids

    def has_prediction(self, item: dict[str, Any]) -> bool:
        """Whether a row of a day's predictions has to go."""
        return item["entity"] is not None and self.forgotten.reaches(item["entity"], item["time"])


@dataclass
class Erased:
    """Which rows went, and from where. A row of a live segment may stand in a day as well; it counts once.

    Attributes:
        predictions: their ids.
        labels: ids and times of what was told about them.
        unreadable: torn lines, which could be anyone's.
        places: names of segments and of days' files.
    """

    predictions: set[str] = field(default_factory=set)
    labels: set[tuple[str, str]] = field(default_factory=set)
    unreadable: int = 0
    places: set[str] = field(default_factory=set)


def erase_from_segment(path: Path, gone: Gone, erased: Erased) -> int:
    """Blank the lines that have to go, and those that nobody can read; safe while its writer appends. How many."""
    with given_up(path) as free:
        places, segment = [], Segments([])
        for offset, line in lines(path, whole=not free):
            torn = segment.torn
            rows = segment.rows(line)
            if rows:
                if not gone.has(rows[0]):  # a request is one person's, so its rows go together
                    continue
                for row in rows:
                    _note(row, erased)
            elif segment.torn > torn:
                erased.unreadable += 1
            elif not (line.strip() and (line.startswith(b" ") or _mentions(line, gone.names))):
                continue
            places.append((offset, len(line)))
        blank(path, places)
    if places:
        erased.places.add(path.name)
    return len(places)


def erase_from_files(store: Store, names: Iterable[str], gone: Gone, erased: Erased) -> int:
    """Replace each file of a day that holds rows which have to go by one without them. How many went."""
    total = 0
    for name in names:
        labels = name.startswith(f"{LABELS}/")
        keys = store.read_table(name, ["id", "time"] if labels else ["id", "time", "entity"])
        if keys is None:
            continue
        leaves = [gone.has_label(item) if labels else gone.has_prediction(item) for item in keys.to_pylist()]
        if any(leaves):
            for item in keys.filter(leaves).to_pylist():
                if labels:
                    erased.labels.add((item["id"], stamp(item["time"])))
                else:
                    erased.predictions.add(item["id"])
            _without(store, name, leaves)
            erased.places.add(name)
            total += sum(leaves)
    return total


def day_files(store: Store, kind: str) -> list[str]:
    """The files of a kind that count."""
    return current(store.names(kind))[0]


def predictions_of(store: Store, forgotten: Forgotten) -> set[str]:
    """The ids of the predictions in the days that have to go."""
    gone, ids = Gone(forgotten), set()
    for name in day_files(store, PREDICTIONS):
        with store.parquet(name) as file:
            if file is None:
                continue
            for batch in file.iter_batches(columns=["id", "time", "entity"]):
                ids |= {item["id"] for item in batch.to_pylist() if gone.has_prediction(item)}
    return ids


def _without(store: Store, name: str, leaves: list[bool]) -> None:
    """The rest first, then the old file goes: a crash between the two is tidied up by whoever comes next."""
    whole = store.read_table(name)
    if whole is not None and not all(leaves):
        store.write_table(next_name(name), whole.filter([not leaf for leaf in leaves]))
    store.remove(name)


def _note(row: Row, erased: Erased) -> None:
    if isinstance(row, Record):
        erased.predictions.add(row.id)
    else:
        erased.labels.add((row.id, row.time))


def _mentions(line: bytes, names: frozenset[str]) -> bool:
    """Whether a line that is JSON, but no row of this version, has one of these entities."""
    try:
        content = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return True  # nobody can tell, so it goes
    return isinstance(content, dict) and content.get("entity") in names
