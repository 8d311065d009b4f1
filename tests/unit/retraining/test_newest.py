"""Which day is the newest complete one, worked out by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from weighlock.errors import ConfigError, SourceError
from weighlock.params import Params
from weighlock.retraining import newest
from weighlock.retraining.newest import find_newest
from weighlock.schema import Schema

PARAMS: dict[str, Any] = {
    "data": {
        "source": {"files": "x.csv"}, "depends_on": "x.csv", "timezone": "America/New_York",
        "window": {"start": "2013-01-01", "end": "2013-08-31"},
    },
    "validate": {"max_bad_share": 0.25, "max_single_feature": 0.98},
    "split": {"by": "time", "validation": "28d", "holdout": "28d"},
    "train": {
        "seed": 7, "metric": "log_loss", "max_categories": 5, "search": {"folds": 2, "max_rows": 10},
        "learners": {"linear": {"trials": 1}}, "calibration": "never", "threshold": {"rule": "f1"},
    },
    "evaluate": {"baseline": "prior", "slices": [], "max_slices": 2, "bins": 2},
    "refit": "always",
}  # fmt: skip
SCHEMA = {
    "task": "binary", "target": "late", "classes": [False, True], "key": "id", "time": "at", "freshness": "2d",
    "features": {"x": {"type": "number"}},
}  # fmt: skip
NOON = dt.datetime(2013, 9, 6, 16, tzinfo=dt.UTC)  # in New York; two days before it is the 4th, so the 3rd is over


def day(number: int, month: int = 9) -> dt.date:
    return dt.date(2013, month, number)


def ask(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, Any]], to: dt.date | None = None, **change: Any
) -> newest.Newest:
    """What is found of a source with these rows: local time and outcome."""
    frame = pd.DataFrame(rows, columns=["at", "late"])
    monkeypatch.setattr(newest, "load", lambda _: frame)
    params = Params.model_validate({**PARAMS, **change})
    return find_newest(params, Schema.model_validate(SCHEMA), NOON, to)


def test_days_that_may_still_get_rows_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # given rows of each day up to the 5th, then the 3rd is the newest that is over for two days
    found = ask(monkeypatch, [(f"2013-09-0{n}T23:30", True) for n in range(1, 6)])
    assert (found.before, found.day, found.rows, found.waiting) == (day(31, 8), day(3), 3, None)
    assert not found.nothing_new


def test_days_without_outcomes_are_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a 3rd of September of which half is not known
    rows = [
        ("2013-09-01T10:00", True),
        ("2013-09-02T10:00", False),
        ("2013-09-03T10:00", None),
        ("2013-09-03T11:00", True),
    ]
    found = ask(monkeypatch, rows)
    assert (found.day, found.rows) == (day(2), 2)
    assert found.waiting == "1 later day up to 2013-09-03 lack `late` in 50% of a day's rows"


def test_a_day_that_is_asked_for_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"2013-09-0{n}T12:00", True) for n in range(1, 4)]
    assert ask(monkeypatch, rows, to=day(2)).day == day(2)
    with pytest.raises(ConfigError, match=r"2013-09-04. is not complete yet: the last day that is over is 2013-09-03"):
        ask(monkeypatch, rows, to=day(4))
    with pytest.raises(ConfigError, match="The newest complete day is 2013-09-01"):
        ask(monkeypatch, [rows[0], ("2013-09-02T12:00", None)], to=day(2))


@pytest.mark.parametrize("rows", [[], [("2013-08-31T12:00", True)], [("2013-09-01T12:00", None)]])
def test_nothing_new_is_no_error(monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, Any]]) -> None:
    assert ask(monkeypatch, rows).nothing_new


def test_without_news_the_source_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_: object) -> None:
        raise SourceError("down")

    monkeypatch.setattr(newest, "load", down)
    params, schema = Params.model_validate(PARAMS), Schema.model_validate(SCHEMA)
    assert find_newest(params, schema, NOON, day(31, 8)).nothing_new
    assert find_newest(params, schema, dt.datetime(2013, 9, 1, tzinfo=dt.UTC)).nothing_new
    with pytest.raises(SourceError):
        find_newest(params, schema, NOON)


def test_without_a_window_there_is_nothing_to_move(monkeypatch: pytest.MonkeyPatch) -> None:
    data: Any = {**PARAMS["data"], "window": {}}
    with pytest.raises(ConfigError, match="no window to move"):
        ask(monkeypatch, [], data=data)
