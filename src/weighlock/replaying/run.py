"""A replay from beginning to end: read the source, live each policy, take its account."""

from __future__ import annotations

import calendar as calendars
import datetime as dt
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from weighlock.errors import ConfigError
from weighlock.params import FILE as PARAMS
from weighlock.params import Params, Window, read_params
from weighlock.replaying.life import POLICIES, Calendar, Life, live
from weighlock.replaying.measure import account, contrasts
from weighlock.replaying.tell import Replay
from weighlock.replaying.trainings import Bench, digest_of
from weighlock.replaying.year import Year, table_of
from weighlock.schema import FILE as SCHEMA
from weighlock.schema import Schema, read_schema
from weighlock.sources import load
from weighlock.times import local_days, to_utc
from weighlock.watching.policy import read_watch
from weighlock.weighing.policy import read_policy

CACHE = Path(".replay")
MIN_RANKS = 0.5


@dataclass(frozen=True)
class Asked:
    """What a replay is asked for.

    Attributes:
        first, last: days, both included.
        policies: names.
        delay: days after which an outcome is known.
        since: the first day that counts where policies are compared; None: all of them.
        search: whether each training searches its hyperparameters, or the first alone.
        jobs: trainings at a time.
        cache: where trainings, scores and verdicts are kept.
    """

    first: dt.date
    last: dt.date
    policies: tuple[str, ...] = tuple(POLICIES)
    delay: int = 2
    since: dt.date | None = None
    search: bool = True
    jobs: int = 2
    cache: Path = CACHE


def replay(asked: Asked, root: Path, say: Callable[[str], None]) -> Replay:
    """Live the days again under each policy.

    Raises:
        SourceError, DataError, ConfigError: the source does not answer, or there is too little to begin with.
    """
    begun = time.monotonic()
    year = year_of(asked, root, say)
    if "always" in asked.policies:  # every window is needed: several at a time
        prepare(year, asked.jobs)
    accounts = []
    for name in asked.policies:
        life = lived(name, year)
        accounts.append(account(life, year))
        say(f"{name}: promoted {life.count('promotion')}, refused {life.count('refusal')}")
    since = asked.since or asked.first
    found = contrasts(accounts, year, since, asked.last)
    return Replay(year, tuple(accounts), tuple(found), since, asked.search, time.monotonic() - begun)


def lived(policy: str, year: Year) -> Life:
    """The life under a policy.

    Raises:
        ConfigError: there is no model to begin with.
    """
    try:
        return live(POLICIES[policy], year.calendar, year)
    except ValueError as error:
        raise ConfigError(f"{error} Begin later (`--from`).") from error


def prepare(year: Year, jobs: int) -> None:
    """Make every training that retraining on each retraining day needs."""
    calendar = year.calendar
    year.train(calendar.newest(calendar.first))  # the others may carry its recipe over
    year.bench.make([year.wanted(calendar.newest(day)) for day in calendar.retraining_days], jobs, year.say)


def year_of(asked: Asked, root: Path, say: Callable[[str], None]) -> Year:
    """The repository's rows and policies.

    Raises:
        ConfigError: there is no time to live through, or the first day is after the last.
    """
    params, schema = read_params(root / PARAMS), read_schema(root / SCHEMA)
    _check(asked, params, schema)
    assert schema.time is not None  # noqa: S101  (as `_check` does)
    start = params.data.window.start
    data = params.data.model_copy(update={"window": Window(start=start, end=asked.last)})
    say(f"reading the source up to {asked.last}")
    rows = load(data)
    rows[schema.time] = to_utc(rows[schema.time], data.timezone)
    days = local_days(rows[schema.time], data.timezone)
    inside = (days.dt.date <= asked.last) & (days.dt.date >= start if start else True)
    rows, days = rows[inside].reset_index(drop=True), days[inside].reset_index(drop=True)
    holdout = str(params.split.holdout)
    bench = Bench(root, (root / asked.cache).absolute(), rows, days, digest_of(root, MIN_RANKS), MIN_RANKS, holdout)
    calendar = Calendar(asked.first, asked.last, asked.delay)
    year = Year(
        bench, table_of(rows, schema, data.timezone), schema, data.timezone, params.train.metric, calendar,
        holdout, read_policy(schema.task, root / PARAMS), read_watch(root / PARAMS), say,
    )  # fmt: skip
    return year if asked.search else replace(year, like=calendar.newest(calendar.first))


def month(text: str, *, last: bool) -> dt.date:
    """The first or last day of `2013-04`; a day as it is.

    Raises:
        ConfigError: it is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = dt.date.fromisoformat(f"{text}-01")
            return first.replace(day=calendars.monthrange(first.year, first.month)[1]) if last else first
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"`{text}` is neither a month such as 2013-04 nor a day such as 2013-04-01.") from None


def known(policies: Sequence[str] | None) -> tuple[str, ...]:
    """The policies' names, each once; all of them where none is named.

    Raises:
        ConfigError: there is none of that name.
    """
    names = tuple(dict.fromkeys(policies or POLICIES))
    if odd := [name for name in names if name not in POLICIES]:
        raise ConfigError(f"`{odd[0]}` is no policy; there are {', '.join(POLICIES)}.")
    return names


def _check(asked: Asked, params: Params, schema: Schema) -> None:
    if schema.time is None:
        raise ConfigError("`schema.yaml` names no `time`: there is no telling what was known when.")
    if params.split.by != "time" or not isinstance(params.split.holdout, str):
        raise ConfigError("a replay takes `split.by: time`, with durations such as 28d, in `params.yaml`.")
    if asked.last <= asked.first:
        raise ConfigError(f"the replay ends on {asked.last}, which is not after its first day, {asked.first}.")
    start = params.data.window.start
    newest = Calendar(asked.first, asked.last, asked.delay).newest(asked.first)
    if start and newest <= start:
        raise ConfigError(
            f"on {asked.first} nothing later than {newest} is known, and `data.window` starts on {start}: there is "
            "nothing to train on. Begin later (`--from`)."
        )
