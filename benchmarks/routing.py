"""What nginx makes of a rendered environment: shares, who stays where, and what a shadow costs.

A real nginx in front of two real services of different models; who answered is read from the answers themselves.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.borrowed import borrow
from benchmarks.figures import Figure, report
from benchmarks.serving_servers import BIN, ROOT, Model, running
from weighlock.deployment.environment import Route
from weighlock.deployment.targets import Machine
from weighlock.layout import SERVED, WEIGHED

nginx_server, routed, ports = borrow("nginx_server"), borrow("routed"), borrow("support.ports")

REQUESTS = 20_000
ENTITIES = 4_000
PAIRS = 4_000
PAUSE = 0.004  # seconds after each timed request, in which its copy comes to its end


@dataclass(frozen=True)
class Site:
    """Two services, nginx in front of them, and how to ask."""

    scratch: Path
    nginx: Any
    machine: Machine
    plain: Machine
    body: bytes
    key: str

    def ask(self, asked: Sequence[dict[str, str | None]]) -> list[Any]:
        """Ask everything at the environment that has a candidate."""
        found: list[Any] = routed.ask_all(self.machine.listen, self.body, asked, self.key)
        return found

    def route(self, route: Route) -> None:
        """Go over to another route."""
        self.nginx.reload(both(self.machine, self.plain, route))


def main() -> int:
    """Measure everything and report; some two minutes."""
    try:
        nginx_server.install()
    except nginx_server.NoNginxError as error:
        print(error)
        return 1
    with tempfile.TemporaryDirectory(prefix="weighlock-routing-") as folder, site(Path(folder)) as here:
        stable, candidate = versions(here)
        figures = [*canary(here, candidate), *shadow(here, stable)]
    return report("routing", figures)


def canary(here: Site, candidate: str) -> list[Figure]:
    """Twenty thousand requests of four thousand entities at 10 %, the same again at 30 %, and as many of nobody."""
    chance = random.Random(5)
    asked: list[dict[str, str | None]] = [{"X_Entity_Id": f"entity-{i % ENTITIES}"} for i in range(REQUESTS)]
    chance.shuffle(asked)
    had = {}
    figures = []
    for weight in (10.0, 30.0):
        here.route(Route(weight=weight))
        answers = here.ask(asked)
        seen: dict[str, set[str]] = defaultdict(set)
        for request, answer in zip(asked, answers, strict=True):
            seen[str(request["X_Entity_Id"])].add(answer.model)
        moved = sum(len(models) > 1 for models in seen.values())
        share = sum(answer.model == candidate for answer in answers) / REQUESTS
        bad = sum(answer.status != 200 for answer in answers)
        figures += [
            share_of(f"{REQUESTS:,} requests of {ENTITIES:,} entities at {weight:g} %: the candidate's", share, weight),
            Figure(f"at {weight:g} %: entities answered by both", "0", f"{moved}", moved, moved == 0),
            Figure(f"at {weight:g} %: failed requests", "0", f"{bad}", bad, bad == 0),
        ]
        had[weight] = {entity for entity, models in seen.items() if candidate in models}
    lost = len(had[10.0] - had[30.0])
    figures.append(Figure("entities that had the candidate at 10 % and not at 30 %", "0", f"{lost}", lost, lost == 0))
    here.route(Route(weight=10.0))
    share = sum(answer.model == candidate for answer in here.ask([{}] * REQUESTS)) / REQUESTS
    return [*figures, share_of(f"{REQUESTS:,} requests without an entity at 10 %: the candidate's", share, 10.0)]


def share_of(name: str, share: float, weight: float) -> Figure:
    """A share of requests beside the one that was asked for, in points."""
    return Figure(name, f"{weight:g} % ± 1", f"{share:.2%}", share, abs(share * 100 - weight) <= 1)


def shadow(here: Site, stable: str) -> list[Figure]:
    """Every request copied, beside none: the same answers, and how long they take, in turns."""
    here.route(Route(mirror=100.0))
    alone = before_all_else()
    clients = [routed.Client(machine.listen, here.body, here.key) for machine in (here.plain, here.machine)]
    times: tuple[list[float], list[float]] = ([], [])
    changed = 0
    for turn in range(PAIRS + 200):
        scores = []
        for place in (0, 1) if turn % 2 else (1, 0):
            answer = clients[place].ask()
            scores.append((answer.status, answer.model, answer.scores))
            if turn >= 200:
                times[place].append(answer.seconds)
            time.sleep(PAUSE)
        changed += scores[0] != scores[1] or scores[0][1] != stable
    plain, mirrored = (statistics.median(taken) for taken in times)
    more = mirrored / plain - 1
    said = f"{more:+.1%} ({mirrored * 1000:.2f} ms against {plain * 1000:.2f} ms{alone})"
    copies = copied(here)
    return [
        Figure(f"{PAIRS:,} requests, all mirrored: answers that differ", "0", f"{changed}", changed, changed == 0),
        Figure("of mirrored requests, those that the candidate logged under the same `X-Request-Id`", "100 %",
               f"{copies:.2%}", copies, copies == 1.0),
        Figure("median latency with every request mirrored", "≤ +10 %", said, more, more <= 0.10),
    ]  # fmt: skip


def before_all_else() -> str:
    """Let this, nginx and the services run before whatever else the machine does; in words, whether that is so.

    A copy costs time of a processor. Where others wait for one, what is measured is they.
    """
    me = psutil.Process()
    threads = [thread.id for process in (me, *me.children(recursive=True)) for thread in process.threads()]
    try:
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return ", among what else the machine does"
    return ""


def copied(here: Site) -> float:
    """The share of mirrored requests that stand in both services' logs."""
    time.sleep(0.5)
    stable, candidate = (requests(here.scratch / name / "log") for name in ("stable", "candidate"))
    mirrored = {line["request"] for line in here.nginx.logged("production.json")[-PAIRS:]}
    return len(mirrored & stable & candidate) / len(mirrored)


