"""`weighlock audit`: is git's history as it should be? Offline, from a clone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

FAILED = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--trusted", metavar="COMMIT", help="a commit that you know to be right: it has to be in this history"
    )
    parser.add_argument("--commit", metavar="COMMIT", default="HEAD", help="the newest to look at (default: HEAD)")


def run(args: argparse.Namespace) -> int:
    """Print who ran what when, and each finding; 3 where there are any."""
    from weighlock.deployment.audit import audit
    from weighlock.deployment.telling import audit_json, audit_lines
    from weighlock.outcome import announce

    found = audit(Path.cwd(), args.commit, args.trusted)
    if args.json:
        print(json.dumps(audit_json(found), ensure_ascii=False))
    else:
        print("\n".join(audit_lines(found, shutil.get_terminal_size().columns)))
    announce(outcome="FAIL" if found.findings else "OK", findings=str(len(found.findings)))
    return FAILED if found.findings else 0
