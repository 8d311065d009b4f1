"""Looks are kept: one folder a day, reports of the newest few, and a branch that does not grow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from weighlock.errors import ConfigError, EvidenceError, RepositoryError
from weighlock.watching.looks import BRANCH, HISTORY, MOST_REPORTS, add, fetch, push, verdict_of
from weighlock.watching.standing import Retrainings, read_retrainings


def looked(folder: Path, day: str, outcome: str = "OK", environment: str = "production") -> Path:
    """What `weighlock watch` leaves."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"environment": environment, "outcome": outcome, "window": {"start": "2026-02-01", "end": day}}
    (folder / "watch.json").write_text(json.dumps(content))
    (folder / "watch.md").write_text(outcome)
    return folder


def test_a_look_is_kept_under_its_day_and_reports_of_the_newest_few(tmp_path: Path) -> None:
    history = tmp_path / "history"
    for day in range(1, MOST_REPORTS + 3):
        add(looked(tmp_path / "look", f"2026-02-{day:02}"), history)
    add(looked(tmp_path / "look", "2026-02-05", "WARN"), history)

    days = sorted(path.name for path in (history / "production").iterdir())
    assert days == [f"2026-02-{day:02}" for day in range(1, MOST_REPORTS + 3)]
    assert [d for d in days if not (history / "production" / d / "watch.md").exists()] == days[:2]
    assert all((history / "production" / day / "watch.json").exists() for day in days)
    assert json.loads((history / "production/2026-02-05/watch.json").read_text())["outcome"] == "WARN"


def test_what_is_no_look_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        add(tmp_path, tmp_path / "history")
    with pytest.raises(ConfigError, match="environment"):
        add(looked(tmp_path / "look", "2026-02-05", environment="../../x"), tmp_path / "history")
    with pytest.raises(ConfigError, match=r"window\.end"):
        add(looked(tmp_path / "look", "yesterday"), tmp_path / "history")
    assert not (tmp_path / "history").exists()


@pytest.mark.parametrize("name", ["../x/2026-02-05", "production/2026-02-05/..", "production", "$(id)/2026-02-05"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ConfigError):
        verdict_of(name)
    assert verdict_of("production/2026-02-05") == HISTORY / "production/2026-02-05/watch.json"


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two clones of one remote, in which nothing else is."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")
    git(tmp_path, "init", "-q", "--bare", "remote")
    for name in ("one", "two"):
        git(tmp_path, "clone", "-q", "remote", name)
    git(tmp_path / "one", "commit", "-q", "--allow-empty", "-m", "first")
    (tmp_path / "one/mine.txt").write_text("not committed")
    git(tmp_path / "one", "add", "mine.txt")
    return tmp_path / "one", tmp_path / "two"


def test_the_branch_is_one_commit_that_every_run_finds(clones: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = clones
    before = git(one, "status", "--porcelain")
    assert fetch(one) == 0
    add(looked(tmp_path / "look", "2026-02-05"), one / HISTORY)
    assert push(one)
    assert push(one) is None  # nothing new

    assert fetch(two) == 1
    add(looked(tmp_path / "look", "2026-02-06", "BROKEN"), two / HISTORY)
    second = push(two)
    assert git(tmp_path / "remote", "rev-list", "--count", BRANCH) == "1"
    assert git(tmp_path / "remote", "ls-tree", "-r", "--name-only", BRANCH).splitlines() == [
        f"production/2026-02-0{day}/{name}" for day in (5, 6) for name in ("watch.json", "watch.md")
    ]

    # who looked before the other had pushed is told, and loses nothing of theirs
    add(looked(tmp_path / "look", "2026-02-07"), one / HISTORY)
    with pytest.raises(RepositoryError, match="run this again"):
        push(one)
    assert fetch(one) == 3
    assert push(one) not in {None, second}
    assert fetch(two, offline=True) == 2
    assert git(one, "status", "--porcelain").splitlines() == [*before.splitlines(), "?? history/"]


def test_how_retrainings_stand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "retrainings.json"
    path.write_text('{"open": true, "last": "2026-02-05T05:00:00+00:00"}')
    found = read_retrainings(path)
    assert found.open
    assert found.last is not None
    assert found.last.isoformat() == "2026-02-05T05:00:00+00:00"
    path.write_text('{"open": false, "last": null}')
    assert read_retrainings(path) == Retrainings()
    for wrong in ('{"open": "perhaps"}', '{"last": "2026-02-05T05:00:00"}', '{"opened": true}'):
        path.write_text(wrong)
        with pytest.raises(ConfigError):
            read_retrainings(path)
