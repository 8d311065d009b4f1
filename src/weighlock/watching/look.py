"""One look at production: a window of the log against the reference, as evidence and verdict."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from weighlock.decisions.trigger import Standing
from weighlock.decisions.watch import LEAST_DAYS, SHARES, Evidence, Verdict, decide, important
from weighlock.monitoring.window import last_days
from weighlock.params import to_timedelta
from weighlock.statistics.drift import Drift, drifts
from weighlock.statistics.drift_faults import Fault, faults
from weighlock.statistics.drift_units import unit_faults
from weighlock.watching.counts import DayCounts, columns_of
from weighlock.watching.feeds import feeds_of
from weighlock.watching.performance import Labelled, Twin, gains_of, labelled_rows
from weighlock.watching.reference import Watched, dates, day_number, season_of
from weighlock.watching.rows import Rows, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from weighlock.monitoring.collect import LogPlace
    from weighlock.watching.policy import WatchParams

USUAL_SILENCE = 0.01  # a weekday that more reference days than this had no row of is expected to have none


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        at: the present; the window ends with the last whole day before it.
        timezone: whose days.
        metric: the primary one.
        standing: of retrainings; `age` is filled in from the model.
        twin: makes what scores rows as the same recipe would, trained on what came before an instant; None: not
            looked at.
    """

    at: dt.datetime
    timezone: str
    metric: str
    standing: Standing = field(default_factory=Standing)
    twin: Callable[[dt.datetime], Twin | None] | None = None


@dataclass(frozen=True)
class Look:
    """What was seen, and what was decided of it.

    Attributes:
        watched: the model.
        reference: its days, after the policy's choice; `reference_name` in words.
        window, before: the days of the window, and as many before it.
        rows: of the window; `labelled` those whose truth is known, maybe of earlier days.
        evidence, verdict: of the decision.
    """

    watched: Watched
    reference: DayCounts
    reference_name: str
    window: DayCounts
    before: DayCounts
    rows: Rows
    labelled: Labelled
    evidence: Evidence
    verdict: Verdict


@dataclass(frozen=True)
class Sides:
    """What is looked at.

    Attributes:
        first: the number of the window's first day.
        days: how many it has.
        rows: of the window.
        earlier: of as many days before it.
        today: of the day that is under way, in which faults show already.
        history: the days before the window, where those are the reference.
        older: rows before `earlier`, on which a twin is tried, too; None: only on the others.
    """

    first: int
    days: int
    rows: Rows
    earlier: Rows
    today: Rows
    history: DayCounts | None = None
    older: Rows | None = None


def look(place: LogPlace, watched: Watched, policy: WatchParams, question: Question) -> Look:
    """Read the log and decide.

    Raises:
        EvidenceError, StorageError: the log cannot be read.
    """
    days = to_timedelta(policy.window).days
    start, end = last_days(question.at, days, question.timezone)
    before_start, _ = last_days(start + dt.timedelta(hours=12), days, question.timezone)

    def read(since: dt.datetime, until: dt.datetime) -> Rows:
        return read_rows(place, watched.signature, since, until, question.timezone, question.at)

    first = _local(start, question.timezone)
    earlier, history = read(before_start, start), None
    if policy.reference == "before":
        span = to_timedelta(policy.history).days
        oldest, _ = last_days(start + dt.timedelta(hours=12), span, question.timezone)
        history = read(oldest, start).counts(watched.bins, first - span, span)
    older, more = None, days_of_older(policy)
    if question.twin is not None and more:
        oldest, _ = last_days(before_start + dt.timedelta(hours=12), more, question.timezone)
        older = read(oldest, before_start)
    sides = Sides(first, days, read(start, end), earlier, read(end, question.at), history, older)
    return judge(sides, watched, policy, question)


def days_of_older(policy: WatchParams) -> int:
    """How many days before the window and the one before are read for a twin: the newest labels may be a window old."""
    return policy.regret_days - policy.days


def judge(sides: Sides, watched: Watched, policy: WatchParams, question: Question) -> Look:
    """Decide by rows that have been read."""
    window = sides.rows.counts(watched.bins, sides.first, sides.days)
    before = sides.earlier.counts(watched.bins, sides.first - sides.days, sides.days)
    reference, name = reference_of(watched.profile, policy, window, sides.history)
    drifted, too_few = drifts_of(watched, policy, reference, window)
    # a drift counts twice or not at all, so the window before is looked at only where there is one now
    twice = drifted and any(drift.drifted for drift in drifted)
    both = joined(sides.earlier, sides.rows)
    labelled, longer = (labelled_rows(both, watched.signature, days) for days in (sides.days, 2 * sides.days))
    longest = longer
    if question.twin is not None:  # alone a twin is tried on more
        all_rows = both if sides.older is None else joined(sides.older, both)
        longest = labelled_rows(all_rows, watched.signature, policy.regret_days)
    evidence = Evidence(
        days=dates(window.days),
        rows=tuple(window.rows.tolist()),
        expected=expected_days(watched.profile, window, before),
        faults=_faults(sides, watched, policy),
        drifts=drifted,
        too_few=too_few,
        before=drifts_of(watched, policy, reference, before)[0] if twice else None,
        importance=watched.importance,
        gains=gains_of(
            longest,
            longer,
            question.metric,
            watched.bins,
            _twin(question, longest),
            lambda name: important(name, watched.importance, policy.important),
        ),
        standing=replace(question.standing, age=_age(watched, question.at)),
        notes=(*sides.rows.notes, *_unwatched(watched, sides.rows), *labelled.notes),
    )
    verdict = decide(evidence, policy.rules)
    return Look(watched, reference, name, window, before, sides.rows, labelled, evidence, verdict)


