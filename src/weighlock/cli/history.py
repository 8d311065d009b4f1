"""`weighlock history production`: who changed an environment, when and why; from git's history."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environment", nargs="?", metavar="ENVIRONMENT", help="such as production (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    """Print each change, oldest first."""
    from weighlock.deployment.history import history_of
    from weighlock.deployment.ledger import read_ledger
    from weighlock.deployment.telling import event_json, event_lines

    history = history_of(read_ledger(Path.cwd()))
    if args.environment and not history.of(args.environment):
        history.state(args.environment)  # says which there are
    events = history.of(args.environment) if args.environment else list(history.events)
    if args.json:
        print(json.dumps([event_json(history, event) for event in events], ensure_ascii=False))
    else:
        print("\n".join(event_lines(history, events, shutil.get_terminal_size().columns)))
