"""The harness itself: what tests of workflows lean on."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from github import events
from github.repository import PERSON, Repository

HELLO = """\
name: hello
on: [push, pull_request, workflow_dispatch]
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: write}
    outputs: {said: "${{ steps.say.outputs.said }}"}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {persist-credentials: false}
      - uses: actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5
        with: {path: kept, key: "k-${{ hashFiles('dvc.lock') }}"}
      - run: cat kept/word || true; mkdir -p kept out; echo "again" > kept/word; echo hello > out/word
      - id: say
        run: echo "said=$(cat out/word)" >> "$GITHUB_OUTPUT"; echo "# Hello" >> "$GITHUB_STEP_SUMMARY"
      - uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with: {name: words, path: out}
  two:
    needs: one
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with: {name: words}
      - env: {SAID: "${{ needs.one.outputs.said }}"}
        run: test "$SAID $(cat word)" = "hello hello"
"""


def ask(repository: Repository, method: str, path: str, body: Any = None, token: str = PERSON) -> tuple[int, Any]:
    """A request to the mock."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(repository.github.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture
def hello(hosted_model: Repository) -> Repository:
    workflows = hosted_model.project.path / ".github/workflows"
    workflows.mkdir(parents=True, exist_ok=True)
    (workflows / "hello.yml").write_text(HELLO)
    hosted_model.commit("main", "ci: hello")
    return hosted_model


def test_jobs_hand_on_outputs_artifacts_and_caches(hello: Repository) -> None:
    first = hello.act("hello.yml", events.dispatch(hello.github)).passed()
    assert first.jobs["one"].outputs["say"] == {"said": "hello"}
    assert first.jobs["one"].summary == "# Hello\n"
    assert (first.artifact("words") / "word").read_text() == "hello\n"
    assert {job.conclusion for job in first.jobs.values()} == {"success"}
    again = hello.act("hello.yml", events.dispatch(hello.github)).passed()
    assert "| again" not in first.log
    assert "| again" in again.log


def test_a_pull_request_runs_its_merge_and_a_forks_gets_no_rights(hello: Repository) -> None:
    (hello.project.path / "note.txt").write_text("a note")
    hello.fork("mallory", "note", "docs: a note")
    pull = hello.open_pull("note", owner="mallory", author="mallory")
    run = hello.act("hello.yml", events.pull_request(hello.github, pull), secrets={"KEY": "secret"}).passed()
    assert f"refs/pull/{pull.number}/merge" in run.log
    assert run.record["head_sha"] == pull.head_sha
    status, _ = ask(
        hello, "POST", f"/repos/acme/flights/issues/{pull.number}/comments", {"body": "x"}, f"ghs_run{run.record['id']}"
    )
    assert status == 403


def test_a_request_that_github_does_not_know_is_refused_and_told(hosted_model: Repository) -> None:
    for method, path, body, status in (
        ("GET", "/repos/acme/flights/pull", None, 404),
        ("GET", "/repos/acme/flights/pulls?stat=open", None, 422),
        ("POST", "/repos/acme/flights/issues", {"title": 3.5, "body": []}, 422),
        ("POST", "/repos/acme/flights/issues", {"title": "x", "boddy": "y"}, 422),
    ):
        assert ask(hosted_model, method, path, body)[0] == status
    assert len(hosted_model.github.problems) >= 4
    hosted_model.github.problems.clear()
    assert ask(hosted_model, "GET", "/repos/acme/flights/issues", token="expired")[0] == 401
