"""What policies come to: each month's loss, and differences between policies with their intervals."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.replaying.life import Life
from weighlock.replaying.year import EPOCH, Year
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import Metric, Scored, find_metric
from weighlock.statistics.paired import Estimate, Units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RANKING = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mae"}


@dataclass(frozen=True)
class Month:
    """A policy's month.

    Attributes:
        name: such as 2013-04.
        rows: that were scored.
        values: the primary metric, and one that tells how well rows are ranked.
        version: that answered, on the month's last day.
        end: the last day that it was trained on.
    """

    name: str
    rows: int
    values: dict[str, float]
    version: str
    end: dt.date


@dataclass(frozen=True)
class Account:
    """What a policy comes to."""

    life: Life
    months: tuple[Month, ...]
    overall: dict[str, float]
    scored: Scored


@dataclass(frozen=True)
class Contrast:
    """By how much one policy is better than another over some days; negative where it is worse."""

    policy: str
    than: str
    gain: Estimate


def metrics_of_replay(year: Year) -> tuple[Metric, ...]:
    """The primary metric, and one that tells how well rows are ranked."""
    names = dict.fromkeys([year.metric, RANKING[year.schema.task]])
    return tuple(find_metric(name, year.schema.task) for name in names)


def account(life: Life, year: Year) -> Account:
    """A policy's scores held against the truth."""
    place = year.table.places(year.calendar.first, year.calendar.last)
    day, truth = year.table.day[place], year.table.truth[place]
    scores = scores_of(life, year, day)
    metrics = metrics_of_replay(year)
    names = np.array([f"{EPOCH + dt.timedelta(days=int(n)):%Y-%m}" for n in np.unique(day)])
    month = names[np.unique(day, return_inverse=True)[1]]

    def values(rows: NDArray[Any]) -> dict[str, float]:
        part = Scored(year.schema.task, truth[rows], scores[rows])
        return {metric.name: metric(part) for metric in metrics}

    months = []
    for name in np.unique(month):
        rows = month == name
        last = EPOCH + dt.timedelta(days=int(day[rows].max()))
        version = [v for v in life.versions if v.since <= last][-1]
        months.append(Month(str(name), int(rows.sum()), values(rows), version.name, version.end))
    whole = Scored(year.schema.task, truth, scores)
    return Account(life, tuple(months), values(np.ones(len(day), dtype=bool)), whole)


def scores_of(life: Life, year: Year, day: NDArray[np.int64]) -> NDArray[Any]:
    """Each row's score by the version that answered on its day."""
    since = np.array([(version.since - EPOCH).days for version in life.versions])
    which = np.searchsorted(since, day, side="right") - 1
    found = np.array(year.scores(life.versions[0].end), dtype=np.float64)
    for place, version in enumerate(life.versions[1:], start=1):
        rows = which == place
        found[rows] = year.scores(version.end)[rows]
    return found


def contrast(one: Account, other: Account, year: Year, first: dt.date, last: dt.date) -> Contrast:
    """One policy against another on the same rows, days being the unit."""
    place = year.table.places(year.calendar.first, year.calendar.last)
    day = year.table.day[place]
    low, high = np.searchsorted(day, [(first - EPOCH).days, (last - EPOCH).days + 1])
    rows = slice(int(low), int(high))

    def part(account: Account) -> Scored:
        return Scored(account.scored.task, account.scored.truth[rows], account.scored.scores[rows])

    metric = find_metric(year.metric, year.schema.task)
    gain = difference(metric, part(one), part(other), Units.days(day[rows]))
    return Contrast(one.life.policy.name, other.life.policy.name, gain)


def contrasts(accounts: Sequence[Account], year: Year, first: dt.date, last: dt.date) -> list[Contrast]:
    """Every policy against `always` and `never`, as far as they were replayed."""
    known = {account.life.policy.name: account for account in accounts}
    return [
        contrast(account, known[base], year, first, last)
        for base in ("always", "never")
        if base in known
        for account in accounts
        if account.life.policy.name != base
    ]
