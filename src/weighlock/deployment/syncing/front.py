"""nginx on this machine: given new files in one step, asked whether it takes them, and put back where it does not."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from weighlock.deployment.syncing.runner import StepFailedError
from weighlock.deployment.targets import Machine
from weighlock.files import write_text

LOOK_EVERY = 0.1
RELOADS = 10.0  # seconds in which nginx goes over to new files, or does not
ANSWERS = 5.0  # seconds in which it answers by them
LEAVING = "shutting down"
SYSTEM = Path("/etc/nginx/conf.d")
SYSTEM_PID = Path("/run/nginx.pid")
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Front:
    """An nginx.

    Attributes:
        folder: where it reads the environment's files.
        names: of those files.
        kept: a copy of the files that it took last.
        pid: the file with its master's process id.
        command: nginx, with what it is always told.
        start, reload: commands that start it, and tell it to read its files again.
        end: what is done where it has no files of this environment any more.
    """

    folder: Path
    names: tuple[str, ...]
    kept: Path
    pid: Path
    command: tuple[str, ...]
    start: tuple[str, ...]
    reload: tuple[str, ...]
    end: tuple[str, ...]

    def master(self) -> psutil.Process | None:
        """Its first process; None where it does not run."""
        try:
            found = psutil.Process(int(self.pid.read_text()))
            return found if found.status() != psutil.STATUS_ZOMBIE and "nginx" in found.name() else None
        except (OSError, ValueError, psutil.Error):
            return None

    def switch(self, files: Mapping[str, str], answers: Callable[[], str]) -> None:
        """Have it work by these files; returns once it does, and nothing new goes by the old ones.

        Args:
            files: name -> text.
            answers: empty once it answers as it should, else what is wrong.

        Raises:
            StepFailedError: it refuses them, or does not answer by them; it works by the old ones.
        """
        self._install(files)
        refused = self._refused() or self._taken() or self._answered(answers)
        if refused:
            self.put_back()
            raise StepFailedError(f"nginx does not take the new configuration, and works by the old one: {refused}")
        self.kept.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(self.kept / name, text)

    def put_back(self) -> None:
        """The files that it took last, or none where it took none yet."""
        old = {name: (self.kept / name).read_text(encoding="utf-8") for name in self.names if self._keeps(name)}
        if old:
            self._install(old)
            if self.master() and not self._refused():
                self._taken()
            return
        if self.master():
            for name in self.names[:1]:  # the site; an `nginx.conf` is read once more by `-s quit`
                (self.folder / name).write_text("")
            _run(self.end)
        for name in self.names:
            (self.folder / name).unlink(missing_ok=True)

    def untouched(self) -> bool:
        """Whether its files are those that it took last."""
        return all(
            self._keeps(name) and (self.folder / name).is_file()
            and (self.folder / name).read_bytes() == (self.kept / name).read_bytes()
            for name in self.names
        )  # fmt: skip

    def drained(self) -> bool:
        """Whether no worker is left that still answers what it was asked before a reload."""
        return not any(LEAVING in title for _, title in self._workers())

    def _keeps(self, name: str) -> bool:
        return (self.kept / name).is_file()

    def _install(self, files: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(self.folder / name, text)

    def _refused(self) -> str:
        done = _run((*self.command, "-t", "-q"))
        return "" if done.returncode == 0 else _last(done.stderr) or "`nginx -t` fails"

    def _taken(self) -> str:
        """Start it, or have it read its files anew; empty once it has."""
        old = {pid for pid, _ in self._workers()}
        done = _run(self.reload if self.master() else self.start)
        if done.returncode:
            return _last(done.stderr) or f"`{' '.join(self.reload)}` fails"
        deadline = time.monotonic() + RELOADS
        while time.monotonic() < deadline:
            workers = self._workers()
            new = {pid for pid, title in workers if LEAVING not in title}
            if new and not new & old:
                return ""
            time.sleep(LOOK_EVERY)
        return f"no new workers {RELOADS:.0f} s after it was told to reload; its error log says more"

    def _answered(self, answers: Callable[[], str]) -> str:
        deadline = time.monotonic() + ANSWERS
        while wrong := answers():
            if time.monotonic() > deadline:
                return wrong
            time.sleep(LOOK_EVERY)
        return ""

    def _workers(self) -> list[tuple[int, str]]:
        found = []
        with suppress(psutil.Error):
            master = self.master()
            for child in master.children() if master else []:
                with suppress(psutil.Error):
                    title = " ".join(child.cmdline())
                    found += [(child.pid, title)] if "worker process" in title else []
        return found


def own(folder: Path, environment: str) -> Front:
    """An nginx of this environment's own, with everything it needs in a folder."""
    folder = folder.absolute()
    always = f"pid {folder}/nginx.pid; error_log {folder}/error.log;"
    command = ("nginx", "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf", "-g", always)
    names = (site_of(environment), "nginx.conf")
    told = [(*command, "-s", word) for word in ("reload", "quit")]
    return Front(folder, names, folder / "kept", folder / "nginx.pid", command, command, *told)


