"""A move of an environment, brought to everyone: by a commit, by a pull request, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.github.stub import Stub

from support.stories import Story, git, written
from weighlock.deployment.desk import How
from weighlock.deployment.environment import Candidate, Route
from weighlock.deployment.moves import advance, rollback
from weighlock.errors import RepositoryError
from weighlock.github.api import Client
from weighlock.github.deliver import Delivered, deliver, find_move

pytestmark = pytest.mark.processes
REFUSE = """\
#!/bin/sh
while read old new ref; do [ $ref != refs/heads/main ] || { echo 'GH013: rule violations' >&2; exit 1; }; done
"""


@pytest.fixture(autouse=True)
def closed_ones_are_known(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = stub.answer

    def every(method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if (method, query.get("state")) == ("GET", "all"):
            return 200, [p for p in stub.pulls if query["head"] == f"owner:{p['head']['ref']}"]
        return listed(method, path, query, body)

    monkeypatch.setattr(stub, "answer", every)


def begun(story: Story) -> None:
    for version in ("v1", "v2"):
        story.release(version)
        story.move("staging", stable=version)
    story.move("production", stable="v1")
    story.move("production", candidate=Candidate(release="v2", route=Route(weight=10)))


@pytest.fixture
def clone(tmp_path: Path, release_of: Any) -> Path:
    """A clone of a remote, in which production has a candidate."""
    told = written(tmp_path, release_of, begun)
    git(tmp_path, "clone", "-q", "--bare", str(told), "remote.git")
    git(tmp_path, "clone", "-q", "remote.git", "clone")
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        git(tmp_path / "clone", "config", key, value)
    return tmp_path / "clone"


def brought(client: Client, root: Path, way: Any, **more: Any) -> Delivered:
    found = find_move("production", root)
    assert found is not None
    return deliver(client, *found, way, root, **more)


def branches(root: Path) -> list[str]:
    return git(root.parent / "remote.git", "branch", "--format=%(refname:short)").split()


def test_a_commit_goes_to_main(clone: Path, client: Client) -> None:
    assert find_move("production", clone) is None
    advance("production", clone, How(offline=True))

    done = brought(client, clone, "commit")

    assert (done.way, done.where, done.note) == ("commit", "origin/main", "")
    assert git(clone.parent / "remote.git", "rev-parse", "main") == git(clone, "rev-parse", "HEAD")


def test_where_main_takes_none_it_is_a_pull_request_that_says_so(clone: Path, client: Client, stub: Stub) -> None:
    hook = clone.parent / "remote.git/hooks/pre-receive"
    hook.write_text(REFUSE)
    hook.chmod(0o755)
    rollback("production", clone, How(reason="~~~~ @everyone the p99 doubled", offline=True))

    done = brought(client, clone, "commit", again=True, asked_by="bob")

    assert done.way == "pull_request"
    assert "takes no commit from this token (GH013: rule violations" in done.note
    assert stub.pulls[0]["title"] == "deploy: production: v2 taken away and blocked"
    assert "Asked for by bob" in stub.pulls[0]["body"]
    assert "@everyone" not in stub.pulls[0]["body"]
    assert "\n~~~~~\n" in stub.pulls[0]["body"]  # longer than what the reason has


def test_a_timer_opens_one_pull_request_for_a_step_and_none_after_a_no(clone: Path, client: Client, stub: Stub) -> None:
    advance("production", clone, How(offline=True))
    assert brought(client, clone, "pull_request").way == "pull_request"
    tip = git(clone.parent / "remote.git", "rev-parse", stub.pulls[0]["head"]["ref"])
    # the clock strikes again, and main has moved on meanwhile
    git(clone, "reset", "-q", "--hard", "origin/main")
    git(clone, "commit", "-q", "--allow-empty", "-m", "docs: a word")
    git(clone, "push", "-q", "origin", "main")
    advance("production", clone, How(offline=True))
    assert brought(client, clone, "pull_request").where == stub.pulls[0]["html_url"]
    assert len(stub.pulls) == 1
    assert git(clone.parent / "remote.git", "rev-parse", stub.pulls[0]["head"]["ref"]) == tip  # its reviews stay


def test_what_is_not_one_move_is_not_delivered(clone: Path) -> None:
    git(clone, "commit", "-q", "--allow-empty", "-m", "feat: mine")
    with pytest.raises(RepositoryError, match="should have the one move of `production` alone"):
        find_move("production", clone)
    git(clone, "switch", "-q", "-c", "other")
    with pytest.raises(RepositoryError, match="follows no remote branch"):
        find_move("production", clone)


def test_who_was_first_wins(clone: Path, client: Client) -> None:
    other = clone.parent / "other"
    git(clone.parent, "clone", "-q", "remote.git", "other")
    advance("production", clone, How(offline=True))
    for key, value in (("user.name", "Bob"), ("user.email", "bob@example.org")):
        git(other, "config", key, value)
    git(other, "commit", "-q", "--allow-empty", "-m", "feat: first")
    git(other, "push", "-q", "origin", "main")

    with pytest.raises(RepositoryError, match="someone else was first"):
        brought(client, clone, "commit")


def test_a_pull_request_that_was_closed_is_an_answer_to_the_clock_alone(
    clone: Path, client: Client, stub: Stub
) -> None:
    advance("production", clone, How(offline=True))
    brought(client, clone, "pull_request")
    stub.pulls[0] |= {"state": "closed", "merged_at": None}
    assert brought(client, clone, "pull_request").way == "declined"
    assert brought(client, clone, "pull_request", again=True).way == "pull_request"
    assert len(stub.pulls) == 2
