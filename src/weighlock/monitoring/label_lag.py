"""How far labels lag behind: the share of predictions of some age of which nobody has told the truth yet."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weighlock.monitoring.log_store import LABELS, PREDICTIONS
from weighlock.monitoring.log_table import TEXT, TIME
from weighlock.monitoring.window_files import Days, day_tables, read_local

if TYPE_CHECKING:
    from weighlock.monitoring.collect import LogPlace
    from weighlock.monitoring.log_record import HashKey


@dataclass(frozen=True)
class Lag:
    """How many predictions wait for their truth.

    Attributes:
        older_than: only predictions of this age or more are looked at.
        predictions: how many there are.
        unlabelled: how many of them have no truth.
        oldest: the time of the oldest that has none; None where all have one.
    """

    older_than: dt.timedelta
    predictions: int
    unlabelled: int
    oldest: dt.datetime | None

    @property
    def share(self) -> float:
        """Of the predictions, those without a truth; 0 where there are no predictions."""
        return self.unlabelled / self.predictions if self.predictions else 0.0


def label_lag(place: LogPlace, at: dt.datetime, older_than: dt.timedelta, key: HashKey | None = None) -> Lag:
    """How many predictions of some age have no truth yet. Memory holds the ids of labels and of these predictions.

    Args:
        place: of the log.
        at: the present, aware; what was told later is not known.
        older_than: the age.
        key: of the hashes, where people have been forgotten under one.

    Raises:
        EvidenceError: a day's file is no Parquet, or none of this log.
    """
    border = at.astimezone(dt.UTC) - older_than
    days, told = Days(None, f"{border:%Y-%m-%d}"), Days(None, f"{at.astimezone(dt.UTC):%Y-%m-%d}")
    local = read_local(place.store, place.folder, days, told, key)
    tables = chain(day_tables(place.store, PREDICTIONS, days, ["id", "time", "model"]), local.tables[PREDICTIONS])
    made = [_until(table, border) for table in tables]
    labels = chain(day_tables(place.store, LABELS, told, ["id", "time", "truth"]), local.tables[LABELS])
    said = (table.filter(pc.is_valid(table["truth"])) for table in labels)
    known = pa.chunked_array([chunk for table in said for chunk in _until(table, at)["id"].chunks], TEXT)
    whole = pa.concat_tables(made) if made else pa.table({"id": pa.array([], TEXT), "time": pa.array([], TIME)})
    ids = whole["id"].combine_chunks().dictionary_encode()
    _, first = np.unique(ids.indices.to_numpy(), return_index=True)  # a row may stand in a segment and in a day
    whole = whole.take(pa.array(first))
    waiting = whole.filter(pc.invert(pc.is_in(whole["id"], known.unique())))
    return Lag(older_than, whole.num_rows, waiting.num_rows, pc.min(waiting["time"]).as_py())


def _until(table: pa.Table, border: dt.datetime) -> pa.Table:
    return table.select(["id", "time"]).filter(pc.less_equal(table["time"], pa.scalar(border, TIME)))
