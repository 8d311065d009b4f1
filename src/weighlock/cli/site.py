"""`weighlock site`: a static page of what runs where, since when and why."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

OUT, WATCH, GATES = Path("dist/site"), Path("reports/watch"), Path("reports/gate")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"where to write (default: {OUT})")
    parser.add_argument(
        "--at", metavar="TIME", help="the present, in UTC unless it says otherwise (default: the clock's)"
    )
    parser.add_argument(
        "--watch", type=Path, default=WATCH, metavar="DIR",
        help=f"a folder with what `weighlock watch` left, at any depth (default: {WATCH})",
    )  # fmt: skip
    parser.add_argument(
        "--gates", type=Path, default=GATES, metavar="DIR",
        help=f"a folder with verdicts of the gate, at any depth; releases' own are in git (default: {GATES})",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Gather and write."""
    from weighlock.cli._times import present
    from weighlock.errors import ConfigError
    from weighlock.site.gather import gather
    from weighlock.site.write import build, require_ours

    for folder, usual, option in ((args.watch, WATCH, "--watch"), (args.gates, GATES, "--gates")):
        if folder != usual and not folder.is_dir():
            raise ConfigError(f"`{option} {folder}` is no folder.")
    require_ours(args.out.resolve())
    facts = gather(Path.cwd(), present(args.at).astimezone(dt.UTC), args.watch, [args.gates])
    number = build(facts, args.out)
    for problem in facts.problems:
        print(f"note: {problem}")
    print(f"{args.out / 'index.html'}: {number} pages")
