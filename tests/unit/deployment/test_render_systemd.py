"""The units that are rendered. tests/e2e/test_routing.py shows them to systemd."""

from __future__ import annotations

import argparse
import configparser
from typing import Any

import pytest

from support.deployed import RELEASES, environment, release
from weighlock.cli import serve
from weighlock.deployment.environment import Environment, Resources, Route
from weighlock.deployment.render import render, services
from weighlock.deployment.rendering.systemd import log_folder
from weighlock.deployment.targets import Machine
from weighlock.errors import ConfigError, EvidenceError

TEMPLATE = "machine/weighlock-flights-production@.service"


def rendered(route: Route | None = None, machine: Machine | None = None, **other: Any) -> dict[str, str]:
    return render("production", environment(route, machine=machine or Machine(), **other), RELEASES)


def read(text: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    return unit


def test_a_release_has_a_unit_and_a_port_of_its_own() -> None:
    found = rendered(Route(weight=10.0), replicas=3, resources=Resources(memory="1Gi"))
    (v2,) = [text for path, text in found.items() if path == TEMPLATE.replace("@", "@v2") + ".d/release.conf"]
    own = read(v2)["Service"]
    assert own["Environment"] == "PORT=3102 WORKERS=3"
    assert (own["MemoryHigh"], own["MemoryMax"]) == ("2764M", "3072M")
    assert [(s.variant, s.version, s.unit, s.port) for s in services("production", *given(Route(weight=10.0)))] == [
        ("stable", "v1", "weighlock-flights-production@v1.service", 3101),
        ("candidate", "v2", "weighlock-flights-production@v2.service", 3102),
    ]


def given(route: Route | None) -> tuple[Environment, Any]:
    return environment(route, machine=Machine()), RELEASES


def test_what_a_promotion_changes_is_not_what_runs() -> None:
    before, after = (
        rendered(Route(weight=100.0)),
        render("production", Environment(stable="v2", machine=Machine()), RELEASES),
    )
    assert {path for path in after if after[path] != before.get(path)} == {"machine/weighlock-production.conf"}
    assert set(before) - set(after) == {TEMPLATE.replace("@", "@v1") + ".d/release.conf"}


def test_the_service_may_do_nothing_that_it_need_not() -> None:
    service = read(rendered()[TEMPLATE])["Service"]
    asked = {
        "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "CapabilityBoundingSet": "",
        "User": "weighlock", "StateDirectory": "weighlock/production/log", "WorkingDirectory": "/opt/weighlock",
        "IPAddressDeny": "any", "KillMode": "mixed",
    }  # fmt: skip
    assert {key: service[key] for key in asked} == asked
    assert "--keys /etc/weighlock/keys.json --log-dir /var/lib/weighlock/production/log" in service["ExecStart"]


def test_what_starts_it_is_a_command_that_there_is() -> None:
    line = read(rendered()[TEMPLATE])["Service"]["ExecStart"]
    for name, value in {"%i": "v7", "${PORT}": "3107", "${WORKERS}": "2"}.items():
        line = line.replace(name, value)
    program, command, *words = line.split()
    parser = argparse.ArgumentParser()
    serve.arguments(parser)
    args = parser.parse_args(words)
    assert (program, command) == ("/opt/weighlock/.venv/bin/weighlock", "serve")
    assert (args.release, args.port, args.workers, args.host) == ("v7", 3107, 2, "127.0.0.1")


def test_without_a_user_systemd_invents_one_and_hands_over_the_keys() -> None:
    found = rendered(
        machine=Machine(user=None, log="/srv/log", checkout="/home/me/weighlock", environment_file="/etc/e")
    )
    service = read(found[TEMPLATE])["Service"]
    assert (service["DynamicUser"], service["LoadCredential"]) == ("yes", "keys.json:/etc/weighlock/keys.json")
    assert "--keys %d/keys.json --log-dir /srv/log" in service["ExecStart"]
    assert (service["ReadWritePaths"], service["ProtectHome"], service["EnvironmentFile"]) == (
        "/srv/log",
        "read-only",
        "/etc/e",
    )
    assert not {"User", "StateDirectory"} & set(service)
    assert "machine/weighlock.sysusers.conf" not in found
    assert log_folder("production", Machine(log="/srv/log")) == "/srv/log"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("checkout", "/opt/a b", "checkout"),
        ("checkout", "/opt/%h", "checkout"),
        ("checkout", "/opt/../etc", "checkout"),
        ("checkout", "relative", "checkout"),
        ("keys", "/etc/keys;", "keys"),
        ("log", "/srv/$LOG", "log"),
        ("access_log", "/var/log/a.json combined", "access_log"),
        ("environment_file", "-/etc/e\nExecStart=/bin/sh", "environment_file"),
        ("user", "root;", "user"),
        ("server_names", ["a b"], "server_names"),
        ("server_names", ["~^.*$"], "server_names"),
        ("server_names", ["A.example.com"], "server_names"),
        ("address", "localhost; include /etc/passwd", "address"),
        ("trusted_proxies", ["10.0.0.0/8; deny all"], "trusted_proxies"),
        ("address", "192.0.2.1", "API keys would travel in clear"),
        ("first_port", 65_500, "beyond port 65535"),
        ("first_port", 8_000, "one of the ports of the releases"),
    ],
)
def test_what_an_engine_could_misread_is_refused(key: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Machine.model_validate({key: value})


def test_two_releases_on_one_port_are_refused() -> None:
    releases = {"v1": release("v1"), "v101": release("v101")}
    wanted = environment(Route(weight=1.0), machine=Machine()).model_copy(
        update={"candidate": environment(Route(weight=1.0)).candidate.model_copy(update={"release": "v101"})}  # type: ignore[union-attr]
    )
    with pytest.raises(ConfigError, match="v1 and v101 would both listen on port 3101"):
        render("production", wanted, releases)


def test_two_models_in_one_environment_are_refused() -> None:
    with pytest.raises(ConfigError, match="flights and trains are two"):
        render("production", environment(Route(weight=1.0)), {**RELEASES, "v2": release("v2", name="trains")})


def test_a_release_without_a_record_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"`releases/v2.yaml` is missing"):
        render("production", environment(Route(weight=1.0)), {"v1": RELEASES["v1"]})


def test_rendering_is_a_function() -> None:
    wanted = environment(Route(weight=12.5), machine=Machine())
    first = render("production", wanted, RELEASES)
    again = render("production", wanted.model_copy(deep=True), dict(reversed(RELEASES.items())))
    assert list(first.items()) == list(again.items())
