"""The newest complete data: up to which day every outcome is in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError, DataError
from weighlock.params import Params, Window, to_timedelta
from weighlock.sources import load
from weighlock.times import local_days, to_utc

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.schema import Schema


@dataclass(frozen=True)
class Newest:
    """What the source has beyond the present window.

    Attributes:
        before: the window's present last day.
        day: the newest complete one; `before` or earlier where there is nothing new.
        rows: of the days between, `day` included.
        waiting: why later days of the source are not complete yet; None where it has none.
    """

    before: dt.date
    day: dt.date
    rows: int
    waiting: str | None = None

    @property
    def nothing_new(self) -> bool:
        """Whether the window is where it could be moved to."""
        return self.day <= self.before


def find_newest(params: Params, schema: Schema, now: dt.datetime, to: dt.date | None = None) -> Newest:
    """Ask the source.

    A day is complete when it is over, for as long as `freshness` in `schema.yaml` allows rows to be late, and when no
    more of its rows lack an outcome than `validate.max_bad_share` allows.

    Args:
        params: of the repository.
        schema: its data contract.
        now: an aware instant.
        to: the last day that is wanted; None: as far as it goes.

    Raises:
        ConfigError: there is no window that could be moved, or `to` is not complete.
        SourceError: the source does not answer.
        DataError: it lacks the time or the target.
    """
    end = params.data.window.end
    if end is None or schema.time is None:
        raise ConfigError("`data.window.end` in `params.yaml` is not set: there is no window to move. Set it to a day.")
    if to is not None and to <= end:
        return Newest(end, end, 0)
    over = _over(now, schema.freshness, params.data.timezone)
    if to is not None and to > over:
        raise ConfigError(_not_over(to, over, schema.freshness))
    last = min(over, to) if to else over
    if last <= end:
        return Newest(end, end, 0)
    rows = _rows(params, schema, end, last)
    return _newest(rows, params, schema, end, to)


def _rows(params: Params, schema: Schema, end: dt.date, last: dt.date) -> pd.DataFrame:
    """Day and whether the outcome is known, of every row after the window and up to `last`."""
    import pandas as pd

    window = Window(start=end + dt.timedelta(days=1), end=last)
    frame = load(params.data.model_copy(update={"window": window}))
    for column in (schema.time, schema.target):
        if column not in frame.columns:
            raise DataError(f"the source has no column `{column}`, which `schema.yaml` names.")
    if frame.empty:
        return pd.DataFrame({"day": [], "known": []})
    times = to_utc(frame[schema.time], params.data.timezone)
    found = pd.DataFrame(
        {"day": local_days(times, params.data.timezone).dt.date, "known": frame[schema.target].notna()}
    )
    return found[(found["day"] > end) & (found["day"] <= last)]


def _newest(rows: pd.DataFrame, params: Params, schema: Schema, end: dt.date, to: dt.date | None) -> Newest:
    if rows.empty:
        return Newest(end, end, 0)
    lacking = 1 - rows.groupby("day")["known"].mean()
    complete = lacking[lacking <= params.validate_.max_bad_share]
    day = max(complete.index, default=end)
    later = lacking[lacking.index > day]
    waiting = None
    if len(later):
        waiting = (
            f"{len(later)} later day{'s' if len(later) > 1 else ''} up to {max(later.index)} lack `{schema.target}` in "
            f"{later.max():.0%} of a day's rows"
        )
    if to is not None and waiting:
        raise ConfigError(f"`--to {to}`: {waiting}. The newest complete day is {day}.")
    return Newest(end, day, int((rows["day"] <= day).sum()), waiting)


def _over(now: dt.datetime, freshness: str | None, timezone: str) -> dt.date:
    from zoneinfo import ZoneInfo

    late = to_timedelta(freshness) if freshness else dt.timedelta()
    return (now - late).astimezone(ZoneInfo(timezone)).date() - dt.timedelta(days=1)


def _not_over(to: dt.date, over: dt.date, freshness: str | None) -> str:
    why = f", for rows may be {freshness} late (`freshness` in `schema.yaml`)" if freshness else ""
    return f"`--to {to}` is not complete yet: the last day that is over is {over}{why}."
