"""How old the newest prediction is whose outcome is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from tests.unit.monitoring.logged import KEY, START, Log, feedback, record

from weighlock.monitoring.collect import LogPlace
from weighlock.monitoring.label_newest import newest_known
from weighlock.monitoring.log_store import Store

NOW = START + dt.timedelta(days=10)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def age(log: Log, at: dt.datetime = NOW) -> dt.timedelta | None:
    return newest_known(LogPlace(log.to, log.folder), at, KEY)


def test_it_is_that_of_the_newest_whose_truth_is_known_in_days_and_segments_alike(log: Log) -> None:
    log.write(record("a"), record("b", days=3), record("c", days=5), record("d", days=7), feedback("a", days=4))
    assert age(log) == dt.timedelta(days=10)
    log.write(feedback("c", days=8), feedback("b", days=9))
    assert age(log) == dt.timedelta(days=5)
    log.compact()
    assert age(log) == dt.timedelta(days=5)
    log.write(record("e", days=9), feedback("e", days=9.5))
    assert age(log) == dt.timedelta(days=1)


def test_what_was_told_or_predicted_later_is_not_known(log: Log) -> None:
    log.write(record("a"), record("b", days=3), feedback("a", days=4), feedback("b", days=9), feedback("x"))
    assert age(log, START + dt.timedelta(days=8)) == dt.timedelta(days=8)
    assert age(log, START + dt.timedelta(days=9)) == dt.timedelta(days=6)


def test_without_any_outcome_it_is_the_oldest_predictions_and_without_those_none(log: Log) -> None:
    assert age(log) is None
    log.write(record("a", days=1), record("b", days=2), feedback("a", None, days=3))
    assert age(log) == dt.timedelta(days=9)
    log.compact()
    assert age(log) == dt.timedelta(days=9)


def test_days_before_the_newest_are_not_opened(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(record("a"), record("b", days=3), feedback("a", days=4), feedback("b", days=4))
    log.compact()
    opened = []
    before = Store.parquet
    monkeypatch.setattr(Store, "parquet", lambda self, name: opened.append(name) or before(self, name))
    assert age(log) == dt.timedelta(days=7)
    assert not [name for name in opened if "predictions" in name and "2026-01-31" in name]
