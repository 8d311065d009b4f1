"""`weighlock accept`: let an INCONCLUSIVE through, with a reason that a reviewer reads."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--reason", required=True, help="why, in words for a reviewer")
    parser.add_argument(
        "--verdict", type=Path, metavar="FILE", default=Path("reports/gate/gate.json"),
        help="what the gate wrote (default: reports/gate/gate.json)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Write the acceptance, which counts once it is committed and reviewed."""
    from weighlock.releases.acceptance import accept

    root = Path.cwd()
    path, new = accept(args.verdict, args.reason, root, dt.datetime.now(dt.UTC))
    shown = path.relative_to(root)
    if new:
        print(f"{shown}: written. Commit it and have it reviewed; then `weighlock gate` lets this evidence through.")
    else:
        print(f"{shown}: this evidence has been accepted already.")
