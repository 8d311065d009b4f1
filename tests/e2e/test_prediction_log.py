"""The prediction log under real processes: killed at every step of a compaction, and while others write and forget."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT

WRITER = """
import sys
from pathlib import Path
from weighlock.monitoring.prediction_log import *
model = Model("m", "v1", "sha256:00")
writer = LogWriter.open(Path("log"), sys.argv[1], max_bytes=200_000)
for i in range(int(sys.argv[2])):
    rows = [Record(f"{sys.argv[1]}-{i}-{j}", now(), model, {"x": 1.0, "who": "é"}, entity=f"e{j}") for j in range(5)]
    writer.append([encode(row) for row in rows])
    print(i, flush=True)
"""
# As kill -9 does it, but at a step of our choice: nothing after it happens, no `finally` and no handler.
DYING = """
import os, sys
from pathlib import Path
from weighlock.monitoring import log_store
step = int(sys.argv[1])
def counted(owner, name):
    change = getattr(owner, name)
    def stepped(*args, **options):
        global step
        if step == 0:
            os._exit(9)
        step -= 1
        return change(*args, **options)
    setattr(owner, name, stepped)
for name in ("unlink", "replace", "write_text"):
    counted(Path, name)
counted(os, "fsync")
counted(log_store.Store, "remove")
from weighlock.cli import main
raise SystemExit(main(sys.argv[2:]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)


def weighlock(folder: Path, *words: str) -> str:
    done = run(folder, "-m", "weighlock", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ids(folder: Path) -> Counter[str]:
    return Counter(json.loads(line)["id"] for line in weighlock(folder, "log", "cat").splitlines())


def test_killed_at_every_step_of_a_compaction_each_row_is_there_once(folder: Path) -> None:
    expected: Counter[str] = Counter()
    for step in range(40):
        assert run(folder, "-c", WRITER, f"w{step}", "3").returncode == 0
        expected.update(f"w{step}-{i}-{j}" for i in range(3) for j in range(5))
        died = run(folder, "-c", DYING, str(step), "log", "compact")
        assert died.returncode in {0, 9}, died.stderr
        if died.returncode == 0:
            break
    else:
        pytest.fail("it never got to its end")

    assert step > 5
    weighlock(folder, "log", "compact")
    assert ids(folder) == expected
    assert not list((folder / "log" / "segments").glob("*.jsonl"))


def test_killed_at_every_step_of_forgetting_the_next_run_finishes_it(folder: Path) -> None:
    run(folder, "-c", WRITER, "a", "3")
    weighlock(folder, "log", "compact")
    for step in range(60):
        run(folder, "-c", WRITER, f"b{step}", "1")
        if run(folder, "-c", DYING, str(step), "log", "forget", "--entity", "e2").returncode == 0:
            break
    else:
        pytest.fail("it never got to its end")

    assert step > 3
    weighlock(folder, "log", "compact")
    left = [json.loads(line) for line in weighlock(folder, "log", "cat").splitlines()]
    assert {row["entity"] for row in left} == {"e0", "e1", "e3", "e4"}
    assert len(left) == 4 * (3 + step + 1)


def test_writers_that_are_killed_while_others_compact_and_forget_lose_no_answered_row(folder: Path) -> None:
    answered: set[str] = set()
    for round_ in range(4):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, f"{round_}{w}", "1000000"], cwd=folder, stdout=subprocess.PIPE, text=True
            )
            for w in "xy"
        ]
        time.sleep(1.0)
        weighlock(folder, "log", "compact")
        weighlock(folder, "log", "forget", "--entity", "e4")
        for name, writer in zip("xy", writers, strict=True):
            os.kill(writer.pid, signal.SIGKILL)
            done = writer.communicate()[0].split("\n")[:-1]
            answered |= {f"{round_}{name}-{i}-{j}" for i in done for j in range(4)}
    weighlock(folder, "log", "forget", "--entity", "e4")
    weighlock(folder, "log", "compact")

    found = ids(folder)
    assert answered <= set(found)
    assert max(found.values()) == 1
    assert not [name for name in found if name.endswith("-4")]
