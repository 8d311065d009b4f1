"""`make dashboards`: starts Prometheus, Alertmanager and Grafana on this machine, on loopback only, until Ctrl-C.

For looking, not for operating: what they collect goes when they end. A program that is installed is started;
of one that is not, an image, where there is podman or docker; else it says what to install.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

INSIDE = "/monitoring"  # where a container finds the folder


@dataclass(frozen=True)
class Part:
    """One program.

    Attributes:
        name: what it is called.
        programs: names of its binary, in the order in which they are tried.
        image: of a container registry.
        port: where it listens.
        get: how to get it, where there is nothing.
        arguments: from the folder `monitoring` and a folder for its data, as the program sees them.
        settings: its environment, from the folder `monitoring`.
    """

    name: str
    programs: tuple[str, ...]
    image: str
    port: int
    get: str
    arguments: Callable[[str, str], list[str]]
    settings: Callable[[str], Mapping[str, str]] = field(default=lambda _: {})


def _grafana(folder: str) -> Mapping[str, str]:
    return {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": "3001",  # 3000 is the service's
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_PATHS_PROVISIONING": f"{folder}/grafana/provisioning",
        "WEIGHLOCK_DASHBOARDS": f"{folder}/grafana/dashboards",
        "PROMETHEUS_URL": "http://127.0.0.1:9090",
    }


PARTS = (
    Part(
        "Prometheus",
        ("prometheus",),
        "docker.io/prom/prometheus:v2.55.1",
        9090,
        "apt-get install prometheus, or https://prometheus.io/download",
        lambda folder, data: [
            f"--config.file={folder}/prometheus/prometheus.yml",
            f"--storage.tsdb.path={data}",
            "--web.listen-address=127.0.0.1:9090",
        ],
    ),
    Part(
        "Alertmanager",
        ("alertmanager", "prometheus-alertmanager"),
        "docker.io/prom/alertmanager:v0.27.0",
        9093,
        "apt-get install prometheus-alertmanager, or https://prometheus.io/download",
        lambda folder, data: [
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={data}",
            "--web.listen-address=127.0.0.1:9093",
            "--cluster.listen-address=",
        ],
    ),
    Part(
        "Grafana",
        ("grafana-server",),
        "docker.io/grafana/grafana:11.6.0",
        3001,
        "https://grafana.com/docs/grafana/latest/setup-grafana/installation; or, in a Grafana that you have, import "
        "`monitoring/grafana/dashboards/weighlock.json`",
        lambda _folder, _data: [f"--homepath={os.environ.get('GF_PATHS_HOME', '/usr/share/grafana')}"],
        _grafana,
    ),
)


def command(part: Part, monitoring: Path, data: Path, which: Callable[[str], str | None]) -> list[str] | None:
    """What starts a part on this machine: its binary, else a container of its image; None where there is neither."""
    if program := next(filter(None, map(which, part.programs)), None):
        return [program, *part.arguments(str(monitoring), str(data))]
    if engine := which("podman") or which("docker"):
        settings = [word for key, value in part.settings(INSIDE).items() for word in ("-e", f"{key}={value}")]
        mount = ["-v", f"{monitoring}:{INSIDE}:ro", "--network", "host"]
        arguments = part.arguments(INSIDE, "/tmp") if part.name != "Grafana" else []  # noqa: S108  (the container's)
        return [engine, "run", "--rm", "--pull=missing", *mount, *settings, part.image, *arguments]
    return None


def look(monitoring: Path, say: Callable[[str], None]) -> int:
    """Start what can be started, and wait until it is interrupted or everything has ended.

    Args:
        monitoring: the folder with the files, absolute.
        say: prints a line.

    Returns:
        The exit code: 0, or 2 where nothing could be started.
    """
    with tempfile.TemporaryDirectory(prefix="weighlock-dashboards-") as scratch:
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for part in PARTS:
                _start(part, monitoring, Path(scratch), running, say)
            if running:
                say("The service is expected at http://127.0.0.1:3000 (`weighlock serve`). Ctrl-C ends all of this.")
            anything = bool(running)
            while running:
                time.sleep(0.5)
                _bury(running, Path(scratch), say)
        except KeyboardInterrupt:
            return 0
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                process.wait()
    say("Nothing runs any more." if anything else "Nothing could be started: install one of the above.")
    return 2


def _start(
    part: Part, monitoring: Path, scratch: Path, running: dict[str, subprocess.Popen[bytes]], say: Callable[[str], None]
) -> None:
    data = scratch / part.name
    data.mkdir()
    words = command(part, monitoring, data, shutil.which)
    if words is None:
        say(f"{part.name:<13} is not here: {part.get}")
        return
    environment = {**os.environ, **part.settings(str(monitoring))}
    with (scratch / f"{part.name}.log").open("wb") as log:
        running[part.name] = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
    say(f"{part.name:<13} http://127.0.0.1:{part.port}   ({Path(words[0]).name})")


def _bury(running: dict[str, subprocess.Popen[bytes]], scratch: Path, say: Callable[[str], None]) -> None:
    for part in PARTS:
        if part.name in running and running[part.name].poll() is not None:
            code = running.pop(part.name).returncode
            lines = (scratch / f"{part.name}.log").read_text(errors="replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
            say(f"{part.name} ended with {code}: {last[-300:]}")
            say(f"{'':<13} to get it: {part.get}")


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(ending, signal.default_int_handler)
    sys.exit(look(Path("monitoring").resolve(), lambda line: print(line, flush=True)))
