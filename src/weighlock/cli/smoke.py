"""`weighlock smoke URL`: does a running service serve the right model, rightly?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.serving.smoke import Check

FAILED = 3
KEY = "WEIGHLOCK_KEY"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("url", metavar="URL", help="of the service, such as http://127.0.0.1:3000")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="VERSION", help="the model that it should serve (default: the tree's)")
    which.add_argument("--model", type=Path, metavar="DIR", help="a folder with that model")
    parser.epilog = f"{KEY} holds an API key for `predict`, where the service asks for one."


def run(args: argparse.Namespace) -> int:
    """Print each check; 3 where one fails."""
    from weighlock.layout import SERVED
    from weighlock.releases.find import find_release
    from weighlock.serving.smoke import smoke

    folder = find_release(args.release, Path.cwd())[0] if args.release else args.model or Path(SERVED)
    failed = False
    for check in smoke(args.url, folder, os.environ.get(KEY)):
        print(line(check))
        failed |= not check.held
    return FAILED if failed else 0


def line(check: Check) -> str:
    """A check, as it is printed."""
    return f"{'ok    ' if check.held else 'FAILED'}  {check.name}: {check.found}"
