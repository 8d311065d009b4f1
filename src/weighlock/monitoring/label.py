"""Outcomes that arrive later, joined to the predictions that they are about, and written to the log's labels."""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from weighlock.monitoring.label_match import Join, Matched, ids_of_keys, matched, paths
from weighlock.monitoring.label_tell import News, news, tellings, write
from weighlock.monitoring.log_compact import alone, tidy
from weighlock.monitoring.log_erase import Erased, Gone, erase_from_files
from weighlock.monitoring.log_forgotten import Forgotten
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store
from weighlock.monitoring.log_table import TEXT
from weighlock.monitoring.window_files import Days, day_tables, read_local
from weighlock.monitoring.window_truth import LABEL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighlock.batch.inputs import Input
    from weighlock.monitoring.collect import LogPlace
    from weighlock.monitoring.label_outcomes import Outcomes
    from weighlock.monitoring.log_record import HashKey

ALL = Days()


@dataclass(frozen=True)
class Labelled:
    """What became of outcomes.

    Attributes:
        outcomes: as they were read and counted.
        predictions: that they are about.
        new, corrected, known, superseded: see `News`.
        unmatched: the rows that are about no prediction of the log.
        ambiguous: rows whose key several predictions of one answer share, so that nobody can tell which is meant.
        forgotten: rows about people who have been forgotten.
        files: that were written.
    """

    outcomes: Outcomes
    predictions: int
    new: int
    corrected: int
    known: int
    superseded: int
    unmatched: tuple[int, ...]
    ambiguous: int
    forgotten: int
    files: tuple[str, ...]


def label(
    place: LogPlace,
    outcomes: Outcomes,
    join: Join,
    *,
    at: dt.datetime,
    key: HashKey | None,
    numeric: bool,
    scored: Sequence[Input] = (),
    within: dt.timedelta | None = None,
) -> Labelled:
    """Write down what became of predictions. Doing it again, or after a crash, writes only what is not there yet.

    Args:
        place: of the log.
        outcomes: checked.
        join: how they meet predictions.
        at: the present, which is when they are told where they have no times of their own.
        key: of the hashes, where the log has some.
        numeric: whether the truth is a number: of regression.
        scored: what `weighlock score` wrote, where `join` goes by it.
        within: where outcomes say when they happened: how long before that a prediction may have been made.

    Raises:
        ConfigError: the key of the hashes is missing.
        EvidenceError: a file of a day is no Parquet, or none of this log; predictions are of another task.
        StorageError: the store cannot be written; what is written stays, and is not written again.
    """
    with alone(place.folder) if place.folder else nullcontext():
        store = place.store
        tidy(store)
        places, names = pd.factorize(outcomes.frame["key"])
        frame = outcomes.frame.assign(place=places)
        keys = pa.array(names, TEXT)
        stores = [store, *([Store(str(place.folder))] if place.folder else [])]
        forgotten = Forgotten.read(stores, key)
        # Segments first: what another machine compacts meanwhile is found in its day.
        local = read_local(store, place.folder, ALL, ALL, key).tables
        predictions = chain(day_tables(store, PREDICTIONS, ALL, paths(join)), local[PREDICTIONS])
        found = _found(predictions, join, keys, scored, key, forgotten, numeric=numeric)
        told = tellings(found.frame, frame, within)
        fresh = news(told, chain(day_tables(store, LABELS, ALL, LABEL_COLUMNS), local[LABELS]), at)
        files = write(store, fresh.frame, at)
        if files:
            _check(store, files, found.frame, forgotten, Forgotten.read(stores, key))
    return _counted(outcomes, frame, found, told, fresh, files)


def _found(
    tables: Iterable[pa.Table],
    join: Join,
    keys: pa.Array,
    scored: Sequence[Input],
    key: HashKey | None,
    forgotten: Forgotten,
    *,
    numeric: bool,
) -> Matched:
    if not join.scored:
        return matched(tables, join, keys, key, forgotten, numeric=numeric)
    assert join.column is not None  # noqa: S101  (`join_by` names it)
    ids, of_key = ids_of_keys(scored, join.column, keys)
    found = matched(tables, join, ids, key, forgotten, numeric=numeric)
    of = of_key.to_numpy().astype(np.int64)
    frame = found.frame.assign(key=of[found.frame["key"].to_numpy()])
    return Matched(frame, of[found.ambiguous], of[found.forgotten])


def _check(store: Store, files: Sequence[str], found: pd.DataFrame, before: Forgotten, now: Forgotten) -> None:
    """Someone may have been forgotten while these files were written: then what was told of them is taken out again."""
    if now.tombstones == before.tombstones:
        return
    rows = zip(found["id"], found["entity"], found["time"], strict=True)
    gone = frozenset(n for n, entity, time in rows if isinstance(entity, str) and now.reaches(entity, time))
    erase_from_files(store, files, Gone(now, gone), Erased())


def _counted(
    outcomes: Outcomes, frame: pd.DataFrame, found: Matched, told: pd.DataFrame, fresh: News, files: Sequence[str]
) -> Labelled:
    silent = ~frame["row"].isin(told["row"])
    forgotten = silent & frame["place"].isin(found.forgotten)
    ambiguous = silent & ~forgotten & frame["place"].isin(found.ambiguous)
    return Labelled(
        outcomes,
        predictions=int(told["id"].nunique()),
        new=fresh.new,
        corrected=fresh.corrected,
        known=fresh.known,
        superseded=fresh.superseded,
        unmatched=tuple(frame.loc[silent & ~forgotten & ~ambiguous, "row"].tolist()),
        ambiguous=int(ambiguous.sum()),
        forgotten=int(forgotten.sum()),
        files=tuple(files),
    )
