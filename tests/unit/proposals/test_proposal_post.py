"""A verdict handed on and posted: once, on the right pull requests, and never greener than it may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.github.stub import BOT, REPOSITORY, Stub, pull, serving

from weighlock.errors import ConfigError, EvidenceError
from weighlock.github.api import Client
from weighlock.proposals import post as posting
from weighlock.proposals.post import post
from weighlock.proposals.record import COMMENT, FILE, Record, read_record, write_record

HEAD, MAIN = "a" * 40, "b" * 40
RUN = f"https://github.com/{REPOSITORY}/actions/runs/7"


def record(**changes: Any) -> Record:
    known: dict[str, Any] = {"head": HEAD, "main": MAIN, "outcome": "PASS", "state": "success", "description": "PASS"}
    return Record(**(known | changes))


@pytest.fixture
def stub() -> Stub:
    return Stub(pulls=[pull("x", HEAD, 3), pull("y", "c" * 40, 4), pull("fork", HEAD, 5, repository="fork/name")])


@pytest.fixture
def client(stub: Stub) -> Iterator[Client]:
    with serving(stub) as found:
        yield found


def test_every_open_pull_request_of_the_commit_is_told_and_the_commit_marked(
    client: Client, stub: Stub, tmp_path: Path
) -> None:
    post(client, record(), "## PASS @all", tmp_path, BOT, RUN, "main")
    assert [(s["sha"], s["state"], s["context"], s["target_url"]) for s in stub.statuses] == [
        (HEAD, "success", "weighlock/gate", RUN)
    ]
    asked = [path for method, path, _ in stub.asked if method == "POST" and path.endswith("/comments")]
    assert asked == [f"/repos/{REPOSITORY}/issues/3/comments"]  # the stub has one list of comments: 5 finds that of 3
    assert "@all" not in stub.comments[0]["body"]


def test_where_no_model_changed_nobody_is_told_anew_but_an_old_word_is_mended(
    client: Client, stub: Stub, tmp_path: Path
) -> None:
    quiet = record(fresh=False, outcome="NO MODEL CHANGED")
    assert "comment on #3: none" in post(client, quiet, "nothing", tmp_path, BOT, RUN, "main")
    assert not stub.comments
    post(client, record(state="failure", outcome="FAIL"), "FAIL", tmp_path, BOT, RUN, "main")
    post(client, quiet, "nothing", tmp_path, BOT, RUN, "main")
    assert "nothing" in stub.comments[0]["body"]


def test_a_commit_that_nobody_wants_merged_any_more_is_marked_all_the_same(
    client: Client, stub: Stub, tmp_path: Path
) -> None:
    stub.pulls = []
    assert "no open pull request ends at aaaaaaa" in post(client, record(), "x", tmp_path, BOT, RUN, "main")[1]
    assert len(stub.statuses) == 1


@pytest.mark.parametrize(
    ("state", "owners", "why", "wanted"),
    [
        ("success", ["params.yaml"], None, "success"),
        ("success", ["params.yaml"], "no rule", "failure"),
        ("failure", ["params.yaml"], None, "failure"),
        ("error", ["params.yaml"], None, "error"),
        ("success", [], "never asked", "success"),
    ],
)
def test_what_owners_decide_is_green_only_where_they_must(
    client: Client, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, owners: list[str],
    why: str | None, wanted: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(posting, "unguarded", lambda *_: why)
    post(client, record(state=state, owners=owners), "text", tmp_path, BOT, RUN, "main")
    assert stub.statuses[0]["state"] == wanted
    assert ("but no rule" in stub.comments[0]["body"]) == (wanted != state)


def test_a_verdict_is_handed_on(tmp_path: Path) -> None:
    written = record(owners=["schema.yaml"], evidence="sha256:" + "0" * 64)
    write_record(written, "a word\n", tmp_path)
    assert read_record(tmp_path, HEAD) == (written, "a word\n")


def test_a_verdict_of_another_commit_counts_for_nothing(tmp_path: Path) -> None:
    write_record(record(), "x", tmp_path)
    with pytest.raises(EvidenceError, match="of the commit a"):
        read_record(tmp_path, MAIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "pending"}, {"state": "SUCCESS"}, {"head": "main"}, {"outcome": "x\ny"}, {"extra": 1},
        {"owners": "all"}, {"fresh": 1},
    ],
)  # fmt: skip
def test_what_is_no_verdict_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    import json

    (tmp_path / FILE).write_text(json.dumps(record().model_dump() | changes))
    (tmp_path / COMMENT).write_text("x")
    with pytest.raises((ConfigError, EvidenceError)):
        read_record(tmp_path, HEAD)


def test_what_is_missing_a_link_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="missing or too large"):
        read_record(tmp_path, HEAD)
    write_record(record(), "x" * (2**20 + 1), tmp_path)
    with pytest.raises(EvidenceError, match="missing or too large"):
        read_record(tmp_path, HEAD)
    (tmp_path / COMMENT).unlink()
    (tmp_path / COMMENT).symlink_to("/etc/passwd")
    with pytest.raises(EvidenceError, match="missing or too large"):
        read_record(tmp_path, HEAD)
