"""`weighlock rollback production`: take the candidate away, or go back to the release before, with one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

PREVIOUS = "previous"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    from weighlock.cli._moving import how_arguments

    parser.add_argument("environment", metavar="ENVIRONMENT", help="such as production")
    parser.add_argument(
        "--to",
        metavar="VERSION",
        help="the release to go back to (default, or `previous`: the stable one, or the one that was before it)",
    )
    parser.epilog = (
        "What is taken away is blocked: `weighlock promote VERSION ENVIRONMENT --unblock --reason …` brings it back."
    )
    how_arguments(parser, reason="why: it stands in the commit and beside the block")


def run(args: argparse.Namespace) -> None:
    """Make the commit, or show it."""
    from weighlock.cli._moving import how_of
    from weighlock.deployment.moves import rollback

    rollback(args.environment, args.root, how_of(args), to=None if args.to in {"", PREVIOUS} else args.to)
