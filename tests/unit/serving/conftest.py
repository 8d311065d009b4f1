"""Services that answer within the test's own process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from weighlock.monitoring.prediction_log import encode, read_segments
from weighlock.serving import startup
from weighlock.serving.find import identify
from weighlock.serving.params import ServeParams
from weighlock.serving.settings import Service, Settings
from weighlock.serving.startup import Started

ROW = {"size": 0.5, "weight": 51.0, "count": 2, "new": True, "kind": "a", "port": "north"}


@dataclass
class Answer:
    """What a request got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Sends requests to an ASGI application."""

    started: Started
    log: Path
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    async def ask(
        self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None, parts: Any = None
    ) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        messages = parts or iter([{"type": "http.request", "body": content, "more_body": False}])
        sent: list[Any] = []

        async def receive() -> Any:
            message = next(messages, None)
            if message is None:
                await asyncio.sleep(60)
            return message

        async def send(message: Any) -> None:
            sent.append(message)

        all_headers = {**self.headers, **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(k.lower().encode(), v.encode()) for k, v in all_headers.items()],
        }
        await self.started.application(scope, receive, send)
        if not sent:
            return Answer(0, {}, b"")
        start, rest = sent[0], sent[1:]
        return Answer(
            start["status"],
            {k.decode(): v.decode() for k, v in start["headers"]},
            b"".join(m["body"] for m in rest),
        )

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None, parts: Any = None) -> Answer:
        return asyncio.run(self.ask("POST", path, body, headers, parts))

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return asyncio.run(self.ask("GET", path, b"", headers))

    def predict(self, *rows: Any, **headers: str) -> Answer:
        return self.post("/v1/predict", {"rows": list(rows)}, headers)

    def logged(self) -> list[Any]:
        return [json.loads(encode(row)) for row in read_segments(self.log)]

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


Serve = Callable[..., Client]


@pytest.fixture
def folder(trained: Any, tmp_path: Path) -> Callable[[str], Path]:
    """A folder with a small model of a task."""

    def make(task: str = "binary", learner: str = "lightgbm") -> Path:
        model = trained(task, learner)
        path = tmp_path / f"{task}-{learner}"
        path.mkdir(exist_ok=True)
        (path / "model.onnx").write_bytes(model.content)
        (path / "signature.json").write_text(json.dumps(model.signature.to_json()))
        return path

    return make


@pytest.fixture
def settings_of(folder: Callable[[str], Path], tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a small model, as `params.yaml: serve` says."""

    def make(
        task: str = "binary", log: dict[str, Any] | None = None, keys: Path | None = None, **serve: Any
    ) -> Settings:
        path = folder(task)
        params = ServeParams(**{"open": keys is None, **serve})
        service = Service.model_validate({"model": identify(path), "serve": params, "log": log or {}})
        return Settings(
            folder=str(path), service=service, keys=str(keys) if keys else None, log=str(tmp_path / f"log-{task}")
        )

    return make


@pytest.fixture
def serve(settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a service of a small model; what it does to the whole process is left out, and has a test of its own."""
    monkeypatch.setattr(startup, "tune", lambda: None)
    made: list[Client] = []

    def make(task: str = "binary", **options: Any) -> Client:
        settings = settings_of(task, **options)
        client = Client(Started(settings), Path(settings.log))
        made.append(client)
        return client

    yield make
    for client in made:
        client.started.close()
