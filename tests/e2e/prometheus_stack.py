"""A real Prometheus, Alertmanager and node_exporter of one's own: Debian's packages, free ports, time runs faster."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from conftest import ROOT

from support.ports import free_port

FOLDER = ROOT / "monitoring"
PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
# Debian's names, then upstream's.
PROGRAMS = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
    "node_exporter": ("prometheus-node-exporter", "node_exporter"),
}
FASTER = 60
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION = re.compile(r"(?<![\w.])(\d+)([smhdw])\b")


class NoPrometheusError(Exception):
    """It is not installed, and cannot be."""


def programs() -> dict[str, str]:
    """Where the programs are; installed where one is missing.

    Raises:
        NoPrometheusError: they cannot be had.
    """
    found = _found()
    if len(found) == len(PROGRAMS):
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoPrometheusError(f"It needs {', '.join(PACKAGES)}; only root on Debian can install them.")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # RUNLEVEL: no services of the system
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", *command], env=env, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise NoPrometheusError(f"`apt-get install` failed: {done.stderr.strip()[-500:]}")
    return _found()


def _found() -> dict[str, str]:
    where = {name: next(filter(None, map(shutil.which, names)), None) for name, names in PROGRAMS.items()}
    return {name: path for name, path in where.items() if path}


def hastened(text: str) -> str:
    """The same rules, sixty times as fast: each duration a sixtieth, ranges never below five scrapes of a second."""

    def shorter(match: re.Match[str]) -> str:
        least = 5 if text[match.start() - 1] == "[" else 1
        return f"{max(int(match[1]) * SECONDS[match[2]] // FASTER, least)}s"

    return DURATION.sub(shorter, text)


@dataclass
class Received:
    """A webhook, and what it was told: by receiver, Alertmanager's messages."""

    port: int
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def told(self, receiver: str, alarm: str, status: str = "firing") -> list[dict[str, Any]]:
        """Alarms of that name and status that this receiver was told."""
        return [
            alert
            for name, message in list(self.messages)
            for alert in message["alerts"]
            if (name, alert["labels"]["alertname"], alert["status"]) == (receiver, alarm, status)
        ]


@dataclass(frozen=True)
class Stack:
    """What runs, and how to ask it."""

    prometheus: int
    alertmanager: int
    received: Received
    textfiles: Path

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series of an instant query; an error of Prometheus' is one here."""
        data = urllib.parse.urlencode({"query": expr}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.prometheus}/api/v1/query", data, timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def value(self, expr: str) -> float:
        """The one value of a query; 0 where it has none."""
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else 0.0

    def firing(self) -> set[str]:
        return {series["metric"]["alertname"] for series in self.query('ALERTS{alertstate="firing"}')}

    def inhibited(self) -> set[str]:
        """Alarms that Alertmanager knows of and tells nobody."""
        url = f"http://127.0.0.1:{self.alertmanager}/api/v2/alerts?inhibited=true"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return {a["labels"]["alertname"] for a in json.load(answer) if a["status"]["inhibitedBy"]}


@contextmanager
def running_stack(folder: Path, services: dict[str, int]) -> Iterator[Stack]:
    """Prometheus and all that hangs on it, with the repository's own files but for ports, receivers and durations.

    Args:
        folder: for files and logs.
        services: the port that each variant of `production` answers on.
    """
    binaries = programs()
    ports = {name: free_port() for name in ("prometheus", "alertmanager", "node_exporter")}
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    with ExitStack() as stack:
        received = stack.enter_context(_webhook())
        _write_configuration(folder, ports, services, received.port)
        for name, arguments in _commands(folder, ports, textfiles).items():
            stack.enter_context(_process([binaries[name], *arguments], folder / f"{name}.log"))
        yield Stack(ports["prometheus"], ports["alertmanager"], received, textfiles)


def _commands(folder: Path, ports: dict[str, int], textfiles: Path) -> dict[str, list[str]]:
    def listen(name: str) -> str:
        return f"--web.listen-address=127.0.0.1:{ports[name]}"

    return {
        "node_exporter": [
            *("--collector.disable-defaults", "--collector.textfile"),
            *(f"--collector.textfile.directory={textfiles}", listen("node_exporter")),
        ],
        "alertmanager": [
            *(f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}"),
            *("--cluster.listen-address=", listen("alertmanager")),
        ],
        "prometheus": [
            *(f"--config.file={folder / 'prometheus/prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"),
            *("--rules.alert.resend-delay=1s", listen("prometheus")),  # a sixtieth of its default, too
        ],
    }


def _write_configuration(folder: Path, ports: dict[str, int], services: dict[str, int], webhook: int) -> None:
    target = folder / "prometheus"
    shutil.copytree(FOLDER / "prometheus", target)
    for path in (target / "prometheus.yml", *target.glob("rules/*.yaml")):
        path.write_text(hastened(path.read_text()))
    config = yaml.safe_load((target / "prometheus.yml").read_text())
    config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{ports['alertmanager']}"]}]}]
    (target / "prometheus.yml").write_text(yaml.safe_dump(config))
    service = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"environment": "production", "variant": variant}}
        for variant, port in services.items()
    ]
    (target / "targets/service.yaml").write_text(yaml.safe_dump(service))
    (target / "targets/watch.yaml").write_text(yaml.safe_dump([{"targets": [f"127.0.0.1:{ports['node_exporter']}"]}]))
    alarms = yaml.safe_load(hastened((FOLDER / "alertmanager.yml").read_text()))
    for receiver in alarms["receivers"]:
        name = receiver.pop("name")
        receiver.clear()
        url = f"http://127.0.0.1:{webhook}/{name}"
        receiver.update(name=name, webhook_configs=[{"url": url, "send_resolved": name != "heartbeat"}])
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(alarms))


@contextmanager
def _webhook() -> Iterator[Received]:
    received = Received(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            received.messages.append((self.path[1:], json.loads(content)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.kill()
            process.wait()
