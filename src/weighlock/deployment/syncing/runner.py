"""What starts and stops services on a machine: the interface of `systemd.py` and `processes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from weighlock.deployment.rendering.plan import Name
from weighlock.deployment.syncing.plan import Instance


class StepFailedError(Exception):
    """A step did not come to its end: a service is not ready, or nginx refuses. The machine is put back as it was."""


@dataclass(frozen=True)
class Job:
    """A service that should run.

    Attributes:
        variant: which part it has.
        instance: which release it is, and where it listens.
        unit: systemd's name of it.
        workers: processes that answer.
        name, digest, signature: of the model.
    """

    variant: Name
    instance: Instance
    unit: str
    workers: int
    name: str
    digest: str
    signature: str


class Runner(Protocol):
    """Starts and stops the services of one environment."""

    def running(self) -> frozenset[Instance]:
        """Those that run, whoever started them."""

    def prepare(self, files: Mapping[str, str]) -> None:
        """Put in place what starting needs: `files` are the rendered ones, by their paths below `machine/`."""

    def start(self, job: Job) -> None:
        """Start a service that does not run; it goes on when this process ends.

        Raises:
            StepFailedError: it cannot be started.
        """

    def alive(self, instance: Instance) -> bool:
        """Whether it still runs, or is being started again."""

    def stop(self, instance: Instance) -> None:
        """Stop it; returns when it has ended. One that does not run is none to stop.

        Raises:
            StepFailedError: it does not end.
        """

    def said(self, instance: Instance) -> str:
        """The last lines of its log."""

    def leave(self) -> None:
        """Let them go on without this process."""
