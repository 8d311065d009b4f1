"""One edit, one commit: what the commands write, and what a killed run left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.stories import Story, git, written
from weighlock.deployment.desk import BEGUN, Done, How
from weighlock.deployment.environment import Route, read_environment
from weighlock.deployment.moves import advance, promote, rollback
from weighlock.deployment.trailers import trailers_of
from weighlock.errors import EvidenceError, RepositoryError
from weighlock.releases.record import Release

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def root(release_of: Callable[..., Release], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v2 has been stable in staging, v1 is so in production."""

    def tell(story: Story) -> None:
        story.release("v1")
        story.release("v2")
        story.move("staging", stable="v1")
        story.move("staging", stable="v2")
        story.move("production", stable="v1")

    return written(tmp_path_factory.mktemp("moves"), release_of, tell)


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")


def test_a_canary_comes_and_goes(root: Path) -> None:
    """The whole way, with what is said about it; each move is one commit, and rendered files go along."""
    before, told = head(root), list[Done]()
    done = promote("production", "v2", root, How(dry_run=True, tell=told.append))
    assert (done.commit, head(root), told) == (None, before, [done])

    done = promote(
        "production", "v2", root, How(reason="better in winter", evidence="sha256:1"), route=Route(weight=50.0)
    )

    assert done.commit == head(root)
    assert git(root, "rev-parse", "HEAD^") == before
    changed = git(root, "diff", "--name-only", "HEAD^", "HEAD").splitlines()
    assert changed == sorted(["deploy/production.yaml", *done.rendered])
    assert "deploy/rendered/production/machine/weighlock-production.conf" in changed
    message = git(root, "log", "-1", "--format=%B")
    said = trailers_of(message, "production")
    assert message.startswith("deploy: production: flights v2 at 50 %\n\nWeighlock-Environment: production\n")
    assert {key: said[key] for key in ("Move", "From", "To", "Skipped", "Evidence", "Reason")} == {
        "Move": "promote", "From": "v1", "To": "v1, v2 at 50 %", "Skipped": "10 %", "Evidence": "sha256:1",
        "Reason": "better in winter",
    }  # fmt: skip
    assert said["Verdict"].startswith("PASS sha256:")

    asked = [advance("production", root, How(), to=100.0) for _ in range(2)]
    assert [done.commit is None for done in asked] == [False, True]
    assert rollback("production", root, How(reason="the p99 has doubled")).commit == head(root)
    after = read_environment("production", root)
    assert (after.stable, after.candidate, [entry.release for entry in after.blocked]) == ("v1", None, ["v2"])
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "for-each-ref", "refs/worktree") == ""
    git(root, "reset", "-q", "--hard", before)


def test_what_was_not_said_is_not_done_twice(root: Path) -> None:
    before = head(root)
    promote("production", "v2", root, How())
    made = advance("production", root, How())
    git(root, "update-ref", BEGUN, f"{made.commit}^")  # as a run leaves it that is killed before it speaks

    again = advance("production", root, How())
    assert (again.completed, again.commit, again.subject) == (True, made.commit, made.subject)
    assert head(root) == made.commit
    assert advance("production", root, How()).subject == "deploy: production: flights v2 at 100 %"

    git(root, "update-ref", BEGUN, f"{made.commit}^")
    assert rollback("production", root, How(reason="the p99 has doubled")).completed is False
    git(root, "reset", "-q", "--hard", before)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        ({"params.yaml": "# mine\n"}, RepositoryError, "`params.yaml` is not committed"),
        ({"releases/v3.yaml": "x"}, RepositoryError, "`releases/v3.yaml` is not committed"),
        ({}, EvidenceError, "There is no release `v3`; git holds v1, v2"),
    ],
)
def test_what_is_refused_changes_nothing(root: Path, spoil: dict[str, str], error: Any, said: str) -> None:
    before = head(root)
    for path, text in spoil.items():
        with (root / path).open("a") as file:
            file.write(text)

    with pytest.raises(error, match=said):
        promote("production", "v3", root, How())

    assert head(root) == before
    assert git(root, "for-each-ref", "refs/worktree") == ""
    git(root, "stash", "-q", "--include-untracked") if spoil else None
