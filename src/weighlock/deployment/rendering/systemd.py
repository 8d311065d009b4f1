"""systemd units for one machine: a template of the service, and for each release what is its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weighlock.deployment.environment import Resources
from weighlock.deployment.rendering.plan import Plan, Variant
from weighlock.deployment.targets import Machine

MEBI = {"Mi": 1, "Gi": 1024}
_HOMES = ("/home/", "/root/")
_SAFE = re.compile(r"[^\n\r\0]*")

# What a service that reads a model and listens on a port has no need for.
HARDENING = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateUsers": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RemoveIPC": "yes",
    "KeyringMode": "private",
    "UMask": "0077",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service",
    "SystemCallErrorNumber": "EPERM",
    "IPAddressDeny": "any",
    "IPAddressAllow": "localhost",  # nginx, Prometheus and `weighlock status` ask from here
}


@dataclass(frozen=True)
class Section:
    """A section of a unit; a value stands in the file as it is."""

    name: str
    entries: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        assert all(_SAFE.fullmatch(value) for _, value in self.entries)  # noqa: S101  (their models allow no line's end)
        return f"[{self.name}]\n" + "".join(f"{key}={value}\n" for key, value in self.entries)


def unit_of(service: str, version: str) -> str:
    """The unit that runs a release: weighlock-flights-production@v7.service."""
    return f"weighlock-{service}@{version}.service"


def log_folder(environment: str, machine: Machine) -> str:
    """Where the prediction log of an environment is on its machine."""
    return machine.log or f"/var/lib/weighlock/{environment}/log"


def files(plan: Plan, machine: Machine) -> dict[str, str]:
    """The template, one drop-in for each release, and the user that they run as; none before the first release."""
    if not plan.variants:
        return {}
    found = {unit_of(plan.service, ""): plan.comment + _template(plan, machine)}
    for variant in plan.variants:
        unit = unit_of(plan.service, variant.release.version)
        found[f"{unit}.d/release.conf"] = plan.comment + _own(variant, plan, machine)
    if machine.user:
        line = f'u {machine.user} - "Weighlock services" /var/lib/weighlock\n'
        found["weighlock.sysusers.conf"] = plan.comment + line
    return found


def _template(plan: Plan, machine: Machine) -> str:
    unit = (
        ("Description", f"%p %i: a model of {plan.variants[0].release.name}, in {plan.name}"),
        ("Documentation", f"file://{machine.checkout}/docs/render.md"),
        ("After", "network.target"),
        ("StartLimitIntervalSec", "0"),
    )
    return "\n".join(
        str(Section(name, entries))
        for name, entries in {
            "Unit": unit,
            "Service": (*_running(plan, machine), *_rights(plan.name, machine), *HARDENING.items()),
            "Install": (("WantedBy", "multi-user.target"),),
        }.items()
    )


def _running(plan: Plan, machine: Machine) -> tuple[tuple[str, str], ...]:
    keys = machine.keys if machine.user else "%d/keys.json"
    command = (
        f"{machine.checkout}/.venv/bin/weighlock serve --release %i --host 127.0.0.1 --port ${{PORT}} "
        f"--workers ${{WORKERS}} --keys {keys} --log-dir {log_folder(plan.name, machine)}"
    )
    secrets = (("EnvironmentFile", machine.environment_file),) if machine.environment_file else ()
    return (
        ("Type", "exec"),
        ("WorkingDirectory", machine.checkout),
        *secrets,
        ("ExecStart", command),
        ("Restart", "always"),
        ("RestartSec", "1"),
        ("KillMode", "mixed"),  # the supervisor ends its workers itself, within five seconds
        ("TimeoutStopSec", "10"),
        ("LimitNOFILE", "65536"),
        ("TasksMax", "512"),
    )


def _rights(environment: str, machine: Machine) -> tuple[tuple[str, str], ...]:
    who = (
        (("User", machine.user), ("Group", machine.user))
        if machine.user
        else (("DynamicUser", "yes"), ("LoadCredential", f"keys.json:{machine.keys}"))
    )
    state = (("StateDirectory", f"weighlock/{environment}/log"), ("StateDirectoryMode", "0700"))
    log = (("ReadWritePaths", machine.log),) if machine.log else state
    home = "read-only" if f"{machine.checkout}/".startswith(_HOMES) else "yes"
    return (*who, *log, ("ProtectHome", home))


def _own(variant: Variant, plan: Plan, machine: Machine) -> str:
    workers = plan.environment.replicas
    port = machine.port_of(variant.release.number)
    memory = _mebibytes(plan.environment.resources) * workers
    return str(
        Section(
            "Service",
            (
                ("Environment", f"PORT={port} WORKERS={workers}"),
                ("MemoryHigh", f"{memory * 9 // 10}M"),
                ("MemoryMax", f"{memory}M"),
            ),
        )
    )


def _mebibytes(resources: Resources) -> int:
    return int(resources.memory[:-2]) * MEBI[resources.memory[-2:]]
