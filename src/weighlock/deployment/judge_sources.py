"""Where the judge's evidence is: what was named, or the services of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weighlock.deployment.judge_step import Wanted
from weighlock.deployment.rendering.systemd import log_folder
from weighlock.errors import ConfigError
from weighlock.monitoring.log_record import HashKey

VARIANTS = ("stable", "candidate")


@dataclass(frozen=True)
class Sources:
    """Where evidence is.

    Attributes:
        urls: variant -> addresses of its services.
        logs: folders or URLs of both variants' logs.
        key: of the log's hashes.
    """

    urls: Mapping[str, Sequence[str]]
    logs: Sequence[str]
    key: HashKey | None = None


def sources_of(
    step: Wanted, urls: Sequence[str], folders: Sequence[Path], stores: Sequence[str], key: HashKey | None
) -> Sources:
    """What was named; where nothing was, and the environment has a `machine`, its services and log, on this host.

    Args:
        step: what git wants.
        urls: `variant=http://…` each.
        folders: services' prediction logs.
        stores: where compacted days are.
        key: of the log's hashes.

    Raises:
        ConfigError: a service is not named as it should be, or nothing is and there is no `machine`.
    """
    logs = [*map(str, folders), *stores]
    if urls or logs:
        return Sources(_by_variant(urls), logs, key)
    machine = step.state.machine
    if machine is None:
        raise ConfigError(
            "Nothing says how the variants are doing. Name their services (`--url stable=http://… --url candidate=…`), "
            "their logs (`--log-dir`, `--log-url`), or best both."
        )
    ports = {variant: machine.port_of(getattr(step, variant).number) for variant in VARIANTS}
    folder = log_folder(step.environment, machine)
    found = [folder] if Path(folder).is_dir() else []
    return Sources({variant: [f"http://127.0.0.1:{port}"] for variant, port in ports.items()}, found, key)


def _by_variant(urls: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in urls:
        variant, _, url = text.partition("=")
        if variant not in VARIANTS or not url.startswith(("http://", "https://")):
            raise ConfigError(f"--url `{text}` should be stable=http://… or candidate=http://….")
        found.setdefault(variant, []).append(url)
    if found and (lacking := [variant for variant in VARIANTS if variant not in found]):
        raise ConfigError(f"--url names no service of the {lacking[0]} variant: --url {lacking[0]}=http://…")
    return found
