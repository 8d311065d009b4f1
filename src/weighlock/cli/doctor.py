"""`weighlock doctor`: whether this fork has what the workflows need, and the commands that mend what is missing."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.doctor.facts import Local, Remote

MISSING = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--offline", action="store_true", help="ask neither GitHub nor a store: those are unknown")
    parser.add_argument("--probe", action="store_true", help="write a small file to each store, and take it away")
    parser.epilog = (
        "GITHUB_TOKEN=$(gh auth token) lets it see GitHub's settings. 2: something that is needed is missing."
    )


def run(args: argparse.Namespace) -> int:
    """Ask, judge, print; 2 where something that is needed is missing."""
    from weighlock.doctor.ask_local import read_local
    from weighlock.doctor.ask_places import Ask
    from weighlock.doctor.examine import examine
    from weighlock.doctor.telling import as_json, lines, outcome
    from weighlock.outcome import announce

    local = read_local(Path.cwd(), Ask(network=not args.offline, probe=args.probe), os.environ)
    findings = examine(local, _remote(local, offline=args.offline), dt.datetime.now(dt.UTC))
    found = outcome(findings)
    print(json.dumps(as_json(findings), indent=2) if args.json else "\n".join(lines(findings)))
    announce(outcome=found)
    return MISSING if found == "MISSING" else 0


def _remote(local: Local, *, offline: bool) -> Remote:
    """What GitHub says; where it cannot be asked, nothing, with the reason."""
    from weighlock.doctor.ask_github import read_remote
    from weighlock.doctor.facts import unasked
    from weighlock.errors import GitHubError
    from weighlock.github.api import Client

    if offline:
        return unasked("not asked (--offline)")
    if local.slug is None:
        return unasked("`origin` is not on GitHub")
    try:
        return read_remote(Client.from_environment({**os.environ, "GITHUB_REPOSITORY": local.slug}))
    except GitHubError as error:
        return unasked(str(error))
