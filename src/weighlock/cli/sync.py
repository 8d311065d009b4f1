"""`weighlock sync production`: make this machine run what git wants, or leave it as it is."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.deployment.syncing.sync import Site

KEY = "WEIGHLOCK_KEY"
CAME_FROM = "WEIGHLOCK_SYNC_CAME_FROM"  # for the command that this one becomes
WAITS = 300.0  # seconds for another sync to end


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environment", metavar="ENVIRONMENT", help="such as production; it needs a `machine`")
    parser.add_argument("--dry-run", action="store_true", help="verify, and show the plan; start and change nothing")
    parser.add_argument("--once", action="store_true", help="go over it once (the default; a timer calls it again)")
    parser.add_argument("--offline", action="store_true", help="do not ask the remote: go by what was fetched last")
    parser.add_argument(
        "--runner", choices=("auto", "systemd", "process"), default="auto",
        help="what runs services: systemd and the machine's nginx, or processes and an nginx of one's own "
        "(default: systemd where it runs this machine and you are root)",
    )  # fmt: skip
    parser.add_argument(
        "--state", type=Path, metavar="DIR",
        help="what it remembers (default: /var/lib/weighlock/ENVIRONMENT/sync; with processes .weighlock/ENVIRONMENT)",
    )  # fmt: skip
    parser.epilog = (
        f"0: in sync; 2: the commit is refused; 3: it could not be applied, and all is as it was. {KEY} may hold an "
        "API key, for services that are asked what they serve."
    )


def run(args: argparse.Namespace) -> int:
    """Sync, print what is done, and write `reports/sync/<env>.json`."""
    from weighlock.deployment.environment import read_environment
    from weighlock.deployment.syncing.report import lines, tell
    from weighlock.deployment.syncing.state import alone
    from weighlock.deployment.syncing.sync import Sync

    root = Path.cwd()
    read_environment(args.environment, root)  # a name with a slash in it is no name of a folder
    site = _site(args, root)
    with alone(site.folder, WAITS):
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        sync = Sync(
            root, args.environment, site, at, args.offline, args.dry_run, lambda step: print(step, flush=True),
            renew=_begin_anew, came_from=os.environ.pop(CAME_FROM, None),
        )  # fmt: skip
        try:
            report = sync.run()
        finally:
            site.runner.leave()
        if not args.dry_run:
            tell(report, root)
    print("\n".join(lines(report)), flush=True)
    return report.code


def _begin_anew(before: str) -> None:
    """The same command in this very process, with the code that the clone holds by now; its lock is freed by that."""
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, CAME_FROM: before})  # noqa: S606


def _site(args: argparse.Namespace, root: Path) -> Site:
    from weighlock.deployment.syncing import front
    from weighlock.deployment.syncing.processes import Processes
    from weighlock.deployment.syncing.sync import Site
    from weighlock.deployment.syncing.systemd import Systemd

    name, key = args.environment, os.environ.get(KEY)
    booted = Path("/run/systemd/system").is_dir() and os.geteuid() == 0
    if args.runner == "systemd" or (args.runner == "auto" and booted):
        folder = args.state or Path(f"/var/lib/weighlock/{name}/sync")
        return Site(folder, Systemd(name), front.shared(folder / "nginx", name), front.shared_files, key)
    folder = (args.state or root / ".weighlock" / name).absolute()
    runner = Processes(folder / "services", root, more=_more(name, root, folder))
    return Site(folder, runner, front.own(folder / "nginx", name), front.own_files, key)


def _more(name: str, root: Path, folder: Path) -> tuple[str, ...]:
    """Keys and the prediction log: the machine's, where they can be had, else in the clone."""
    from weighlock.deployment.environment import read_environment
    from weighlock.deployment.targets import Machine

    machine = read_environment(name, root).machine or Machine()
    keys = next((path for path in (Path(machine.keys), root / "keys.json") if path.is_file()), None)
    log = Path(machine.log) if machine.log else folder / "log"
    return (*(("--keys", str(keys)) if keys else ()), "--log-dir", str(log))
