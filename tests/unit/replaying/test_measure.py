"""Accounts of made-up lives, worked out by hand."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.replaying.life import POLICIES, Calendar, Event, Life, Version
from weighlock.replaying.measure import account, contrast
from weighlock.replaying.tell import Replay, render, summary
from weighlock.replaying.year import Table, number

FIRST, LAST = dt.date(2013, 4, 29), dt.date(2013, 5, 12)
DAYS = np.repeat(np.arange(number(FIRST) - 1, number(LAST) + 1), 2)  # two rows a day, from one day before on
OLD, NEW = Version("v1", dt.date(2013, 4, 26), FIRST), Version("v2", dt.date(2013, 4, 28), dt.date(2013, 5, 1))


class Made:
    """A year of two rows a day, one late and one not; the old model says .5 of all, the new one knows better."""

    calendar = Calendar(FIRST, LAST, 2)
    metric = "log_loss"
    schema = SimpleNamespace(task="binary")
    table = Table(pd.DataFrame(), DAYS, np.tile([0, 1], len(DAYS) // 2), "x")

    def scores(self, end: dt.date) -> Any:
        rows = len(DAYS) - 2
        return np.full(rows, 0.5) if end == OLD.end else np.tile([0.2, 0.8], rows // 2)


def lives() -> tuple[Any, Any]:
    never = Life(POLICIES["never"], [OLD])
    told = [Event(NEW.since, "promotion", "v2: <b>`heat`</b> | @someone")]
    return account(never, Made()), account(Life(POLICIES["gated"], [OLD, NEW], told), Made())  # type: ignore[arg-type]


def test_each_row_is_scored_by_the_version_that_answered_on_its_day() -> None:
    never, gated = lives()
    assert [(m.name, m.rows, m.version) for m in gated.months] == [("2013-04", 4, "v1"), ("2013-05", 24, "v2")]
    assert gated.months[0].values["log_loss"] == pytest.approx(np.log(2))  # noqa: PD011
    assert gated.months[1].values == {"log_loss": pytest.approx(-np.log(0.8)), "roc_auc": 1.0}  # noqa: PD011
    assert never.overall["log_loss"] == pytest.approx(np.log(2))
    assert gated.overall["log_loss"] == pytest.approx((4 * np.log(2) - 24 * np.log(0.8)) / 28)


def test_policies_are_compared_on_the_days_that_count() -> None:
    never, gated = lives()
    found = contrast(gated, never, Made(), NEW.since, LAST)  # type: ignore[arg-type]
    assert (found.policy, found.than, found.gain.clusters) == ("gated", "never", 12)
    assert found.gain.value == pytest.approx(np.log(2) + np.log(0.8))


def test_the_page_shows_no_markup_of_others() -> None:
    never, gated = lives()
    found = contrast(gated, never, Made(), NEW.since, LAST)  # type: ignore[arg-type]
    page = Replay(Made(), (never, gated), (found,), NEW.since, True, 1.0)  # type: ignore[arg-type]
    assert "<b>" not in render(page)
    assert "| gated | 0.2903 | 0.9898 | 1 | 0 | 0 | 0 | +0.4700 (+0.4700 to +0.4700) |" in summary(page)
