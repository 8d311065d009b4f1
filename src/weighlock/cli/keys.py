"""`weighlock keys add|list|revoke`: who may ask the service."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a key, and show it this once")
    add.add_argument("name", metavar="NAME", help="whose it is, such as `checkout` or `nightly-batch`")
    add.add_argument("--scope", required=True, metavar="SCOPES", help="of predict, feedback, admin; several by commas")
    listed = actions.add_parser("list", help="show names and scopes")
    revoke = actions.add_parser("revoke", help="take a key away; a running service follows within a second or so")
    revoke.add_argument("name", metavar="NAME", help="whose it is")
    for action in (add, listed, revoke):
        action.add_argument(
            "--keys", type=Path, metavar="FILE", default=Path("keys.json"), help="of hashes (default: keys.json)"
        )


def run(args: argparse.Namespace) -> None:
    """Do what was asked. The key goes to stdout, everything about it to stderr, so that it can be piped on."""
    from weighlock.serving import keys

    if args.action == "add":
        scopes = [scope.strip() for scope in args.scope.split(",")]
        secret = keys.add_key(args.keys, args.name, scopes, dt.datetime.now(dt.UTC).date())
        print(secret)
        print(
            f"`{args.name}` may {' and '.join(scopes)}. This is the only time that the key is shown; `{args.keys}` "
            "holds a hash. Clients send `Authorization: Bearer KEY`.",
            file=sys.stderr,
        )
    elif args.action == "revoke":
        keys.revoke_key(args.keys, args.name)
        print(f"`{args.name}` is revoked; a running service refuses it within a second or so.")
    else:
        known = keys.read_keys(args.keys)
        width = max((len(key.name) for key in known), default=0)
        for key in known:
            print(f"{key.name:<{width}}  {','.join(key.scopes)}  since {key.created}")
        if not known:
            print(f"`{args.keys}` holds no key, so nobody may ask anything.", file=sys.stderr)
