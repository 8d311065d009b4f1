"""The prediction log as everything that looks back reads it: the rows of a time, one each, with their truth so far.

`watch`, `judge`, the replay and the status page ask here; who compacts, erases or prints is beside it (`log_*`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa

from weighlock.errors import EvidenceError
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store
from weighlock.monitoring.window_files import Days, day_tables, foreign_files, local_folder, read_local
from weighlock.monitoring.window_rows import Piece, joined, paths, pieces
from weighlock.monitoring.window_truth import LABEL_COLUMNS, Truths, truths_of

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.monitoring.log_record import HashKey, Model


@dataclass(frozen=True)
class Part:
    """The rows that one model answered; n of them, in the order of time and id.

    Attributes:
        model: name, version and digest.
        rows: n rows of `id`, `time` (UTC, µs), `entity`, `request`, `score` (binary), `value` (regression), `label`,
            `flags` (a list), `truth` (a class's name, or a float64) and `truth_time`: when the truth was told. What
            is not there is null.
        features: n rows, a column for each feature that any row has, as the client sent it: float64, bool or text;
            none at all where no column was asked for. `window_rows.typed` brings them to a signature's types.
        scores: n rows, multiclass: a column for each class; None for other models.
    """

    model: Model
    rows: pa.Table = field(repr=False)
    features: pa.Table = field(repr=False)
    scores: pa.Table | None = field(repr=False)

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def labelled(self) -> int:
        """How many rows have a truth."""
        return len(self) - int(self.rows["truth"].null_count)

    @property
    def times(self) -> pd.Series:
        """(n,) instants in UTC."""
        return self.rows["time"].to_pandas()


@dataclass(frozen=True)
class Window:
    """The rows from `start` up to, but without, `end`; models are kept apart.

    Attributes:
        start, end: instants in UTC.
        known: truths told later than this are not known; None: all are.
        parts: the rows of each model, in the order of their first rows; none where there are no rows.
        repeated: rows that stood there twice and count once.
        contradicted: predictions of which different truths were told; the latest counts.
        torn, foreign: lines of segments that could not be read.
        foreign_files: names in the days' folders that Weighlock did not give; they are not read.
    """

    start: dt.datetime
    end: dt.datetime
    known: dt.datetime | None
    parts: tuple[Part, ...]
    repeated: int = 0
    contradicted: int = 0
    torn: int = 0
    foreign: int = 0
    foreign_files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def labelled(self) -> int:
        """How many rows have a truth."""
        return sum(part.labelled for part in self.parts)

    def one(self) -> Part:
        """The rows of the only model that answered.

        Raises:
            EvidenceError: none did, or several.
        """
        if len(self.parts) == 1:
            return self.parts[0]
        between = f"from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"
        if not self.parts:
            raise EvidenceError(f"no prediction was logged {between}.")
        named = ", ".join(f"{part.model.version} ({len(part):,} rows)" for part in self.parts)
        raise EvidenceError(f"several models answered {between}: {named}. Say which one is meant.")

    def of(self, which: str) -> Part | None:
        """The rows of a model by its version or digest; None where it answered none.

        Raises:
            EvidenceError: two models go by this version.
        """
        found = [part for part in self.parts if which in (part.model.version, part.model.digest)]
        if len(found) > 1:
            named = ", ".join(part.model.digest for part in found)
            raise EvidenceError(f"`{which}` stands for several models in the log: {named}. Name one by its digest.")
        return found[0] if found else None


@dataclass(frozen=True)
class VersionRows:
    """How much one model answered in a window, between which instants, and of how much the truth is known."""

    model: Model
    rows: int
    labelled: int
    first: dt.datetime
    last: dt.datetime


@dataclass(frozen=True)
class DayLabels:
    """The predictions of a local day, and how many of them have a truth."""

    day: dt.date
    predictions: int
    labelled: int


def read_window(
    where: str | Path,
    start: dt.datetime,
    end: dt.datetime,
    *,
    versions: Collection[str] | None = None,
    columns: Sequence[str] | None = None,
    known: dt.datetime | None = None,
    segments: Path | None = None,
    key: HashKey | None = None,
) -> Window:
    """The rows of a time, from days and segments alike, each once, with the latest truth that was told of it.

    Memory holds the window's rows, a file's at a time besides: 100,000 rows of 20 features take 30 MB. For more than
    fits, read it day after day, or fewer columns.

    Args:
        where: the folder or URL of the days.
        start, end: aware instants, the end excluded; only the folders of their UTC days are opened.
        versions: only models of these versions or digests.
        columns: only these features; none of them where it is empty, all where it is None.
        known: truths that were told later are left out, as they were not known then.
        segments: the folder whose segments are read too; by default `where`, where that is local.
        key: of the hashes, where segments hold rows of people who have been forgotten under one.

    Raises:
        EvidenceError: a file of a day is no Parquet, or none of this log.
        ConfigError: the key is missing, or the URL is none.
        StorageError: the store does not answer.
        ValueError: a time has no zone, or the window ends before it starts.
    """
    start, end, known = _utc(start), _utc(end), _utc(known) if known else None
    if end < start:
        raise ValueError(f"the window ends ({end}) before it starts ({start})")
    last = end - dt.timedelta(microseconds=1)
    store, days = Store(str(where)), Days(f"{start:%Y-%m-%d}", f"{last:%Y-%m-%d}")
    told = Days(None, f"{known:%Y-%m-%d}" if known else None)
    # Segments first: what is compacted meanwhile is found in its day, and what stands in both counts once.
    local = read_local(store, segments or local_folder(where), days, told, key)
    found: dict[Model, list[Piece]] = defaultdict(list)
    for table in chain(day_tables(store, PREDICTIONS, days, paths(columns)), local.tables[PREDICTIONS]):
        for model, piece in pieces(table, start, end, columns):
            if versions is None or {model.version, model.digest} & set(versions):
                found[model].append(piece)
    whole = {model: joined(parts) for model, parts in found.items()}
    tables = chain(day_tables(store, LABELS, told, LABEL_COLUMNS), local.tables[LABELS])
    truths = truths_of(tables, [piece.rows["id"] for piece, _ in whole.values()], known)
    parts = [_part(model, piece, truths) for model, (piece, _) in whole.items()]
    return Window(
        start,
        end,
        known,
        tuple(sorted(parts, key=lambda part: (part.rows["time"][0].as_py(), part.model.version, part.model.digest))),
        repeated=sum(repeated for _, repeated in whole.values()),
        contradicted=len(truths.contradicted),
        torn=local.torn,
        foreign=local.foreign,
        foreign_files=foreign_files(store),
    )


def versions_in(window: Window) -> list[VersionRows]:
    """Which models answered, in the order of their first rows."""
    return [
        VersionRows(
            part.model,
            len(part),
            part.labelled,
            part.rows["time"][0].as_py(),
            part.rows["time"][-1].as_py(),
        )
        for part in window.parts
    ]


def coverage(rows: Window | Part, timezone: str) -> list[DayLabels]:
    """For each local day that has predictions: how many, and how many of them have a truth.

    Args:
        rows: of a window, or of one model in it.
        timezone: whose days, such as America/New_York. A day on which clocks change has 23 or 25 hours.
    """
    import pandas as pd

    from weighlock.times import local_days

    parts = rows.parts if isinstance(rows, Window) else (rows,)
    frames = [pd.DataFrame({"day": local_days(p.times, timezone), "known": p.rows["truth"].is_valid()}) for p in parts]
    if not frames:
        return []
    by_day = pd.concat(frames).groupby("day", sort=True)["known"].agg(["size", "sum"])
    return [DayLabels(day.date(), int(size), int(known)) for day, (size, known) in by_day.iterrows()]


def last_days(at: dt.datetime, days: int, timezone: str) -> tuple[dt.datetime, dt.datetime]:
    """Start and end in UTC of the last whole local days before `at`; those on which clocks change count as one, too.

    Args:
        at: an aware instant.
        days: how many.
        timezone: whose days.
    """
    zone = ZoneInfo(timezone)
    last = _utc(at).astimezone(zone).date()
    start, end = (dt.datetime.combine(day, dt.time(), zone) for day in (last - dt.timedelta(days=days), last))
    return start.astimezone(dt.UTC), end.astimezone(dt.UTC)


def _part(model: Model, piece: Piece, truths: Truths) -> Part:
    truth, told = truths.of(piece.rows["id"])
    if pa.types.is_null(truth.type):
        truth = truth.cast(pa.string() if piece.rows["value"].null_count else pa.float64())
    rows = piece.rows.append_column("truth", truth).append_column("truth_time", told)
    return Part(model, rows, pa.table(piece.features), pa.table(piece.scores) if piece.scores else None)


def _utc(time: dt.datetime) -> dt.datetime:
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return time.astimezone(dt.UTC)
