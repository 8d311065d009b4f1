"""Comments, issues, pull requests, statuses and dispatches: made once, updated, and only where they are ours."""

from __future__ import annotations

import pytest
from tests.unit.github.stub import BOT, Stub, pull

from weighlock.errors import ConfigError, GitHubError
from weighlock.github.api import Client
from weighlock.github.comment import keep_comment
from weighlock.github.dispatch import dispatch, under_way
from weighlock.github.issue import close_issue, keep_issue
from weighlock.github.pull_request import NewPull, find_by_head, keep_pull
from weighlock.github.status import set_status

A, B = "a" * 40, "b" * 40


def test_a_comment_is_made_once_then_updated(client: Client, stub: Stub) -> None:
    done = [keep_comment(client, 7, "gate", text, BOT).done for text in ("first", "second", "second")]

    assert done == ["made", "updated", "unchanged"]
    assert [c["body"] for c in stub.comments] == ["<!-- weighlock: gate -->\nsecond\n"]


def test_someone_elses_comment_with_our_marker_is_left_alone(client: Client, stub: Stub) -> None:
    theirs = {"id": 1, "number": 1, "user": {"login": "mallory"}, "body": "<!-- weighlock: gate -->\nPASS"}
    ghost = {"id": 2, "number": 2, "user": None, "body": "<!-- weighlock: gate -->\nPASS"}
    other = {
        "id": 3,
        "number": 3,
        "user": {"login": BOT},
        "body": "<!-- weighlock: other -->\n<!-- weighlock: gate -->\n",
    }
    stub.comments = [theirs.copy(), ghost.copy(), other.copy()]

    assert keep_comment(client, 7, "gate", "FAIL", BOT).done == "made"
    assert stub.comments[:3] == [theirs, ghost, other]


def test_of_two_comments_of_ours_one_stays(client: Client, stub: Stub) -> None:
    stub.comments = [
        {"id": n, "number": n, "user": {"login": BOT}, "body": "<!-- weighlock: gate -->\r\nold", "html_url": "u"}
        for n in (4, 9)
    ]

    assert keep_comment(client, 7, "gate", "new", BOT).done == "updated"
    assert [(c["id"], c["body"]) for c in stub.comments] == [(4, "<!-- weighlock: gate -->\nnew\n")]


def test_a_comment_beyond_the_first_page_is_found(client: Client, stub: Stub) -> None:
    stub.comments = [{"id": n, "number": n, "user": {"login": "x"}, "body": "hi"} for n in range(1, 251)]
    stub.comments.append(
        {"id": 251, "number": 251, "user": {"login": BOT}, "body": "<!-- weighlock: gate -->\n", "html_url": ""}
    )

    assert keep_comment(client, 7, "gate", "new", BOT).done == "updated"


@pytest.mark.parametrize("name", ["", "a b", "-->", "A", "x" * 62])
def test_a_marker_cannot_end_its_comment(client: Client, name: str) -> None:
    with pytest.raises(ConfigError, match="marker"):
        keep_comment(client, 7, name, "text", BOT)


def test_pull_requests_are_found_by_their_newest_commit(client: Client, stub: Stub) -> None:
    stub.pulls = [
        pull("same", A, 5, base="next"),
        pull("same", A, 3),
        pull("$(rm -rf ~)", A, 4, repository="fork/name"),
        pull("gone", A, 6, repository=None),
        pull("closed", A, 7, state="closed"),
        pull("other", B, 8),
    ]

    assert [p.number for p in find_by_head(client, A)] == [3, 4, 5, 6]
    assert [(p.number, p.fork) for p in find_by_head(client, A, "main")] == [(3, False), (4, True), (6, True)]
    assert find_by_head(client, "c" * 40) == ()


def test_a_branchs_pull_request_is_opened_once(client: Client, stub: Stub) -> None:
    stub.pulls = [pull("retrain", B, 9, repository="owner/fork"), pull("retrain", B, 8, state="closed")]
    new = NewPull("Retrain: PASS", "see @everyone", "retrain", "main")

    assert [keep_pull(client, new).done for _ in range(2)] == ["made", "updated"]
    assert [m for m, path, _ in stub.asked if path.endswith("/pulls") and m == "POST"] == ["POST"]
    assert "@everyone" not in stub.pulls[-1]["body"]


def test_where_there_are_no_drafts_it_is_opened_as_none(client: Client, stub: Stub) -> None:
    refusal = {"message": "Validation Failed", "errors": [{"message": "Draft pull requests are not supported"}]}
    stub.failing = [(200, {}, []), (422, {}, refusal)]

    assert keep_pull(client, NewPull("t", "b", "retrain", "main", draft=True)).done == "made"
    assert stub.pulls[0]["title"] == "[draft] t"


def test_a_branch_that_is_not_pushed_is_refused_in_words(client: Client, stub: Stub) -> None:
    stub.failing = [
        (200, {}, []),
        (422, {}, {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]}),
    ]

    with pytest.raises(GitHubError, match="422 Validation Failed; invalid"):
        keep_pull(client, NewPull("t", "b", "retrain", "main", draft=True))


def test_an_issue_is_opened_updated_and_closed_once(client: Client, stub: Stub) -> None:
    stub.issues = [
        {
            "id": 1,
            "number": 1,
            "state": "open",
            "title": "t",
            "user": {"login": "mallory"},
            "body": "<!-- weighlock: watch -->\n",
        },
        {
            "id": 2,
            "number": 2,
            "state": "open",
            "title": "t",
            "user": {"login": BOT},
            "body": "<!-- weighlock: watch -->\n",
            "pull_request": {},
        },
        {
            "id": 3,
            "number": 3,
            "state": "closed",
            "title": "t",
            "user": {"login": BOT},
            "body": "<!-- weighlock: watch -->\n",
        },
    ]

    done = [keep_issue(client, "watch", "WARN", text, BOT).done for text in ("one", "two", "two")]
    done += [close_issue(client, "watch", BOT, "fine again").done for _ in range(2)]

    assert done == ["made", "updated", "unchanged", "closed", "none"]
    assert [i["state"] for i in stub.issues] == ["open", "open", "closed", "closed"]
    assert [c["body"] for c in stub.comments] == ["fine again\n"]


def test_a_status_is_short_and_links_to_us_only(client: Client, stub: Stub) -> None:
    set_status(client, A, "failure", "weighlock/gate", "FAIL\n@all " + "x" * 200, "https://evil.example/x")
    set_status(client, A, "success", "weighlock/gate", "PASS", "https://github.com/owner/name/actions/runs/1")

    assert len(stub.statuses[0]["description"]) <= 140
    assert "\n" not in stub.statuses[0]["description"]
    assert "target_url" not in stub.statuses[0]
    assert stub.statuses[1]["target_url"].endswith("/runs/1")
    with pytest.raises(ConfigError, match="commit id"):
        set_status(client, "main", "success", "weighlock/gate", "PASS")


def test_a_workflow_under_way_is_seen(client: Client, stub: Stub) -> None:
    assert under_way(client, "retrain.yml") is None
    stub.runs = [{"id": 1, "status": "completed"}, {"id": 2, "status": "in_progress"}]
    assert under_way(client, "retrain.yml") == 2

    dispatch(client, "retrain.yml", "main", {"reason": "drift"})
    assert stub.asked[-1] == (
        "POST",
        "/repos/owner/name/actions/workflows/retrain.yml/dispatches",
        {"ref": "main", "inputs": {"reason": "drift"}},
    )
