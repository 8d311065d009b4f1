"""`weighlock status production`: what git wants to run, and whether that is what answers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.deployment.history import History
    from weighlock.deployment.status import Status

DIFFERS, NO_ANSWER = 3, 4
KEY = "WEIGHLOCK_KEY"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environment", nargs="?", metavar="ENVIRONMENT", help="such as production (default: all)")
    parser.add_argument(
        "--url", action="append", default=[], metavar="URL",
        help="ask what is served: at an environment's entrance, http://…, which leads to both variants, or at "
        "services: stable=http://…, candidate=http://…",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = (
        "0: in sync, or nothing was asked; 3: another model answers than git wants; 4: nothing answers. "
        f"{KEY} holds an API key, where the services ask for one."
    )


def run(args: argparse.Namespace) -> int:
    """Print what git wants and what answers; 3 where they differ, 4 where nothing answers."""
    from weighlock.deployment.status import parse_urls, status_of
    from weighlock.deployment.telling import status_json, status_lines
    from weighlock.errors import ConfigError
    from weighlock.outcome import announce
    from weighlock.serving.smoke import ask

    urls = parse_urls(args.url)
    if urls and not args.environment:
        raise ConfigError("`--url` is asked about one environment: `weighlock status production --url …`.")
    history, notes = _read()
    key = os.environ.get(KEY)
    names = [args.environment] if args.environment else history.environments
    found = [status_of(history, name, urls, lambda url: ask(f"{url}/v1/model", key)) for name in names]
    if args.json:
        print(json.dumps([status_json(status) for status in found], ensure_ascii=False))
    else:
        width = shutil.get_terminal_size().columns
        print("\n".join(line for status in found for line in status_lines(status, width)))
        print("\n".join(f"note: {note}" for note in notes), end="\n" if notes else "")
    code, outcome = _outcome(found)
    announce(outcome=outcome)
    return code


def _read() -> tuple[History, list[str]]:
    """The history of what is checked out, and what may make it another than what counts."""
    from weighlock.deployment.environment import FOLDER
    from weighlock.deployment.history import history_of
    from weighlock.deployment.ledger import read_ledger
    from weighlock.revisions import git

    root, notes = Path.cwd(), []
    behind = git(root, "rev-list", "--count", "HEAD..@{upstream}")
    if behind.returncode == 0 and int(behind.stdout):
        notes.append(f"the upstream branch has {int(behind.stdout)} more commits; `git pull` brings them.")
    if git(root, "status", "--porcelain", "--", FOLDER).stdout:
        notes.append(f"`{FOLDER}/` has changes that are not committed; this is what the last commit says.")
    return history_of(read_ledger(root)), notes


def _outcome(found: list[Status]) -> tuple[int, str]:
    syncs = {variant.sync for status in found for variant in status.variants}
    if "differs" in syncs:
        return DIFFERS, "DIFFERS"
    return (NO_ANSWER, "UNKNOWN") if "no answer" in syncs else (0, "OK")
