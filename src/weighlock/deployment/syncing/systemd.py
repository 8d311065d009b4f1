"""Services as systemd's units, which are rendered: installed, started, and enabled, so that they start after a boot."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weighlock.deployment.syncing.plan import Instance
from weighlock.deployment.syncing.runner import Job, StepFailedError
from weighlock.files import write_text

UNITS = Path("/etc/systemd/system")
SYSUSERS = Path("/etc/sysusers.d")
_PORT = re.compile(r"\bPORT=(\d+)\b")
_UNIT = re.compile(r"(weighlock-[a-z0-9-]+@)(v[1-9]\d*)\.service")


@dataclass(frozen=True)
class Systemd:
    """systemd, spoken to with `systemctl`.

    Attributes:
        environment: whose services these are.
        units, sysusers: where systemd reads what an administrator puts there.
        systemctl: the command.
    """

    environment: str
    units: Path = UNITS
    sysusers: Path = SYSUSERS
    systemctl: tuple[str, ...] = ("systemctl",)
    _units: dict[Instance, str] = field(default_factory=dict, repr=False)

    def running(self) -> frozenset[Instance]:
        """Those that are active, or on their way."""
        pattern = f"weighlock-*-{self.environment}@*.service"
        listed = self._ask("list-units", "--plain", "--no-legend", "--no-pager", "--full",
                           "--state=active,activating,reloading,deactivating", pattern)  # fmt: skip
        for line in listed.splitlines():
            match = _UNIT.fullmatch(line.split()[0]) if line.strip() else None
            if match and self._ours(f"{match[1]}.service"):
                self._units[Instance(match[2], self._port(match[0]))] = match[0]
        return frozenset(one for one in self._units if self.alive(one))

    def prepare(self, files: Mapping[str, str]) -> None:
        """Install the units, whole and only where they differ, and make the user that they name."""
        changed = False
        for path, text in files.items():
            if path.endswith(".sysusers.conf"):
                if self._written(self.sysusers / "weighlock.conf", text):
                    self._ask("systemd-sysusers", command=())
            elif ".service" in path or path.endswith(".timer"):
                changed |= self._written(self.units / path, text)
        if changed:
            self._ask("daemon-reload")
        timer = f"weighlock-sync-{self.environment}.timer"
        if timer in files:
            self._ask("enable", "--now", "--quiet", timer)

    def start(self, job: Job) -> None:
        """Start it, now and after a boot."""
        self._units[job.instance] = job.unit
        self._ask("reset-failed", job.unit, may_fail=True)
        self._ask("enable", "--now", "--quiet", job.unit)

    def alive(self, instance: Instance) -> bool:
        """Whether it is active, or systemd tries again."""
        state = self._ask("show", "--property=ActiveState", "--value", self._units[instance], may_fail=True).strip()
        return state in {"active", "activating", "reloading"}

    def stop(self, instance: Instance) -> None:
        """Stop it, for good, and take its own settings away."""
        unit = self._units[instance]
        self._ask("disable", "--now", "--quiet", unit)
        folder = self.units / f"{unit}.d"
        (folder / "release.conf").unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def said(self, instance: Instance) -> str:
        """The last lines of its journal."""
        words = ("--unit", self._units[instance], "--lines=20", "--no-pager", "--output=cat")
        return self._ask("journalctl", *words, command=(), may_fail=True).strip()

    def leave(self) -> None:
        """They are systemd's."""

    def _port(self, unit: str) -> int:
        """Where it listens, by the settings that it was installed with; 0 where they are gone."""
        try:
            match = _PORT.search((self.units / f"{unit}.d/release.conf").read_text(encoding="utf-8"))
        except OSError:
            return 0
        return int(match[1]) if match else 0

    def _ours(self, template: str) -> bool:
        """Whether a unit is of this environment: of `weighlock-a-b-c@` its name alone cannot tell."""
        try:
            return f"`weighlock render {self.environment}`" in (self.units / template).read_text(encoding="utf-8")
        except OSError:
            return False

    def _written(self, path: Path, text: str) -> bool:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
        return True

    def _ask(self, *words: str, command: tuple[str, ...] | None = None, may_fail: bool = False) -> str:
        whole = [*(self.systemctl if command is None else command), *words]
        try:
            done = subprocess.run(whole, capture_output=True, text=True, check=False)
        except OSError as error:
            raise StepFailedError(f"`{' '.join(whole)}` cannot be run: {error}") from error
        if done.returncode and not may_fail:
            raise StepFailedError(f"`{' '.join(whole)}` failed: {done.stderr.strip() or done.returncode}")
        return done.stdout