def requests(log: Path) -> set[str]:
    """The names of the requests in a prediction log."""
    words = [str(BIN / "weighlock"), "log", "cat", "--log-dir", str(log)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    return {json.loads(line)["request"] for line in lines}


def versions(here: Site) -> tuple[str, str]:
    """What the two models call themselves."""
    found = []
    for weight in (0.0, 100.0):
        here.route(Route(weight=weight))
        found.append(here.ask([{}])[0].model)
    if found[0] == found[1]:
        raise RuntimeError(f"both services are {found[0]}")
    return found[0], found[1]


@contextmanager
def site(scratch: Path) -> Iterator[Site]:
    """The served model as stable, the weighed one as candidate, and nginx with two environments of them."""
    words = [str(BIN / "weighlock"), "keys", "add", "bench", "--scope", "predict", "--keys", str(scratch / "keys.json")]
    key = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    first = ports.free_ports(3)
    machine, plain = (
        Machine(listen=ports.free_port(), first_port=first, rate=None, access_log=str(scratch / "nginx" / log))
        for log in ("production.json", "staging.json")
    )
    with ExitStack() as stack:
        for number, (name, model) in enumerate({"stable": SERVED, "candidate": WEIGHED}.items(), 1):
            port = machine.port_of(number)
            serve: list[str | Path] = [BIN / "weighlock", "serve", "--model", model, "--port", str(port)]
            places = ["--log-dir", str(scratch / name / "log"), "--keys", str(scratch / "keys.json")]
            stack.enter_context(running([*serve, *places], port, "/readyz", ROOT))
        scratch.chmod(0o755)
        (scratch / "nginx").mkdir()
        files = both(machine, plain, Route(weight=10.0))
        nginx = stack.enter_context(nginx_server.running_nginx(files, scratch / "nginx", machine.listen))
        yield Site(scratch, nginx, machine, plain, Model.of(ROOT / SERVED).body(), key)


def both(machine: Machine, plain: Machine, route: Route) -> dict[str, str]:
    """Two environments of the same two services in one nginx: one with a candidate, and one without."""
    first: dict[str, str] = routed.files(machine, route)
    second: dict[str, str] = routed.files(plain, None, "staging")
    main = first["nginx.conf"].replace("weighlock-production.conf", "weighlock-*.conf")
    return {**second, **first, "nginx.conf": main}


if __name__ == "__main__":
    raise SystemExit(main())
