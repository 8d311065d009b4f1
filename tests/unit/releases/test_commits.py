"""Commits by plumbing: only these files, never over anyone's work, and whole whenever they are killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.errors import ConfigError, RepositoryError
from weighlock.releases import commits, entries, repository
from weighlock.releases.commits import PENDING, commit_files, start

pytestmark = pytest.mark.processes

OLD, NEW = b"stable: v1\n", b"stable: v2\n"
FILES = {"deploy/production.yaml": NEW, "deploy/rendered/new.conf": b"listen 80;\n", "gone/away.txt": None}


def sh(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make(root: Path) -> Path:
    sh(root.parent, "init", "-q", "-b", "main", "--template=", str(root))
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        sh(root, "config", key, value)
    (root / "deploy").mkdir()
    (root / "deploy/production.yaml").write_bytes(OLD)
    (root / "gone").mkdir()
    (root / "gone/away.txt").write_text("away\n")
    (root / "other.txt").write_text("other\n")
    sh(root, "add", ".")
    sh(root, "commit", "-q", "-m", "first")
    return root


@pytest.fixture(scope="module")
def made(alone: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made") / "repository")


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "repository")
    return tmp_path / "repository"


def whole(root: Path) -> bool:
    """Nothing staged, nothing changed, nothing pending, no stray file."""
    assert not (root / ".git" / PENDING).exists()
    return sh(root, "status", "--porcelain", "--ignored") == ""


def test_one_commit_of_exactly_these_files(root: Path) -> None:
    (root / "other.txt").write_text("staged\n")
    sh(root, "add", "other.txt")
    (root / "stray.txt").write_text("stray\n")
    before = sh(root, "rev-parse", "HEAD")

    made = commit_files(root, FILES, "feat: two\n\nwhy\n", author="Bo <bo@example.org>")

    assert made.new
    assert sh(root, "rev-parse", "HEAD", "HEAD^") == f"{made.id}\n{before}"
    assert sh(root, "log", "-1", "--format=%an %ae %cn %s|%b") == "Bo bo@example.org Ada feat: two|why"
    assert sh(root, "show", "--format=", "--name-status") == (
        "M\tdeploy/production.yaml\nA\tdeploy/rendered/new.conf\nD\tgone/away.txt"
    )
    assert sh(root, "status", "--porcelain") == "M  other.txt\n?? stray.txt"
    assert (root / "deploy/production.yaml").read_bytes() == NEW
    assert not (root / "gone").exists()
    assert sh(root, "log", "-g", "-1", "--format=%gs") == "commit: feat: two"


def test_again_is_nothing_new(root: Path) -> None:
    first = commit_files(root, FILES, "feat: two")

    again = commit_files(root, FILES, "feat: two")

    assert (again.id, again.new) == (first.id, False)
    assert whole(root)


def test_paths_are_of_the_folder_that_is_named(root: Path) -> None:
    made = commit_files(root / "deploy", {"staging.yaml": b"x\n"}, "feat: staging")

    assert sh(root, "show", "--format=", "--name-only", made.id) == "deploy/staging.yaml"
    assert whole(root)


def test_an_executable_stays_one(root: Path) -> None:
    sh(root, "update-index", "--chmod=+x", "deploy/production.yaml")
    sh(root, "commit", "-q", "-m", "x")

    commit_files(root, {"deploy/production.yaml": NEW}, "feat: two")

    assert sh(root, "ls-tree", "HEAD", "deploy/production.yaml").startswith("100755 ")


@pytest.mark.parametrize("staged", [False, True])
def test_no_ones_work_is_overwritten(root: Path, staged: bool) -> None:
    (root / "deploy/production.yaml").write_text("mine\n")
    if staged:
        sh(root, "add", ".")
    before = sh(root, "rev-parse", "HEAD")

    with pytest.raises(RepositoryError, match=r"`deploy/production\.yaml` is (staged|changed) and not committed"):
        commit_files(root, FILES, "feat: two")

    assert (root / "deploy/production.yaml").read_text() == "mine\n"
    assert sh(root, "rev-parse", "HEAD") == before


def test_work_that_is_wanted_anyway_is_taken(root: Path) -> None:
    (root / "deploy/production.yaml").write_bytes(NEW)

    assert commit_files(root, FILES, "feat: two").new
    assert whole(root)


def test_a_file_in_the_way_that_git_does_not_know(root: Path) -> None:
    (root / "deploy/rendered").mkdir()
    (root / "deploy/rendered/new.conf").write_text("mine\n")

    with pytest.raises(RepositoryError, match=r"new\.conf` is changed"):
        commit_files(root, FILES, "feat: two")


@pytest.mark.parametrize("path", ["/etc/x", "../x", ".git/config", "deploy/.GIT/x", ""])
def test_paths_stay_inside(root: Path, path: str) -> None:
    with pytest.raises(RepositoryError, match="no path inside"):
        commit_files(root, {path: b""}, "feat: two")


def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path)

    with pytest.raises(RepositoryError, match="symbolic link"):
        commit_files(root, {"link/x": b""}, "feat: two")


def test_a_branch_that_moved_since_start(root: Path) -> None:
    base = start(root)
    commit_files(root, {"deploy/production.yaml": b"stable: v3\n"}, "feat: first come")

    with pytest.raises(RepositoryError, match="someone else was first"):
        commit_files(root, {"other.txt": b"x\n"}, "feat: second", base=base)
    assert sh(root, "log", "--format=%s", "-1") == "feat: first come"
    assert whole(root)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (["checkout", "-q", "--detach"], "HEAD is detached"),
        (["checkout", "-q", "--orphan", "new"], "has no commit yet"),
        (["update-ref", "MERGE_HEAD", "HEAD"], "a merge is under way"),
    ],
)
def test_where_there_is_nothing_to_commit_to(root: Path, before: list[str], said: str) -> None:
    sh(root, *before)
    with pytest.raises(RepositoryError, match=said):
        start(root)


def test_outside_of_git(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="in no git repository"):
        start(tmp_path)


def test_someone_commits(root: Path) -> None:
    sh(root, "config", "--unset", "user.email")

    with pytest.raises(ConfigError, match="does not know who you are"):
        commit_files(root, FILES, "feat: two")


def killed_at(step: int, what: Callable[[], object]) -> int:
    """How many git calls and writes a child process did, which does `what` and is killed before number `step`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:

        def counted(function: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **named: object) -> object:
                if os.write(writing, b".") and step == (done := done_of.pop()):
                    os._exit(9)
                done_of.append(done + 1)
                return function(*arguments, **named)

            return call

        done_of = [0]
        try:
            commits.git = repository.git = counted(repository.git)  # type: ignore[assignment]
            commits.write_bytes = counted(commits.write_bytes)  # type: ignore[assignment]
            what()
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        called = len(pipe.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (9 if step < called else 0)
    return called


def test_killed_between_any_two_steps_it_is_undone_or_completed(root: Path) -> None:
    assert entries.ask is repository.ask  # every call of git goes through `repository.git` or `commits.git`
    before = sh(root, "rev-parse", "HEAD")
    steps = killed_at(1000, lambda: commit_files(root, FILES, "feat: two"))
    sh(root, "reset", "-q", "--hard", before)
    done, undone = 0, 0
    for step in reversed(range(steps)):
        assert killed_at(step, lambda: commit_files(root, FILES, "feat: two")) == step + 1

        base = start(root)  # of whatever command comes next

        assert whole(root)
        if base.commit == before:
            undone += 1
            assert base.settled is None
            assert (root / "deploy/production.yaml").read_bytes() == OLD
            assert (root / "gone/away.txt").exists()
        else:
            assert undone == 0
            done += 1
            assert base.settled in {base.commit, None}  # None: it was killed as the very last thing
            assert {path: (root / path).read_bytes() if (root / path).exists() else None for path in FILES} == FILES
            sh(root, "reset", "-q", "--hard", before)
        if undone == 6:  # what comes earlier only reads, and makes objects that nothing points at
            break
    assert done > 3


def test_what_was_left_and_then_reset_is_forgotten(root: Path) -> None:
    before = sh(root, "rev-parse", "HEAD")
    made = commit_files(root, FILES, "feat: two")
    sh(root, "update-ref", PENDING, made.id)
    sh(root, "reset", "-q", "--hard", before)

    assert start(root).settled is None
    assert whole(root)


def test_what_was_done_by_hand_since_the_kill_stays(root: Path) -> None:
    made = commit_files(root, FILES, "feat: two")
    sh(root, "update-ref", PENDING, made.id)
    (root / "deploy/production.yaml").write_text("mine\n")

    assert start(root).settled == made.id
    assert (root / "deploy/production.yaml").read_text() == "mine\n"


def test_of_many_at_once_one_wins_and_the_others_are_told(root: Path) -> None:
    bases = [start(root) for _ in range(4)]
    told: list[str] = []

    def attempt(number: int) -> None:
        try:
            commit_files(
                root, {"deploy/production.yaml": b"stable: v%d\n" % (number + 5)}, f"feat: {number}", base=bases[number]
            )
        except RepositoryError as error:
            told.append(str(error))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(len(bases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told) == 3
    assert all("someone else was first" in message for message in told)
    assert sh(root, "rev-list", "--count", "HEAD") == "2"
    assert whole(root)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="NOT TESTED: signed commits take ssh-keygen")
def test_who_signs_commits_signs_these(root: Path, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    for key, value in (
        ("gpg.format", "ssh"), ("user.signingkey", str(tmp_path / "key.pub")), ("commit.gpgSign", "true"),
    ):  # fmt: skip
        sh(root, "config", key, value)

    made = commit_files(root, FILES, "feat: signed")

    assert "BEGIN SSH SIGNATURE" in sh(root, "cat-file", "commit", made.id)
    sh(root, "config", "user.signingkey", "/nowhere")
    with pytest.raises(RepositoryError, match="`git commit-tree` refuses"):
        commit_files(root, {"other.txt": b"x\n"}, "feat: unsigned")
    assert whole(root)
