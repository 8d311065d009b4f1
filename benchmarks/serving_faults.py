"""What a service keeps when it is killed, and whether it grows when it is not."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.borrowed import borrow
from benchmarks.figures import Figure
from benchmarks.serving_load import Target
from benchmarks.serving_servers import BIN, ROOT, Model, Server, ours

KILLS = 50
ROUNDS = 10  # of the memory's figure, each of at least a tenth of a million rows
MILLION = 1_000_000
PER_REQUEST = 100


def kills(model: Model, scratch: Path, key: str) -> Figure:
    """Fifty kills under load, by turns of single rows and of requests of forty: every other one a worker's, which is
    replaced, else the whole server's at once."""
    served, conftest = borrow("served"), borrow("conftest")
    served.ROW = model.rows[0]
    project = conftest.Project(ROOT, {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
    chance = random.Random(11)
    answered = lost = 0
    for turn in range(KILLS // 2):
        log = scratch / f"killed-{turn}"
        words = ["--workers", "2", "--keys", str(scratch / "keys.json")]
        with (
            served.serving(project, key, *words, log=str(log)) as running,
            served.Load(running, rows=turn % 2 * 39 + 1) as load,
        ):
            served.until(lambda load=load: len(load.answered) > 20, 30)
            time.sleep(chance.uniform(0, 0.3))
            os.kill(chance.choice(running.workers()), signal.SIGKILL)
            time.sleep(chance.uniform(0, 0.6))  # with one worker, or while the other is being replaced
            running.kill()
        answered += len(load.answered)
        lost += len(load.answered - served.logged(log))
    return Figure(
        f"{KILLS} × `kill -9` under load, of a worker or of everything: answered rows that the log lacks", "0",
        f"{lost} of {answered:,}", lost, lost == 0,
    )  # fmt: skip


def memory(model: Model, scratch: Path, key: str) -> Figure:
    """The worker's resident memory over a million predictions, against that after the first tenth."""
    with ours(scratch, "million") as (server, _):
        target = Target(server.port, "/v1/predict", model.bodies(PER_REQUEST), key)
        worker = server.worker()
        sizes: list[int] = []
        rows = 0
        while rows < MILLION or len(sizes) < ROUNDS:
            target.load(1)
            sizes.append(worker.memory_info().rss)
            rows = _rows(server)
    first = sizes[0]
    drift = max(abs(size / first - 1) for size in sizes)
    return Figure(
        "memory over a million predictions", "± 5 %",
        f"± {drift:.1%} ({first / 1e6:.0f} to {sizes[-1] / 1e6:.0f} MB, {rows:,} rows)", drift, drift <= 0.05,
    )  # fmt: skip


def starts(scratch: Path, times: int) -> list[Figure]:
    """How long a start takes, and what is resident once it answers."""
    taken, resident = [], []
    for turn in range(times):
        with ours(scratch, f"start-{turn}") as (server, _):
            taken.append(server.started)
            time.sleep(0.5)
            resident.append(server.resident())
    seconds, most = statistics.median(taken), max(resident)
    return [
        Figure("first 200 on `/readyz`", "≤ 3 s", f"{seconds:.2f} s, at most {max(taken):.2f}", seconds, seconds <= 3),
        Figure(
            "resident with one worker, its supervisor included", "≤ 200 MB", f"{most / 1e6:.0f} MB", most,
            most <= 200e6,
        ),
    ]  # fmt: skip


def _rows(server: Server) -> int:
    """How many rows a service has answered, by its own count."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        lines: Any = answer.read().decode().splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("weighlock_rows_total")))
