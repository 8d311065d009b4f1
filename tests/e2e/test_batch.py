"""`weighlock score` in a real clone: killed with kill -9 at random moments, and in the end each row once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import Clone, Project, interruptible, small_table

ROWS = 3_000_000


@pytest.fixture(scope="module")
def trained(with_model: Clone) -> Project:
    """A clone with a model of the small table."""
    project = with_model("batch")
    project.commit("my own table")
    return project


@pytest.fixture(scope="module")
def many(trained: Project) -> Path:
    """Some seconds of work."""
    path = trained.path / "many.parquet"
    table = small_table().drop(columns="broke")
    rows = pd.concat([table] * (ROWS // len(table)), ignore_index=True)
    rows["id"] = np.arange(len(rows))
    rows.to_parquet(path, index=False)
    return path


def killed(project: Project, seconds: float, *words: str) -> bool:
    """Whether the command had to be killed: it got this long."""
    process = subprocess.Popen(
        words, cwd=project.path, env=project.env, stderr=subprocess.DEVNULL, preexec_fn=interruptible
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode == 0
    return False


@pytest.mark.parametrize("out", ["out.parquet", "out"])
def test_killed_and_started_again_it_goes_on_and_writes_no_row_twice(out: str, trained: Project, many: Path) -> None:
    chance = random.Random(7)
    command = ("weighlock", "score", str(many), out)
    started = time.monotonic()
    trained.run("weighlock", "score", str(many), f"whole-{out}")
    whole = time.monotonic() - started

    deaths = 0
    # a machine may become faster than it was, so the first ends early; or slower, so each gets a little longer
    while killed(trained, (chance.uniform(0.2, 0.6) if deaths else 0.1) * whole * (1 + deaths / 10), *command):
        deaths += 1
        assert deaths < 50, "it does not get on"

    assert deaths > 0
    found, expected = (pq.read_table(trained.path / name) for name in (out, f"whole-{out}"))
    assert found.equals(expected)
    assert found["id"].to_pylist() == list(range(len(expected)))
    assert not list(trained.path.glob(".out.parquet.parts/part-*"))
    assert "Nothing to do" in trained.run(*command).stderr


def test_batch_and_log_name_the_same_rows(trained: Project) -> None:
    small_table().drop(columns="broke").to_csv(trained.path / "day.csv", index=False)

    trained.run("weighlock", "score", "day.csv", "day-scores.csv", "--log-dir", "log", "--entity", "id")
    trained.run("weighlock", "log", "compact")

    scores = pd.read_csv(trained.path / "day-scores.csv")
    logged = [json.loads(line) for line in trained.run("weighlock", "log", "cat").stdout.splitlines()]
    assert sorted(row["id"] for row in logged) == sorted(scores["prediction_id"])
    assert {row["entity"] for row in logged} == set(scores["id"])
    trained.run("weighlock", "log", "forget", "--entity", "part-17")
    assert "part-17" not in {
        json.loads(x)["entity"] for x in trained.run("weighlock", "log", "cat").stdout.splitlines()
    }


def test_an_unknown_release_is_refused(trained: Project) -> None:
    done = trained.run("weighlock", "score", "day.csv", "never.csv", "--release", "v99", code=2)

    assert "There is no release `v99`" in done.stderr
