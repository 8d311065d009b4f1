"""The rollback drill: from the pushed commit to the last answer by the bad version, with a real nginx under load.

Two releases of a small table go through promotion, canary and rollback by the very commands that people use.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.borrowed import borrow
from benchmarks.figures import Figure, report
from benchmarks.serving_servers import BIN, ROOT

drill, conftest, nginx_server = borrow("drill"), borrow("conftest"), borrow("nginx_server")

DRILLS = 5
SECONDS = 10.0
UNBLOCK = ("--unblock", "--reason", "another drill of the same")


def main() -> int:
    """Drill, and report; some five minutes, most of which trains the two models."""
    try:
        nginx_server.install()
    except nginx_server.NoNginxError as error:
        print(error)
        return 1
    with tempfile.TemporaryDirectory(prefix="weighlock-rollback-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        factory = _factory(folder)
        with drill.fleet(factory, folder) as site:
            figures = _drills(site)
    return report("rollback", figures)


def _factory(folder: Path) -> Any:
    """A clone that has made two releases."""
    import subprocess

    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Drill\n\temail = drill@example.invalid\n")
    env = {
        **os.environ, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "PATH": f"{BIN}:{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
    }  # fmt: skip
    path = folder / "factory"
    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(path)], check=True, env=env)
    factory = conftest.with_small_table(conftest.Project(path, {**env, "PYTHONPATH": str(path / "src")}))
    drill.two_releases(factory, train="C: 0.01")
    return factory


def _drills(site: Any) -> list[Figure]:
    for words in ("promote v1 production --reason the-first-of-them-all", "promote v2 staging", "advance staging"):
        site.order(*words.split(), "--push")
    site.sync()
    taken = []
    with drill.Clients(site) as clients:
        drill.answered(clients, 20)
        for turn in range(DRILLS):
            site.order("promote", "v2", "production", "--push", *(UNBLOCK if turn else ()))
            site.sync()
            site.order("advance", "production", "--push")
            site.sync()
            if turn % 2 == 0:  # else it is rolled back as a canary at 50 %, while v1 still runs
                site.order("advance", "production", "--to", "stable", "--push")
                site.sync()
            drill.answered(clients, 100)
            taken.append(drill.rollback_of(site, clients))
    worst, failed = max(taken), len(clients.failed)
    return [
        Figure(
            f"from the pushed commit to the last answer by the bad version, the slowest of {DRILLS}",
            f"≤ {SECONDS:.0f} s", f"{worst:.1f} s ({', '.join(f'{one:.1f}' for one in taken)})", worst,
            worst <= SECONDS,
        ),
        Figure(
            "failed requests meanwhile: promotions, advances, rollbacks", "0",
            f"{failed} of {len(clients.answers):,} ({clients.again} sent again, as nginx closed an idle connection)",
            failed, failed == 0,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
