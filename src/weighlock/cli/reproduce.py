"""`weighlock reproduce`: a branch's pipeline, run where it is out of date, and its `dvc.lock` compared with that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

OUT = Path("reports/proposal")
DIFFERENT = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "--base", default="origin/main", metavar="REF", help="where it goes into (default: origin/main)"
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"what is handed over (default: {OUT})")


def run(args: argparse.Namespace) -> int:
    """Run, compare, write the summary and what is handed over; 3 where `dvc.lock` is not what comes out."""
    import shutil

    from weighlock.github.text import escape, fit
    from weighlock.outcome import announce
    from weighlock.proposals.archive import pack
    from weighlock.proposals.changes import changes_of
    from weighlock.proposals.curves import draw_curves
    from weighlock.proposals.reproduce import GATE, differences, reproduce
    from weighlock.proposals.summary import summary_of

    root = Path.cwd()
    changes = changes_of(root, args.base, "HEAD")
    found = reproduce(root, changes)
    shutil.rmtree(args.out, ignore_errors=True)
    tables: list[tuple[str, str]] = []
    pictures: list[str] = []
    if found.outcome != "unchanged":
        tables = list(differences(root, changes.base))
        draw_curves(root, changes.base, args.out / "plots")
        beside = [(f"gate/{file.name}", file) for file in sorted((root / GATE).glob("*")) if found.verdict]
        pack(root, args.out, beside)
        pictures = sorted(str(file.relative_to(args.out)) for file in args.out.rglob("*.png"))
    text = fit(escape(summary_of(changes, found, tables, pictures)), 900_000)
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(text)
    announce(outcome=found.outcome, model=str(changes.model).lower(), ran=",".join(found.ran))
    print(text)
    return DIFFERENT if found.outcome == "different" else 0
