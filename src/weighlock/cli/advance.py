"""`weighlock advance production`: bring the candidate to its next step, with one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    from weighlock.cli._moving import how_arguments

    parser.add_argument("environment", metavar="ENVIRONMENT", help="such as production")
    parser.add_argument(
        "--to",
        metavar="STEP",
        help="a weight in percent, or `stable`; asked twice, it is done once (default: the next step)",
    )
    parser.epilog = (
        "A weight goes to the next of the environment's `steps`, a shadow or A/B test to the first; after the last the "
        "candidate is stable."
    )
    how_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Make the commit, or show it."""
    from weighlock.cli._moving import how_of
    from weighlock.deployment.moves import advance

    advance(args.environment, args.root, how_of(args), to=_step(args.to))


def _step(text: str | None) -> float | Literal["stable"] | None:
    from weighlock.errors import ConfigError

    if text is None or text == "stable":
        return None if text is None else "stable"
    try:
        return float(str(text).rstrip("% "))
    except ValueError:
        raise ConfigError(f"`--to` should be a weight in percent or `stable`, but is {text!r}.") from None
