"""What runs in an environment, worked out once for nginx, systemd and Kubernetes alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from weighlock.deployment.environment import Environment, Route
from weighlock.errors import ConfigError, EvidenceError
from weighlock.releases.record import Release

Name = Literal["stable", "candidate"]
LONGEST_HEADER = 200  # characters; the service refuses longer ones
LONGEST_NAME = 63  # of a label in DNS


@dataclass(frozen=True)
class Variant:
    """A release in its part: what answers, or what is tried."""

    name: Name
    release: Release


@dataclass(frozen=True)
class Plan:
    """An environment and the records of its releases.

    Attributes:
        environment: what `deploy/<env>.yaml` says.
        name: of the environment.
        variants: stable, then the candidate; none before the first release.
    """

    environment: Environment
    name: str
    variants: tuple[Variant, ...]

    @property
    def service(self) -> str:
        """What names start with: flights-production."""
        return f"{self.variants[0].release.name}-{self.name}"

    @property
    def route(self) -> Route | None:
        """How requests reach the candidate; None where there is none."""
        return self.environment.candidate.route if self.environment.candidate else None

    @property
    def comment(self) -> str:
        """What each file begins with, as a comment of nginx, systemd and YAML: the same whatever runs."""
        return f"# Rendered by `weighlock render {self.name}` from `deploy/{self.name}.yaml`: edit that, not this.\n"

    @property
    def comment_of_what_runs(self) -> str:
        """The same, and what runs: for the files that a promotion changes."""
        runs = [f"{v.name} {v.release.version} {v.release.served.digest}" for v in self.variants] or ["no release yet"]
        return self.comment + "".join(f"# {line}\n" for line in runs)


def plan(name: str, environment: Environment, releases: Mapping[str, Release]) -> Plan:
    """Join an environment with its releases.

    Raises:
        EvidenceError: a release that runs here has no record.
        ConfigError: the two are not of one model, a name is too long, or a match can never be met.
    """
    missing = [version for version in environment.releases if version not in releases]
    if missing:
        raise EvidenceError(
            f"`deploy/{name}.yaml` names `{missing[0]}`, and `releases/{missing[0]}.yaml` is missing. Fetch the branch "
            "that holds it, or name another release."
        )
    names: tuple[Name, Name] = ("stable", "candidate")
    found = Plan(
        environment,
        name,
        tuple(Variant(part, releases[v]) for part, v in zip(names, environment.releases, strict=False)),
    )
    _check(found)
    return found


def _check(found: Plan) -> None:
    models = {variant.release.name for variant in found.variants}
    where = f"deploy/{found.name}.yaml"
    if len(models) > 1:
        raise ConfigError(
            f"`{where}` has a candidate of another model: {' and '.join(sorted(models))} are two. An environment "
            "serves one; name a release of that, or make another environment."
        )
    if found.variants and len(found.service) > LONGEST_NAME - len("-v00000"):
        raise ConfigError(f"`{where}`: services are called `{found.service}-v7`, which is too long. Shorten a name.")
    match = found.route.match if found.route else None
    for value in match.values if match else ():
        if not _can_travel(value):
            raise ConfigError(
                f"`{where}`: `candidate.route.match.values` has {value!r}, which no request can carry in a header: "
                f"1 to {LONGEST_HEADER} printable characters, and no space at either end. Mend it, or take it out."
            )


def _can_travel(value: str) -> bool:
    return value.isprintable() and value == value.strip() and len(value) <= LONGEST_HEADER
