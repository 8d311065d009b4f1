"""Starts every server that is measured, each with one worker on loopback, and ends it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

from benchmarks.borrowed import borrow
from benchmarks.serving_load import Target
from benchmarks.serving_rivals import MODEL, save_for_mlflow
from weighlock.layout import VALID
from weighlock.scoring import read_signature
from weighlock.serving.find import find_service

free_port = borrow("support.ports").free_port
ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
MANY = 5_000  # rows of the table
PATIENCE = 90  # seconds until a server should answer


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        process: the first of its processes.
        port: where it answers.
        started: seconds from the start of the process to its first 200.
    """

    process: subprocess.Popen[bytes]
    port: int
    started: float

    def resident(self) -> int:
        """Bytes of memory that all its processes have resident; what they share counts for each."""
        first = psutil.Process(self.process.pid)
        return sum(p.memory_info().rss for p in (first, *first.children(recursive=True)))

    def worker(self) -> psutil.Process:
        """The process that has the model open."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if any("onnxruntime" in m.path for m in child.memory_maps()):
                return child
        raise RuntimeError("no process has the model open")


@dataclass(frozen=True)
class Model:
    """The folder of the model, and rows for it.

    Attributes:
        folder: with `model.onnx`, `signature.json` and `golden.json`.
        rows: the golden ones; the first has no null, as not all servers take them.
        many: some thousands of the table that it learnt from, as they come.
    """

    folder: Path
    rows: list[dict[str, Any]]
    many: list[dict[str, Any]]

    @classmethod
    def of(cls, folder: Path) -> Model:
        """The model of a folder, with rows of the tree."""
        import pyarrow.parquet as pq

        rows = json.loads((folder / "golden.json").read_text())["rows"]
        whole = [row for row in rows if None not in row.values()]
        table = pq.read_table(
            ROOT / VALID, columns=[f.name for f in read_signature(folder / "signature.json").features]
        )
        places = random.Random(7).sample(range(table.num_rows), MANY)
        return cls(folder, [*whole[:1], *(row for row in rows if row is not whole[0])], table.take(places).to_pylist())

    def body(self) -> bytes:
        """A request of one row for the service, and for all that take its form."""
        return msgspec.json.encode({"rows": self.rows[:1]})

    def requests(self, rows: int) -> list[list[dict[str, Any]]]:
        """Requests of so many rows, no row twice: a processor soon knows the way of one request through a forest by
        heart, and then anything is quicker than it is in earnest."""
        return [self.many[start : start + rows] for start in range(0, MANY, rows)]

    def bodies(self, rows: int) -> list[bytes]:
        """These requests as the service takes them."""
        return [msgspec.json.encode({"rows": asked}) for asked in self.requests(rows)]

    def record(self) -> bytes:
        """One row as MLflow's scoring server makes a DataFrame of it."""
        return msgspec.json.encode({"dataframe_records": self.rows[:1]})

    def tensors(self) -> bytes:
        """One row as MLflow's scoring server takes it without pandas."""
        return msgspec.json.encode({"inputs": {name: [[value]] for name, value in self.rows[0].items()}})


@contextmanager
def running(words: Sequence[str | Path], port: int, ready: str, cwd: Path, **env: str) -> Iterator[Server]:
    """A server from its start to its end."""
    with tempfile.TemporaryFile("w+") as said:  # a pipe that nobody reads stops a server that logs much
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=cwd,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), **env},
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            if not _answers(process, f"http://127.0.0.1:{port}{ready}"):
                said.seek(0)
                raise RuntimeError(f"{words[0]} did not answer ({process.poll()}):\n{said.read()[-2000:]}")
            yield Server(process, port, time.perf_counter() - begun)
        finally:
            _end(process)


@contextmanager
def ours(scratch: Path, name: str, log: dict[str, Any] | None = None) -> Iterator[tuple[Server, Path]]:
    """`weighlock serve` with a key, and the folder of its log; `log` changes what is logged."""
    folder, service = find_service(None, ROOT)
    home = scratch / name
    shutil.copytree(folder, home / "model")
    changed = service.model_copy(update={"log": service.log.model_copy(update=log or {})})
    (home / "model/service.json").write_text(changed.model_dump_json())
    port = free_port()
    words = [BIN / "weighlock", "serve", "--model", "model", "--port", str(port), "--log-dir", "log"]
    with running([*map(str, words), "--keys", str(scratch / "keys.json")], port, "/readyz", home) as server:
        yield server, home / "log"


@contextmanager
def rivals(model: Model, scratch: Path, key: str) -> Iterator[dict[str, Target]]:
    """The other servers, and ours as its bento has it (`mounted`): with validation, key, log and metrics, under
    BentoML's own command."""
    save_for_mlflow(model.folder, scratch / "mlflow")
    env = {
        MODEL: str(model.folder), "BENTOML_HOME": str(scratch / "bentoml"), "BENTOML_DO_NOT_TRACK": "true",
        "WEIGHLOCK_KEYS": str(scratch / "keys.json"), "WEIGHLOCK_LOG_DIR": str(scratch / "mounted"),
    }  # fmt: skip
    packed = subprocess.run(
        [BIN / "weighlock", "bento"], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    ports = {name: free_port() for name in ("mounted", "fastapi", "bentoml", "pandas", "tensors")}
    address = {name: ["--host", "127.0.0.1", "--port", str(port)] for name, port in ports.items()}
    quick = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with ExitStack() as stack:

        def start(name: str, words: Sequence[str | Path], ready: str) -> None:
            stack.enter_context(running([*words, *address[name]], ports[name], ready, ROOT, **env))

        start("fastapi", [BIN / "uvicorn", "--factory", "benchmarks.serving_rivals:fastapi_app", *quick], "/docs")
        start("mounted", [BIN / "bentoml", "serve", packed.stdout.split()[0]], "/readyz")
        start("bentoml", [BIN / "bentoml", "serve", "benchmarks.serving_bento:Bento"], "/readyz")
        mlflow: list[str | Path] = [
            BIN / "mlflow",
            "models",
            "serve",
            "--env-manager",
            "local",
            "--workers",
            "1",
            "--model-uri",
        ]
        for name in ("pandas", "tensors"):
            start(name, [*mlflow, scratch / "mlflow" / name], "/ping")
        yield {
            "mounted": Target(ports["mounted"], "/v1/predict", [model.body()], key),
            "fastapi": Target(ports["fastapi"], "/predict", [model.body()]),
            "bentoml": Target(ports["bentoml"], "/predict", [model.body()]),
            "pandas": Target(ports["pandas"], "/invocations", [model.record()]),
            "tensors": Target(ports["tensors"], "/invocations", [model.tensors()]),
        }


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait for a 200; False where the process has ended, or it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  (loopback)
                return True
        except OSError:  # nobody listens yet, or not with 200
            time.sleep(0.01)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server's session and wait; what ignores the request is killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(8)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()
