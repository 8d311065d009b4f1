"""What has to be done so that a machine runs what git wants, in which order. Pure: from two states to steps.

The order is the promise: nginx is never told of a service that is not ready, and no service is stopped to which nginx
may still send. Whatever was seen after a crash gives a plan that ends in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weighlock.errors import ConfigError


@dataclass(frozen=True, order=True)
class Instance:
    """A release at a port of 127.0.0.1."""

    version: str
    port: int

    def __str__(self) -> str:
        return f"{self.version} on port {self.port}"


@dataclass(frozen=True)
class Wanted:
    """What git wants.

    Attributes:
        instances: that should run.
        site: the digest of nginx's files.
    """

    instances: frozenset[Instance]
    site: str


@dataclass(frozen=True)
class Seen:
    """What there is.

    Attributes:
        running: the services of this environment, ready or not.
        site: the digest of the files that nginx works by; None: nobody can tell, or it does not run.
        used: to which nginx may be sending requests.
    """

    running: frozenset[Instance]
    site: str | None
    used: frozenset[Instance]


@dataclass(frozen=True)
class Start:
    """Start a service."""

    instance: Instance

    def __str__(self) -> str:
        return f"start {self.instance}"


@dataclass(frozen=True)
class Await:
    """Wait until a service is ready and says that it is the model which git names."""

    instance: Instance

    def __str__(self) -> str:
        return f"wait until {self.instance} is ready"


@dataclass(frozen=True)
class Switch:
    """Have nginx work by the wanted files."""

    def __str__(self) -> str:
        return "reload nginx"


@dataclass(frozen=True)
class Drain:
    """Wait until nginx has answered what it was asked before."""

    def __str__(self) -> str:
        return "wait until nginx has answered what came before"


@dataclass(frozen=True)
class Stop:
    """Stop a service."""

    instance: Instance

    def __str__(self) -> str:
        return f"stop {self.instance}"


Step = Start | Await | Switch | Drain | Stop


def plan(wanted: Wanted, seen: Seen) -> tuple[Step, ...]:
    """The steps from what there is to what is wanted.

    A service that only looks well is waited for as well: readiness is asked for each time.

    Raises:
        ConfigError: a release should listen where another one answers, or has another port than it runs on: there is
            no way without a gap.
    """
    missing = wanted.instances - seen.running
    left = seen.running - wanted.instances
    first = frozenset(old for old in left if any(_clash(old, new) for new in missing))
    _require_unused(first & seen.used, missing)
    steps: list[Step] = [*_stops(first), *map(Start, sorted(missing)), *map(Await, sorted(wanted.instances))]
    if seen.site != wanted.site:
        steps.append(Switch())
    return (*steps, *_stops(left - first))


def _stops(instances: Iterable[Instance]) -> tuple[Step, ...]:
    stops = tuple(map(Stop, sorted(instances)))
    return (Drain(), *stops) if stops else ()


def _clash(old: Instance, new: Instance) -> bool:
    return old.port == new.port or old.version == new.version


def _require_unused(clashing: frozenset[Instance], missing: frozenset[Instance]) -> None:
    if clashing:
        old = min(clashing)
        new = min(new for new in missing if _clash(old, new))
        raise ConfigError(
            f"{new} cannot start while {old} answers requests, which would be a gap. Choose `machine.first_port` and "
            "`machine.ports` so that both fit beside each other, or bring another release into the environment first."
        )
