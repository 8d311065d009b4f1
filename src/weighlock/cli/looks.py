"""`weighlock looks fetch|add`: what the watch has seen, kept between runs on the branch `watch-history`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    bring = actions.add_parser(
        "fetch", help="bring the branch's looks into history/watch, for `weighlock site --watch`"
    )
    bring.add_argument("--offline", action="store_true", help="go by what was fetched last")
    add = actions.add_parser("add", help="put a look among them")
    add.add_argument("folder", type=Path, metavar="DIR", help="of `weighlock watch`, such as reports/watch/production")
    add.add_argument("--push", action="store_true", help="fetch the branch before, and push it with this look")


def run(args: argparse.Namespace) -> None:
    """Do it, and say what was done."""
    from weighlock.watching.looks import BRANCH, HISTORY, add, fetch, push

    root = Path.cwd()
    if args.action == "fetch":
        number = fetch(root, offline=args.offline)
        print(f"{HISTORY}: {number} looks" if number else f"no branch `{BRANCH}` yet: the first look makes it")
        return
    if args.push:
        fetch(root)
    print(f"{add(args.folder)}: kept")
    if args.push:
        commit = push(root)
        print(f"`{BRANCH}`: {commit[:9]}" if commit else f"`{BRANCH}` holds it already")
