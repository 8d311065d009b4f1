"""Services as processes of one's own, for machines without systemd: a laptop, a container, a test.

Each has a lock that it holds while it lives, so that neither a pid that was given anew nor a sync that was killed
between two steps can be mistaken for it, or make two of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from weighlock.deployment.syncing.plan import Instance
from weighlock.deployment.syncing.runner import Job, StepFailedError
from weighlock.locks import try_lock

PATIENCE = 10.0  # seconds that a service may take to end; `weighlock serve` does within five
LOOK_EVERY = 0.02
SHOWN = 20  # lines of its log
# The service writes its own pid before it begins, so that nobody who dies in between is missed.
_BEGIN = 'echo "$$" > "$0.new" && mv "$0.new" "$0" && exec "$@"'


@dataclass(frozen=True)
class Processes:
    """Child processes that stay when their parent goes.

    Attributes:
        folder: of what is known of them, and of their logs.
        root: where they run.
        serve: what starts one, before its own arguments.
        more: what follows them: keys and the folder of the prediction log.
    """

    folder: Path
    root: Path
    serve: tuple[str, ...] = (sys.executable, "-m", "weighlock", "serve")
    more: tuple[str, ...] = ()
    _children: dict[Instance, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)

    def running(self) -> frozenset[Instance]:
        """Those whose locks are held; what is left of others is swept."""
        found = set()
        for path in self.folder.glob("*.lock"):
            version, _, port = path.stem.partition("-")
            instance = Instance(version, int(port))
            if self.alive(instance):
                found.add(instance)
            else:
                self._forget(instance)
        return frozenset(found)

    def prepare(self, files: Mapping[str, str]) -> None:  # noqa: ARG002
        """Processes need no files."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self, job: Job) -> None:
        """Start a process that holds its lock from its first moment on."""
        one = job.instance
        lock = os.open(self._path(one, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not try_lock(lock):
                return  # it runs
            self._path(one, "pid").unlink(missing_ok=True)
            with self._path(one, "log").open("wb") as log:
                self._children[one] = subprocess.Popen(
                    ["/bin/sh", "-c", _BEGIN, str(self._path(one, "pid").absolute()), *self._words(job)],
                    cwd=self.root,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=[lock],
                )
        except OSError as error:
            raise StepFailedError(f"{one} cannot be started: {error}") from error
        finally:
            os.close(lock)

    def alive(self, instance: Instance) -> bool:
        """Whether its lock is held."""
        if child := self._children.get(instance):
            child.poll()  # one that has ended is not left as a zombie
        try:
            lock = os.open(self._path(instance, "lock"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not try_lock(lock, shared=True)
        finally:
            os.close(lock)

    def stop(self, instance: Instance) -> None:
        """SIGTERM, and SIGKILL for all that is left of it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + PATIENCE
            self._signal(instance, number)
            while self.alive(instance) and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY)
            if not self.alive(instance):
                self._forget(instance)
                return
        raise StepFailedError(f"{instance} does not end.")

    def said(self, instance: Instance) -> str:
        """The last lines of its log."""
        try:
            lines = self._path(instance, "log").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-SHOWN:])

    def leave(self) -> None:
        """Let them go on without this process."""
        for child in self._children.values():
            if child.poll() is None:
                child.returncode = 0  # nobody waits for it any more
        self._children.clear()

    def _words(self, job: Job) -> list[str]:
        one = job.instance
        own = ["--release", one.version, "--host", "127.0.0.1", "--port", str(one.port), "--workers", str(job.workers)]
        return [*self.serve, *own, *self.more]

    def _signal(self, instance: Instance, number: signal.Signals) -> None:
        deadline = time.monotonic() + 1
        while self.alive(instance):
            with suppress(FileNotFoundError, ValueError):
                pid = json.loads(self._path(instance, "pid").read_text())
                with suppress(ProcessLookupError):
                    if number == signal.SIGKILL:
                        os.killpg(pid, number)  # it leads a session of its own
                    else:
                        os.kill(pid, number)
                return
            if time.monotonic() > deadline:
                return  # it never came as far as to write its pid
            time.sleep(LOOK_EVERY)

    def _forget(self, instance: Instance) -> None:
        if child := self._children.pop(instance, None):
            child.wait()
        for kind in ("pid", "lock"):
            self._path(instance, kind).unlink(missing_ok=True)

    def _path(self, instance: Instance, kind: str) -> Path:
        return self.folder / f"{instance.version}-{instance.port}.{kind}"
