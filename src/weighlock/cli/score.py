"""`weighlock score IN OUT`: whole files through the served model."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.batch.job import Say

_EVERY = 10.0  # seconds between two lines of progress where nobody watches


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("input", metavar="IN", help="Parquet or CSV: a path, a folder, a glob in quotes, or a URL")
    parser.add_argument("output", metavar="OUT", help="a .parquet or .csv file, or a folder of Parquet; or a URL")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="VERSION", help="a released model, such as v3 (default: the tree's)")
    which.add_argument("--model", type=Path, metavar="DIR", help="a folder with model.onnx and signature.json")
    parser.add_argument(
        "--keep",
        metavar="COLUMNS",
        help="to carry along, by commas (default: the `key` of schema.yaml, if it is there)",
    )
    parser.add_argument("--on-error", choices=("refuse", "skip"), default="refuse", help="a row that cannot be scored")
    parser.add_argument("--log-dir", type=Path, metavar="DIR", help="log each row to this prediction log as well")
    parser.add_argument("--entity", metavar="COLUMN", help="with --log-dir: the column that says whom a row is about")
    parser.add_argument("--threads", type=int, metavar="N", help="that score at once (default: one for each core)")


def run(args: argparse.Namespace) -> None:
    """Score, with progress on stderr; killed and started again it goes on where it was."""
    from weighlock.batch.job import Request, prepare

    keep = None if args.keep is None else [name.strip() for name in args.keep.split(",") if name.strip()]
    request = Request(
        args.input, args.output, args.release, args.model, keep, args.on_error, args.log_dir, args.entity, args.threads
    )
    job = prepare(request, Path.cwd(), _progress())
    if job.progress.complete:
        print(f"`{args.output}` is complete: {job.progress.rows:,} rows. Nothing to do.", file=sys.stderr)
    else:
        if job.progress.parts:
            print(f"Going on after {job.progress.rows:,} rows that are scored already.", file=sys.stderr)
        job.run()
        print(f"{job.progress.rows:,} rows scored by {job.model}: `{args.output}`", file=sys.stderr)
    if job.progress.skipped:
        print(f"{job.progress.skipped:,} rows could not be scored and were left out.", file=sys.stderr)
        print("\n".join(f"  {line}" for line in job.skipped), file=sys.stderr)


def _progress() -> Say:
    since, watched = time.monotonic(), sys.stderr.isatty()
    last = since

    def say(rows: int, begun: int, total: int | None) -> None:
        nonlocal last
        from weighlock.batch.run import progress_line

        now = time.monotonic()
        if watched:
            print(f"\r\033[K{progress_line(rows, begun, total, since)}", end="", file=sys.stderr, flush=True)
            if total is not None and rows >= total:
                print(file=sys.stderr)
        elif now - last >= _EVERY:
            last = now
            print(progress_line(rows, begun, total, since), file=sys.stderr, flush=True)

    return say
