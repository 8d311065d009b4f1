"""What a look at production comes to on GitHub, for each verdict, whoever's words are in it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from tests.unit.github.stub import BOT, Stub, pull

from weighlock.errors import ConfigError, EvidenceError
from weighlock.github.api import Client
from weighlock.github.idle import idle, told
from weighlock.github.pull_request import NewPull
from weighlock.github.retraining import COST, had_one, open_request
from weighlock.github.retrainings import read_retrainings
from weighlock.github.watched import Look, Window, read_look, tell

WINDOW = Window(start=dt.date(2026, 2, 19), end=dt.date(2026, 2, 25))
RUN = "https://github.com/owner/name/actions/runs/7"
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def seen(outcome: str, reason: str = "`heat` drifted") -> Look:
    return Look.model_validate({"environment": "production", "outcome": outcome, "window": WINDOW, "reasons": [reason]})


def started(stub: Stub) -> list[object]:
    return [body for method, path, body in stub.asked if path.endswith("/dispatches")]


def test_one_issue_is_opened_updated_and_closed(client: Client, stub: Stub) -> None:
    done = [tell(client, seen(o), "# summary\n", RUN, BOT, "main") for o in ("WARN", "BROKEN", "UNKNOWN", "OK", "OK")]

    assert [told_.issue.done for told_ in done] == ["made", "updated", "none", "closed", "none"]
    assert len(stub.issues) == 1
    assert stub.issues[0]["state"] == "closed"
    assert stub.issues[0]["title"] == "production: the watch says BROKEN"
    assert "# summary" in stub.issues[0]["body"]
    assert f"]({RUN})" in stub.issues[0]["body"]
    assert started(stub) == []


def test_a_retraining_is_started_once_and_opens_no_issue_of_its_own(client: Client, stub: Stub) -> None:
    first = tell(client, seen("RETRAIN"), "summary", RUN, BOT, "trunk")
    stub.runs = [{"id": 3, "status": "queued"}]
    second = tell(client, seen("RETRAIN"), "summary", RUN, BOT, "trunk")

    assert (first.retraining, second.retraining) == (True, False)
    assert started(stub) == [{"ref": "trunk", "inputs": {"look": "production/2026-02-25"}}]
    assert stub.issues == []


def test_a_retraining_is_told_in_the_issue_that_is_open(client: Client, stub: Stub) -> None:
    tell(client, seen("WARN"), "summary", RUN, BOT, "main")
    told_ = tell(client, seen("RETRAIN"), "summary", RUN, BOT, "main")

    assert told_.issue.done == "updated"
    assert "A retraining is started." in stub.issues[0]["body"]


@pytest.mark.parametrize("word", ["@everyone", "$(id)", "${{ secrets.KEY }}", "<script>", "[x](https://evil.example)"])
def test_hostile_words_stay_words(client: Client, stub: Stub, word: str) -> None:
    for outcome in ("BROKEN", "OK"):
        tell(client, seen(outcome, f"`{word}` {word}"), f"column {word}", RUN, BOT, "main")
    bodies = [stub.issues[0]["body"], stub.comments[0]["body"]]

    for body in bodies:
        assert "@everyone" not in body
        assert "<script" not in body
        assert "](https://evil" not in body


def test_a_verdict_is_read_and_what_is_none_is_refused(tmp_path: Path) -> None:
    content = {"environment": "production", "outcome": "OK", "window": {"start": "2026-02-19", "end": "2026-02-25"}}
    (tmp_path / "watch.json").write_text(json.dumps(content | {"drifts": []}))
    assert read_look(tmp_path).name == "production/2026-02-25"

    for change in ({"environment": "../x"}, {"outcome": "FINE"}, {"window": {"start": "x", "end": "y"}}):
        (tmp_path / "watch.json").write_text(json.dumps(content | change))
        with pytest.raises(ConfigError):
            read_look(tmp_path)
    with pytest.raises(EvidenceError):
        read_look(tmp_path / "nowhere")


def test_retrainings_are_our_own_branches_alone(client: Client, stub: Stub) -> None:
    stub.pulls = [
        pull("retrain/2026-02-28", "a" * 40, 4, repository="mallory/name", created_at="2026-03-01T00:00:00Z"),
        pull("fix", "b" * 40, 3, created_at="2026-02-20T00:00:00Z"),
        pull("retrain/2026-02-10", "c" * 40, 2, state="closed", created_at="2026-02-11T05:00:00Z"),
    ]

    found = read_retrainings(client, "retrain/")
    assert (found.open, found.last) == (False, dt.datetime(2026, 2, 11, 5, tzinfo=dt.UTC))

    stub.pulls.insert(0, pull("retrain/2026-02-28", "d" * 40, 5, created_at="2026-03-01T05:00:00Z"))
    found = read_retrainings(client, "retrain/")
    assert (found.open, found.last) == (True, dt.datetime(2026, 3, 1, 5, tzinfo=dt.UTC))


def test_a_retrainings_pull_request_says_what_it_costs_without_an_app(client: Client, stub: Stub) -> None:
    new = NewPull("Retrain", "the proof", "retrain/2026-02-28", "main")

    assert [open_request(client, new, BOT).done for _ in range(2)] == ["made", "updated"]
    assert COST.splitlines()[0] in stub.pulls[0]["body"]
    open_request(client, new, "weighlock[bot]")
    assert stub.pulls[0]["body"] == "the proof\n"
    assert had_one(client, "retrain/2026-02-28")
    assert not had_one(client, "retrain/2026-02-27")


@pytest.mark.parametrize(("days", "near", "left"), [(0, False, 60), (49, False, 11), (50, True, 10), (61, True, 0)])
def test_the_clock_stops_after_sixty_days(days: int, near: bool, left: int) -> None:
    rest = idle(NOON - dt.timedelta(days=days, hours=3), NOON)

    assert (rest.days, rest.near, rest.left) == (days, near, left)
    title, body = told(rest, ("watch.yml",))
    assert ("any day now" if left == 0 else f"in {left} days") in title
    assert "gh workflow enable watch.yml" in body


def test_a_commit_of_the_future_is_one_of_now() -> None:
    assert idle(NOON + dt.timedelta(days=2), NOON).days == 0
