"""What a worker is told: which model it serves, how, and where keys and log are. Nothing in it is secret."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from weighlock.config import Strict, parse
from weighlock.errors import ConfigError, EvidenceError
from weighlock.files import read_json
from weighlock.monitoring.log_policy import LogPolicy
from weighlock.serving.params import ServeParams

VARIABLE = "WEIGHLOCK_SERVICE"
SERVICE_FILE = "service.json"


class Identity(Strict):
    """Which model: what answers, records and metrics call it."""

    name: str
    version: str
    digest: str
    signature_digest: str


class Service(Strict):
    """`service.json`: what is known of a model beside the model itself."""

    model: Identity
    commit: str | None = None
    release: dict[str, Any] | None = None
    metrics: dict[str, Any] = {}
    serve: ServeParams = ServeParams()
    log: LogPolicy = LogPolicy()


class Settings(Strict):
    """Everything that a worker needs to start.

    Attributes:
        folder: with `model.onnx`, `signature.json` and, where it is there, `golden.json`.
        service: what is known of the model, and how it is served.
        keys: the file of API keys; None: nobody has one.
        log: the prediction log's folder.
        run: where the workers of one service share their counts; None: there is one worker.
        supervisor: the process without which a worker has no business to live.
    """

    folder: str
    service: Service
    keys: str | None = None
    log: str = "log"
    run: str | None = None
    supervisor: int | None = None

    def to_environment(self) -> dict[str, str]:
        """The environment by which workers get this."""
        return {VARIABLE: self.model_dump_json()}


def from_environment() -> Settings | None:
    """The settings that whoever started this process gave it; None where nobody did."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        return Settings.model_validate_json(text)
    except ValueError as error:
        raise ConfigError(f"`{VARIABLE}` in the environment holds no settings: {error}") from error


def read_service(folder: Path) -> Service:
    """The `service.json` beside a model.

    Raises:
        EvidenceError: it is missing or is not JSON.
        ConfigError: it holds something else.
    """
    path = folder / SERVICE_FILE
    return parse(read_json(path, "make bento"), Service, str(path))


def beside(folder: Path) -> Settings:
    """Settings for the model of a bento's folder, by the environment: where keys and log are.

    Raises:
        EvidenceError: there is no such model.
    """
    if not folder.is_dir():
        raise EvidenceError(f"`{folder}` is missing: there is no model beside the service.")
    return Settings(
        folder=str(folder),
        service=read_service(folder),
        keys=os.environ.get("WEIGHLOCK_KEYS"),
        log=os.environ.get("WEIGHLOCK_LOG_DIR", "log"),
        run=os.environ.get("PROMETHEUS_MULTIPROC_DIR"),
    )
