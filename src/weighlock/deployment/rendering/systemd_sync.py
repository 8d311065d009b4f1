"""systemd's units for `weighlock sync` itself: what it may do, and the timer that runs it."""

from __future__ import annotations

from weighlock.deployment.targets import Machine

EVERY = "1min"
# It installs units, reloads nginx and moves a clone: root's work. What it need not is forbidden all the same.
HARDENING = {
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0022",
}

Sections = dict[str, tuple[tuple[str, str], ...]]


def unit_of(environment: str) -> str:
    """What runs the sync of an environment, without its ending: weighlock-sync-production."""
    return f"weighlock-sync-{environment}"


def service(environment: str, machine: Machine) -> Sections:
    """One sync. Its result stays to be seen: `systemctl status` shows a refusal as a failure."""
    return {
        "Unit": (
            ("Description", f"Weighlock: make this machine run what git wants in {environment}"),
            ("Documentation", f"file://{machine.checkout}/docs/sync.md"),
            ("Wants", "network-online.target"),
            ("After", "network-online.target nginx.service"),
        ),
        "Service": (
            ("Type", "oneshot"),
            ("WorkingDirectory", machine.checkout),
            ("EnvironmentFile", f"-/etc/weighlock/sync-{environment}.env"),
            ("ExecStart", f"{machine.checkout}/.venv/bin/weighlock sync {environment} --runner systemd"),
            ("TimeoutStartSec", "infinity"),  # it has limits of its own: deploy.sync
            *HARDENING.items(),
        ),
    }


def timer(environment: str) -> Sections:
    """When: after the machine has started, and then every minute after the last one ended."""
    return {
        "Unit": (("Description", f"Weighlock: sync {environment} every {EVERY}"),),
        "Timer": (
            ("OnBootSec", "10s"),
            ("OnUnitInactiveSec", EVERY),
            ("AccuracySec", "1s"),
            ("RandomizedDelaySec", "5s"),
        ),
        "Install": (("WantedBy", "timers.target"),),
    }
