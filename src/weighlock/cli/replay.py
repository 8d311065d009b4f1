"""`weighlock replay`: live a time that is over again, under policies, with what was known then."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

OUT = Path("reports/replay")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--from", dest="first", metavar="MONTH", required=True, help="such as 2013-04, or a day")
    parser.add_argument("--to", dest="last", metavar="MONTH", required=True, help="such as 2013-12, or a day")
    parser.add_argument(
        "--policy",
        action="append",
        metavar="NAME",
        help="never, always, triggered or gated; may be given again (default: all)",
    )
    parser.add_argument("--since", metavar="MONTH", help="policies are compared from here on (default: --from)")
    parser.add_argument(
        "--label-delay", type=int, default=2, metavar="DAYS", help="until outcomes are known (default: 2)"
    )
    parser.add_argument(
        "--search", choices=("every", "first"), default="every",
        help="search hyperparameters in every training, or in the first alone (default: every)",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="trainings at a time (default: 2)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="what is kept for the next replay (default: .replay)")
    parser.add_argument("--out", type=Path, metavar="DIR", default=OUT, help=f"where to write (default: {OUT})")


def run(args: argparse.Namespace) -> None:
    """Replay, write the report, print its table."""
    from weighlock.errors import ConfigError
    from weighlock.replaying.run import CACHE, Asked, known, month, replay
    from weighlock.replaying.tell import REPORT, summary, write

    if args.label_delay < 0 or args.jobs < 1:
        raise ConfigError("`--label-delay` is at least 0, and `--jobs` at least 1.")
    asked = Asked(
        month(args.first, last=False), month(args.last, last=True), known(args.policy), args.label_delay,
        month(args.since, last=False) if args.since else None, args.search == "every", args.jobs, args.cache or CACHE,
    )  # fmt: skip
    found = replay(asked, Path.cwd(), lambda line: print(line, file=sys.stderr, flush=True))
    write(found, args.out)
    print("\n".join(summary(found)))
    print(f"\n{args.out / REPORT}, in {found.seconds:.0f} s")
