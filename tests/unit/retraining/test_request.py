"""What a pull request says, and that no one else's words can do harm in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.retraining.evidence import Watched
from weighlock.retraining.request import MOST, Findings, message_of, request_of

WATCHED = Watched(
    "RETRAIN", "production", ("2013-09-01", "2013-09-07"), 6200,
    ("`pressure` drifted in this window and the one before",),
    (), (("pressure", "shift", 0.61, 0.1, True), ("carrier", "mix", 0.01, 0.05, False)), (("", 0.0123, 0.004),),
)  # fmt: skip
FOUND = Findings(
    "retrain/2013-09-30", dt.date(2013, 8, 31), dt.date(2013, 9, 30), 27_122, None,
    {"log_loss": (0.5019, 0.4123), "roc_auc": (0.7101, 0.7001), "brier": (None, 0.13)},
    "binary", "PASS", "the report", WATCHED,
)  # fmt: skip


def test_the_pull_request_carries_its_proof() -> None:
    request = request_of(FOUND)
    assert request.title == "Retrain on data up to 2013-09-30: PASS"
    assert not request.draft
    for part in (
        "The window moves from 2013-08-31 to **2013-09-30**: 27,122 new rows.",
        "- `pressure` drifted in this window and the one before",
        "| `pressure` | shift | 0.61 | 0.1 |",
        "| the recipe, retrained | +0.0123 | 0.0040 |",
        "| `log_loss` ↓ | 0.5019 | 0.4123 | -0.0896 |",
        "| `roc_auc` ↑ | 0.7101 | 0.7001 | -0.0100 |",
        "| `brier` ↓ |  | 0.1300 |  |",
        "the report",
    ):
        assert part in request.body
    assert "`carrier`" not in request.body


@pytest.mark.parametrize(("outcome", "draft"), [("PASS", False), ("INCONCLUSIVE", False), ("FAIL", True)])
def test_only_what_fails_is_a_draft(outcome: str, draft: bool) -> None:
    request = request_of(replace(FOUND, outcome=outcome))
    assert request.draft is draft
    assert request.title.endswith(outcome)


def test_without_a_verdict_it_says_that_somebody_asked() -> None:
    assert "no verdict of the watch was given" in request_of(replace(FOUND, watched=None)).body


def test_a_report_that_is_too_long_is_left_out() -> None:
    body = request_of(replace(FOUND, report="x" * MOST)).body
    assert len(body) < MOST
    assert "`weighlock gate` on this branch writes it" in body


def test_pictures_that_are_not_there_are_left_out() -> None:
    report = "before\n<details><summary>Plots</summary>\n\n![Gain](gain.png)\n\n</details>\nafter"
    body = request_of(replace(FOUND, report=report)).body
    assert "gain.png" not in body
    assert "before\nafter" in body


def test_the_commit_says_why() -> None:
    assert message_of(FOUND) == (
        "data: up to 2013-09-30\n\n27,122 rows came since 2013-08-31. The gate says PASS. The watch of production said "
        "RETRAIN.\n"
    )


@given(st.text(max_size=80))
def test_no_words_of_others_break_the_page(words: str) -> None:
    body = request_of(replace(FOUND, waiting=words, watched=replace(WATCHED, reasons=(words,), environment=words))).body
    told = [line for line in body.splitlines() if line.startswith("#")]
    assert told == ["### Why", "### Metrics", "### The gate"]
