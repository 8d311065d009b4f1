"""A real PostgreSQL of one's own: Debian's packages, a throw-away cluster, a free port, no system service."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.ports import free_port

PASSWORD = "s3cret-of-the-test"


class NoPostgresError(Exception):
    """There is no PostgreSQL, and it cannot be installed."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The SQLAlchemy URL, password included, of a cluster that lives as long as the context.

    Raises:
        NoPostgresError: it is not installed, and only root may install it.
    """
    binaries = _installed() or _install()
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="weighlock-postgres-", dir="/tmp"))  # whose parents its user can enter
    secret, port = folder / "password", free_port()
    secret.write_text(PASSWORD)
    if as_postgres:
        user = pwd.getpwnam("postgres")
        for path in (folder, secret):
            os.chown(path, user.pw_uid, user.pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [*as_postgres, str(binaries / program), "-D", str(folder / "data"), *arguments]
        with (folder / "commands.log").open("ab") as log:  # a file: the server would hold a pipe open
            subprocess.run(command, cwd="/", stdout=log, stderr=log, check=True, timeout=120)

    try:
        run("initdb", "-U", "weighlock", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "-N")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "start", "-w", "-l", str(folder / "server.log"), "-o", settings)
        try:
            yield f"postgresql://weighlock:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _installed() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if program := shutil.which("initdb"):
        found.append(Path(program).resolve().parent)
    return max(found, key=str, default=None)


def _install() -> Path:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoPostgresError("PostgreSQL is not installed and only root may install it: `apt-get install postgresql`.")
    # RUNLEVEL: the package would start a cluster of its own
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "postgresql"]):
        subprocess.run(["apt-get", *command], env=env, check=True, stdout=subprocess.DEVNULL, timeout=300)
    binaries = _installed()
    assert binaries, "apt-get installed postgresql, but there is no initdb below /usr/lib/postgresql"
    return binaries
