"""The watch in a replay: the window's rows as the prediction log would hold them on that morning."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from weighlock.decisions.trigger import Standing
from weighlock.layout import SERVED
from weighlock.replaying.life import Seen, Version
from weighlock.replaying.year import number
from weighlock.watching.look import Question, Sides, days_of_older, judge
from weighlock.watching.reference import Watched, read_watched
from weighlock.watching.rows import Rows, score_names

if TYPE_CHECKING:
    from weighlock.replaying.trainings import Training
    from weighlock.replaying.year import Year


def look(
    year: Year, training: Training, day: dt.date, version: Version, since: dt.timedelta | None, *, thorough: bool
) -> Seen:
    """What `weighlock watch` would say on the morning of `day`."""
    watched = read_watched(training.folder / SERVED)
    days, first = year.watch.days, number(day) - year.watch.days

    def rows(start: int, count: int) -> Rows:
        return _rows(year, watched, start, count, day, version)

    history = None
    if year.watch.reference == "before":
        span = dt.timedelta(days=1) * int(year.watch.history.removesuffix("d"))
        history = rows(first - span.days, span.days).counts(watched.bins, first - span.days, span.days)
    twin = functools.partial(year.twin, training) if thorough else None
    more = days_of_older(year.watch)
    older = rows(first - days - more, more) if twin and more else None
    sides = Sides(first, days, rows(first, days), rows(first - days, days), rows(number(day), 0), history, older)
    midnight = dt.datetime.combine(day, dt.time(), ZoneInfo(year.timezone)).astimezone(dt.UTC)
    question = Question(midnight, year.timezone, year.metric, Standing(since_retraining=since), twin)
    verdict = judge(sides, watched, year.watch, question).verdict
    return Seen(verdict.outcome, "; ".join(verdict.reasons))


def _rows(year: Year, watched: Watched, start: int, count: int, today: dt.date, version: Version) -> Rows:
    table, signature = year.table, watched.signature
    low, high = np.searchsorted(table.day, [start, start + count])
    place = slice(int(low), int(high))
    day = table.day[place]
    own = day >= number(version.since)
    # rows that an earlier version answered count for their features alone
    scores = np.full((len(day), len(score_names(signature))), np.nan)
    if own.any():
        offset = year.table.places(year.calendar.first, year.calendar.last).start
        known = year.scores(version.end)[place.start - offset + int((~own).sum()) : place.stop - offset]
        scores[own] = known.reshape(len(known), -1)
    truth = np.asarray(table.truth[place], dtype=np.float64).copy()
    truth[day > number(year.calendar.newest(today))] = np.nan  # not told yet
    features = table.frame.iloc[place][[feature.name for feature in signature.features]].reset_index(drop=True)
    named = {name: scores[:, i] for i, name in enumerate(score_names(signature))}
    return Rows(day, features, {}, named, own, np.zeros(len(day), dtype=bool), truth, ())
