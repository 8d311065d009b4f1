"""A retraining waits for an answer until its changes are on the branch, however they were merged."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from weighlock.errors import RepositoryError
from weighlock.retraining.branches import waiting


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone on main with a bare `origin`, and a pushed branch of a retraining."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")
    git(tmp_path, "init", "-q", "--bare", "origin")
    git(tmp_path, "clone", "-q", "origin", "clone")
    clone = tmp_path / "clone"
    commit(clone, "params.yaml", "end: 1\n")
    git(clone, "branch", "-q", "-M", "main")
    git(clone, "switch", "-q", "-c", "retrain/2026-02-28")
    commit(clone, "params.yaml", "end: 2\n")
    git(clone, "push", "-q", "origin", "main", "retrain/2026-02-28")
    git(clone, "switch", "-q", "main")
    commit(clone, "other.txt", "x\n")
    return clone


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", name)


def test_it_waits_until_it_is_merged(clone: Path) -> None:
    found = waiting(clone)
    assert (found.here, found.there, found.remote) == (("retrain/2026-02-28",), ("retrain/2026-02-28",), "origin")

    git(clone, "merge", "-q", "retrain/2026-02-28")
    assert waiting(clone).there == ()


def test_squashed_it_is_answered_and_half_of_it_is_not(clone: Path) -> None:
    git(clone, "cherry-pick", "retrain/2026-02-28")  # as squashing a single commit does
    assert waiting(clone).there == ()
    assert waiting(clone).here == ()

    git(clone, "switch", "-q", "retrain/2026-02-28")
    commit(clone, "mended.txt", "y\n")
    git(clone, "push", "-q", "origin", "retrain/2026-02-28")
    git(clone, "switch", "-q", "main")
    assert waiting(clone).there == ("retrain/2026-02-28",)


def test_a_commit_that_was_not_fetched_waits_and_a_remote_that_is_gone_is_an_error(clone: Path) -> None:
    git(clone, "cherry-pick", "retrain/2026-02-28")
    git(clone, "push", "-q", "origin", "main")
    git(clone.parent, "clone", "-q", "--single-branch", "--branch", "main", "--no-local", "origin", "other")
    assert waiting(clone.parent / "other").there == ("retrain/2026-02-28",)

    git(clone, "remote", "set-url", "origin", str(clone / "nowhere"))
    with pytest.raises(RepositoryError, match="cannot be known"):
        waiting(clone)
