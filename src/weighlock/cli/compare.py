"""`weighlock compare A B`: are two results the same?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

DIFFERENT = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("a", metavar="A", help="a folder with a result (such as `.`), or a git revision")
    parser.add_argument("b", metavar="B", help="another")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print identical, equivalent or different, with the reasons; 3 where they are different."""
    from weighlock.results import compare, find_result, lines, to_json

    a, b = (find_result(name, Path.cwd()) for name in (args.a, args.b))
    comparison = compare(a, b)
    print(json.dumps(to_json(a, b, comparison)) if args.json else "\n".join(lines(a, b, comparison)))
    return DIFFERENT if comparison.outcome == "different" else 0
