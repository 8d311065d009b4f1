"""`weighlock init DATA --target COLUMN`: your own table becomes a working setup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

TASKS = ("binary", "multiclass", "regression")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("data", metavar="DATA", help="a CSV or Parquet file, best below `data/mine/`")
    parser.add_argument("--target", required=True, metavar="COL", help="the column to predict")
    parser.add_argument("--time", metavar="COL", help="when a row happened: the newest rows judge")
    parser.add_argument("--group", metavar="COL", help="rows of one group stay together (a customer, a patient)")
    parser.add_argument("--key", metavar="COL", help="what tells rows apart, unique in each")
    parser.add_argument("--task", choices=TASKS, help="where the target's values would say another")
    parser.add_argument("--force", action="store_true", help="replace the configuration and clear the old model away")


def run(args: argparse.Namespace) -> None:
    """Set up the repository in the current folder and say what was assumed."""
    from weighlock.setup import Roles, set_up

    roles = Roles(target=args.target, time=args.time, group=args.group, key=args.key)
    print("\n".join(set_up(args.data, roles, Path.cwd(), task=args.task, force=args.force)))
