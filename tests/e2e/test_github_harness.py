"""The harness itself: what tests of workflows lean on."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Project
from github import events
from github.fixtures import Host
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

SLOW = """\
name: slow
on: [workflow_dispatch]
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - env: {PLACE: "${{ vars.PLACE }}"}
        run: echo "it has begun"; test -e "$PLACE" || sleep 60; touch "$PLACE"
      - env: {TOKEN: "${{ github.token }}"}
        run: echo "$TOKEN" > token; echo "$TOKEN"
      - uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with: {name: leak, path: token}
"""
WRITE = """\
name: write
on: {workflow_dispatch: {inputs: {app: {type: boolean}}}}
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: {contents: write}
    steps:
      - id: app
        if: inputs.app
        uses: actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3 # v3.1.1
        with: {app-id: "${{ secrets.APP_ID }}", private-key: "${{ secrets.APP_KEY }}", permission-contents: write}
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {token: "${{ steps.app.outputs.token || github.token }}", persist-credentials: true}
      - run: git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m written && git push -q
"""


def ask(repository: Repository, method: str, path: str, body: Any = None, token: str = PERSON) -> tuple[int, Any]:
    """A request to the mock."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(repository.github.url + path, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def hello(host: Host, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with two workflows and our branch rules, and nothing else."""
    project = Project(tmp_path_factory.mktemp("hello") / "hello", environment)
    workflows = project.path / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / "hello.yml").write_text(HELLO)
    (workflows / "write.yml").write_text(WRITE)
    (workflows / "slow.yml").write_text(SLOW)
    project.run("git", "init", "-q")
    project.run("git", "remote", "add", "origin", "none")
    project.commit("ci: hello")
    return host(project)


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
        hello,
        "POST",
        f"/repos/acme/flights/issues/{pull.number}/comments",
        {"body": "x"},
        f"ghs_run{run.record['id']}_one",
    )
    assert status == 403


def test_a_request_that_github_does_not_know_is_refused_and_told(hello: Repository) -> None:
    for method, path, body, status in (
        ("GET", "/repos/acme/flights/pull", None, 404),
        ("GET", "/repos/acme/flights/pulls?stat=open", None, 422),
        ("POST", "/repos/acme/flights/issues", {"title": 3.5, "body": []}, 422),
        ("POST", "/repos/acme/flights/issues", {"title": "x", "boddy": "y"}, 422),
    ):
        assert ask(hello, method, path, body)[0] == status
    assert len(hello.github.problems) >= 4
    hello.github.problems.clear()
    assert ask(hello, "GET", "/repos/acme/flights/issues", token="expired")[0] == 401


@pytest.mark.parametrize("name", ["main", "releases"])
def test_the_branch_rules_are_what_github_imports(hello: Repository, name: str) -> None:
    ruleset = json.loads((ROOT / f".github/rulesets/{name}.json").read_text())
    status, made = ask(hello, "POST", "/repos/acme/flights/rulesets", ruleset)
    assert status == 201
    assert made["rules"] == ruleset["rules"]
    wrong = {**ruleset, "rules": [{"type": "required_linear_histories"}]}
    assert ask(hello, "POST", "/repos/acme/flights/rulesets", wrong)[0] == 422
    hello.github.problems.clear()


def test_main_takes_pushes_by_the_app_alone(hello: Repository) -> None:
    hello.github.rulesets.clear()
    rules = json.loads((ROOT / ".github/rulesets/main.json").read_text())
    assert ask(hello, "POST", "/repos/acme/flights/rulesets", rules)[0] == 201
    before = hello.main
    run = hello.act("write.yml", events.dispatch(hello.github, {"app": "false"})).refused()
    assert "GH013: Repository rule violations" in run.log
    assert hello.main == before
    secrets = {"APP_ID": "1", "APP_KEY": "a key"}
    hello.act("write.yml", events.dispatch(hello.github, {"app": "true"}), secrets=secrets).passed()
    assert hello.git("log", "-1", "--format=%s", "main") == "written"


def test_each_job_has_the_rights_that_it_names_and_no_others(hello: Repository) -> None:
    (hello.project.path / "more.txt").write_text("more")
    hello.commit("more", "docs: more")
    pull = hello.open_pull("more")
    run = hello.act("hello.yml", events.pull_request(hello.github, pull)).passed()
    path = f"/repos/acme/flights/issues/{pull.number}/comments"
    answers = [
        ask(hello, "POST", path, {"body": "x"}, f"ghs_run{run.record['id']}{job}")[0] for job in ("", "_one", "_two")
    ]
    assert answers == [403, 201, 403]
    assert not ask(hello, "GET", "/repos/acme/flights/contents/a", token=f"ghs_run{run.record['id']}_two")[1].get("sha")


def test_a_run_can_be_killed_in_the_middle_and_one_that_leaks_its_token_fails(
    hello: Repository, tmp_path: Path
) -> None:
    place = {"PLACE": str(tmp_path / "place")}
    run = hello.act("slow.yml", events.dispatch(hello.github), variables=place, stop_at="it has begun")
    assert run.conclusion == "cancelled"
    assert run.seconds < 30
    assert not (tmp_path / "place").exists()
    (tmp_path / "place").touch()
    with pytest.raises(AssertionError, match="leak/token holds the token of github-actions"):
        hello.act("slow.yml", events.dispatch(hello.github), variables=place)


def test_answers_come_in_pages_and_planted_faults_come_once(hello: Repository) -> None:
    for number in range(3):
        assert ask(hello, "POST", "/repos/acme/flights/issues", {"title": f"issue {number}"})[0] == 201
    first = ask(hello, "GET", "/repos/acme/flights/issues?per_page=2")[1]
    second = ask(hello, "GET", "/repos/acme/flights/issues?per_page=2&page=2")[1]
    assert len(first) == 2
    assert {one["number"] for one in first}.isdisjoint(one["number"] for one in second)
    hello.github.fail_next(502, "GET /repos/acme/flights/issues")
    assert [ask(hello, "GET", "/repos/acme/flights/issues")[0] for _ in range(2)] == [502, 200]
