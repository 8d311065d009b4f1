"""What `weighlock render` writes, in a real nginx before two real services, and in systemd's own eyes."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import Clone, Project
from nginx_server import Nginx, running_nginx
from routed import Client, ask_all, files
from served import ROW, add_key, serving, until

from support.deployed import RELEASES, environment
from support.ports import free_port, free_ports
from weighlock.deployment.environment import Match, Route
from weighlock.deployment.render import render
from weighlock.deployment.targets import Machine, Rate, Tls

BODY = json.dumps({"rows": [ROW]}).encode()
ODD = [
    "N12345",
    "O'Brien",
    'say "hi"',
    "$request_id",
    "${x}; return 200;",
    "{}",
    "a\\nb",
    "~^.*$",
    "default",
    "é",
    "*.de",
]


@dataclass(frozen=True)
class Site:
    """nginx before two services, and what the two models are called."""

    nginx: Nginx
    machine: Machine
    project: Project
    key: str
    stable: str
    candidate: str

    def route(self, route: Route | None) -> None:
        self.nginx.reload(files(self.machine, route))

    def asked(self, asked: list[dict[str, str | None]]) -> list[str]:
        """Which model answered each."""
        answers = ask_all(self.machine.listen, BODY, asked, self.key)
        assert {answer.status for answer in answers} == {200}
        return [answer.model for answer in answers]

    def logged(self, version: str) -> list[str]:
        """The requests in a service's prediction log."""
        lines = self.project.run("weighlock", "log", "cat", "--log-dir", f"log-{version}").stdout.splitlines()
        return [json.loads(line)["request"] for line in lines]


@pytest.fixture(scope="module")
def site(nginx: None, with_model: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    project = with_model("routed")
    key = add_key(project)
    folder = Path(tmp_path_factory.mktemp("nginx"))
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)  # nginx's workers are nobody
    machine = Machine(
        listen=free_port(), first_port=free_ports(4), ports=3, rate=None, access_log=str(folder / "access.json")
    )
    with ExitStack() as stack:
        for number, model in ((1, "models/served"), (2, "models/weighed")):
            port = ["--port", str(machine.port_of(number))]
            stack.enter_context(serving(project, key, "--model", model, *port, log=f"log-v{number}")).answers()
        nginx = stack.enter_context(running_nginx(files(machine, Route(weight=0.0)), folder, machine.listen))
        found = Site(nginx, machine, project, key, "", "")
        (stable,) = found.asked([{}])
        found.route(Route(weight=100.0))
        (candidate,) = found.asked([{}])
        assert stable != candidate
        yield Site(nginx, machine, project, key, stable, candidate)


def test_a_tenth_gets_the_candidate_and_keeps_it_when_its_share_grows(site: Site) -> None:
    asked: list[dict[str, str | None]] = [{"X_Entity_Id": f"part-{i % 1500}"} for i in range(3000)]
    had: list[set[str]] = []
    for weight in (10.0, 50.0):
        site.route(Route(weight=weight))
        seen: dict[str, set[str]] = defaultdict(set)
        for request, model in zip(asked, site.asked(asked), strict=True):
            seen[str(request["X_Entity_Id"])].add(model)
        assert all(len(models) == 1 for models in seen.values())
        had.append({entity for entity, models in seen.items() if models == {site.candidate}})
        assert abs(len(had[-1]) / 1500 - weight / 100) < 0.03
    assert had[0] < had[1]


def test_requests_of_nobody_are_divided_too_and_all_get_a_name(site: Site) -> None:
    site.route(Route(weight=50.0))
    answers = ask_all(site.machine.listen, BODY, [{}] * 400, site.key)
    assert 150 < sum(answer.model == site.candidate for answer in answers) < 250
    assert len({answer.request for answer in answers}) == 400
    # its own name stays its own; asked again by that name, it comes to the same variant
    again = ask_all(site.machine.listen, BODY, [{"X_Request_Id": answers[0].request}] * 10, site.key)
    assert {(answer.model, answer.request) for answer in again} == {(answers[0].model, answers[0].request)}


