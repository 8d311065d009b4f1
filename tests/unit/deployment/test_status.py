"""What git wants, against what answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.stories import ADA, BOB, Story
from weighlock.deployment.environment import Blocked, Candidate, Route
from weighlock.deployment.history import History, history_of
from weighlock.deployment.status import Status, parse_urls, status_of
from weighlock.deployment.telling import status_json, status_lines
from weighlock.errors import ConfigError, EvidenceError
from weighlock.releases.record import Release

Make = Callable[..., Release]
URLS: Any = {"stable": "http://a", "candidate": "http://b"}


@pytest.fixture(scope="module")
def history(release_of: Make) -> History:
    """v1 is stable stable through Bob; v2 a candidate at 50 %, and there since it was one at 10 %."""
    story = Story(release_of)
    for version in ("v1", "v2"):
        story.release(version)
    story.move("production", stable="v1", by=BOB)
    for weight in (10.0, 50.0):
        candidate = Candidate(release="v2", route=Route(weight=weight))
        story.move("production", candidate=candidate, blocked=[Blocked(release="v9", reason="it was slow")])
    return history_of(story.ledger())


def model(release: Release, **change: Any) -> dict[str, Any]:
    about = {
        "name": release.name, "version": release.version, "digest": release.served.digest,
        "signature_digest": release.served.signature, "metrics": {},
    }  # fmt: skip
    return about | change


def answering(answers: dict[str, Any]) -> Callable[[str], tuple[int, Any]]:
    def ask(url: str) -> tuple[int, Any]:
        if url not in answers:
            raise EvidenceError(f"Nothing answers at `{url}`: refused.")
        return answers[url]

    return ask


def syncs(status: Status) -> list[tuple[str, str | None]]:
    return [(variant.sync, variant.found) for variant in status.variants]


def test_what_git_wants_since_when_and_through_whom(history: History) -> None:
    status = status_of(history, "production", {}, answering({}))

    times = [event.entry.at for event in history.of("production")]
    assert [(v.name, v.wanted and v.wanted.version, v.how, v.since, v.by) for v in status.variants] == [
        ("stable", "v1", "", times[1], BOB),
        ("candidate", "v2", "at 50 %", times[2], ADA),
    ]
    assert "next: 100 %" in status_lines(status, 80)[1]
    assert "v9 is blocked: it was slow" in "\n".join(status_lines(status, 80))


def test_the_same_digests_are_in_sync(history: History, release_of: Make) -> None:
    ask = answering({"http://a": (200, model(release_of("v1"))), "http://b": (200, model(release_of("v2")))})

    status = status_of(history, "production", URLS, ask)

    assert syncs(status) == [("in sync", "flights v1"), ("in sync", "flights v2")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "v1"}, "version is v1, and should be v2"),
        ({"digest": "sha256:0"}, "model is sha256:0, and should be sha256:bbb"),
        ({"signature_digest": None}, "signature is None, and should be sha256:eee"),
        ({"name": "other\x1b[2J"}, "name is other[2J, and should be flights"),
    ],
)
def test_each_digest_counts(history: History, release_of: Make, change: dict[str, Any], said: str) -> None:
    ask = answering({"http://b": (200, model(release_of("v2"), **change))})

    status = status_of(history, "production", {"candidate": "http://b"}, ask)

    assert status.variants[1].sync == "differs"
    assert status.variants[1].differences[0].startswith(said)
    assert status_json(status)["variants"][1]["differences"] == list(status.variants[1].differences)


@pytest.mark.parametrize("answer", [(401, {"detail": "no key"}), (200, {}), (200, "<html>"), (503, {})])
def test_no_model_is_no_answer(history: History, answer: tuple[int, Any]) -> None:
    status = status_of(history, "production", {"stable": "http://a"}, answering({"http://a": answer}))

    assert status.variants[0].sync == "no answer"


def test_what_should_not_run_may_not_answer(history: History, release_of: Make) -> None:
    ask = answering({"http://b": (200, model(release_of("v2")))})

    assert syncs(status_of(history, "staging", {"candidate": "http://b"}, ask))[1] == ("differs", "flights v2")
    for answers in ({}, {"http://b": (404, "no such variant")}):
        status = status_of(history, "staging", {"candidate": "http://b"}, answering(answers))
        assert syncs(status)[1] == ("in sync", None)


def test_an_unknown_environment_is_named(history: History) -> None:
    with pytest.raises(ConfigError, match="it holds production, staging"):
        status_of(history, "test", {}, answering({}))


@pytest.mark.parametrize(
    "given",
    [["http://a", "http://b"], ["canary=http://a"], ["stable=a"], ["stable=http://a", "stable=http://b"], ["stable"]],
)
def test_urls_are_of_variants(given: list[str]) -> None:
    assert parse_urls(["http://a/"]) == {
        "stable": "http://a/variants/stable", "candidate": "http://a/variants/candidate",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="--url"):
        parse_urls(given)
    assert parse_urls(["stable=http://a/", "candidate=https://b?x=y"]) == {
        "stable": "http://a", "candidate": "https://b?x=y",
    }  # fmt: skip
