"""Retraining as a scheduled job does it: in a real clone, with a real remote, and killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Clone, Project, with_small_table

END = '"2024-03-31"}'
OLD = '"2024-03-17"}'
BRANCH = "retrain/2024-03-31"


@pytest.fixture(scope="module")
def before(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone whose window ends two weeks before its table does, trained, with a bare remote."""
    project = with_small_table(clone("retrain"))
    params = project.path / "params.yaml"
    params.write_text(params.read_text().replace(END, OLD + "  # a comment that stays"))
    project.run("dvc", "repro", "--quiet")
    project.commit("my own table")
    remote = tmp_path_factory.mktemp("remote") / "bare.git"
    project.run("git", "init", "-q", "--bare", str(remote))
    project.run("git", "remote", "set-url", "origin", str(remote))
    project.run("git", "push", "-q", "origin", "HEAD:main")
    return project


@pytest.fixture
def project(before: Project) -> Project:
    """Without any retraining, and with changes of the user's own, staged and not."""
    project = before
    for name in (BRANCH, "retrain/2024-03-24"):
        project.run("git", "branch", "-qD", name, code=None)
        project.run("git", "push", "-q", "origin", f":{name}", code=None)
    project.run("git", "reset", "-q", "--hard")
    (project.path / "schema.yaml").write_text((project.path / "schema.yaml").read_text() + "# not staged\n")
    (project.path / "staged.txt").write_text("staged\n")
    project.run("git", "add", "staged.txt")
    return project


def state(project: Project) -> tuple[str, ...]:
    """What must stay as it was: HEAD, branch, index, changes, worktrees."""
    asked = (
        ("rev-parse", "HEAD"), ("symbolic-ref", "HEAD"), ("diff",), ("diff", "--cached"), ("status", "--porcelain"),
        ("worktree", "list"),
    )  # fmt: skip
    return tuple(project.run("git", *words).stdout for words in asked)


def retrain(project: Project, *words: str, code: int | None = 0) -> str:
    """What `weighlock retrain` says."""
    done = project.run("weighlock", "retrain", *words, code=code)
    return done.stdout + done.stderr


def test_a_branch_and_a_pull_request_are_made_once_and_nothing_else_changes(project: Project, tmp_path: Path) -> None:
    # given the watch's verdict, with words that would do harm on a page
    verdict = tmp_path / "watch.json"
    content = {
        "outcome": "RETRAIN", "environment": "production",
        "window": {"start": "2024-03-10", "end": "2024-03-16", "rows": 70},
        "reasons": ["`heat` drifted <script>@someone | x"], "notes": [],
        "drifts": [{"column": "heat", "measure": "shift", "effect": 0.6, "floor": 0.1, "drifted": True}],
        "gains": [{"by": "", "gain": 0.02, "error": 0.004}],
    }  # fmt: skip
    verdict.write_text(json.dumps(content))
    before = state(project)

    # when it is tried dry
    said = retrain(project, "--dry-run")

    # then it says what it would do and does nothing
    assert "new rows, from 2024-03-18 to 2024-03-31" in said
    assert state(project) == before
    assert BRANCH not in project.run("git", "branch", "--list").stdout

    # when it is run
    said = retrain(project, "--verdict", str(verdict))

    # then the branch holds the moved window, and the user's tree is as it was
    assert state(project) == before
    changed = project.run("git", "diff", "--numstat", "HEAD", BRANCH, "--", "params.yaml").stdout
    assert changed.split()[:2] == ["1", "1"]
    line = project.run("git", "show", f"{BRANCH}:params.yaml").stdout
    assert 'end: "2024-03-31"}  # a comment that stays' in line
    files = project.run("git", "diff", "--name-only", "HEAD", BRANCH).stdout.split()
    assert {"params.yaml", "dvc.lock", "reports/metrics.json"} <= set(files)
    assert not {"schema.yaml", "staged.txt"} & set(files)
    # and the pull request carries its proof, in words that do no harm
    request = json.loads((project.path / "reports/retrain/pull-request.json").read_text())
    body = (project.path / "reports/retrain/pull-request.md").read_text()
    assert request["branch"] == BRANCH
    assert request["outcome"] == "PASS"
    assert not request["draft"]
    assert request["commit"] == project.run("git", "rev-parse", BRANCH).stdout.strip()
    assert "`<script>@someone`" in body  # as code, in which nothing runs and nobody is called
    assert "log_loss" in body
    assert "Weighlock gate: PASS" in body

    # when it is run again, then it makes none
    assert "is made already" in retrain(project)
    # and with --push it goes to the remote, once
    assert "is pushed now" in retrain(project, "--push")
    pushed = project.run("git", "ls-remote", "origin", f"refs/heads/{BRANCH}").stdout
    assert pushed.startswith(request["commit"])
    assert "waits for an answer" in retrain(project, "--push")
    # and while it is open there, no other one is begun
    project.run("git", "branch", "-qD", BRANCH)
    assert "a retraining is open on `origin`" in retrain(project, "--to", "2024-03-24")
    assert state(project) == before


