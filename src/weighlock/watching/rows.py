"""Rows of the prediction log as the watch takes them: features with their types, scores, truth, and local days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.monitoring.log_record import key_from_environment
from weighlock.monitoring.profile import SCORE
from weighlock.monitoring.window import read_window
from weighlock.monitoring.window_rows import typed
from weighlock.times import local_days
from weighlock.watching.counts import Bins, DayCounts, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.monitoring.collect import LogPlace
    from weighlock.monitoring.window import Part, Window
    from weighlock.scoring import Signature


@dataclass(frozen=True)
class Rows:
    """Rows that one model answered, or several that take the same features.

    Attributes:
        day: (n,) numbers of local days since 1970.
        features: (n, k) float64, or text; null is NaN or None.
        mistyped: by feature, (n,) where something stands that is not of its type; only features that have such.
        scores: by name as in the profile, (n,); NaN in rows of another model than the watched one.
        own: (n,) whether the watched model answered.
        flagged: (n,) whether the service found anything odd.
        truth: (n,) 0/1, the class's number or the value; NaN where it is not known.
        notes: what was left out.
    """

    day: NDArray[np.int64]
    features: pd.DataFrame
    mistyped: dict[str, NDArray[np.bool_]]
    scores: dict[str, NDArray[np.float64]]
    own: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    truth: NDArray[np.float64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.day)

    def counts(self, bins: Mapping[str, Bins], first: int, days: int) -> DayCounts:
        """Rows by day, column and bin: of features all, of scores those of the watched model."""
        features = {str(name): self.features[name] for name in self.features.columns}
        found = counted(features, bins, self.day, first, days)
        scores = {name: values[self.own] for name, values in self.scores.items()}
        return replace(found, columns=found.columns | counted(scores, bins, self.day[self.own], first, days).columns)


def read_rows(
    place: LogPlace, signature: Signature, start: dt.datetime, end: dt.datetime, timezone: str, known: dt.datetime
) -> Rows:
    """The rows of a time.

    Args:
        place: where the log is.
        signature: of the watched model. Rows of other models count for their features, where they have them all.
        start, end: aware instants, the end excluded.
        timezone: whose days.
        known: truths that were told later are not known.

    Raises:
        EvidenceError: a day's file is no Parquet.
        StorageError: the store does not answer.
    """
    key = key_from_environment()
    window = read_window(place.where, start, end, known=known, segments=place.folder, key=key)
    return rows_of(window, signature, timezone)


def rows_of(window: Window, signature: Signature, timezone: str) -> Rows:
    """The rows of a window of the log."""
    import pandas as pd

    kept: list[Rows] = []
    notes: list[str] = []
    own_columns = _own_columns(window, signature)
    for part in window.parts:
        own = part.model.digest == signature.digest
        rows = _part(part, signature, timezone, own=own)
        lacking = own_columns - set(rows.features.columns)
        if lacking and not own:
            named = ", ".join(f"`{name}`" for name in sorted(lacking)[:5])
            notes.append(f"{len(part):,} rows of {part.model.version} lack {named}: another signature, left out")
            continue
        if not own:
            notes.append(f"{len(part):,} rows are of {part.model.version}: their features count, their scores do not")
        kept.append(rows)
    notes += _oddities(window)
    if not kept:
        names = [feature.name for feature in signature.features]
        return _empty(pd.DataFrame({name: [] for name in names}), score_names(signature), tuple(notes))
    mistyped = {name for rows in kept for name in rows.mistyped}
    return Rows(
        np.concatenate([rows.day for rows in kept]),
        kept[0].features if len(kept) == 1 else pd.concat([rows.features for rows in kept], ignore_index=True),
        {n: np.concatenate([r.mistyped.get(n, np.zeros(len(r), dtype=bool)) for r in kept]) for n in mistyped},
        {name: np.concatenate([rows.scores[name] for rows in kept]) for name in kept[0].scores},
        np.concatenate([rows.own for rows in kept]),
        np.concatenate([rows.flagged for rows in kept]),
        np.concatenate([rows.truth for rows in kept]),
        tuple(notes),
    )


def score_names(signature: Signature) -> list[str]:
    """What the profile calls the scores of such a model."""
    return [f"{SCORE}{name}" for name in (signature.classes or ())] if signature.task == "multiclass" else [SCORE]


def _own_columns(window: Window, signature: Signature) -> set[str]:
    """What can be asked of other models' rows: the features that the log holds of ours, else those of the signature."""
    names = {feature.name for feature in signature.features}
    logged = [set(part.features.column_names) & names for part in window.parts if part.model.digest == signature.digest]
    return set().union(*logged) if logged else names


def _part(part: Part, signature: Signature, timezone: str, *, own: bool) -> Rows:
    import pyarrow.compute as pc

    found = typed(part.features, signature)
    frame = found.frame.drop(columns=list(found.hidden))
    mistyped = {
        name: part.features[name].is_valid().to_numpy() & frame[name].isna().to_numpy()
        for name in found.unreadable
        if name in frame
    }
    day = local_days(part.times, timezone).to_numpy().astype("datetime64[D]").astype(np.int64)
    flagged = pc.fill_null(pc.greater(pc.list_value_length(part.rows["flags"]), 0), False)
    notes = tuple(f"`{name}` is logged as a hash: it cannot be watched" for name in found.hidden)
    return Rows(
        day, frame, mistyped, _scores(part, signature, own=own), np.full(len(part), own),
        flagged.to_numpy(), _truth(part, signature), notes,
    )  # fmt: skip


def _scores(part: Part, signature: Signature, *, own: bool) -> dict[str, NDArray[np.float64]]:
    nothing = np.full(len(part), np.nan)
    if not own:
        return dict.fromkeys(score_names(signature), nothing)
    if signature.task == "multiclass":
        there = part.scores.column_names if part.scores is not None else []
        return {
            f"{SCORE}{name}": _floats(part.scores[name]) if part.scores is not None and name in there else nothing
            for name in signature.classes or ()
        }
    return {SCORE: _floats(part.rows["score" if signature.task == "binary" else "value"])}


def _truth(part: Part, signature: Signature) -> NDArray[np.float64]:
    """As metrics take it; a class that the signature does not name is not known."""
    import pandas as pd

    told = part.rows["truth"].to_pandas()
    if signature.classes is None:
        return np.asarray(pd.to_numeric(told, errors="coerce"), dtype=np.float64)
    numbers = {name: float(place) for place, name in enumerate(signature.classes)}
    return np.asarray(told.map(numbers), dtype=np.float64)


def _floats(column: Any) -> NDArray[np.float64]:
    return np.asarray(column.to_pandas(), dtype=np.float64)


def _oddities(window: Window) -> list[str]:
    said = [
        (window.repeated, "rows stood in the log twice and count once"),
        (window.contradicted, "predictions were told different truths: the latest counts"),
        (window.torn, "torn lines were passed over"),
        (window.foreign, "lines are of another version of Weighlock, and were passed over"),
        (len(window.foreign_files), "files in the log's folders are not Weighlock's, and were not read"),
    ]
    return [f"{number:,} {what}" for number, what in said if number]


def _empty(features: pd.DataFrame, scores: list[str], notes: tuple[str, ...]) -> Rows:
    none, no = np.zeros(0), np.zeros(0, dtype=bool)
    return Rows(none.astype(np.int64), features, {}, dict.fromkeys(scores, none), no, no, none, notes)
