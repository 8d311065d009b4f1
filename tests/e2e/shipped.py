"""What tests of shipping share: a hosted repository with a model, tools that stand in for docker and cosign, people."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from conftest import SMALL_PARAMS, Project
from github import events
from github.repository import Repository
from github.runner import Run

TOOLS = Path(__file__).parent / "github/tools"
POLICY = """\
release: {name: parts, card: {use: 'Says which parts break.', not_for: [], limits: []}}
deploy: {judge: {must_show: [error_rate], min_requests: 200}}
"""
APP = {"variables": {"WEIGHLOCK_APP_ID": "1"}, "secrets": {"WEIGHLOCK_APP_KEY": "a key"}}
RULES = {
    "name": "main", "target": "branch", "enforcement": "active", "id": 1,
    "rules": [{"type": "pull_request", "parameters": {}}],
}  # fmt: skip


def with_tools(repository: Repository, folder: Path) -> Repository:
    """Jobs find a docker and a cosign of ours, and uv's cache of this machine."""
    folder.mkdir()
    for name in ("docker", "cosign"):
        file = folder / name
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{TOOLS}/{name}.py" "$@"\n')
        file.chmod(0o755)
    runner = repository.runner
    runner.environment = {**runner.environment, "PATH": f"{folder}:{runner.environment['PATH']}"}
    return repository


def machine_env(repository: Repository) -> dict[str, str]:
    """What jobs need of this machine: packages that were downloaded once, and DVC's cache."""
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    settings = repository.runner.folder / "dvc"
    settings.mkdir(exist_ok=True)
    (settings / "config").write_text(f"[cache]\n    dir = {repository.project.path}/.dvc/cache\n")
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return {"UV_CACHE_DIR": cache, "OMP_NUM_THREADS": threads, "DVC_GLOBAL_CONFIG_DIR": str(settings)}


def with_release_params(project: Project) -> None:
    """The small table's parameters, with a name for its releases."""
    (project.path / "params.yaml").write_text(SMALL_PARAMS + POLICY)


def act(repository: Repository, workflow: str, event: events.Event, **more: Any) -> Run:
    """A workflow, for an event."""
    return repository.act(workflow, event, env=machine_env(repository), **more)


def pushed(repository: Repository, before: str, workflow: str, **more: Any) -> Run:
    """A workflow, for a push to main."""
    return act(repository, workflow, events.push(repository.github, before), **more)


def state(repository: Repository, name: str) -> dict[str, Any]:
    """An environment, as main has it."""
    return dict(yaml.safe_load(repository.show(f"deploy/{name}.yaml")))


def asked(repository: Repository, action: str) -> list[dict[str, str]]:
    """What a third party's action was asked, in all runs."""
    files = sorted((repository.github.kept / "asked").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["action"] == action]


class Counters:
    """Two services' `/metrics`, whose counters a test sets: what a rollout's judge asks, without the requests."""

    def __init__(self, digests: dict[str, str]) -> None:
        self.digests = digests
        self.counted = {variant: {"200": 0, "500": 0} for variant in digests}
        counters = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = counters.text(self.path.split("/")[1]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def urls(self) -> str:
        """As the variable WEIGHLOCK_JUDGE_URLS has them."""
        port = self.server.server_address[1]
        return " ".join(f"{variant}=http://127.0.0.1:{port}/{variant}" for variant in self.digests)

    def count(self, variant: str, fine: int, failed: int = 0) -> None:
        """Some more requests."""
        self.counted[variant]["200"] += fine
        self.counted[variant]["500"] += failed

    def text(self, variant: str) -> str:
        """What Prometheus would read."""
        counted = self.counted[variant]
        total = sum(counted.values())
        lines = [
            "# TYPE weighlock_model_info gauge",
            f'weighlock_model_info{{name="parts",version="x",digest="{self.digests[variant]}"}} 1',
            "# TYPE weighlock_requests_total counter",
            *(f'weighlock_requests_total{{endpoint="predict",status="{s}"}} {n}' for s, n in counted.items()),
            "# TYPE weighlock_request_seconds histogram",
            f'weighlock_request_seconds_bucket{{endpoint="predict",le="0.01"}} {total}',
            f'weighlock_request_seconds_bucket{{endpoint="predict",le="+Inf"}} {total}',
            f'weighlock_request_seconds_count{{endpoint="predict"}} {total}',
            f'weighlock_request_seconds_sum{{endpoint="predict"}} {total / 1000}',
        ]
        return "\n".join(lines) + "\n"
