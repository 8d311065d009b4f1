"""`weighlock card v8`: render a release's model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("version", metavar="VERSION", help="a release, such as v8")
    parser.add_argument("--html", action="store_true", help="one HTML file instead of Markdown")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write (default: print it)")


def run(args: argparse.Namespace) -> None:
    """Render the card from the record's evidence alone."""
    from weighlock.files import write_text
    from weighlock.releases.card import markdown, page
    from weighlock.releases.card.content import card_of
    from weighlock.releases.evidence import read_evidence
    from weighlock.releases.record import read_release

    root = Path.cwd()
    card = card_of(read_evidence(read_release(args.version, root), root))
    text = page.render(card) if args.html else markdown.render(card)
    if args.out is None:
        print(text, end="")
        return
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_text(args.out, text)
    print(f"{args.out}: the card of {args.version}")
