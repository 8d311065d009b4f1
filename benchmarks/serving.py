"""The service's figures: beside other servers of the same ONNX file, under load, and when it is killed.

Servers take turns on one machine, the order goes forth and back, and ratios are medians over the rounds: what else the
machine does hits all of them alike. Everything is on loopback.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figures import Figure, report
from benchmarks.serving_faults import kills, memory, starts
from benchmarks.serving_load import Load, Target
from benchmarks.serving_rivals import Plain
from benchmarks.serving_servers import BIN, ROOT, Model, ours, rivals
from weighlock.layout import SERVED

ROUNDS = 7
SECONDS = 3.0
MANY = 100
STARTS = 5


def main() -> int:
    """Measure everything and report; some six minutes."""
    model = Model.of(ROOT / SERVED)
    with tempfile.TemporaryDirectory(prefix="weighlock-bench-") as folder:
        scratch = Path(folder)
        key = new_key(scratch)
        figures = [*throughput(model, scratch, key), *starts(scratch, STARTS)]
        figures += [memory(model, scratch, key), kills(model, scratch, key)]
    return report("serving", figures)


def throughput(model: Model, scratch: Path, key: str) -> list[Figure]:
    """Single rows beside the others, then how long they take, then a hundred at once."""
    with ExitStack() as stack:
        server, _ = stack.enter_context(ours(scratch, "ours"))
        silent, _ = stack.enter_context(ours(scratch, "unlogged", {"sample": 0.0}))
        mine = Target(server.port, "/v1/predict", [model.body()], key)
        unlogged = Target(silent.port, "/v1/predict", [model.body()], key)
        with rivals(model, scratch, key) as others:
            targets = {"ours": mine, "unlogged": unlogged, **others}
            found = turns({name: _load(target) for name, target in targets.items()})
        many = Target(server.port, "/v1/predict", model.bodies(MANY), key)
        return [*beside(found), *latency(mine, found["ours"]), *hundreds(model, many)]


def turns(loads: Mapping[str, Callable[[], Load]]) -> dict[str, list[Load]]:
    """Every load in turn, forth and back, after one round that warms up."""
    for load in loads.values():
        load()
    found: dict[str, list[Load]] = {name: [] for name in loads}
    for number in range(ROUNDS):
        for name in list(loads)[:: 1 if number % 2 else -1]:
            found[name].append(loads[name]())
    return found


def beside(found: dict[str, list[Load]]) -> list[Figure]:
    """Requests/s of the service in those of the others."""
    asked = {
        "fastapi": ("a bare FastAPI + pydantic application on uvicorn", 1.0),
        "bentoml": ("plain `@bentoml.api`", 3.0),
        "pandas": ("`mlflow models serve`", 15.0),
    }
    figures = []
    for name, (title, least) in asked.items():
        times = ratio(found["ours"], found[name])
        said = f"{times:.2f} × ({_rate(found['ours']):,.0f}/s against {_rate(found[name]):,.0f}/s)"
        if name == "pandas":
            said += f"; {ratio(found['ours'], found['tensors']):.1f} × where it serves tensors"
        figures.append(Figure(f"one row a request, against {title}", f"≥ {least:g} ×", said, times, times >= least))
    share = ratio(found["mounted"], found["ours"])
    figures.append(
        Figure(
            "… the same service under `bentoml serve`",
            "",
            f"{share:.0%} of it ({_rate(found['mounted']):,.0f}/s)",
            share,
            True,
        )
    )
    cost = 1 - ratio(found["ours"], found["unlogged"])
    figures.append(Figure("what the prediction log costs", "≤ 15 %", f"{cost:.1%}", cost, cost <= 0.15))
    return figures


def latency(target: Target, saturated: Sequence[Load]) -> list[Figure]:
    """The slowest hundredth beside the median, with the load that saturates it and with half of that."""
    half = [target.load(SECONDS, _rate(saturated) / 2) for _ in range(ROUNDS)]
    figures = []
    for name, loads, most in (("half saturation", half, 3.0), ("saturation", saturated, 8.0)):
        times = statistics.median(load.p99 / load.p50 for load in loads)
        p50, p99 = (statistics.median(getattr(load, at) for load in loads) * 1000 for at in ("p50", "p99"))
        said = f"{times:.1f} × ({p99:.2f} ms and {p50:.2f} ms at {_rate(loads):,.0f}/s)"
        figures.append(Figure(f"p99 against p50 at {name}", f"≤ {most:g} ×", said, times, times <= most))
    return figures


def hundreds(model: Model, target: Target) -> list[Figure]:
    """Rows/s of large requests beside a loop over onnxruntime alone: the same requests, of which nothing is left to do
    but to score them, in one thread as in the service."""
    plain = Plain(model.folder)
    requests = [plain.feeds(rows) for rows in model.requests(MANY)]

    def raw() -> Load:
        done, begun = 0, time.perf_counter()
        while (taken := time.perf_counter() - begun) < SECONDS:
            plain.session.run(plain.output, requests[done % len(requests)])
            done += 1
        return Load(done / taken, taken / done, taken / done)

    found = turns({"raw": raw, "ours": _load(target)})
    share = ratio(found["ours"], found["raw"])
    said = f"{share:.0%} ({_rate(found['ours']) * MANY:,.0f} rows/s against {_rate(found['raw']) * MANY:,.0f})"
    return [Figure(f"{MANY} rows a request, in raw onnxruntime's rows/s", "≥ 60 %", said, share, share >= 0.6)]


def ratio(first: Sequence[Load], second: Sequence[Load]) -> float:
    """The median over the rounds of first/second."""
    return statistics.median(a.rate / b.rate for a, b in zip(first, second, strict=True))


def new_key(scratch: Path) -> str:
    """A key for the service."""
    file = str(scratch / "keys.json")
    words = [str(BIN / "weighlock"), "keys", "add", "bench", "--scope", "predict", "--keys", file]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def _rate(loads: Sequence[Load]) -> float:
    return statistics.median(load.rate for load in loads)


def _load(target: Target) -> Callable[[], Load]:
    return lambda: target.load(SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
