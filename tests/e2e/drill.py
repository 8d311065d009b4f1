"""A factory that makes releases, a remote, a machine that syncs, and clients that note who answered them and when."""

from __future__ import annotations

import http.client
import json
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from conftest import Project
from crowd import Crowd
from served import ROW, add_key, until

from support.ports import free_ports

REASON = "v2 is wrong about everything"


@dataclass(frozen=True)
class Fleet:
    """Where releases are made, and the machine that runs them.

    Attributes:
        factory: a clone in which someone trains, releases and promotes.
        machine: the clone on the machine; its services are processes, its nginx is its own.
        remote: the bare repository between them.
        port: where nginx listens.
        key: that the services let in.
    """

    factory: Project
    machine: Project
    remote: Path
    port: int
    key: str

    def order(self, *command: str) -> str:
        """A command of someone who decides, such as `promote v1 production`."""
        return self.factory.run("weighlock", *command).stdout

    def sync(self, *words: str, code: int | None = 0) -> dict[str, Any]:
        """`weighlock sync production` on the machine, and its report."""
        done = self.machine.run("weighlock", "sync", "production", "--runner", "process", *words, code=code)
        if "--dry-run" in words:
            return {"said": done.stdout}
        report = json.loads((self.machine.path / "reports/sync/production.json").read_text())
        return {**report, "said": done.stdout + done.stderr}

    def head(self) -> str:
        """The commit that everyone sees."""
        return subprocess.run(
            ["git", "rev-parse", "main"], cwd=self.remote, capture_output=True, text=True, check=True
        ).stdout.strip()

    def pushed_at(self) -> float:
        """When the remote's branch moved last, as `time.time` counts."""
        return (self.remote / "refs/heads/main").stat().st_mtime

    @property
    def state(self) -> Path:
        """What sync keeps on the machine."""
        return self.machine.path / ".weighlock/production"

    def end(self) -> None:
        """Stop nginx and every service."""
        pids = [*(self.state / "services").glob("*.pid"), self.state / "nginx/nginx.pid"]
        for path in pids:
            with suppress(OSError, ValueError):
                import os

                os.kill(int(path.read_text()), signal.SIGTERM)


def two_releases(factory: Project, *, train: str) -> None:
    """Train, weigh and record v1 and v2: `train` replaces `seed: 7` in the second's params."""
    factory.run("git", "remote", "remove", "origin")  # whose branch may move meanwhile
    params = factory.path / "params.yaml"
    params.write_text(f"{params.read_text()}release: {{name: parts}}\n")
    factory.run("dvc", "repro", "-q")
    factory.commit("feat: a model")
    factory.run("weighlock", "gate", "--champion", "none")
    factory.run("weighlock", "release")
    params.write_text(params.read_text().replace("C: 1.0", train))
    factory.run("dvc", "repro", "-q")
    factory.commit("feat: another model")
    factory.run("weighlock", "gate", "--champion", "v1")
    factory.run("weighlock", "release")


@contextmanager
def fleet(factory: Project, folder: Path) -> Iterator[Fleet]:
    """A remote and a machine for a factory with two releases; v1 is stable in production, and not synced yet."""
    port = free_ports(10)
    for name in ("staging", "production"):
        path = factory.path / f"deploy/{name}.yaml"
        content = yaml.safe_load(path.read_text())
        machine = {"listen": port, "first_port": port + 1, "ports": 9, "rate": None}
        logs = {"access_log": str(folder / "access.json"), "log": str(folder / "log")}
        content |= {"replicas": 1, "machine": {**machine, **logs} if name == "production" else content["machine"]}
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        factory.run("weighlock", "render", name)
    factory.commit("feat: where it runs")
    remote = folder / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=main", str(remote)], check=True)
    factory.run("git", "branch", "-M", "main")
    factory.run("git", "remote", "add", "origin", str(remote))
    factory.run("git", "push", "-q", "--set-upstream", "origin", "main")
    factory.run("weighlock", "promote", "v1", "staging", "--push")
    machine = Project(folder / "machine", {**factory.env, "PYTHONPATH": str(folder / "machine/src")})
    subprocess.run(["git", "clone", "-q", str(remote), str(machine.path)], check=True)
    machine.run("dvc", "cache", "dir", "--local", str(factory.path / ".dvc/cache"))  # a remote that both can read
    found = Fleet(factory, machine, remote, port, add_key(machine, scope="predict"))
    try:
        yield found
    finally:
        found.end()


@dataclass
class Clients(Crowd):
    """Clients that ask nginx without pause; half open a connection for each request, half keep theirs.

    Attributes:
        answers: (when, who answered) of each request.
        failed: what went wrong with those that were not answered with 200.
        again: requests sent into a connection that nginx had just closed as idle, and therefore sent once more on a
            new one, as browsers and HTTP libraries do (RFC 9112, 9.3.1).
    """

    fleet: Any  # with `port` and `key`
    size: int = 6
    pause: float = 0.02
    answers: list[tuple[float, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    again: int = 0

    def last(self, version: str) -> float:
        """When a version answered last; 0 where it never did."""
        return max((at for at, who in self.answers if who == version), default=0.0)

    def since(self, at: float) -> set[str]:
        """Who has answered since."""
        return {who for when, who in self.answers if when > at}

    def share(self, version: str, since: float) -> float:
        """A version's share of the answers since then."""
        who = [who for when, who in self.answers if when > since]
        return who.count(version) / max(1, len(who))

    def work(self, place: int) -> None:
        body = json.dumps({"rows": [ROW]}).encode()
        connection, number = self._connection(), 0
        while not self.stop.wait(self.pause):
            number += 1
            headers = {
                "Authorization": f"Bearer {self.fleet.key}", "Content-Type": "application/json",
                "X-Entity-Id": f"{place}-{number}",
            }  # fmt: skip
            if place % 2:
                headers["Connection"] = "close"
            try:
                self._once(connection, body, headers)
            except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected) as error:
                connection.close()
                if place % 2 or number == 1:
                    self.failed.append(repr(error))
                    continue
                self.again += 1
                try:
                    self._once(connection, body, headers)
                except (OSError, http.client.HTTPException) as twice:
                    self.failed.append(repr(twice))
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                self.failed.append(repr(error))
        connection.close()

    def _once(self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()  # it was closed while idle: opened anew by the request
        connection.request("POST", "/v1/predict", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            self.failed.append(f"{answer.status} {content[:200]!r}")
        else:
            self.answers.append((time.time(), json.loads(content)["model"]["version"]))

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.fleet.port, timeout=20)


def answered(clients: Clients, more: int, seconds: float = 60) -> float:
    """Wait for more answers; when that began."""
    began = time.time()
    until(lambda: sum(at > began for at, _ in clients.answers[-10 * more :]) > more, seconds)
    return began


def rollback_of(site: Fleet, clients: Clients, *words: str) -> float:
    """Roll production back, sync at once; seconds from the pushed commit to the last answer by v2."""
    site.order("rollback", "production", "--reason", REASON, "--push", *words)
    pushed = site.pushed_at()
    report = site.sync()
    assert (report["outcome"], report["applied"]) == ("SYNCED", site.head())
    began = answered(clients, 100)
    assert clients.since(began) == {"v1"}
    return clients.last("v2") - pushed
