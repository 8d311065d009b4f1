"""One retraining at a time, and a killed one's locks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from weighlock.errors import RepositoryError
from weighlock.retraining.workplace import alone, free_locks


def record(folder: Path, content: str) -> Path:
    path = folder / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def held_by(number: int) -> str:
    return json.dumps({"read": {"a": [{"pid": number, "cmd": "dvc"}]}, "write": {"b": {"pid": number, "cmd": "dvc"}}})


def test_a_second_one_is_told_to_wait_and_a_third_may(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(RepositoryError, match="under way"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_the_locks_of_whoever_is_at_work_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = record(tmp_path, held_by(os.getpid()))
    free_locks(tmp_path)
    assert path.is_file()


def test_the_locks_of_one_that_nobody_waited_for_go(tmp_path: Path) -> None:
    with subprocess.Popen(["true"], cwd=tmp_path) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        path = record(tmp_path, held_by(ended.pid))
        free_locks(tmp_path)
        assert not path.exists()


def test_the_locks_of_others_under_that_number_go(tmp_path: Path) -> None:
    path = record(tmp_path, held_by(os.getpid()))
    free_locks(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("content", ['{"read": {"a"', "[]", '{"write": {"a": 3}}', "{}"])
def test_torn_locks_go_and_none_is_no_error(content: str, tmp_path: Path) -> None:
    path = record(tmp_path, content)
    free_locks(tmp_path)
    assert not path.exists()
    free_locks(tmp_path)
