"""`weighlock log compact|cat|forget`: what the service answered."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.monitoring.log_compact import Compacted
    from weighlock.monitoring.log_store import Store


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    compact = actions.add_parser("compact", help="turn segments into Parquet by day, and remove days that are too old")
    compact.add_argument("--at", metavar="TIME", help="the present (default: the clock's)")
    cat = actions.add_parser("cat", help="print rows as JSON lines, oldest first")
    cat.add_argument("--labels", action="store_true", help="print what became of predictions instead")
    forget = actions.add_parser("forget", help="erase a person's rows everywhere")
    forget.add_argument("--entity", required=True, metavar="X", help="as clients send it in X-Entity-Id")
    for action in (compact, cat, forget):
        action.add_argument("--log-dir", type=Path, metavar="DIR", help="the service's (default: log)")
        action.add_argument(
            "--to",
            metavar="URL",
            help="where the days are: a folder or a URL (default: `monitoring.log_url`, else DIR)",
        )


def run(args: argparse.Namespace) -> None:
    """Do what was asked."""
    from weighlock.monitoring.log_policy import read_log_url
    from weighlock.monitoring.log_segment import DEFAULT_FOLDER
    from weighlock.monitoring.log_store import Store

    url = args.to or read_log_url()
    if args.action == "compact" and args.log_dir is None and not DEFAULT_FOLDER.is_dir():
        _nothing_here(url)
        return
    args.log_dir = args.log_dir or DEFAULT_FOLDER
    to = url or str(args.log_dir)
    {"compact": _compact, "cat": _cat, "forget": _forget}[args.action](args, Store(to))


def _nothing_here(url: str | None) -> None:
    """No segments on this machine, and nobody has named any: as in a workflow, neutral."""
    from weighlock.monitoring.collect import UNSET
    from weighlock.outcome import announce

    announce(outcome="NEUTRAL", log="set" if url else "unset")
    if url:
        print(f"no `log` folder here, so nothing to compact: the machines that serve bring their days to {url}.")
    else:
        print(f"{UNSET} Nothing was compacted.")


def _compact(args: argparse.Namespace, store: Store) -> None:
    from weighlock.cli._times import present
    from weighlock.monitoring.log_compact import compact
    from weighlock.monitoring.log_policy import read_retention
    from weighlock.monitoring.log_record import key_from_environment
    from weighlock.outcome import announce

    at = present(args.at)
    done = compact(args.log_dir, store, retention=read_retention(), at=at, key=key_from_environment())
    announce(outcome="OK", log="set")
    print("\n".join(_said(done)))


def _said(done: Compacted) -> list[str]:
    written = f"{done.written['predictions']:,} predictions and {done.written['labels']:,} labels written"
    lines = [f"{written}, {done.removed} segments done with, {done.active} still written to."]
    remarks = {
        "rows were there already, as after a crash": done.repeated,
        "rows of people who have been forgotten were dropped": done.forgotten,
        "rows were older than `monitoring.log.retention`": done.expired,
        "torn lines were passed over: a crash or a full disk cut them off before their answer left": done.torn,
        f"lines are no rows of this version, so these segments stay: {', '.join(done.kept)}": done.foreign,
    }
    lines += [f"{count:,} {remark}." for remark, count in remarks.items() if count]
    return lines + [f"removed for their age: {day}" for day in done.days]


def _cat(args: argparse.Namespace, store: Store) -> None:
    from weighlock.monitoring.log_cat import rows_by_time
    from weighlock.monitoring.log_record import encode, key_from_environment

    kind = "labels" if args.labels else "predictions"
    out = sys.stdout.buffer
    try:
        for row in rows_by_time(args.log_dir, store, kind, key=key_from_environment()):
            out.write(encode(row) + b"\n")
        out.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _forget(args: argparse.Namespace, store: Store) -> None:
    from weighlock.monitoring.log_forget import forget
    from weighlock.monitoring.log_record import key_from_environment

    erased = forget(args.log_dir, store, args.entity, at=dt.datetime.now(dt.UTC), key=key_from_environment())
    print(f"{len(erased.predictions):,} predictions and {len(erased.labels):,} labels of them are erased.")
    if erased.unreadable:
        print(f"{erased.unreadable:,} torn lines, which could be anyone's, are erased as well.")
    for place in sorted(erased.places):
        print(f"  {place}")
    print("Rows of theirs that are on their way will not be compacted. Backups of the log are out of reach from here.")
