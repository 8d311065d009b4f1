"""The client: retries, limits, pages, and words where GitHub refuses."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from tests.unit.github.stub import Stub

from weighlock.errors import GitHubError
from weighlock.github.api import Client

OK = (200, {}, {"fine": True})


def test_an_expired_token_is_told_with_what_to_do_and_is_never_shown(client: Client, stub: Stub) -> None:
    stub.failing = [(401, {}, {"message": "Bad credentials"})]

    with pytest.raises(GitHubError, match=r"401 Bad credentials.*expired or was revoked.*Run the job again") as caught:
        client.get("pulls/1")

    assert caught.value.status == 401
    assert "secret-token" not in "".join(traceback.format_exception(caught.value)) + repr(client)
    assert stub.waited == []


def test_a_missing_right_is_named(client: Client, stub: Stub) -> None:
    stub.failing = [(403, {"x-accepted-github-permissions": "statuses=write"}, {"message": "Resource not accessible"})]

    with pytest.raises(GitHubError, match=r"lacks the right statuses: write.*permissions:"):
        client.post("statuses/x", {})


@pytest.mark.parametrize(
    ("failures", "waits"),
    [
        ([(502, {}, b"<html>bad gateway</html>"), (503, {}, None)], [1.0, 2.0]),
        ([(429, {"retry-after": "7"}, None)], [7.0]),
        ([(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, None)], [30.0]),
        ([(403, {"retry-after": "0"}, {"message": "secondary rate limit"})], [1.0]),
    ],
)
def test_what_passes_is_waited_for(
    client: Client, stub: Stub, failures: list[tuple[int, dict[str, str], object]], waits: list[float]
) -> None:
    stub.failing = [*failures, OK]  # type: ignore[list-item]

    assert client.get("pulls/1") == {"fine": True}
    assert stub.waited == waits


def test_what_does_not_pass_ends_with_words(client: Client, stub: Stub) -> None:
    stub.failing = [(500, {}, {"message": "oops"})] * 4
    with pytest.raises(GitHubError, match="GitHub answers 500"):
        client.get("pulls/1")
    stub.failing = [(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9000"}, None)]
    with pytest.raises(GitHubError, match=r"rate limit is used up.*after 02:30 UTC"):
        client.get("pulls/1")


def test_nothing_is_made_twice_unless_that_does_no_harm(client: Client, stub: Stub) -> None:
    stub.failing = [(502, {}, None)]
    with pytest.raises(GitHubError, match="502"):
        client.post("issues", {"title": "t"})
    assert len(stub.asked) == 1

    stub.failing = [(502, {}, None)]
    client.post("statuses/x", {"state": "success"}, again=True)
    assert len(stub.asked) == 3

    stub.failing = [(429, {"retry-after": "1"}, None)]  # refused before anything was done
    client.post("issues", {"title": "t"})
    assert len(stub.issues) == 1


def test_who_does_not_answer_is_named() -> None:
    waited: list[float] = []
    client = Client("owner/name", "t", "http://127.0.0.1:9", sleep=waited.append)
    with pytest.raises(GitHubError, match=r"127.0.0.1:9.*does not answer `GET pulls`"):
        client.get("pulls")
    assert waited == [1.0, 2.0, 4.0]


def test_pages_are_followed_and_lists_are_checked(client: Client, stub: Stub) -> None:
    stub.comments = [{"id": n} for n in range(205)]
    assert [c["id"] for c in client.pages("issues/1/comments")] == list(range(205))
    stub.runs = [{"id": 1, "status": "queued"}]
    assert [r["id"] for r in client.pages("actions/workflows/x/runs", "workflow_runs", status="queued")] == [1]
    stub.failing = [(200, {}, {"message": "no list"})]
    with pytest.raises(GitHubError, match="no list"):
        list(client.pages("pulls"))


def test_what_is_not_there_is_none_and_what_is_no_json_is_told(client: Client, stub: Stub) -> None:
    assert client.find("nothing/here") is None
    with pytest.raises(GitHubError, match="knows nothing"):
        client.get("nothing/here")
    stub.failing = [(200, {}, b"<html>")]
    with pytest.raises(GitHubError, match="not JSON"):
        client.get("pulls")


def test_a_download_stops_at_its_limit(client: Client, stub: Stub, tmp_path: Path) -> None:
    stub.failing = [(200, {}, b"x" * 100), (200, {}, b"x" * 101)]
    client.download("actions/artifacts/1/zip", tmp_path / "a", 100)
    assert (tmp_path / "a").read_bytes() == b"x" * 100
    with pytest.raises(GitHubError, match="larger than 100 bytes"):
        client.download("actions/artifacts/1/zip", tmp_path / "b", 100)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "o/n"}, "GITHUB_TOKEN"),
        ({"GITHUB_REPOSITORY": "o/n", "GITHUB_TOKEN": " "}, "GITHUB_TOKEN"),
    ],
)
def test_what_the_environment_lacks_is_named(environ: dict[str, str], said: str) -> None:
    with pytest.raises(GitHubError, match=said):
        Client.from_environment(environ)
