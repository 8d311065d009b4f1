"""An environment as the files that make it so: `weighlock render`. Pure: from models to texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weighlock.deployment.environment import FOLDER, Environment
from weighlock.deployment.rendering import kubernetes, nginx, systemd
from weighlock.deployment.rendering.plan import Name, plan
from weighlock.deployment.targets import Machine
from weighlock.errors import ConfigError
from weighlock.releases.record import Release

RENDERED = f"{FOLDER}/rendered"


@dataclass(frozen=True)
class Service:
    """A release that runs on a machine.

    Attributes:
        variant: stable or candidate.
        version: such as v7.
        unit: systemd's name of it: weighlock-flights-production@v7.service.
        port: where it listens, on 127.0.0.1.
    """

    variant: Name
    version: str
    unit: str
    port: int


def render(name: str, environment: Environment, releases: Mapping[str, Release]) -> dict[str, str]:
    """The files of the environment `name`: path below `deploy/rendered/<name>/` -> text.

    Raises:
        EvidenceError: a release that runs here has no record.
        ConfigError: what is asked cannot be said to an engine, or a release without an image should run in a cluster.
    """
    found = plan(name, environment, releases)
    files: dict[str, str] = {}
    if machine := environment.machine:
        _disjoint(name, machine, environment, releases)
        for path, text in {**nginx.files(found, machine), **systemd.files(found, machine)}.items():
            files[f"machine/{path}"] = text
    if cluster := environment.kubernetes:
        files |= {f"kubernetes/{path}": text for path, text in kubernetes.files(found, cluster).items()}
    return dict(sorted(files.items()))


def services(name: str, environment: Environment, releases: Mapping[str, Release]) -> list[Service]:
    """What runs on the environment's machine, stable first; nothing where it has none.

    Raises:
        EvidenceError, ConfigError: as `render`.
    """
    machine = environment.machine
    if machine is None:
        return []
    found = plan(name, environment, releases)
    return [
        Service(
            variant.name,
            variant.release.version,
            systemd.unit_of(found.service, variant.release.version),
            machine.port_of(variant.release.number),
        )
        for variant in found.variants
    ]


def folder_of(name: str) -> str:
    """Where an environment's files are, relative to the repository."""
    return f"{RENDERED}/{name}"


def _disjoint(name: str, machine: Machine, environment: Environment, releases: Mapping[str, Release]) -> None:
    ports = {version: machine.port_of(releases[version].number) for version in environment.releases}
    if len(set(ports.values())) < len(ports):
        raise ConfigError(
            f"`deploy/{name}.yaml`: {' and '.join(ports)} would both listen on port {next(iter(ports.values()))}. "
            f"Choose another `machine.ports` than {machine.ports}."
        )
