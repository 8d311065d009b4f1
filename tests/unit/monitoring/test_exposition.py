"""What a watch leaves for Prometheus, read again by Prometheus' own reader."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from weighlock.monitoring.exposition import VERDICTS, Watched, exposition

NOON = datetime(2013, 5, 7, 12, tzinfo=UTC)


def read(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_text() -> None:
    watched = Watched("production", "RETRAIN", NOON, 2100, timedelta(days=2), {"wind": 1.25, "carrier": 0.5})
    assert exposition(watched).splitlines() == [
        "# HELP weighlock_watch_verdict 1 for what the newest watch came to, else 0.",
        "# TYPE weighlock_watch_verdict gauge",
        'weighlock_watch_verdict{environment="production",verdict="OK"} 0.0',
        'weighlock_watch_verdict{environment="production",verdict="WARN"} 0.0',
        'weighlock_watch_verdict{environment="production",verdict="RETRAIN"} 1.0',
        'weighlock_watch_verdict{environment="production",verdict="BROKEN"} 0.0',
        'weighlock_watch_verdict{environment="production",verdict="UNKNOWN"} 0.0',
        "# HELP weighlock_watch_time_seconds When it was looked.",
        "# TYPE weighlock_watch_time_seconds gauge",
        'weighlock_watch_time_seconds{environment="production"} 1367928000.0',
        "# HELP weighlock_watch_rows Predictions in the window.",
        "# TYPE weighlock_watch_rows gauge",
        'weighlock_watch_rows{environment="production"} 2100.0',
        "# HELP weighlock_label_lag_seconds Age of the newest prediction whose outcome is known.",
        "# TYPE weighlock_label_lag_seconds gauge",
        'weighlock_label_lag_seconds{environment="production"} 172800.0',
        "# HELP weighlock_watch_drift_ratio Distance from the reference; at 1 the column drifts.",
        "# TYPE weighlock_watch_drift_ratio gauge",
        'weighlock_watch_drift_ratio{environment="production",column="carrier"} 0.5',
        'weighlock_watch_drift_ratio{environment="production",column="wind"} 1.25',
    ]


def test_where_no_outcomes_are_expected_nothing_is_late() -> None:
    text = exposition(Watched("production", "OK", NOON, 0))
    assert "label_lag" not in text
    assert "drift_ratio" not in text


@settings(max_examples=50, deadline=None)
@given(
    environment=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='"\\\n'), min_size=1),
    verdict=st.sampled_from(VERDICTS),
    drift=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='"\\\n'), min_size=1),
        st.floats(min_value=0),
        max_size=4,
    ),
)
def test_prometheus_reads_back_what_was_written(environment: str, verdict: str, drift: dict[str, float]) -> None:
    found = read(exposition(Watched(environment, verdict, NOON, 7, None, drift)))
    where = ("environment", environment)
    assert [v for v in VERDICTS if found["weighlock_watch_verdict", frozenset({where, ("verdict", v)})]] == [verdict]
    assert {
        column: found["weighlock_watch_drift_ratio", frozenset({where, ("column", column)})] for column in drift
    } == drift
    assert len(found) == len(VERDICTS) + 2 + len(drift)
    assert not any(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    ("verdict", "time", "lag", "said"),
    [
        ("FINE", NOON, None, "FINE"),
        ("OK", NOON.replace(tzinfo=None), None, "zone"),
        ("OK", NOON, -timedelta(seconds=1), "late"),
    ],
)
def test_nonsense_is_refused(verdict: str, time: datetime, lag: timedelta | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        exposition(Watched("production", verdict, time, 1, lag))
