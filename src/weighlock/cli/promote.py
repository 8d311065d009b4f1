"""`weighlock promote v8 production`: bring a release into an environment, with one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.deployment.environment import Route


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    from weighlock.cli._moving import how_arguments

    parser.add_argument("version", metavar="VERSION", help="the release, such as v8")
    parser.add_argument("environment", metavar="ENVIRONMENT", help="such as staging or production")
    route = parser.add_mutually_exclusive_group()
    route.add_argument("--weight", type=float, metavar="PERCENT", help="a canary: this share of the entities")
    route.add_argument("--mirror", type=float, metavar="PERCENT", help="a shadow: this share of the requests, copied")
    route.add_argument(
        "--match", metavar="HEADER=A,B", help="an A/B test: requests whose header has one of these values"
    )
    route.add_argument("--now", action="store_true", help="stable at once, without a canary")
    parser.add_argument("--unblock", action="store_true", help="although it was blocked; needs a --reason")
    parser.epilog = (
        "Without a weight, mirror, match or --now: the first of the environment's `steps`. An environment's first "
        "release is stable at once."
    )
    how_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Make the commit, or show it."""
    from weighlock.cli._moving import how_of
    from weighlock.deployment.moves import promote

    promote(
        args.environment, args.version, args.root, how_of(args), route=_route(args), now=args.now, unblock=args.unblock
    )  # fmt: skip


def _route(args: argparse.Namespace) -> Route | None:
    from weighlock.config import parse
    from weighlock.deployment.environment import Route
    from weighlock.errors import ConfigError

    given = {key: getattr(args, key) for key in ("weight", "mirror", "match") if getattr(args, key) is not None}
    if not given:
        return None
    if "match" in given:
        header, equals, values = given["match"].partition("=")
        if not equals:
            raise ConfigError(
                f"`--match` should be HEADER=A,B, such as X-Entity-Id=alice,bob, but is {given['match']!r}."
            )
        given["match"] = {"header": header.strip(), "values": [value.strip() for value in values.split(",")]}
    return parse(given, Route, "the command line")
