"""A real nginx (Debian's package) that runs what `weighlock render` wrote, as this test's own process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NoNginxError(Exception):
    """There is no nginx, and it cannot be installed."""


def install() -> None:
    """Have nginx, from the distribution's packages where it is missing; no system service is started.

    Raises:
        NoNginxError: it cannot be had.
    """
    if shutil.which("nginx"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoNginxError("It needs nginx; only root on Debian can install it.")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update", "-qq"], ["install", "-qqy", "--no-install-recommends", "nginx"]):
        done = subprocess.run(["apt-get", *command], capture_output=True, text=True, check=False, env=quiet)
    if done.returncode:
        raise NoNginxError(f"`apt-get install nginx` failed: {done.stderr.strip()[-500:]}")


@dataclass(frozen=True)
class Nginx:
    """An nginx that runs.

    Attributes:
        folder: of its configuration, and of what it writes.
        process: its master.
    """

    folder: Path
    process: subprocess.Popen[bytes]

    def refuses(self, files: Mapping[str, str]) -> str:
        """What nginx says against a configuration; empty where it takes it."""
        trial = self.folder / "trial"
        write(trial, files)
        done = subprocess.run(
            ["nginx", "-t", "-q", *_words(trial, trial / "nginx.conf")], capture_output=True, text=True, check=False
        )
        return done.stderr if done.returncode else ""

    def reload(self, files: Mapping[str, str]) -> None:
        """Go over to other files; returns once new workers answer and the old ones accept nothing."""
        old = set(self.workers())
        write(self.folder, files)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while not (set(self.workers()) - old) or self._takes_new(old):
            assert time.monotonic() < deadline, "nginx was not reloaded: " + (self.folder / "error.log").read_text()
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """Its worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def logged(self, site: str = "access.json") -> list[dict[str, Any]]:
        """The access log's lines."""
        return [json.loads(line) for line in (self.folder / site).read_text().splitlines()]

    def _takes_new(self, workers: set[int]) -> bool:
        titles = [Path(f"/proc/{pid}/cmdline") for pid in workers]
        return any(path.exists() and b"shutting down" not in path.read_bytes() for path in titles)


@contextmanager
def running_nginx(files: Mapping[str, str], folder: Path, port: int) -> Iterator[Nginx]:
    """nginx with these files (path -> text, `nginx.conf` among them) until the context ends; it listens on `port`."""
    folder.chmod(0o755)
    write(folder, files)
    process = subprocess.Popen(
        ["nginx", *_words(folder, folder / "nginx.conf", "daemon off;")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 20
        while not _listens(port):
            said = (folder / "error.log").read_text() if (folder / "error.log").exists() else ""
            assert process.poll() is None, f"nginx does not run: {said}"
            assert time.monotonic() < deadline, f"nginx does not answer: {said}"
            time.sleep(0.02)
        yield Nginx(folder, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def _words(folder: Path, configuration: Path, *more: str) -> list[str]:
    settings = " ".join([f"pid {folder}/nginx.pid;", f"error_log {folder}/error.log;", *more])
    return ["-p", str(folder), "-e", f"{folder}/error.log", "-c", str(configuration), "-g", settings]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