def test_a_match_is_met_by_its_values_alone(site: Site) -> None:
    site.route(Route(match=Match(header="X-Plan", values=ODD)))
    met = site.asked([{"X_Plan": value.encode().decode("latin-1")} for value in ODD if value.isascii()])
    assert set(met) == {site.candidate}
    others = ["n12345", "N123456", "xN12345", "O'Brie", "anything", "a\nb".replace("\n", "n"), "{} ", "www.de", None]
    assert set(site.asked([{"X_Plan": other} for other in others if other != "{} "])) == {site.stable}


def test_a_shadow_changes_no_answer_and_gets_the_very_requests(site: Site) -> None:
    site.route(Route(mirror=40.0))
    before = set(site.logged("v1")), set(site.logged("v2"))
    answers = ask_all(site.machine.listen, BODY, [{"X_Entity_Id": f"e{i}"} for i in range(500)], site.key)
    assert {answer.model for answer in answers} == {site.stable}
    assert len({answer.scores for answer in answers}) == 1
    mine = {answer.request for answer in answers}
    assert set(site.logged("v1")) - before[0] == mine
    time.sleep(0.5)  # copies are still under way
    copied = set(site.logged("v2")) - before[1]
    assert copied < mine
    assert 140 < len(copied) < 260


def test_nobody_waits_for_a_shadow_that_hangs(site: Site) -> None:
    """Not even the next request on the same connection, which nginx holds until the copy is done."""
    hangs = free_ports(4)
    machine = site.machine.model_copy(update={"first_port": hangs})
    stable = f"127.0.0.1:{machine.port_of(1)}", f"127.0.0.1:{site.machine.port_of(1)}"
    wanted = {path: text.replace(*stable) for path, text in files(machine, Route(mirror=100.0)).items()}
    with _hanging(machine.port_of(2)) as seen:
        site.nginx.reload(wanted)
        client = Client(machine.listen, BODY, site.key)
        taken = [client.ask().seconds for _ in range(30)]
        client.close()
        deadline = time.monotonic() + 5
        while len(seen) < 30 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert statistics.median(taken) < 0.25
    assert max(taken) < 0.9
    assert len(seen) == 30  # and each copy was sent, though its client's answer was long out


def test_a_candidate_that_is_away_makes_no_request_fail(site: Site) -> None:
    machine = site.machine.model_copy(update={"first_port": free_ports(4)})
    stable = f"127.0.0.1:{machine.port_of(1)}", f"127.0.0.1:{site.machine.port_of(1)}"
    site.nginx.reload({p: t.replace(*stable) for p, t in files(machine, Route(weight=100.0)).items()})
    answers = ask_all(site.machine.listen, BODY, [{}] * 50, site.key)
    assert {(answer.status, answer.model) for answer in answers} == {(200, site.stable)}
    mine = {answer.request for answer in answers}
    # a line comes after its answer, and those of a shadow that hung still come
    until(lambda: mine <= {line["request"] for line in site.nginx.logged()}, 20)
    assert {line["variant"] for line in site.nginx.logged() if line["request"] in mine} == {"candidate"}


def test_what_nginx_refuses_it_tells_as_the_service_does(site: Site) -> None:
    limited = site.machine.model_copy(update={"max_kilobytes": 1, "rate": Machine().rate})
    site.nginx.reload(files(limited, Route(weight=10.0)))
    told = {
        path: _curl(site, path)
        for path in ("/metrics", "/weighlock-mirror", "/v1/nothing", "/variants/candidate/v1/model")
    }
    assert [answer[0] for answer in told.values()] == [404, 404, 404, 200]
    assert told["/metrics"][1]["title"] == "There is nothing here"
    assert told["/variants/candidate/v1/model"][1]["version"] == site.candidate
    status, problem = _curl(site, "/v1/predict", "--data-binary", "x" * 2000)
    assert (status, problem["title"]) == (413, "The body is too large")


def test_who_asks_too_often_is_told_to_wait(site: Site) -> None:
    limited = site.machine.model_copy(update={"rate": Rate(per_second=1, burst=2)})
    site.nginx.reload(files(limited, Route(mirror=100.0), "limited"))  # whose counts begin at nothing
    answers = ask_all(site.machine.listen, BODY, [{}] * 10, site.key, clients=1)
    found = [answer.status for answer in answers]
    assert found[:3] == [200] * 3  # a copy is not counted
    assert found[3:].count(429) >= 5  # of seven; a slow machine lets one or two through
    status, problem = _curl(site, "/readyz")
    assert (status, problem["title"]) == (429, "Too many requests at once")