def reference_of(
    profile: DayCounts, policy: WatchParams, window: DayCounts, history: DayCounts | None
) -> tuple[DayCounts, str]:
    """The reference's days that have rows, and what they are called."""
    first, last = int(window.days[0]), int(window.days[-1])
    if history is not None:
        return history.with_rows(), f"the {len(history.days)} days before the window"
    if policy.reference == "season":
        season = season_of(profile, first, last)
        if len(season.days) >= LEAST_DAYS:
            return season.with_rows(), "the same season of former years"
        return profile.with_rows(), "all days that the release was trained on (it has none of the same season)"
    return profile.with_rows(), "the days that the release was trained on"


def drifts_of(
    watched: Watched, policy: WatchParams, reference: DayCounts, window: DayCounts
) -> tuple[tuple[Drift, ...] | None, str]:
    """The drift of every column; None and the reason where days are too few."""
    full = window.with_rows()
    if min(len(full.days), len(reference.days)) < LEAST_DAYS:
        return None, (
            f"{len(full.days)} days of the window and {len(reference.days)} of the reference have rows: it takes "
            f"{LEAST_DAYS} of either to tell drift from chance"
        )
    columns = columns_of(reference, full, watched.bins)
    if not columns:
        return None, "the log holds no column that the reference knows"
    error = policy.false_alarms * SHARES["drift"]
    random = np.random.default_rng(policy.seed)
    return tuple(drifts(columns, policy.floors.by_measure, error, random)), ""


def joined(first: Rows, second: Rows) -> Rows:
    """The rows of both."""
    import pandas as pd

    names = {*first.mistyped, *second.mistyped}
    both = (first, second)
    return Rows(
        np.concatenate([rows.day for rows in both]),
        pd.concat([rows.features for rows in both if len(rows)] or [second.features], ignore_index=True),
        {n: np.concatenate([r.mistyped.get(n, np.zeros(len(r), dtype=bool)) for r in both]) for n in names},
        {name: np.concatenate([_scores(rows, name) for rows in both]) for name in {**first.scores, **second.scores}},
        np.concatenate([rows.own for rows in both]),
        np.concatenate([rows.flagged for rows in both]),
        np.concatenate([rows.truth for rows in both]),
        second.notes,
    )


def _scores(rows: Rows, name: str) -> NDArray[np.float64]:
    return rows.scores.get(name, np.full(len(rows), np.nan))


def _faults(sides: Sides, watched: Watched, policy: WatchParams) -> tuple[Fault, ...]:
    """Of the window's days and of today, against the release's own days, whatever drift is held against."""
    rows = joined(joined(sides.earlier, sides.rows), sides.today)
    window = rows.counts(watched.bins, sides.first, sides.days + (len(sides.today) > 0))
    if not rows.features.shape[1] or not window.rows.any():
        return ()
    feeds = feeds_of(rows, watched.signature, watched.profile.with_rows(), window, watched.bins)
    units = unit_faults(feeds, policy.limits)
    known = {fault.column for fault in units}  # whose leap has a reason
    found = [fault for fault in faults(feeds, policy.limits) if fault.kind != "jump" or fault.column not in known]
    return (*found, *units)


def _twin(question: Question, labelled: Labelled) -> Twin | None:
    if question.twin is None or not len(labelled):
        return None
    return question.twin(_midnight(int(labelled.day.min()), question.timezone))


def expected_days(profile: DayCounts, window: DayCounts, before: DayCounts) -> tuple[bool, ...]:
    """For each day of the window whether there should be rows: the profile has some on nearly all such weekdays.

    Nothing is expected before the first row that the log has of the window and the one before.
    """
    seen = [*before.days[before.rows > 0], *window.days[window.rows > 0]]
    if not seen or not len(profile.days):
        return (False,) * len(window.days)
    calendar = np.bincount(np.arange(profile.days[0], profile.days[-1] + 1) % 7, minlength=7)
    present = np.bincount(profile.days[profile.rows > 0] % 7, minlength=7)
    usual = (calendar > 0) & (present >= (1 - USUAL_SILENCE) * calendar)
    return tuple(bool(usual[day % 7] and day >= min(seen)) for day in window.days)


def _unwatched(watched: Watched, rows: Rows) -> tuple[str, ...]:
    lacking = [f.name for f in watched.signature.features if f.name not in rows.features] if len(rows) else []
    return (f"not in the log, and so not watched: {', '.join(f'`{name}`' for name in lacking)}",) if lacking else ()


def _local(instant: dt.datetime, timezone: str) -> int:
    from zoneinfo import ZoneInfo

    return day_number(instant.astimezone(ZoneInfo(timezone)).date())


def _midnight(day: int, timezone: str) -> dt.datetime:
    from zoneinfo import ZoneInfo

    return dt.datetime.combine(dates(np.array([day]))[0], dt.time(), ZoneInfo(timezone)).astimezone(dt.UTC)


def _age(watched: Watched, at: dt.datetime) -> dt.timedelta | None:
    until = watched.signature.trained_until
    return at - dt.datetime.fromisoformat(until) if until else None