def test_the_branch_is_what_the_pipeline_makes(project: Project, tmp_path: Path) -> None:
    # when a retraining is done up to a day of one's choice
    retrain(project, "--to", "2024-03-24")

    # then a checkout of it needs no stage to run
    tree = tmp_path / "tree"
    project.run("git", "worktree", "add", "-q", str(tree), "retrain/2024-03-24")
    other = Project(tree, {**project.env, "PYTHONPATH": str(tree / "src")})
    other.run("dvc", "cache", "dir", "--local", str(project.path / ".dvc/cache"))
    other.run("dvc", "checkout", "--quiet")
    assert other.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    project.run("git", "worktree", "remove", "--force", str(tree))


def test_a_retraining_that_was_killed_goes_on(project: Project) -> None:
    before = state(project)
    # given one that is killed while a stage runs
    process = subprocess.Popen(
        ["weighlock", "retrain"], cwd=project.path, env=project.env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    tree = project.path / ".dvc/tmp/weighlock" / BRANCH.replace("/", "-")
    changed = tree / "reports/split.json"
    deadline = time.monotonic() + 120
    first = project.run("git", "show", "HEAD:reports/split.json").stdout
    while not (changed.exists() and changed.read_text() not in {"", first}) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert BRANCH not in project.run("git", "branch", "--list").stdout
    made = (tree / "data/split/train.parquet").stat().st_mtime_ns

    # when it is run again
    retrain(project)

    # then it went on from there, and cleaned up
    assert BRANCH in project.run("git", "branch", "--list").stdout
    assert not tree.exists()
    assert made
    assert state(project) == before


def test_a_source_that_is_down_leaves_nothing(project: Project) -> None:
    (project.path / "mine.csv").rename(project.path / "away.csv")
    before = state(project)
    try:
        assert "error:" in retrain(project, code=2)
        assert state(project) == before
        assert BRANCH not in project.run("git", "branch", "--list").stdout
    finally:
        (project.path / "away.csv").rename(project.path / "mine.csv")


def test_nothing_new_and_broken_data_are_told(project: Project, tmp_path: Path) -> None:
    assert "nothing new" in retrain(project, "--to", "2024-03-17")
    verdict = tmp_path / "watch.json"
    content = {
        "outcome": "BROKEN", "environment": "production",
        "window": {"start": "2024-03-10", "end": "2024-03-16", "rows": 70},
        "reasons": ["`heat` is stuck at 4"], "notes": [], "drifts": [], "gains": [],
    }  # fmt: skip
    verdict.write_text(json.dumps(content))
    assert "`heat` is stuck at 4" in retrain(project, "--verdict", str(verdict), code=5)
    verdict.write_text('{"outcome": "RETRAIN"')
    assert "watch.json" in retrain(project, "--verdict", str(verdict), code=2)
    assert "is not complete yet" in retrain(project, "--to", "2099-01-01", code=2)
    assert "is no day" in retrain(project, "--to", "soon", code=2)


def test_a_remote_that_does_not_answer_stops_it(project: Project) -> None:
    url = project.run("git", "remote", "get-url", "origin").stdout.strip()
    project.run("git", "remote", "set-url", "origin", f"{url}-gone")
    try:
        assert "cannot be known" in retrain(project, code=2)
    finally:
        project.run("git", "remote", "set-url", "origin", url)