def test_it_speaks_tls(site: Site) -> None:
    chain = _certificate(site.nginx.folder)
    machine = site.machine.model_copy(update={"tls": chain, "server_names": ["a.example.com"]})
    site.nginx.reload(files(machine, None))
    port = site.machine.listen
    words = ["curl", "-s", "-i", "--cacert", chain.certificate, "--resolve", f"a.example.com:{port}:127.0.0.1"]
    done = subprocess.run([*words, f"https://a.example.com:{port}/docs"], capture_output=True, text=True, check=True)
    headers = done.stdout.partition("\n\n")[0].lower().splitlines()
    for header in ("strict-transport-security: max-age=31536000", "x-content-type-options: nosniff", "server: nginx"):
        assert headers.count(header) == 1, headers
    assert any(line.startswith("content-security-policy: default-src 'none'") for line in headers)


def test_nginx_takes_every_rendering(site: Site) -> None:
    chain = _certificate(site.nginx.folder)
    machines = [
        site.machine,
        site.machine.model_copy(
            update={"tls": chain, "server_names": ["a.example.com"], "trusted_proxies": ["10.0.0.0/8"]}
        ),
    ]
    routes = [
        None,
        *(Route(weight=w) for w in (0.0, 0.01, 33.33, 99.99, 100.0)),
        *(Route(mirror=m) for m in (0.0, 5.5, 100.0)),
    ]
    for machine in machines:
        for route in (*routes, Route(match=Match(values=ODD))):
            assert site.nginx.refuses(files(machine, route)) == ""
    empty = render("production", environment(machine=machines[0], stable=None), {})
    assert "no release" in empty["machine/weighlock-production.conf"]
    assert "unknown directive" in site.nginx.refuses({"nginx.conf": "nonsense;"})


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="LOUD: systemd is not here to look at its units")
@pytest.mark.parametrize("user", ["weighlock", None])
def test_systemd_takes_the_units_and_finds_them_safe(tmp_path: Path, user: str | None) -> None:
    found = {}
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/weighlock").write_text("#!/bin/sh\n")
    (tmp_path / ".venv/bin/weighlock").chmod(0o755)
    machine = Machine(checkout=str(tmp_path), user=user)
    for path, text in render("production", environment(Route(weight=10.0), machine=machine), RELEASES).items():
        if ".service" in path:
            unit = tmp_path / "units" / path.removeprefix("machine/")
            unit.parent.mkdir(parents=True, exist_ok=True)
            unit.write_text(text)
            found[unit.name] = unit
    instance = tmp_path / "units/weighlock-flights-production@v2.service"
    shutil.copy(found["weighlock-flights-production@.service"], instance)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(instance)], capture_output=True, text=True, check=False
    )
    assert "weighlock-parts" not in done.stderr, done.stderr
    exposed = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(instance)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert exposed.returncode == 0, exposed.stdout[-600:]


def _curl(site: Site, path: str, *more: str) -> tuple[int, dict[str, str]]:
    words = ["curl", "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {site.key}", *more]
    done = subprocess.run(
        [*words, f"http://127.0.0.1:{site.machine.listen}{path}"], capture_output=True, text=True, check=True
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def _certificate(folder: Path) -> Tls:
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a.example.com"]
    subprocess.run([*words, "-keyout", folder / "a.key", "-out", folder / "a.pem"], capture_output=True, check=True)
    return Tls(certificate=str(folder / "a.pem"), key=str(folder / "a.key"))


class _hanging:  # noqa: N801  (a context manager, named like a function)
    """A service that takes requests and never answers; what it has seen."""

    def __init__(self, port: int) -> None:
        seen = self._seen = list[str]()
        done = self._done = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                seen.append(self.headers["X-Request-Id"])
                done.wait(60)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False

    def __enter__(self) -> list[str]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._server.shutdown()
        self._server.server_close()
