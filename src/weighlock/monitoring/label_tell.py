"""What is new in what was told, and how it gets into the log: as files of the day it was told, nothing edited.

Told twice, a truth stands once. Of several, the one told last counts. Without times of their own, outcomes are told
now; a truth that was told before and has been corrected since is then no news, so that an export which is read again
does not undo a correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from weighlock.monitoring.log_store import LABELS, Store, new_name
from weighlock.monitoring.log_table import TEXT, TIME
from weighlock.monitoring.window_rows import as_type
from weighlock.monitoring.window_truth import told_about

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from numpy.typing import NDArray

CHUNK = 100_000


@dataclass(frozen=True)
class News:
    """What the log does not hold yet.

    Attributes:
        frame: `id`, `truth` and `time` of what is to be written.
        new: predictions that had no truth.
        corrected: truths that differ from what was told before.
        known: truths that the log holds already.
        superseded: truths that were told before and corrected since; they stay corrected.
    """

    frame: pd.DataFrame
    new: int = 0
    corrected: int = 0
    known: int = 0
    superseded: int = 0


def tellings(found: pd.DataFrame, outcomes: pd.DataFrame, within: dt.timedelta | None) -> pd.DataFrame:
    """Each truth of each prediction.

    Args:
        found: predictions: `id`, `time`, `key` (a place).
        outcomes: `place`, `truth`, `row`, and perhaps `told` and `when`.
        within: with `when`: how long before that a prediction may have been made; None: any time.

    Returns:
        `id`, `time`, `truth`, `row` and perhaps `told`. With `when`, a prediction has the outcome that came next.
    """
    both = found.merge(outcomes, left_on="key", right_on="place", how="inner", suffixes=("", "_"))
    if "when" in both.columns:
        both = both[both["time"] <= both["when"]]
        if within is not None:
            both = both[both["when"] - both["time"] <= within]
        both = both[both["when"] == both.groupby("id")["when"].transform("min")]
    return both.reset_index(drop=True)


def news(told: pd.DataFrame, labels: Iterable[pa.Table], at: dt.datetime) -> News:
    """What of these truths the log does not hold.

    Args:
        told: `id`, `time` (of the prediction), `truth` and perhaps `told` (its own time).
        labels: tables of what was told before.
        at: the present.
    """
    ids = pa.array(told["id"].unique(), TEXT)
    own = "told" in told.columns
    if own:
        told = told.sort_values("told", kind="stable", ignore_index=True)
    before = _before(told_about(labels, ids) if len(ids) else None)
    rows = _coded(before, told, ids, _base(told, at))
    keep, known = (_changes if own else _unheard)(rows)
    had = rows["id"].isin(rows.loc[~rows["mine"], "id"])
    fresh = rows[keep].sort_values(["time", "order"], kind="stable")
    new = int(fresh.loc[~had[keep], "id"].nunique())
    written = told.iloc[fresh["order"].to_numpy()][["id", "truth"]].reset_index(drop=True)
    return News(
        written.assign(time=pd.DatetimeIndex(fresh["time"].to_numpy().astype("datetime64[us]"), tz="UTC")),
        new=new,
        corrected=len(fresh) - new - int((keep & known).sum()),
        known=int(known.sum()),
        superseded=int((rows["mine"] & ~keep & ~known).sum()),
    )


def _coded(before: pa.Table, told: pd.DataFrame, ids: pa.Array, base: NDArray[np.int64]) -> pd.DataFrame:
    """Old and new truths as numbers: of the id, the value, the time (µs), whether it is new, and where it stands.

    A truth cannot have been told before the prediction was made: its day might be gone, or never looked at.
    """
    mine = as_type(pa.chunked_array([pa.array(told["truth"])]), TEXT).to_pandas()
    value, _ = pd.factorize(pd.concat([as_type(before["truth"], TEXT).to_pandas(), mine], ignore_index=True))
    places = pc.index_in(pa.chunked_array([*before["id"].chunks, pa.array(told["id"], TEXT)], TEXT), ids).to_numpy()
    made = told["time"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
    times = [before["time"].cast(pa.int64()).to_numpy(), np.maximum(base, made)]
    return pd.DataFrame(
        {
            "id": places,
            "value": value,
            "time": np.concatenate(times),
            "mine": np.repeat([False, True], [before.num_rows, len(told)]),
            "order": np.concatenate([np.arange(before.num_rows), np.arange(len(told))]),
        }
    )


def _changes(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Which new truths to write, and which say nothing else than was so at their own time.

    These are written as well: one that is told later may lie between the two.
    """
    ordered = rows.sort_values(["id", "time", "mine", "order"], kind="stable")
    there = ordered.duplicated(["id", "value", "time"]).reindex(rows.index)
    same = (ordered["id"].eq(ordered["id"].shift()) & ordered["value"].eq(ordered["value"].shift())).reindex(rows.index)
    return rows["mine"] & ~there, rows["mine"] & (there | same)


def _unheard(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Which new truths to write, and which are known: those that the log has had of these predictions are no news.

    What is written is the latest, whatever clock told the one before.
    """
    old = rows[~rows["mine"]].sort_values(["id", "time", "order"], kind="stable").drop_duplicates("id", keep="last")
    latest = rows["id"].map(old.set_index("id")["time"])
    rows["time"] = rows["time"].where(~rows["mine"] | latest.isna(), np.maximum(rows["time"], latest.fillna(0) + 1))
    rows["time"] = rows["time"].astype("int64")
    heard = rows["mine"] & rows.duplicated(["id", "value"])
    return rows["mine"] & ~heard, heard & rows["value"].eq(rows["id"].map(old.set_index("id")["value"]))


def _before(told: pa.Table | None) -> pa.Table:
    if told is not None:
        return told
    return pa.table({"id": pa.array([], TEXT), "time": pa.array([], TIME), "truth": pa.array([], TEXT)})


def _base(told: pd.DataFrame, at: dt.datetime) -> NDArray[np.int64]:
    """When each was told, µs since the epoch."""
    if "told" not in told.columns:
        return np.full(len(told), pa.scalar(at, TIME).value, dtype=np.int64)
    times: NDArray[np.int64] = told["told"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
    return times


def write(store: Store, frame: pd.DataFrame, at: dt.datetime) -> list[str]:
    """Write truths to the days on which they were told; the names of the files.

    Each file is whole or not there, so what a killed run has written is known to the next one, which writes the rest.

    Raises:
        StorageError: the store cannot be written.
    """
    names = []
    days = frame["time"].dt.strftime("%Y-%m-%d")
    for day, rows in frame.groupby(days.to_numpy(), sort=True):
        for start in range(0, len(rows), CHUNK):
            part = rows.iloc[start : start + CHUNK]
            table = pa.table(
                {
                    "id": pa.array(part["id"], TEXT),
                    "time": pa.array(part["time"], TIME),
                    "truth": pa.array(part["truth"]),
                }
            )
            names.append(new_name(LABELS, str(day), at))
            store.write_table(names[-1], table)
    return names
