"""Stale branches, races for a remote, and tags."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from weighlock.errors import ConfigError, RepositoryError
from weighlock.releases.commits import Commit, commit_files
from weighlock.releases.repository import author_of, committer, last_words, push, require_current, tag, upstream_of

pytestmark = pytest.mark.processes


def sh(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def named(root: Path) -> Path:
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        sh(root, "config", key, value)
    return root


@pytest.fixture(scope="module")
def made(alone: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clones")
    sh(folder, "init", "-q", "--bare", "-b", "main", "--template=", "origin.git")
    sh(folder, "clone", "-q", "--template=", "origin.git", "mine")
    mine = named(folder / "mine")
    sh(mine, "remote", "set-url", "origin", "../origin.git")
    sh(mine, "switch", "-q", "-c", "main")
    sh(mine, "commit", "-q", "--allow-empty", "-m", "first")
    sh(mine, "push", "-q", "--set-upstream", "origin", "main")
    shutil.copytree(mine, folder / "theirs")
    return folder


@pytest.fixture
def clones(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of a bare repository with one commit."""
    shutil.copytree(made, tmp_path / "clones")
    return tmp_path / "clones/mine", tmp_path / "clones/theirs"


def change(root: Path, name: str) -> Commit:
    return commit_files(root, {name: b"x\n"}, f"feat: {name}")


def test_a_branch_that_lacks_nothing(clones: tuple[Path, Path]) -> None:
    mine, _ = clones
    change(mine, "ahead")

    upstream = require_current("main", mine)

    assert upstream is not None
    assert (upstream.remote, upstream.ref, upstream.name) == ("origin", "refs/heads/main", "origin/main")


def test_a_stale_branch_is_refused_once_that_is_fetched(clones: tuple[Path, Path]) -> None:
    mine, theirs = clones
    push("main", change(theirs, "a").id, theirs)
    push("main", change(theirs, "b").id, theirs)

    require_current("main", mine, fetch=False)
    with pytest.raises(
        RepositoryError, match=r"lacks 2 commits of `origin/main`, the newest being \w+ feat: b \(Ada\)"
    ):
        require_current("main", mine)
    with pytest.raises(RepositoryError, match="`main` is stale"):
        require_current("main", mine, fetch=False)


def test_of_two_that_push_one_wins_and_the_other_is_told_how_to_go_on(clones: tuple[Path, Path]) -> None:
    mine, theirs = clones
    won = change(theirs, "theirs")
    lost = change(mine, "mine")
    tag("flights@v1.0.0", lost.id, "x", mine)
    push("main", won.id, theirs)

    with pytest.raises(RepositoryError, match="someone else was first") as told:
        push("main", lost.id, mine, tags=("flights@v1.0.0",))

    assert sh(mine, "ls-remote", "--tags", "origin") == ""  # all or nothing
    assert f"git reset --keep {lost.id[:9]}~1" in str(told.value)
    sh(mine, "reset", "-q", "--keep", f"{lost.id[:9]}~1")
    sh(mine, "pull", "-q", "--ff-only")
    push("main", change(mine, "mine").id, mine)
    assert sh(mine, "ls-remote", "origin", "main").split()[0] == sh(mine, "rev-parse", "HEAD")


def test_a_remote_that_is_gone(clones: tuple[Path, Path]) -> None:
    mine, _ = clones
    (mine.parent / "origin.git").rename(mine.parent / "moved.git")

    with pytest.raises(RepositoryError, match=r"whether `origin/main` has moved cannot be known.*--offline"):
        require_current("main", mine)
    with pytest.raises(RepositoryError, match=r"`git push origin` refuses.*is in this clone"):
        push("main", change(mine, "x").id, mine)


def test_a_branch_that_follows_nothing(clones: tuple[Path, Path]) -> None:
    mine, _ = clones
    sh(mine, "switch", "-q", "-c", "topic")

    assert upstream_of("topic", mine) is None
    assert require_current("topic", mine) is None
    with pytest.raises(RepositoryError, match="git push --set-upstream origin topic"):
        push("topic", sh(mine, "rev-parse", "HEAD"), mine)


def test_an_upstream_that_is_not_there_yet(clones: tuple[Path, Path]) -> None:
    mine, _ = clones
    sh(mine, "switch", "-q", "-c", "topic")
    sh(mine, "config", "branch.topic.remote", "origin")
    sh(mine, "config", "branch.topic.merge", "refs/heads/topic")

    assert require_current("topic", mine) is not None


def test_a_tag_is_put_once_and_never_moved(clones: tuple[Path, Path]) -> None:
    mine, _ = clones
    first = sh(mine, "rev-parse", "HEAD")

    assert tag("flights@v1.0.0", first, "v1", mine)
    assert not tag("flights@v1.0.0", first, "v1", mine)
    assert sh(mine, "cat-file", "-t", "flights@v1.0.0") == "tag"
    with pytest.raises(RepositoryError, match="Tags are not moved"):
        tag("flights@v1.0.0", change(mine, "x").id, "v1", mine)


def test_who_commits(clones: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    mine, _ = clones
    assert committer(mine) == "Ada <ada@example.org>"
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Robot")
    assert committer(mine) == "Robot <ada@example.org>"
    assert author_of("A B <a@b.c>") == {"GIT_AUTHOR_NAME": "A B", "GIT_AUTHOR_EMAIL": "a@b.c"}
    with pytest.raises(ConfigError, match="Name <mail>"):
        author_of("nobody")


def test_the_line_that_says_why() -> None:
    assert last_words(b"To origin\nerror: failed to push.\nhint: read this\n") == "error: failed to push"
    assert last_words(b"") == "no reason given"
