"""Real services of a small model, and clients that remember what they were answered."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conftest import Project, interruptible
from crowd import Crowd

ROW = {"heat": 40.0, "load": 0.5, "colour": "red"}


@dataclass
class Running:
    """A service that runs, where it is, and how to ask it."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    key: str

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, key: str | None = ""
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, content, {**self.headers(key), **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode()

    def predict(self, *rows: Any, key: str | None = "") -> tuple[int, Any]:
        return self.ask("POST", "/v1/predict", {"rows": list(rows or [ROW])}, key=key)

    def headers(self, key: str | None = "") -> dict[str, str]:
        bearer = {} if key is None else {"Authorization": f"Bearer {key or self.key}"}
        return {"Content-Type": "application/json", **bearer}

    def workers(self) -> list[int]:
        """The processes that serve: children of the supervisor that have the model open."""
        import psutil

        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                found += [child.pid] if any("onnxruntime" in m.path for m in child.memory_maps()) else []
        return found

    def kill(self) -> None:
        """End everything at once, as a power switch would the process, not the disk."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> tuple[int, float]:
        """Ask it to end; the exit code, and how long it took."""
        begun = time.monotonic()
        self.process.terminate()
        code = self.process.wait(20)
        return code, time.monotonic() - begun

    def answers(self, seconds: float = 30) -> None:
        """Wait until it answers."""
        until(lambda: self._ready(), seconds)

    def _ready(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False


def until(condition: Any, seconds: float) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def add_key(project: Project, name: str = "me", scope: str = "predict,feedback") -> str:
    return project.run("weighlock", "keys", "add", name, "--scope", scope).stdout.strip()


@contextmanager
def serving(project: Project, key: str, *arguments: str, before: Any = None, log: str = "log") -> Iterator[Running]:
    """`weighlock serve` in a project; whatever is left of it is ended."""

    def prepare() -> None:
        interruptible()
        if before:
            before()

    process = subprocess.Popen(
        ["weighlock", "serve", "--port", "0", "--log-dir", log, *arguments],
        cwd=project.path,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=prepare,
    )
    try:
        yield Running(process, _port(process), project.path / log, key)
    finally:
        with_group(process.pid, signal.SIGKILL)
        process.communicate()


def with_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    said = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([process.stdout], [], [], 1)[0]:
            line = process.stdout.readline()
            said += line
            if found := re.search(r"on http://127\.0\.0\.1:(\d+)", line):
                return int(found[1])
            if not line and process.poll() is not None:
                break
    raise AssertionError(f"it never served: {said}")


@dataclass
class Load(Crowd):
    """Clients that ask without pause, and the ids of everything that they were answered."""

    service: Running
    size: int = 4
    rows: int = 1
    answered: set[str] = field(default_factory=set)
    refused: int = 0
    broken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, place: int) -> None:
        body = json.dumps({"rows": [ROW] * self.rows}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=10)
        while not self.stop.is_set():
            try:
                connection.request("POST", "/v1/predict", body, self.service.headers())
                answer = connection.getresponse()
                content = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()  # the next request opens it anew
                with self._lock:
                    self.broken += 1
                time.sleep(0.01)
                continue
            with self._lock:
                if answer.status == 200:
                    self.answered.update(p["id"] for p in content["predictions"])
                else:
                    self.refused += 1
        connection.close()


def logged(folder: Path) -> set[str]:
    """The ids in a log's segments, of rows and of whole requests; a torn last line is passed over."""
    found = set()
    for path in (folder / "segments").glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            try:
                content = json.loads(line)
            except ValueError:
                continue
            found.update(row["id"] for row in content.get("predictions", [content]))
    return found