def own_files(environment: str, files: Mapping[str, str]) -> dict[str, str]:
    """What the environment's own nginx is given: temporary files, too, go where whoever runs it may write."""
    inside = "".join(f"    {name}_temp_path temporary-{name};\n" for name in _TEMPORARY)
    main = files["nginx.conf"].replace("http {\n", f"http {{\n{inside}", 1)
    return {site_of(environment): files[site_of(environment)], "nginx.conf": main}


def shared(kept: Path, environment: str, folder: Path = SYSTEM) -> Front:
    """The machine's nginx, which systemd runs and others may use, too."""
    control = ("systemctl", "--quiet")
    start, reload = (*control, "start", "nginx"), (*control, "reload", "nginx")
    return Front(folder, (site_of(environment),), kept, SYSTEM_PID, ("nginx",), start, reload, reload)


def shared_files(environment: str, files: Mapping[str, str]) -> dict[str, str]:
    """What the machine's nginx is given: the environment's site."""
    return {site_of(environment): files[site_of(environment)]}


def site_of(environment: str) -> str:
    """The file for nginx's `http` block."""
    return f"weighlock-{environment}.conf"


def digest_of(files: Mapping[str, str]) -> str:
    """A name for these very files."""
    whole = hashlib.sha256()
    for name, text in sorted(files.items()):
        whole.update(f"{name}\0{len(text.encode())}\0{text}".encode())
    return f"sha256:{whole.hexdigest()}"


def asked(machine: Machine, status: int) -> str:
    """Ask the environment's nginx whether it is ready; empty where the answer has the status that it should have."""
    listens = ipaddress.ip_address(machine.address)
    loopback = "::1" if listens.version == 6 else "127.0.0.1"
    host = loopback if listens.is_unspecified else machine.address
    context = ssl._create_unverified_context() if machine.tls else None  # noqa: S323, SLF001  (its own, on this machine)
    connection = (
        http.client.HTTPSConnection(host, machine.listen, timeout=2, context=context)
        if context
        else http.client.HTTPConnection(host, machine.listen, timeout=2)
    )
    named = machine.server_names[0].replace("*", "weighlock") if machine.server_names else "localhost"
    try:
        connection.request("GET", "/readyz", headers={"Host": named, "Connection": "close"})
        found = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers on {host}:{machine.listen} ({error})"
    finally:
        connection.close()
    # 429: it answers, and someone asks for more than `rate` allows
    return "" if found in {status, 429} else f"/readyz on {host}:{machine.listen} gives {found}, not {status}"


def _run(words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(words, 127, "", f"`{words[0]}` cannot be run: {error.strerror}")


def _last(stderr: str) -> str:
    lines = [line for line in stderr.strip().splitlines() if "[emerg]" in line or "[error]" in line]
    return " ".join((lines or stderr.strip().splitlines())[:1])
